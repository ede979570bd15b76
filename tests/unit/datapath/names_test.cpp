#include "datapath/common/names.hpp"

#include <gtest/gtest.h>

namespace bayplan::datapath {
namespace {

model::Network named(const std::string& name, std::optional<std::uint16_t> vlan = {}) {
  model::Network network;
  network.name = name;
  network.vlan = vlan;
  return network;
}

TEST(BridgeNames, tagged_network_s_bridge_has_its_tag) {
  EXPECT_EQ(bridge_name(named("whatever", 100)), "bp-100");
  EXPECT_EQ(bridge_name(named("whatever", 4094)), "bp-4094");
}

TEST(BridgeNames, untagged_network_s_bridge_has_its_name_where_it_fits) {
  EXPECT_EQ(bridge_name(named("office")), "bp-office");
  EXPECT_EQ(bridge_name(named("twelve-bytes")), "bp-twelve-bytes");
}

TEST(BridgeNames, long_names_are_shortened_to_distinct_ones) {
  const auto one = bridge_name(named("net-10.20.30.0"));
  EXPECT_EQ(one, "bp-net-1-61b20e") << "the same for ever: a restart must find its bridge";
  EXPECT_LE(one.size(), 15U);
  EXPECT_NE(one, bridge_name(named("net-10.20.31.0")));
}

TEST(BridgeNames, name_of_digits_is_not_taken_for_a_tag) {
  EXPECT_NE(bridge_name(named("100")), bridge_name(named("vlan100", 100)));
}

TEST(BridgeNames, vlan_device_fits_the_kernel_s_names) {
  EXPECT_EQ(vlan_device_name("eth0", 100), "eth0.100");
  EXPECT_EQ(vlan_device_name("enx001122334455", 100), "bpu-100");
}

TEST(BridgeNames, only_eight_hex_digits_make_a_port) {
  EXPECT_TRUE(is_port_name("bp01234abc"));
  EXPECT_FALSE(is_port_name("bp-1234abc"));
  EXPECT_FALSE(is_port_name("bp01234abg"));
  EXPECT_FALSE(is_port_name("bp01234ab"));
  EXPECT_FALSE(is_port_name("bp01234ABC"));
}

TEST(BridgeNames, alias_is_read_as_it_was_written) {
  for (const Alias& alias : {Alias{"vlan100", "web"}, Alias{"vlan100", ""}, Alias{"office", "(eth1 was down)"}}) {
    EXPECT_EQ(parse_alias(to_string(alias)), alias);
  }
  EXPECT_EQ(to_string({"vlan100", "web"}), "bayplan vlan100 web");
  EXPECT_EQ(to_string({"n", std::string(300, 'i')}).size(), 255U) << "the kernel keeps no more";
}

TEST(BridgeNames, foreign_alias_is_nobody_s) {
  for (const auto* text : {"", "bayplan", "bayplan ", "Bayplan vlan100", "my bayplan vlan100", "bayplanner x"}) {
    EXPECT_EQ(parse_alias(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace bayplan::datapath
