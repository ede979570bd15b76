#include "apps/baypland/config.hpp"

#include <gtest/gtest.h>

namespace bayplan::daemon {
namespace {

TEST(Config, EmptyFileGivesTheDocumentedDefaults) {
  const auto config = parse_config("", "f");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->store_url, "sqlite:/var/lib/bayplan/plan.db");
  EXPECT_EQ(config->api_socket, "/run/bayplan/bayplan.sock");
  EXPECT_EQ(config->docker_socket, "/var/run/docker.sock");
  EXPECT_EQ(config->plugin_socket, "/run/docker/plugins/bayplan.sock");
  EXPECT_EQ(config->networks.supernet.to_string(), "172.16.0.0/12");
  EXPECT_EQ(config->networks.prefix_length, 24U);
  EXPECT_EQ(config->resync, std::chrono::seconds(60));
}

TEST(Config, EverySettingIsTaken) {
  const auto config = parse_config(R"(
[store]
url = "sqlite:/tmp/x.db"
[api]
socket = "/tmp/a"
[docker]
socket = "/tmp/d"
plugin_socket = "/tmp/p"
[networks]
supernet = "10.0.0.0/8"
prefix = 26
datapath = "bridge"
[ovs]
db = "unix:/tmp/ovs"
bridge = "sw0"
datapath_type = "netdev"
[repair]
resync = "500ms"
)",
                                   "f");
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->store_url, "sqlite:/tmp/x.db");
  EXPECT_EQ(config->api_socket, "/tmp/a");
  EXPECT_EQ(config->docker_socket, "/tmp/d");
  EXPECT_EQ(config->plugin_socket, "/tmp/p");
  EXPECT_EQ(config->ovs.socket, "/tmp/ovs");
  EXPECT_EQ(config->ovs.bridge, "sw0");
  EXPECT_EQ(config->ovs.kind, datapath::OvsKind::netdev);
  EXPECT_EQ(config->networks.supernet.to_string(), "10.0.0.0/8");
  EXPECT_EQ(config->networks.prefix_length, 26U);
  EXPECT_EQ(config->resync, std::chrono::milliseconds(500));
}

struct BadConfig {
  const char* text;
  const char* says;
};

class BadConfigs : public testing::TestWithParam<BadConfig> {};

TEST_P(BadConfigs, AreRefusedWithLineAndReason) {
  const auto config = parse_config(GetParam().text, "file.toml");
  ASSERT_FALSE(config.ok());
  EXPECT_NE(config.error().message().find("file.toml:"), std::string::npos) << config.error().message();
  EXPECT_NE(config.error().message().find(GetParam().says), std::string::npos) << config.error().message();
}

INSTANTIATE_TEST_SUITE_P(
    Config, BadConfigs,
    testing::Values(BadConfig{"[store]\nurll = \"x\"\n", "store.urll: there is no such setting"},
                    BadConfig{"[store]\nurl = 5\n", "text in quotes"},
                    BadConfig{"[store]\nurl = \"redis://x\"\n", "sqlite:PATH"},
                    BadConfig{"[networks]\nprefix = 31\n", "from 8 to 30"},
                    BadConfig{"[networks]\nsupernet = \"172.16.0.0/24\"\nprefix = 20\n", "does not fit"},
                    BadConfig{"[networks]\nsupernet = \"172.16.0.1/12\"\n", "host bits"},
                    BadConfig{"[networks]\nsupernet = \"2001:db8::/64\"\n", "IPv6"},
                    BadConfig{"[networks]\nsupernet = \"127.0.0.0/8\"\n", "loopback"},
                    BadConfig{"[networks]\nsupernet = \"0.0.0.0/0\"\nprefix = 8\n", "this network"},
                    BadConfig{"[ovs]\ndb = \"tcp:127.0.0.1:6640\"\n", "unix:PATH"},
                    BadConfig{"[ovs]\nbridge = \"no such/thing\"\n", "interface"},
                    BadConfig{"[ovs]\ndatapath_type = \"dpdk\"\n", "auto, system and netdev"},
                    BadConfig{"[api]\nsocket = \"\"\n", "not empty"},
                    BadConfig{"[docker]\nsocket = \"\"\n", "not empty"},
                    BadConfig{"[docker]\nplugin_socket = \"\"\n", "not empty"},
                    BadConfig{"[repair]\nresync = \"fast\"\n", "not a duration"},
                    BadConfig{"[repair]\nresync = \"3000000h\"\n", "more than a day"},
                    BadConfig{"[repair]\nresync = \"86400001ms\"\n", "more than a day"},
                    BadConfig{"[repair]\nresync = \"9999999999999999999h\"\n", "not a duration"},
                    BadConfig{"colour = 1\n", "no such setting"}, BadConfig{"[store\n", "file.toml:1"}));

TEST(Config, AMissingNamedFileIsAnError) {
  const auto config = load_config("/nonexistent/bayplan.toml");
  ASSERT_FALSE(config.ok());
  EXPECT_NE(config.error().message().find("/nonexistent/bayplan.toml"), std::string::npos);
}

TEST(Config, WhatCannotBeReadIsNoEmptyFile) {
  const auto config = load_config("/");
  ASSERT_FALSE(config.ok());
  EXPECT_NE(config.error().message().find("Is a directory"), std::string::npos) << config.error().message();
  EXPECT_TRUE(load_config("/dev/null").ok());
  EXPECT_EQ(parse_duration("24h").value(), std::chrono::hours(24));
}

}  // namespace
}  // namespace bayplan::daemon
