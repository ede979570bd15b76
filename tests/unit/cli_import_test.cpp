// `bayplan import`, end to end but for the planner: files and a made-up etcd on one side, the control API on the other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "api/control_server.hpp"
#include "apps/bayplan/import_source.hpp"
#include "apps/bayplan/program.hpp"
#include "support/fake_control.hpp"
#include "support/temp_dir.hpp"

namespace bayplan::cli {
namespace {

namespace json = boost::json;
using testing::FakeControl;
using ::testing::HasSubstr;
using ::testing::Not;
using Words = std::vector<std::string>;

constexpr auto kDump =
    "/app/docker/now_vlan_ip\t172.16.2.1\n"
    "/app/docker/10.10.17.3/vlan100/gateway\t172.16.1.1/24\n"
    "/app/docker/10.10.17.3/vlan100/nowip\t172.16.1.3\n"
    "/app/docker/10.10.17.3/vlan100/container/test1\t{'Container_name':'test1','Container_ip':'172.16.1.2/24',"
    "'Container_vlan':'100','Container_status':'running'}\n";

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

class CliImport : public ::testing::Test {
 protected:
  Outcome run(Words args) {
    args.insert(args.begin(), {"--socket", path_});
    std::ostringstream out;
    std::ostringstream err;
    const SystemClock clock;
    const int status = run_program(args, {"1.2.3", out, err, clock});
    return {status, out.str(), err.str()};
  }
  std::string file(const std::string& name, const std::string& content) {
    const auto path = (dir_ / name).string();
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  // An etcd that gives this answer to everything; its URL.
  std::string etcd(int status, const std::string& body) {
    etcd_ = http::Server::on_tcp("127.0.0.1", 0, [this, status, body](const http::Request& request) {
              asked_ = request.path + "?recursive=" + (request.query.contains("recursive") ? "true" : "");
              return http::Response{status, "application/json", body, {}};
            }).value();
    return fmt::format("http://127.0.0.1:{}", etcd_->port());
  }

  const testing::TempDir dir_;
  const std::string path_ = (dir_ / "bayplan.sock").string();
  FakeControl control_;
  api::Metrics metrics_;
  std::unique_ptr<http::Server> server_ = api::serve_control(path_, control_, metrics_).value();
  std::unique_ptr<http::Server> etcd_;
  std::string asked_;
};

TEST_F(CliImport, ADumpIsTakenAndDoingItAgainSaysThatNothingChanged) {
  const auto dump = file("dump", kDump);
  const auto first = run({"import", "--from", "etcd-v2-dump", dump});
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_EQ(first.out, dump +
                           " was read as a dump of the old practice's etcd.\n"
                           "networks:     1 imported, 0 there already, 0 skipped\n"
                           "reservations: 1 imported, 0 there already, 0 skipped\n"
                           "ignored:      2 that need no import (counters, keys of others)\n");
  const auto second = run({"import", "--from", "etcd-v2-dump", dump});
  EXPECT_EQ(second.status, 0);
  EXPECT_THAT(second.out, HasSubstr("Nothing was changed: all of it is in the plan already."));
  EXPECT_THAT(run({"ls"}).out, HasSubstr("test1"));
}

TEST_F(CliImport, WithoutFromItFindsOutAndSaysSo) {
  const auto dump = run({"import", file("a", kDump)});
  EXPECT_THAT(dump.out, HasSubstr(" is a dump of the old practice's etcd.")) << dump.err;
  const auto csv = run({"import", file("b", "vlan100,db,172.16.1.5,\n")});
  EXPECT_THAT(csv.out, HasSubstr(" is CSV.")) << csv.err;
  const auto exported = run({"import", file("c", run({"export"}).out)});
  EXPECT_THAT(exported.out, HasSubstr(" is an export of bayplan's.")) << exported.err;
  EXPECT_EQ(exported.status, 0);
  const auto unknown = run({"import", file("d", "hello\n")});
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.err, HasSubstr("can't be told what this is"));
}

TEST_F(CliImport, WhatWasSkippedIsNamedByKeyAndTheStatusIsOne) {
  const auto done =
      run({"import", file("dump", std::string(kDump) + "/app/docker/10.10.17.3/vlan100/container/bad\t{'a':\n"
                                                       "/app/docker/10.10.17.3/vlan100/container/twin\t"
                                                       "{'Container_ip':'172.16.1.2/24'}\n")});
  EXPECT_EQ(done.status, 1);
  EXPECT_EQ(done.err, "bayplan: 2 records were skipped\n");
  EXPECT_THAT(done.out, HasSubstr("skipped: /app/docker/10.10.17.3/vlan100/container/bad: it is no Python literal"));
  EXPECT_THAT(done.out, HasSubstr("container/twin: 172.16.1.2 is held for 'test1' on vlan100"));
  EXPECT_THAT(done.out, HasSubstr("reservations:   1 imported, 0 there already, 1 skipped"));
  EXPECT_THAT(done.out, HasSubstr("not understood: 1 skipped"));
}

TEST_F(CliImport, ADryRunShowsEveryRecordAndChangesNothing) {
  const auto done = run({"import", "--dry-run", file("dump", kDump)});
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_TRUE(control_.import_request.dry_run);
  EXPECT_THAT(done.out, HasSubstr("imported   vlan100   test1      172.16.1.2/24   held    /app/docker/"));
  EXPECT_THAT(done.out, HasSubstr("Nothing was changed: this was a dry run."));
  EXPECT_EQ(run({"network", "ls", "-q"}).out, "");
}

TEST_F(CliImport, JsonIsForMachines) {
  const auto done = run({"-o", "json", "import", file("dump", std::string(kDump) + "nonsense\n")});
  EXPECT_EQ(done.status, 1);
  const auto report = json::parse(done.out).as_object();
  EXPECT_EQ(report.at("from"), "etcd-v2-dump");
  EXPECT_EQ(report.at("imported"), 2);
  EXPECT_EQ(report.at("skipped"), 1);
  EXPECT_EQ(report.at("ignored"), 2);
  const auto& records = report.at("records").as_array();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].at("key"), "line 5");
  EXPECT_EQ(records[1].at("kind"), "network");
  EXPECT_EQ(records[2].at("identity"), "test1");
  EXPECT_EQ(records[2].at("outcome"), "imported");
  EXPECT_TRUE(records[2].at("note").is_null());
  EXPECT_EQ(run({"-q", "import", file("csv", "vlan100,db,172.16.1.5\nvlan100,test1,172.16.1.2\n")}).out,
            "vlan100 db\n");
}

TEST_F(CliImport, ALiveEtcdIsAsked) {
  const auto url = etcd(200, R"({"action":"get","node":{"key":"/app/docker","dir":true,"nodes":[
      {"key":"/app/docker/h/vlan300/gateway","value":"172.16.2.1/24"}]}})");
  const auto done = run({"import", url});
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_EQ(asked_, "/v2/keys/app/docker?recursive=true");
  EXPECT_EQ(control_.import_request.networks.at(0).spec.vlan, "300");
  EXPECT_THAT(done.out, HasSubstr(url + " is the old practice's etcd."));
}

TEST_F(CliImport, AnEtcdThatIsNoUseIsNamed) {
  const auto said = [&](const std::string& url) {
    const auto done = run({"import", "--from", "etcd-v2", url});
    EXPECT_EQ(done.status, 1) << done.out;
    return done.err;
  };
  EXPECT_THAT(said(etcd(404, R"({"errorCode":100,"message":"Key not found"})")), HasSubstr("has no /app/docker"));
  EXPECT_THAT(said(etcd(404, "404 page not found\n")), HasSubstr("--enable-v2"));
  EXPECT_THAT(said(etcd(500, "")), HasSubstr("HTTP status 500"));
  EXPECT_THAT(said(etcd(200, "<html>")), HasSubstr("no answer of etcd's v2 API"));
  const auto gone = etcd(200, "");
  etcd_.reset();
  EXPECT_THAT(said(gone), HasSubstr("etcd can't be reached at 127.0.0.1"));
  EXPECT_THAT(said("https://127.0.0.1:2379"), HasSubstr("http only"));
}

TEST_F(CliImport, WhatDoesNotFitIsWrongUsage) {
  const auto dump = file("dump", kDump);
  for (const auto& words : std::vector<Words>{{"import"},
                                              {"import", "--from", "excel", dump},
                                              {"import", "--from", "etcd-v2", dump},
                                              {"import", "--from", "csv", "http://127.0.0.1:2379"},
                                              {"import", "--from", "export", dump},
                                              {"import", "http://"},
                                              {"import", "http://127.0.0.1:0"},
                                              {"import", "http://127.0.0.1:99999"},
                                              {"import", "http://user@127.0.0.1"},
                                              {"import", "http://127.0.0.1:2379/path"}}) {
    const auto done = run(words);
    EXPECT_EQ(done.status, 2) << words.back() << ": " << done.err;
    EXPECT_EQ(done.out, "");
  }
  EXPECT_EQ(run({"import", (dir_ / "missing").string()}).status, 1);
}

TEST_F(CliImport, WhatTheDaemonRefusesIsSaid) {
  control_.fail_with = fail(ErrorCode::storage, "the disk is full");
  const auto done = run({"import", file("dump", kDump)});
  EXPECT_EQ(done.status, 1);
  EXPECT_EQ(done.out, "");
  EXPECT_THAT(done.err, HasSubstr("the disk is full"));
  server_->stop();
  EXPECT_EQ(run({"import", file("dump", kDump)}).status, 3);
}

TEST_F(CliImport, AHundredThousandReservationsFit) {
  std::string csv;
  for (int i = 0; i < 100'000; ++i) {
    csv +=
        fmt::format("net,some-container-with-a-long-name-{},10.{}.{}.{},\n", i, i / 62'500, i / 250 % 250, 1 + i % 250);
  }
  const auto done = run({"-o", "json", "import", file("csv", csv)});
  EXPECT_EQ(json::parse(done.out).at("skipped"), 100'000) << done.err;  // there is no such network here
  EXPECT_EQ(control_.import_request.reservations.size(), 100'000U);
}

TEST(EtcdUrl, IsReadAsPeopleWriteIt) {
  EXPECT_EQ(parse_etcd_url("http://10.10.17.3")->port, 2379);
  EXPECT_EQ(parse_etcd_url("http://etcd.example:4001/")->port, 4001);
  EXPECT_EQ(parse_etcd_url("http://etcd.example:4001/")->host, "etcd.example");
  EXPECT_EQ(parse_etcd_url("http://[fe80::1]:2379")->host, "[fe80::1]");
  EXPECT_EQ(parse_etcd_url("http://[fe80::1]")->port, 2379);
}

}  // namespace
}  // namespace bayplan::cli
