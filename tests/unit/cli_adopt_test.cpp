// `bayplan adopt`, from the words on the command line to the control API and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "api/control_server.hpp"
#include "apps/bayplan/completion.hpp"
#include "apps/bayplan/program.hpp"
#include "support/fake_control.hpp"
#include "support/temp_dir.hpp"

namespace bayplan::cli {
namespace {

using ::testing::ElementsAre;
using testing::FakeControl;
using ::testing::HasSubstr;
using ::testing::Not;
using Words = std::vector<std::string>;

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

class CliAdopt : public ::testing::Test {
 protected:
  Outcome run(Words args) {
    args.insert(args.begin(), {"--socket", path_});
    std::ostringstream out;
    std::ostringstream err;
    const SystemClock clock;
    const int status = run_program(args, {"1.2.3", out, err, clock});
    return {status, out.str(), err.str()};
  }

  FakeControl control_;

 private:
  testing::TempDir dir_;
  std::string path_ = dir_ / "api.sock";
  api::Metrics metrics_;
  std::unique_ptr<http::Server> server_ = api::serve_control(path_, control_, metrics_).value();
};

TEST_F(CliAdopt, EveryOptionArrives) {
  EXPECT_EQ(run({"adopt", "web", "db", "--from", "shop", "--move", "vlan100", "--dry-run"}).status, 0);
  EXPECT_THAT(control_.adopt_request.containers, ElementsAre("web", "db"));
  EXPECT_FALSE(control_.adopt_request.all);
  EXPECT_EQ(control_.adopt_request.from, "shop");
  EXPECT_EQ(control_.adopt_request.move_network, "vlan100");
  EXPECT_TRUE(control_.adopt_request.dry_run);
  EXPECT_EQ(run({"adopt", "--all"}).status, 0);
  EXPECT_TRUE(control_.adopt_request.all);
  EXPECT_EQ(control_.adopt_request.move_network, std::nullopt);
}

TEST_F(CliAdopt, WhichContainersMustBeSaid) {
  EXPECT_EQ(run({"adopt"}).status, 2);
  EXPECT_THAT(run({"adopt", "--dry-run"}).err, HasSubstr("CONTAINER... or --all"));
  EXPECT_EQ(run({"adopt", "--all", "web"}).status, 2);
}

TEST_F(CliAdopt, TheReportTellsWhatItWasAndWhatItBecomes) {
  const auto done = run({"adopt", "first", "second"});
  EXPECT_EQ(done.status, 0);
  EXPECT_THAT(done.out, HasSubstr("second      running   bridge           bridge   172.17.0.2/16   adopted"));
  EXPECT_THAT(done.out, HasSubstr("network: bridge was made in the plan"));
  EXPECT_EQ(done.err, "");
  EXPECT_EQ(run({"-q", "adopt", "first"}).out, "bridge first\n");
}

TEST_F(CliAdopt, OneThatCouldNotBeIsNamedAndTheStatusIsOne) {
  const auto done = run({"adopt", "web", "bad"});
  EXPECT_EQ(done.status, 1);
  EXPECT_THAT(done.out, HasSubstr("refused: bad: 172.17.0.2 is held for 'db'"));
  EXPECT_THAT(done.err, HasSubstr("1 container could not be adopted"));
}

TEST_F(CliAdopt, ADryRunSaysSo) {
  const auto done = run({"adopt", "first", "--dry-run"});
  EXPECT_THAT(done.out, HasSubstr("network: bridge would be made"));
  EXPECT_THAT(done.out, HasSubstr("Nothing was changed: this was a dry run."));
  const auto json = run({"-o", "json", "adopt", "first"}).out;
  EXPECT_THAT(json, HasSubstr("\"outcome\": \"adopted\""));
  EXPECT_THAT(json, HasSubstr("\"network_made\": true"));
}

TEST_F(CliAdopt, CompletionKnowsWhoseNetworksAreMeant) {
  EXPECT_THAT(completion_script("bash"), HasSubstr("docker network ls"));
  EXPECT_THAT(completion_script("fish"),
              HasSubstr("'__fish_seen_subcommand_from adopt' -l from -x -a '(docker network ls"));
  EXPECT_THAT(completion_script("fish"), HasSubstr("'__fish_seen_subcommand_from import' -l from -x -a 'etcd-v2"));
}

}  // namespace
}  // namespace bayplan::cli
