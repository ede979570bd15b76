// `bayplan check`, from the words on the command line to the control API and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <sstream>

#include "api/control_server.hpp"
#include "apps/bayplan/completion.hpp"
#include "apps/bayplan/program.hpp"
#include "apps/bayplan/progress_bar.hpp"
#include "support/fake_control.hpp"
#include "support/temp_dir.hpp"

namespace bayplan::cli {
namespace {

using ::testing::ElementsAre;
using testing::FakeControl;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Words = std::vector<std::string>;

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

class CliCheck : public ::testing::Test {
 protected:
  Outcome run(Words args, bool on_terminal = false) {
    args.insert(args.begin(), {"--socket", path_});
    std::ostringstream out;
    std::ostringstream err;
    const SystemClock clock;
    const int status = run_program(args, {"1.2.3", out, err, clock, on_terminal});
    return {status, out.str(), err.str()};
  }
  void find(control::FindingKind kind, bool repaired) {
    control_.check_report.findings.push_back({.kind = kind,
                                              .network = "vlan100",
                                              .identity = "db",
                                              .address = "172.16.1.5",
                                              .object = "bp01234567",
                                              .found = "down",
                                              .wanted = "up",
                                              .message = "the port of 'db' is down",
                                              .repaired = repaired});
  }

  FakeControl control_;

 private:
  testing::TempDir dir_;
  std::string path_ = dir_ / "api.sock";
  api::Metrics metrics_;
  std::unique_ptr<http::Server> server_ = api::serve_control(path_, control_, metrics_).value();
};

TEST_F(CliCheck, AllRightIsStatusZero) {
  control_.check_report.reservations = 12;
  const auto done = run({"check"});
  EXPECT_EQ(done.status, 0);
  EXPECT_EQ(done.out, "all right: 12 reservations\n");
  EXPECT_EQ(done.err, "");
}

TEST_F(CliCheck, EveryOptionArrives) {
  run({"check", "--network", "vlan100", "--repair", "--probe", "arp", "--probe", "vlan200=tcp:22"});
  EXPECT_EQ(control_.check_request.network, "vlan100");
  EXPECT_TRUE(control_.check_request.repair);
  EXPECT_THAT(control_.check_request.probes, ElementsAre("arp", "vlan200=tcp:22"));
  run({"check"});
  EXPECT_FALSE(control_.check_request.repair);
  EXPECT_THAT(control_.check_request.probes, IsEmpty());
}

TEST_F(CliCheck, ADifferenceIsALineAndStatusFour) {
  find(control::FindingKind::port_down, false);
  const auto done = run({"check"});
  EXPECT_EQ(done.status, 4);
  EXPECT_EQ(done.out, "the port of 'db' is down\n");
  EXPECT_EQ(run({"-q", "check"}).out, "vlan100 db port_down\n");
}

TEST_F(CliCheck, WhatWasRepairedIsStatusZero) {
  find(control::FindingKind::port_down, true);
  const auto done = run({"check", "--repair"});
  EXPECT_EQ(done.status, 0);
  EXPECT_EQ(done.out, "repaired: the port of 'db' is down\n");
}

TEST_F(CliCheck, WhatCouldNotBeCheckedIsStatusOneUnlessSomethingIsWrong) {
  control_.check_report.unchecked.push_back({"Docker", "it does not answer"});
  const auto done = run({"check"});
  EXPECT_EQ(done.status, 1);
  EXPECT_EQ(done.out, "");
  EXPECT_THAT(done.err, HasSubstr("Docker could not be checked: it does not answer"));
  find(control::FindingKind::port_down, false);
  EXPECT_EQ(run({"check"}).status, 4);
}

TEST_F(CliCheck, JsonIsAnArrayOfFindings) {
  find(control::FindingKind::port_down, false);
  const auto done = run({"-o", "json", "check"});
  EXPECT_EQ(done.status, 4);
  const auto value = boost::json::parse(done.out);
  const auto& finding = value.as_array().at(0).as_object();
  for (const auto* name : {"network", "identity", "address", "object", "found", "wanted", "message"}) {
    EXPECT_TRUE(finding.at(name).is_string()) << name;
  }
  EXPECT_EQ(finding.at("kind"), "port_down");
  EXPECT_EQ(finding.at("repaired"), false);
}

TEST_F(CliCheck, ARefusalHasItsStatus) {
  control_.fail_with = fail(ErrorCode::invalid, "'x' is no probe");
  EXPECT_EQ(run({"check", "--probe", "x"}).status, 2);
  control_.fail_with = fail(ErrorCode::not_found, "there is no network");
  EXPECT_EQ(run({"check", "--network", "x"}).status, 1);
}

TEST_F(CliCheck, ABarOnlyOnATerminal) {
  EXPECT_EQ(run({"check", "--probe", "arp"}).err, "");
  EXPECT_NE(run({"check", "--probe", "arp"}, true).err, "");
  EXPECT_EQ(run({"check"}, true).err, "");
  EXPECT_EQ(run({"-q", "check", "--probe", "arp"}, true).err, "");
  EXPECT_EQ(run({"-o", "json", "check", "--probe", "arp"}, true).err, "");
}

TEST(ProgressLine, TellsHowFarItIs) {
  EXPECT_EQ(progress_line({{"step", "probing"}, {"done", 50}, {"total", 100}, {"seconds", 30}}),
            "probing [###############---------------] 50/100, at most 30 s");
  EXPECT_EQ(progress_line({{"step", "looking"}, {"done", 0}, {"total", 0}, {"seconds", 0}}), "looking …");
  EXPECT_EQ(progress_line(nullptr), "");
  EXPECT_EQ(progress_line({{"step", "probing"}, {"done", 500}, {"total", 100}, {"seconds", -1}}),
            "probing [##############################] 100/100, at most 0 s");
}

TEST(CompletionOfCheck, KnowsItsOptions) {
  for (const auto* shell : {"bash", "fish"}) {
    EXPECT_THAT(completion_script(shell), HasSubstr("check"));
    EXPECT_THAT(completion_script(shell), HasSubstr("probe"));
  }
}

}  // namespace
}  // namespace bayplan::cli
