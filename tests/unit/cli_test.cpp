// The command line program end to end, through a real socket, with a plan in memory behind it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "api/control_server.hpp"
#include "apps/bayplan/env_file.hpp"
#include "apps/bayplan/program.hpp"
#include "http/listener.hpp"
#include "support/fake_control.hpp"
#include "support/temp_dir.hpp"
#include "wire/error_map.hpp"

namespace bayplan::cli {
namespace {

namespace json = boost::json;
using testing::FakeControl;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Words = std::vector<std::string>;

class FixedClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return FakeControl::kNow; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override { return {}; }
};

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

class Cli : public ::testing::Test {
 protected:
  Outcome run(Words args) {
    args.insert(args.begin(), {"--socket", path_});
    std::ostringstream out;
    std::ostringstream err;
    const int status = run_program(args, {"1.2.3", out, err, clock_});
    return {status, out.str(), err.str()};
  }
  // Does it, and it must work.
  std::string done(const Words& args) {
    const auto outcome = run(args);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  }
  std::string refusal(const Words& args, int status) {
    const auto outcome = run(args);
    EXPECT_EQ(outcome.status, status) << outcome.out;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, StartsWith("bayplan: "));
    return outcome.err;
  }
  void fill() {
    done({"network", "create", "vlan100", "--vlan", "100", "--subnet", "172.16.1.0/24"});
    done({"run", "web", "img", "--vlan", "100"});
    done({"reserve", "vlan100", "db", "--ip", "172.16.1.5"});
  }

  const testing::TempDir dir_;
  const std::string path_ = (dir_ / "bayplan.sock").string();
  FakeControl control_;
  api::Metrics metrics_;
  const FixedClock clock_;
  std::unique_ptr<http::Server> server_ = api::serve_control(path_, control_, metrics_).value();
};

TEST_F(Cli, ListIsATable) {
  fill();
  EXPECT_EQ(done({"ls"}),
            "NETWORK   VLAN   IDENTITY   ADDRESS         MAC                 STATE      CONTAINER   LAST SEEN\n"
            "vlan100   100    db         172.16.1.5/24   02:07:ac:10:01:05   held       -           never\n"
            "vlan100   100    web        172.16.1.2/24   02:07:ac:10:01:02   attached   web         now\n");
}

TEST_F(Cli, ListTellsHowLongAgo) {
  fill();
  model::Reservation old;
  old.network = "vlan100";
  old.identity = "old";
  old.state = model::ReservationState::removed;
  old.last_seen = FakeControl::kNow - std::chrono::hours(73);
  control_.put(old);
  EXPECT_THAT(done({"ls", "--state", "removed"}), HasSubstr("3 days ago"));
}

TEST_F(Cli, ListAsJsonIsTheContract) {
  fill();
  const auto list = json::parse(done({"ls", "-o", "json"})).as_array();
  ASSERT_EQ(list.size(), 2U);
  Words names;
  for (const auto& member : list[0].as_object()) names.emplace_back(member.key());
  EXPECT_EQ(names, (Words{"network", "vlan", "identity", "address", "mac", "state", "host", "container", "created",
                          "last_seen"}));
  EXPECT_EQ(list[1].at("address"), "172.16.1.2/24");
  EXPECT_EQ(list[1].at("container"), "web");
  EXPECT_TRUE(list[0].at("container").is_null());
}

TEST_F(Cli, WhatIsAttachedIsShownAsSuchAndDetached) {
  fill();
  EXPECT_THAT(done({"attach", "/run/netns/blue", "--vlan", "100", "--ifname", "eth3", "--default-route"}),
              HasSubstr("attached as: eth3 in /run/netns/blue\n"));
  EXPECT_TRUE(control_.attach_spec.default_route);
  EXPECT_THAT(done({"show", "blue"}), HasSubstr("attached as: eth3"));
  EXPECT_EQ(done({"attach", "c1", "--network", "vlan100", "--identity", "i", "--ip", "172.16.1.9", "-q"}),
            "vlan100 i\n");
  EXPECT_EQ(done({"detach", "blue", "vlan100", "-q"}), "vlan100 blue\n");
  EXPECT_THAT(refusal({"detach", "blue", "vlan100"}, 1), HasSubstr("nothing of 'blue'"));
}

TEST_F(Cli, RepairIsSet) {
  fill();
  EXPECT_THAT(done({"network", "set", "vlan100", "--repair", "report"}), HasSubstr("report\n"));
  EXPECT_THAT(refusal({"network", "set", "vlan100", "--repair", "off"}, 2), HasSubstr("--repair"));
}

TEST_F(Cli, EmptyListIsAHeaderOrAnEmptyArray) {
  EXPECT_THAT(done({"ls"}), StartsWith("NETWORK"));
  EXPECT_EQ(done({"ls", "-o", "json"}), "[]\n");
  EXPECT_EQ(done({"ls", "-q"}), "");
}

TEST_F(Cli, QuietPrintsOnlyTheKeys) {
  fill();
  EXPECT_EQ(done({"ls", "-q"}), "vlan100 db\nvlan100 web\n");
  EXPECT_EQ(done({"network", "ls", "-q"}), "vlan100\n");
  EXPECT_EQ(done({"show", "web", "-q"}), "vlan100 web\n");
}

TEST_F(Cli, ListFilters) {
  fill();
  EXPECT_EQ(done({"ls", "-q", "--state", "attached"}), "vlan100 web\n");
  EXPECT_EQ(done({"ls", "-q", "--network", "other"}), "");
  EXPECT_THAT(refusal({"ls", "--state", "lost"}, 2), HasSubstr("'lost'"));
}

TEST_F(Cli, NetworksAreMadeShownAndRemoved) {
  EXPECT_THAT(done({"network", "create", "n", "--vlan", "9", "--no-nat"}), HasSubstr("nat:             no\n"));
  EXPECT_THAT(done({"network", "ls"}), HasSubstr("n         9      172.16.1.0/24   172.16.1.1   bridge"));
  EXPECT_THAT(done({"network", "inspect", "n"}), HasSubstr("253: 0 attached, 0 held, 0 removed, 253 free"));
  EXPECT_EQ(json::parse(done({"network", "inspect", "n", "-o", "json"})).at("vlan"), 9);
  EXPECT_EQ(done({"network", "rm", "n"}), "n\n");
  EXPECT_THAT(refusal({"network", "inspect", "n"}, 1), HasSubstr("there is no network n"));
}

TEST_F(Cli, RunPrintsItsRecord) {
  done({"network", "create", "vlan100", "--vlan", "100"});
  const auto record = done({"run", "web", "img", "sleep", "-x", "--vlan", "100", "--", "-p", "80:80"});
  EXPECT_THAT(record, HasSubstr("identity:  web\n"));
  EXPECT_THAT(record, HasSubstr("address:   172.16.1.2/24\n"));
  EXPECT_EQ(control_.run_spec.command, (Words{"sleep", "-x"}));
  EXPECT_EQ(control_.run_spec.options, (Words{"-p", "80:80"}));
  EXPECT_EQ(control_.run_spec.restart_policy, "always");
}

TEST_F(Cli, ShowFindsByIdentityAndAddress) {
  fill();
  EXPECT_THAT(done({"show", "172.16.1.5"}), HasSubstr("identity:  db\n"));
  EXPECT_THAT(done({"show", "db"}), HasSubstr("created:   2026-03-02T12:00:00.000Z (3 days ago)\n"));
  EXPECT_EQ(json::parse(done({"show", "db", "-o", "json"})).at(0).at("identity"), "db");
  EXPECT_THAT(refusal({"show", "nobody"}, 1), HasSubstr("nothing is reserved for 'nobody'"));
}

TEST_F(Cli, ReleaseTellsWhatItWas) {
  fill();
  EXPECT_THAT(done({"release", "vlan100", "172.16.1.5"}), HasSubstr("identity:  db\n"));
  EXPECT_THAT(refusal({"release", "vlan100", "db"}, 1), HasSubstr("nothing is reserved for 'db' on vlan100"));
  EXPECT_THAT(refusal({"release", "vlan100", "web"}, 1), HasSubstr("is attached"));
}

TEST_F(Cli, ExportIsTheWholePlanAndAlwaysTheSame) {
  fill();
  const auto text = done({"export"});
  const auto plan = json::parse(text);
  EXPECT_EQ(plan.at("format"), "bayplan-export");
  EXPECT_EQ(plan.at("networks").as_array().size(), 1U);
  EXPECT_EQ(plan.at("reservations").as_array().size(), 2U);
  EXPECT_EQ(done({"export"}), text);
}

TEST_F(Cli, VersionTellsBoth) {
  const auto text = done({"version"});
  EXPECT_THAT(text, HasSubstr("bayplan:  1.2.3\n"));
  EXPECT_THAT(text, HasSubstr("baypland: 9.8.7\n"));
  EXPECT_THAT(text, HasSubstr("engine:   not ready: Docker can't be reached\n"));
  EXPECT_EQ(json::parse(done({"version", "-o", "json"})).at("baypland").at("store"), "sqlite");
}

TEST_F(Cli, CompletionNeedsNoDaemon) {
  server_->stop();
  EXPECT_THAT(done({"completion", "bash"}), HasSubstr("complete -F _bayplan bayplan"));
}

TEST_F(Cli, DaemonsErrorsAreSaidInItsWordsWithTheirStatus) {
  for (const auto& mapping : wire::error_table()) {
    control_.fail_with = Error{mapping.code, "172.16.1.5 is held for 'db'", {}};
    for (const auto& args :
         {Words{"ls"}, Words{"network", "create", "n"}, Words{"network", "rm", "n"}, Words{"reserve", "n", "i"},
          Words{"release", "n", "i"}, Words{"export"}, Words{"version"}, Words{"run", "n", "i"}}) {
      EXPECT_EQ(refusal(args, mapping.exit_status), "bayplan: 172.16.1.5 is held for 'db'\n");
    }
  }
}

TEST_F(Cli, BadNamesAreWrongUsageAndReachNobody) {
  for (const auto& name :
       {std::string(), std::string(300, 'x'), std::string("a/b"), std::string("a\nb"), std::string("ü")}) {
    refusal({"network", "create", name}, 2);
    refusal({"network", "inspect", name}, 2);
    refusal({"network", "rm", name}, 2);
    refusal({"release", name, "i"}, 2);
  }
  refusal({"release", "n", ""}, 2);
  refusal({"release", "n", "a b"}, 2);
}

TEST_F(Cli, WrongUsageIsStatus2) {
  EXPECT_THAT(refusal({"ls", "--nonsense"}, 2), HasSubstr("bayplan ls --help"));
}

TEST_F(Cli, AnEnvFileIsReadByTheUserInFrontOfWhatTheCommandSays) {
  const auto path = (dir_ / "env").string();
  std::ofstream(path) << "# comment\n\nA=1\n  B=2 3\r\nPATH\nNOBODY_SET_THIS\nC=";
  std::ofstream(path + "2") << "A=2\n";
  const std::vector<std::string> wanted{
      "--env", "A=1", "--env", "B=2 3", "--env", std::string("PATH=") + ::getenv("PATH"), "--env", "C=",
      "--env", "A=2", "-e",    "A=9",   "--init"};
  EXPECT_EQ(with_env_files_read({"-e", "A=9", "--env-file", path, "--env-file=" + path + "2", "--init"}).value(),
            wanted);
  done({"network", "create", "vlan1", "--vlan", "1", "--subnet", "172.16.1.0/24"});
  done({"run", "web", "img", "--", "--env-file", path});
  for (const std::string wrong : {"=1\n", "A B=1\n", "JUST WORDS\n"}) {
    std::ofstream(path) << wrong;
    EXPECT_THAT(refusal({"run", "db", "img", "--", "--env-file", path}, 2), HasSubstr("is not KEY=value"));
  }
  EXPECT_THAT(refusal({"run", "db", "img", "--", "--env-file", path + "3"}, 2), HasSubstr("No such file"));
  EXPECT_THAT(refusal({"run", "db", "img", "--", "--env-file=/"}, 2), HasSubstr("Is a directory"));
  EXPECT_THAT(refusal({"run", "db", "img", "--", "--env-file=/dev/zero"}, 2), HasSubstr("larger than"));
}

TEST_F(Cli, AnEmptySocketPathIsWrongUsageAndNotSomeTcpPort) {
  EXPECT_THAT(refusal({"--socket", "", "ls"}, 2), HasSubstr("--socket: give a path"));
}

// Else a long pull would be cut off by the CLI with nothing said, or by the server with the CLI told nonsense.
TEST_F(Cli, WaitsLongerForARunThanTheServerDoes) {
  EXPECT_GT(kRunBound, api::kHandlerBound);
}

TEST_F(Cli, NoDaemonIsStatus3) {
  server_->stop();
  const auto absent = refusal({"ls"}, 3);
  EXPECT_THAT(absent, HasSubstr("baypland can't be reached at " + path_ + ": there is no such socket"));
  EXPECT_THAT(absent, HasSubstr("systemctl status baypland"));
}

TEST_F(Cli, DeadDaemonsSocketIsStatus3) {
  server_->stop();
  auto dead = http::Listener::on_path(path_);
  ::close(dead->release_fd());
  EXPECT_THAT(refusal({"ls"}, 3), HasSubstr("nobody listens there"));
}

}  // namespace
}  // namespace bayplan::cli
