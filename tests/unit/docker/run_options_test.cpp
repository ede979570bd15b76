#include "engine/docker/run_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/docker/run_option_values.hpp"

namespace bayplan::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Words = std::vector<std::string>;

boost::json::value body(const Words& words) {
  auto options = parse_run_options(words);
  EXPECT_TRUE(options.ok()) << options.error().message();
  return options.ok() ? boost::json::value(options->body) : boost::json::value();
}

boost::json::value json(std::string_view text) {
  return boost::json::parse(text);
}

std::string refused(const Words& words) {
  const auto options = parse_run_options(words);
  EXPECT_FALSE(options.ok()) << words.front();
  if (options.ok()) return {};
  EXPECT_EQ(options.error().code, ErrorCode::invalid);
  return options.error().message();
}

TEST(RunOptions, EveryWayOfWritingAnOptionMeansTheSame) {
  const auto wanted = json(R"({"HostConfig":{},"Env":["A=1"]})");
  EXPECT_EQ(body({"-e", "A=1"}), wanted);
  EXPECT_EQ(body({"-eA=1"}), wanted);
  EXPECT_EQ(body({"-e=A=1"}), wanted);
  EXPECT_EQ(body({"--env", "A=1"}), wanted);
  EXPECT_EQ(body({"--env=A=1"}), wanted);
  EXPECT_EQ(body({"-de", "A=1"}), wanted);
}

TEST(RunOptions, FlagsGroupAndTakeTrueOrFalse) {
  EXPECT_EQ(body({"-it"}), json(R"({"HostConfig":{},"OpenStdin":true,"Tty":true})"));
  EXPECT_EQ(body({"-itv/a:/b"}), json(R"({"HostConfig":{"Binds":["/a:/b"]},"OpenStdin":true,"Tty":true})"));
  EXPECT_EQ(body({"--init=false", "--privileged"}), json(R"({"HostConfig":{"Init":false,"Privileged":true}})"));
  EXPECT_THAT(refused({"--init=maybe"}), HasSubstr("neither true nor false"));
}

TEST(RunOptions, AUsualContainersOptionsBecomeTheApisBody) {
  EXPECT_EQ(body({"-v",
                  "/data:/var/lib:ro",
                  "-v",
                  "/cache",
                  "-p",
                  "8080:80",
                  "-l",
                  "bayplan.identity=db",
                  "--label",
                  "x",
                  "-w",
                  "/srv",
                  "-u",
                  "1000:1000",
                  "-h",
                  "db1",
                  "--entrypoint",
                  "/bin/sh",
                  "--cap-add",
                  "NET_ADMIN",
                  "--cap-drop=ALL",
                  "-m",
                  "512m",
                  "--cpus",
                  "1.5",
                  "--tmpfs",
                  "/tmp:size=1m",
                  "--dns",
                  "10.0.0.1",
                  "--add-host",
                  "a=10.0.0.2",
                  "--ulimit",
                  "nofile=10:20",
                  "--device",
                  "/dev/null",
                  "--security-opt",
                  "no-new-privileges",
                  "--log-driver",
                  "json-file",
                  "--log-opt",
                  "max-size=1m",
                  "--stop-timeout",
                  "3",
                  "--stop-signal",
                  "SIGINT",
                  "--read-only"}),
            json(R"({"HostConfig":{"Binds":["/data:/var/lib:ro"],
                     "PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}]},
                     "CapAdd":["NET_ADMIN"],"CapDrop":["ALL"],"Memory":536870912,"NanoCpus":1500000000,
                     "Tmpfs":{"/tmp":"size=1m"},"Dns":["10.0.0.1"],"ExtraHosts":["a:10.0.0.2"],
                     "Ulimits":[{"Name":"nofile","Soft":10,"Hard":20}],
                     "Devices":[{"PathOnHost":"/dev/null","PathInContainer":"/dev/null","CgroupPermissions":"rwm"}],
                     "SecurityOpt":["no-new-privileges"],
                     "LogConfig":{"Type":"json-file","Config":{"max-size":"1m"}},"ReadonlyRootfs":true},
                     "Volumes":{"/cache":{}},"ExposedPorts":{"80/tcp":{}},
                     "Labels":{"bayplan.identity":"db","x":""},"WorkingDir":"/srv","User":"1000:1000","Hostname":"db1",
                     "Entrypoint":["/bin/sh"],"StopTimeout":3,"StopSignal":"SIGINT"})"));
}

TEST(RunOptions, HealthAndMounts) {
  EXPECT_EQ(body({"--health-cmd", "true", "--health-interval", "1m30s", "--health-retries=2", "--mount",
                  "type=bind,source=/a,target=/b,readonly"}),
            json(R"({"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a","Target":"/b","ReadOnly":true}]},
                     "Healthcheck":{"Test":["CMD-SHELL","true"],"Interval":90000000000,"Retries":2}})"));
}

TEST(RunOptions, AliasesGoToTheNetwork) {
  EXPECT_THAT(parse_run_options({"--network-alias", "a", "--net-alias=b"})->network_aliases, ElementsAre("a", "b"));
}

TEST(RunOptions, WhatIsBayplansOwnIsRefusedWithWhatToDo) {
  EXPECT_THAT(refused({"--network", "other"}), HasSubstr("--network or --vlan before the --"));
  EXPECT_THAT(refused({"--net=host"}), HasSubstr("--network or --vlan before the --"));
  EXPECT_THAT(refused({"--ip", "10.0.0.1"}), HasSubstr("--ip before the --"));
  EXPECT_THAT(refused({"--name", "x"}), HasSubstr("first word"));
  EXPECT_THAT(refused({"--restart=no"}), HasSubstr("--restart before the --"));
  EXPECT_THAT(refused({"--rm"}), HasSubstr("docker run --rm"));
  EXPECT_THAT(refused({"--mac-address=02:00:00:00:00:01"}), HasSubstr("MAC"));
}

TEST(RunOptions, WhatIsNotKnownOrNotAnOptionSaysSo) {
  EXPECT_THAT(refused({"--gpus", "all"}), HasSubstr("--gpus is not known"));
  EXPECT_THAT(refused({"-X"}), HasSubstr("-X is not known"));
  EXPECT_THAT(refused({"nginx"}), HasSubstr("not an option"));
  EXPECT_THAT(refused({"--"}), HasSubstr("not an option"));
  EXPECT_THAT(refused({""}), HasSubstr("not an option"));
  EXPECT_THAT(refused({"-e"}), HasSubstr("-e needs a value"));
  EXPECT_THAT(refused({"--memory"}), HasSubstr("--memory needs a value"));
  EXPECT_THAT(refused({"-e", "HOME"}), HasSubstr("HOME=VALUE"));
  EXPECT_THAT(refused({"--security-opt", "seccomp=p.json"}), HasSubstr("seccomp"));
  EXPECT_THAT(refused({"--memory", "lots"}), HasSubstr("docker option --memory"));
}

TEST(RunOptions, NoFileIsReadForWhoeverAsks) {
  EXPECT_THAT(refused({"--env-file", "/etc/hostname"}), HasSubstr("give its lines as --env"));
}

std::string published(std::string_view text) {
  const auto bindings = parse_publish(text);
  if (!bindings.ok()) return "refused";
  std::string out;
  for (const auto& each : *bindings) {
    out += fmt::format("{}{}|{}|{}", out.empty() ? "" : " ", each.host_ip, each.host_port, each.port);
  }
  return out;
}

TEST(RunOptionValues, PublishedPorts) {
  EXPECT_EQ(published("80"), "||80/tcp");
  EXPECT_EQ(published("8080:80"), "|8080|80/tcp");
  EXPECT_EQ(published("127.0.0.1:8080:80/udp"), "127.0.0.1|8080|80/udp");
  EXPECT_EQ(published("127.0.0.1::80"), "127.0.0.1||80/tcp");
  EXPECT_EQ(published("[::1]:8080:80"), "::1|8080|80/tcp");
  EXPECT_EQ(published("8000-8001:80-81"), "|8000|80/tcp |8001|81/tcp");
  EXPECT_EQ(published("8000-8010:80"), "|8000-8010|80/tcp");
  for (const auto* bad : {"", "x", "0", "65536", "80:", "80/icmp", "8001-8000:80-81", "8000-8002:80-81", "-1:80"}) {
    EXPECT_EQ(published(bad), "refused") << bad;
  }
}

TEST(RunOptionValues, SizesCpusDurationsLimitsAndDevices) {
  EXPECT_EQ(parse_bytes("1").value(), 1);
  EXPECT_EQ(parse_bytes("2k").value(), 2048);
  EXPECT_EQ(parse_bytes("1.5G").value(), 1610612736);
  EXPECT_EQ(parse_bytes("1gb").value(), 1073741824);
  EXPECT_EQ(parse_bytes("-1").value(), -1);
  for (const auto* bad : {"", "m", "1x", "-5", "1mm", "nan", "1e30"}) EXPECT_FALSE(parse_bytes(bad).ok()) << bad;
  EXPECT_EQ(parse_cpus("0.5").value(), 500000000);
  EXPECT_FALSE(parse_cpus("two").ok());
  EXPECT_EQ(parse_duration("1m30s").value(), 90000000000);
  EXPECT_EQ(parse_duration("500ms").value(), 500000000);
  for (const auto* bad : {"", "5", "s", "1d", "-1s"}) EXPECT_FALSE(parse_duration(bad).ok()) << bad;
  EXPECT_FALSE(parse_ulimit("nofile").ok());
  EXPECT_EQ(parse_ulimit("core=0")->at("Hard").as_int64(), 0);
  EXPECT_EQ(parse_device("/dev/a:rw")->at("CgroupPermissions").as_string(), "rw");
  EXPECT_EQ(parse_device("/dev/a:/dev/b")->at("PathInContainer").as_string(), "/dev/b");
  EXPECT_FALSE(parse_device("/dev/a:/dev/b:x").ok());
  EXPECT_FALSE(parse_mount("type=bind,source=/a").ok());
  EXPECT_FALSE(parse_mount("type=bind,wat=/a,target=/b").ok());
  EXPECT_THAT(parse_expose("8000-8002/udp").value(), ElementsAre("8000/udp", "8001/udp", "8002/udp"));
}

}  // namespace
}  // namespace bayplan::docker
