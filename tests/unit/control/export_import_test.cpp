// `bayplan export | bayplan import -` from one whole baypland to another, through their sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "api/control_server.hpp"
#include "apps/bayplan/program.hpp"
#include "support/temp_dir.hpp"
#include "world.hpp"

namespace bayplan::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A world and its control socket.
class Site {
 public:
  std::string bayplan(std::vector<std::string> args, int wanted_status = 0) {
    args.insert(args.begin(), {"--socket", path_});
    std::ostringstream out;
    std::ostringstream err;
    EXPECT_EQ(cli::run_program(args, {"1.2.3", out, err, world.clock}), wanted_status) << out.str() << err.str();
    return out.str();
  }
  // `bayplan import` of this text.
  std::string import(const std::string& text, int wanted_status = 0) {
    const auto file = (dir_ / "file").string();
    std::ofstream(file, std::ios::binary) << text;
    return bayplan({"import", file}, wanted_status);
  }

  World world;

 private:
  const TempDir dir_;
  const std::string path_ = (dir_ / "bayplan.sock").string();
  api::Metrics metrics_;
  std::unique_ptr<http::Server> server_ = api::serve_control(path_, world.service(), metrics_).value();
};

TEST(ExportImport, OnAnEmptyDaemonItGivesTheSamePlan) {
  Site from;
  Site to;
  from.bayplan({"network", "create", "office", "--vlan", "7", "--subnet", "10.7.0.0/22", "--gateway", "10.7.3.254",
                "--range", "10.7.1.0-10.7.1.99", "--exclude", "10.7.1.5", "--mtu", "1400", "--no-nat"});
  from.bayplan({"network", "create", "vlan100", "--vlan", "100"});
  for (const auto* name : {"web", "db", "ns/pod"}) from.bayplan({"reserve", "office", name});
  from.bayplan({"reserve", "vlan100", "web", "--ip", "172.16.1.77"});
  from.world.clock.push(std::chrono::hours(5));
  to.world.clock.push(std::chrono::hours(50));
  const auto exported = from.bayplan({"export"});
  EXPECT_THAT(to.import(exported), HasSubstr("reservations: 4 imported"));
  EXPECT_EQ(to.bayplan({"export"}), exported);
  EXPECT_THAT(to.import(exported), HasSubstr("Nothing was changed: all of it is in the plan already."));
  EXPECT_EQ(to.bayplan({"export"}), exported);
  EXPECT_EQ(from.bayplan({"export"}), exported);
}

TEST(ExportImport, WhatRanThereIsHeldHereWithItsAddressAndMac) {
  Site from;
  Site to;
  from.bayplan({"run", "web", "busybox", "--vlan", "100"});
  ASSERT_EQ(from.world.reservation("web")->state, model::ReservationState::attached);
  to.import(from.bayplan({"export"}));
  const auto moved = to.world.reservation("web");
  ASSERT_TRUE(moved.has_value());
  EXPECT_EQ(moved->state, model::ReservationState::held);
  EXPECT_EQ(moved->address, from.world.reservation("web")->address);
  EXPECT_EQ(moved->mac, from.world.reservation("web")->mac);
  to.bayplan({"run", "web", "busybox", "--vlan", "100"});
  EXPECT_EQ(to.world.reservation("web")->address, moved->address);
}

TEST(ExportImport, OverAnotherPlanOnlyWhatFitsIsTaken) {
  Site from;
  Site to;
  for (Site* site : {&from, &to}) site->bayplan({"network", "create", "vlan100", "--vlan", "100"});
  from.bayplan({"reserve", "vlan100", "web", "--ip", "172.16.1.5"});
  from.bayplan({"reserve", "vlan100", "db", "--ip", "172.16.1.6"});
  to.bayplan({"reserve", "vlan100", "mail", "--ip", "172.16.1.5"});
  const auto said = to.import(from.bayplan({"export"}), 1);
  EXPECT_THAT(said, HasSubstr("skipped: reservation vlan100 web: 172.16.1.5 is held for 'mail' on vlan100"));
  EXPECT_EQ(to.world.reservation("db")->address, address_from("172.16.1.6"));
  EXPECT_EQ(to.world.reservation("mail")->address, address_from("172.16.1.5"));
}

TEST(ExportImport, TenThousandReservationsOfASpreadsheetAreTakenInOneGo) {
  Site site;
  site.bayplan({"network", "create", "big", "--subnet", "10.0.0.0/16"});
  std::string csv = "network,identity,address,mac\r\n";
  for (int i = 1; i <= 10'000; ++i) csv += fmt::format("big,c{},10.0.{}.{},\r\n", i, 1 + i / 250, 1 + i % 250);
  EXPECT_THAT(site.import(csv), HasSubstr("reservations: 10000 imported, 0 there already, 0 skipped"));
  EXPECT_THAT(site.import(csv), HasSubstr("reservations: 0 imported, 10000 there already, 0 skipped"));
}

}  // namespace
}  // namespace bayplan::testing
