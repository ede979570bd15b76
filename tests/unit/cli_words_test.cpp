#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "apps/bayplan/completion.hpp"
#include "apps/bayplan/options.hpp"
#include "apps/bayplan/render.hpp"
#include "support/fake_control.hpp"

namespace bayplan::cli {
namespace {

namespace json = boost::json;
using testing::FakeControl;
using ::testing::HasSubstr;
using ::testing::Not;
using Words = std::vector<std::string>;

// --- the command line ------------------------------------------------------------------------------------------------

Invocation parsed(const Words& args) {
  auto result = parse(args, "1.2.3");
  if (const auto* stop = std::get_if<Stop>(&result)) ADD_FAILURE() << stop->text;
  return std::holds_alternative<Invocation>(result) ? std::get<Invocation>(result) : Invocation{};
}

template <typename T>
T command(const Words& args) {
  const auto invocation = parsed(args);
  EXPECT_TRUE(std::holds_alternative<T>(invocation.command));
  return std::holds_alternative<T>(invocation.command) ? std::get<T>(invocation.command) : T{};
}

std::string refused(const Words& args) {
  const auto result = parse(args, "1.2.3");
  if (!std::holds_alternative<Stop>(result)) return "it was accepted";
  EXPECT_EQ(std::get<Stop>(result).status, 2);
  return std::get<Stop>(result).text;
}

TEST(CliRun, TheOldScriptsCall) {
  const auto run = command<RunContainer>({"run", "test1", "img", "sleep", "1000", "--vlan", "100"});
  EXPECT_EQ(run.name, "test1");
  EXPECT_EQ(run.image, "img");
  EXPECT_EQ(run.command, (Words{"sleep", "1000"}));
  EXPECT_EQ(run.vlan, "100");
  EXPECT_EQ(run.restart_policy, std::nullopt);
}

TEST(CliRun, OurOptionsMayStandAnywhere) {
  const auto run =
      command<RunContainer>({"-q", "run", "--vlan=7", "n", "--ip", "10.0.0.5", "img", "--restart", "no", "cmd", "arg"});
  EXPECT_EQ(run.vlan, "7");
  EXPECT_EQ(run.address, "10.0.0.5");
  EXPECT_EQ(run.restart_policy, "no");
  EXPECT_EQ(run.command, (Words{"cmd", "arg"}));
}

TEST(CliRun, TheCommandKeepsItsOwnDashesAndTheirOrder) {
  const auto run =
      command<RunContainer>({"run", "n", "img", "sh", "-c", "echo -o json", "-q", "--help", "-", "--vlan", "3", "-x"});
  EXPECT_EQ(run.command, (Words{"sh", "-c", "echo -o json", "-q", "--help", "-", "-x"}));
  EXPECT_EQ(run.vlan, "3");
}

TEST(CliRun, WhatFollowsTheSeparatorIsDockers) {
  const auto run =
      command<RunContainer>({"run", "n", "img", "cmd", "--network", "x", "--", "-v", "/a:/b", "--network", "y", "--"});
  EXPECT_EQ(run.network, "x");
  EXPECT_EQ(run.command, Words{"cmd"});
  EXPECT_EQ(run.docker_options, (Words{"-v", "/a:/b", "--network", "y", "--"}));
}

TEST(CliRun, GlobalOptionsInFrontOfTheNameAreGlobal) {
  const auto invocation = parsed({"--socket", "run", "run", "-o", "json", "n", "img"});
  EXPECT_EQ(invocation.socket, "run");
  EXPECT_TRUE(invocation.json);
  EXPECT_EQ(std::get<RunContainer>(invocation.command).name, "n");
}

TEST(CliRun, WrongUsageIsSaid) {
  EXPECT_THAT(refused({"run"}), HasSubstr("NAME"));
  EXPECT_THAT(refused({"run", "n"}), HasSubstr("IMAGE"));
  EXPECT_THAT(refused({"run", "n", "i", "--vlan"}), HasSubstr("--vlan"));
  EXPECT_THAT(refused({"run", "n", "i", "--vlan", "1", "--network", "x"}), HasSubstr("excludes"));
  EXPECT_THAT(refused({"run", "--publish", "80", "n", "i"}), HasSubstr("--publish"));
  EXPECT_THAT(refused({"run", "n", "--", "-v", "/a:/b"}), HasSubstr("IMAGE"));
}

TEST(CliParse, NetworkCreateTakesAll) {
  const auto create = command<NetworkCreate>({"network",
                                              "create",
                                              "n",
                                              "--vlan",
                                              "9",
                                              "--subnet",
                                              "10.0.0.0/24",
                                              "--gateway",
                                              "10.0.0.1",
                                              "--range",
                                              "10.0.0.5-10.0.0.9",
                                              "--range",
                                              "10.0.0.20",
                                              "--exclude",
                                              "10.0.0.7",
                                              "--datapath",
                                              "bridge",
                                              "--uplink",
                                              "eth1",
                                              "--mtu",
                                              "1400",
                                              "--no-nat"});
  EXPECT_EQ(create.name, "n");
  EXPECT_EQ(create.vlan, "9");
  EXPECT_EQ(create.subnet, "10.0.0.0/24");
  EXPECT_EQ(create.gateway, "10.0.0.1");
  EXPECT_EQ(create.ranges, (Words{"10.0.0.5-10.0.0.9", "10.0.0.20"}));
  EXPECT_EQ(create.exclusions, Words{"10.0.0.7"});
  EXPECT_EQ(create.datapath, "bridge");
  EXPECT_EQ(create.uplink, "eth1");
  EXPECT_EQ(create.mtu, "1400");
  EXPECT_TRUE(create.no_nat);
}

TEST(CliParse, RangeDoesNotSwallowTheName) {
  EXPECT_EQ(command<NetworkCreate>({"network", "create", "--range", "10.0.0.5", "n"}).name, "n");
}

TEST(CliParse, OtherCommands) {
  EXPECT_EQ(command<NetworkInspect>({"network", "inspect", "n"}).name, "n");
  EXPECT_EQ(command<NetworkRemove>({"network", "rm", "n"}).name, "n");
  command<NetworkList>({"network", "ls"});
  EXPECT_EQ(command<List>({"ls", "--network", "n", "--state", "held"}).state, "held");
  EXPECT_EQ(command<Show>({"show", "db"}).identity_or_address, "db");
  EXPECT_EQ(command<Reserve>({"reserve", "n", "db", "--ip", "10.0.0.5"}).address, "10.0.0.5");
  EXPECT_EQ(command<Release>({"release", "n", "db"}).identity_or_address, "db");
  command<Export>({"export"});
  command<Version>({"version"});
  EXPECT_EQ(command<Completion>({"completion", "zsh"}).shell, "zsh");
}

TEST(CliParse, GlobalOptionsStandBeforeOrBehindTheCommand) {
  for (const auto& args :
       {Words{"-o", "json", "-q", "--socket", "/s", "ls"}, Words{"ls", "-o", "json", "-q", "--socket", "/s"}}) {
    const auto invocation = parsed(args);
    EXPECT_TRUE(invocation.json);
    EXPECT_TRUE(invocation.quiet);
    EXPECT_EQ(invocation.socket, "/s");
  }
}

TEST(CliParse, SocketComesFromTheEnvironmentUnlessGiven) {
  EXPECT_EQ(parsed({"ls"}).socket, "/run/bayplan/bayplan.sock");
  ::setenv("BAYPLAN_SOCKET", "/elsewhere", 1);
  EXPECT_EQ(parsed({"ls"}).socket, "/elsewhere");
  EXPECT_EQ(parsed({"ls", "--socket", "/given"}).socket, "/given");
  ::unsetenv("BAYPLAN_SOCKET");
}

TEST(CliParse, WrongUsageSaysWhatAndWhereToLook) {
  EXPECT_EQ(refused({}), "bayplan: bayplan needs a command. See: bayplan --help\n");
  EXPECT_EQ(refused({"network"}), "bayplan: bayplan network needs a command. See: bayplan network --help\n");
  EXPECT_THAT(refused({"nonsense"}), HasSubstr("no command or option 'nonsense'"));
  EXPECT_THAT(refused({"network", "nonsense"}), HasSubstr("bayplan network has no command or option 'nonsense'"));
  EXPECT_THAT(refused({"--nonsense", "ls"}), HasSubstr("--nonsense"));
  EXPECT_THAT(refused({"ls", "extra"}), HasSubstr("extra"));
  EXPECT_THAT(refused({"-o", "xml", "ls"}), HasSubstr("xml"));
  EXPECT_THAT(refused({"show"}), HasSubstr("bayplan show --help"));
  EXPECT_THAT(refused({"reserve", "net"}), HasSubstr("IDENTITY"));
  EXPECT_THAT(refused({"completion", "tcsh"}), HasSubstr("tcsh"));
}

TEST(CliParse, HelpAndVersionAreNoErrors) {
  for (const auto& args :
       {Words{"--help"}, Words{"run", "--help"}, Words{"network", "create", "-h"}, Words{"--version"}}) {
    const auto result = parse(args, "1.2.3");
    ASSERT_TRUE(std::holds_alternative<Stop>(result));
    EXPECT_EQ(std::get<Stop>(result).status, 0);
  }
  EXPECT_EQ(std::get<Stop>(parse({"--version"}, "1.2.3")).text, "bayplan 1.2.3\n");
  EXPECT_THAT(std::get<Stop>(parse({"run", "--help"}, "")).text, HasSubstr("[-- DOCKER OPTIONS]"));
}

TEST(CliCompletion, KnowsEveryCommandAndOption) {
  for (const auto* shell : {"bash", "zsh", "fish"}) {
    const auto script = completion_script(shell);
    for (const auto* word : {"network", "inspect", "release", "export", "completion", "vlan", "no-nat", "socket"}) {
      EXPECT_THAT(script, HasSubstr(word)) << shell;
    }
    EXPECT_THAT(script, Not(HasSubstr("COMMANDS"))) << shell;
  }
}

// --- what people see -------------------------------------------------------------------------------------------------

TEST(CliRender, ColumnsAreAlignedWithoutTrailingSpaces) {
  EXPECT_EQ(table({{"A", "LONG", "C"}, {"xxxx", "y", "z"}}), "A      LONG   C\nxxxx   y      z\n");
  EXPECT_EQ(block({{"a", "1"}, {"long", "2"}}), "a:    1\nlong: 2\n");
}

TEST(CliRender, OddAnswersAreShownNotCrashedOn) {
  EXPECT_THAT(reservations_table(json::array{json::object{}, 7, nullptr}, FakeControl::kNow), HasSubstr("-"));
  EXPECT_THAT(networks_table(json::object{{"addresses", 5}}), HasSubstr("-"));
  EXPECT_THAT(reservation_block(json::object{{"created", "yesterday"}}, FakeControl::kNow), HasSubstr("yesterday"));
}

}  // namespace
}  // namespace bayplan::cli
