// An import, from the records to the plan: what is taken, what is skipped, and what never changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "world.hpp"

namespace bayplan::testing {
namespace {

using control::ImportOutcome;
using ::testing::HasSubstr;
using Kind = ImportOutcome::Kind;

class Import : public ::testing::Test {
 protected:
  // As the old tree has it: a VLAN and its gateway.
  void add_network(const std::string& vlan, const std::string& subnet, const std::string& gateway) {
    control::ImportNetwork record;
    record.key = "/vlan" + vlan + "/gateway";
    record.spec.vlan = vlan;
    record.spec.subnet = subnet;
    record.spec.gateway = gateway;
    request.networks.push_back(record);
  }
  control::ImportReservation& add(const std::string& identity, const std::string& address,
                                  const std::string& vlan = "100") {
    control::ImportReservation record;
    record.key = "/container/" + identity;
    record.vlan = vlan;
    record.identity = identity;
    record.address = address;
    return request.reservations.emplace_back(record);
  }
  void make_network(const std::string& name, const std::string& subnet, const std::optional<std::string>& vlan = {}) {
    control::NetworkSpec spec;
    spec.name = name;
    spec.subnet = subnet;
    spec.vlan = vlan;
    ASSERT_TRUE(world.service().create_network(spec).ok());
  }
  control::ImportReport import() {
    const auto report = world.service().import_plan(request);
    EXPECT_TRUE(report.ok()) << report.error().message();
    return report.ok() ? *report : control::ImportReport{};
  }
  // The outcome of the last reservation.
  ImportOutcome last() { return import().reservations.back(); }
  // All that is stored of networks and reservations.
  [[nodiscard]] std::string plan() {
    std::string out;
    for (const auto& record : world.disk.load().value()) {
      if (const auto* network = std::get_if<model::Network>(&record)) {
        out += fmt::format("{} {} {} {}\n", network->name, network->subnet.to_string(), network->gateway.to_string(),
                           network->mac_salt);
      } else if (const auto* known = std::get_if<model::Reservation>(&record)) {
        out += fmt::format("{} {} {} {} {} {} {} {}\n", known->network, known->identity, known->address.to_string(),
                           known->mac.to_string(), model::to_string(known->state), known->host,
                           to_rfc3339(known->created), to_rfc3339(known->last_seen));
      }
    }
    return out;
  }

  World world;
  control::ImportRequest request;
};

TEST_F(Import, NetworksGatewaysAddressesAndStatesAreKeptAsTheyWere) {
  add_network("100", "172.16.1.0/24", "172.16.1.254");
  add("test1", "172.16.1.2/24").created = Timestamp(std::chrono::seconds(1'425'308'399));
  add("test2", "172.16.1.3/24").state = model::ReservationState::removed;
  add("test3", "172.16.1.4/24").state = model::ReservationState::attached;
  const auto report = import();
  EXPECT_EQ(report.networks.at(0).kind, Kind::imported);
  EXPECT_EQ(report.networks.at(0).network, "vlan100");
  const auto network = world.service().network("vlan100")->network;
  EXPECT_EQ(network.gateway, address_from("172.16.1.254"));
  const auto test1 = world.reservation("test1");
  ASSERT_TRUE(test1.has_value());
  EXPECT_EQ(test1->address, address_from("172.16.1.2"));
  EXPECT_EQ(test1->mac, model::mac_of(network.mac_salt, test1->address));
  EXPECT_EQ(test1->state, model::ReservationState::held);
  EXPECT_EQ(to_rfc3339(test1->created), "2015-03-02T14:59:59.000Z");
  EXPECT_EQ(world.reservation("test2")->state, model::ReservationState::removed);
  EXPECT_EQ(world.reservation("test3")->state, model::ReservationState::held) << "only a container makes it attached";
}

TEST_F(Import, DoingItAgainChangesNothing) {
  add_network("100", "172.16.1.0/24", "172.16.1.1");
  add("test1", "172.16.1.2/24");
  add("test2", "172.16.1.3/24").state = model::ReservationState::removed;
  import();
  const auto before = plan();
  const auto commits = world.disk.committed().size();
  world.clock.push(std::chrono::hours(1));
  const auto again = import();
  EXPECT_EQ(again.networks.at(0).kind, Kind::present);
  for (const auto& outcome : again.reservations) EXPECT_EQ(outcome.kind, Kind::present) << outcome.note;
  EXPECT_EQ(plan(), before);
  EXPECT_EQ(world.disk.committed().size(), commits);
}

TEST_F(Import, ADryRunSaysTheSameAndChangesNothing) {
  add_network("100", "172.16.1.0/24", "172.16.1.1");
  add("test1", "172.16.1.2/24");
  add("twice", "172.16.1.2/24");
  request.dry_run = true;
  const auto dry = import();
  EXPECT_TRUE(dry.dry_run);
  EXPECT_EQ(plan(), "");
  request.dry_run = false;
  const auto real = import();
  for (std::size_t i = 0; i < real.reservations.size(); ++i) {
    EXPECT_EQ(dry.reservations.at(i).kind, real.reservations.at(i).kind);
    EXPECT_EQ(dry.reservations.at(i).network, real.reservations.at(i).network);
  }
  EXPECT_EQ(real.reservations.at(1).kind, Kind::skipped);
  EXPECT_NE(plan(), "");
}

TEST_F(Import, ItIsOneCommit) {
  add_network("100", "172.16.0.0/16", "172.16.0.1");
  for (int i = 1; i < 2000; ++i) add("c" + std::to_string(i), fmt::format("172.16.{}.{}/16", 1 + i / 250, 1 + i % 250));
  const auto before = world.disk.committed().size();
  const auto report = import();
  EXPECT_EQ(std::ranges::count(report.reservations, Kind::imported, &ImportOutcome::kind), 1999);
  EXPECT_EQ(world.disk.committed().size(), before + 1);
}

TEST_F(Import, WhatContradictsThePlanIsSkippedAndItsOwnerNamed) {
  make_network("office", "172.16.1.0/24", "100");
  make_network("other", "10.1.0.0/16");
  world.service().reserve({"office", "db", "172.16.1.5"}).value();
  const auto before = plan();
  add_network("100", "172.16.9.0/24", "172.16.9.1");
  add_network("300", "10.1.2.0/24", "10.1.2.1");
  add("web", "172.16.1.5/24");
  add("db", "172.16.1.6/24");
  add("far", "172.16.9.2/24");
  add("gate", "172.16.1.1/24");
  add("bad name", "172.16.1.9/24");
  add("lost", "10.1.2.2/24", "300");
  const auto report = import();
  const auto note = [&](std::size_t i) { return report.reservations.at(i).note; };
  EXPECT_THAT(report.networks.at(0).note, HasSubstr("'office' is there already with subnet 172.16.1.0/24"));
  EXPECT_THAT(report.networks.at(1).note, HasSubstr("overlaps 10.1.0.0/16 of the network 'other'"));
  EXPECT_THAT(note(0), HasSubstr("172.16.1.5 is held for 'db' on office"));
  EXPECT_THAT(note(1), HasSubstr("'db' has 172.16.1.5 on office, not 172.16.1.6"));
  EXPECT_THAT(note(2), HasSubstr("172.16.9.2/24 is not of office, whose subnet is 172.16.1.0/24"));
  EXPECT_THAT(note(3), HasSubstr("the gateway of"));
  EXPECT_THAT(note(4), HasSubstr("can't be an identity"));
  EXPECT_THAT(note(5), HasSubstr("no network of VLAN 300"));
  for (const auto& outcome : report.reservations) EXPECT_EQ(outcome.kind, Kind::skipped);
  EXPECT_EQ(plan(), before);
}

TEST_F(Import, OneWrongRecordDoesNotKeepTheOthersOut) {
  add_network("100", "172.16.1.0/24", "172.16.1.1");
  add_network("5000", "172.16.2.0/24", "172.16.2.1");
  add("a", "nonsense");
  add("b", "172.16.1.3/24");
  const auto report = import();
  EXPECT_THAT(report.networks.at(1).note, HasSubstr("'5000' is not a VLAN"));
  EXPECT_EQ(report.reservations.at(0).kind, Kind::skipped);
  EXPECT_EQ(world.reservation("b")->address, address_from("172.16.1.3"));
}

TEST_F(Import, AnExistingNetworkIsFoundByItsVlanWhateverItsName) {
  make_network("office", "172.16.1.0/24", "100");
  add_network("100", "172.16.1.0/24", "172.16.1.1");
  add("test1", "172.16.1.2/24");
  EXPECT_EQ(import().networks.at(0).kind, Kind::present);
  EXPECT_EQ(world.reservation("test1", "office")->address, address_from("172.16.1.2"));
}

TEST_F(Import, AGatewayThatIsNotTheNetworksIsSkipped) {
  add_network("100", "172.16.1.0/24", "172.16.1.1");
  add("test1", "172.16.1.2/24").gateway = "172.16.1.254";
  EXPECT_THAT(last().note, HasSubstr("its gateway is 172.16.1.254, and that of vlan100 is 172.16.1.1"));
}

TEST_F(Import, AnotherMacIsNotedBecauseItCantBeKept) {
  add_network("100", "172.16.1.0/24", "172.16.1.1");
  add("test1", "172.16.1.2/24").mac = "de:ad:be:ef:00:01";
  const auto outcome = last();
  EXPECT_EQ(outcome.kind, Kind::imported);
  EXPECT_THAT(outcome.note, HasSubstr(world.reservation("test1")->mac.to_string() + " here, not de:ad:be:ef:00:01"));
}

TEST_F(Import, TheOldPracticesOwnRouteIsNotedAndAnyOtherOverlapRefused) {
  world.host.add_route("172.16.1.0/24", "vlan100");
  world.host.add_route("10.0.0.0/8", "eth0");
  add_network("100", "172.16.1.0/24", "172.16.1.1");
  add_network("300", "10.3.0.0/24", "10.3.0.1");
  const auto report = import();
  EXPECT_EQ(report.networks.at(0).kind, Kind::imported);
  EXPECT_THAT(report.networks.at(0).note, HasSubstr("still at vlan100 on this host"));
  EXPECT_EQ(report.networks.at(1).kind, Kind::skipped);
  EXPECT_THAT(report.networks.at(1).note, HasSubstr("10.0.0.0/8 on eth0"));
}

TEST_F(Import, WhatTheDatapathCantCarryIsSkipped) {
  add_network("100", "172.16.1.0/24", "172.16.1.1");
  request.networks.back().spec.uplink = "eth9";
  const auto report = import();
  EXPECT_EQ(report.networks.at(0).kind, Kind::skipped);
  EXPECT_THAT(report.networks.at(0).note, HasSubstr("eth9"));
  EXPECT_EQ(plan(), "");
}

TEST_F(Import, NothingIsImportedWhenTheStoreRefuses) {
  add_network("100", "172.16.1.0/24", "172.16.1.1");
  add("test1", "172.16.1.2/24");
  world.disk.fail_next_commits(1000);
  EXPECT_EQ(world.service().import_plan(request).error().code, ErrorCode::storage);
  world.disk.fail_next_commits(0);
  EXPECT_FALSE(world.service().network("vlan100").ok());
}

TEST_F(Import, ACompleteNetworkMustBeWhatThePlanHas) {
  add_network("100", "172.16.1.0/24", "172.16.1.1");
  auto& record = request.networks.back();
  record.spec.name = "vlan100";
  record.spec.nat = false;
  record.mac_salt = 77;
  EXPECT_EQ(import().networks.at(0).kind, Kind::imported);
  EXPECT_EQ(world.service().network("vlan100")->network.mac_salt, 77);
  EXPECT_EQ(import().networks.at(0).kind, Kind::present);
  record.spec.nat = true;
  EXPECT_THAT(import().networks.at(0).note, HasSubstr("already with no NAT"));
  record.spec.nat = false;
  record.mac_salt = 78;
  EXPECT_THAT(import().networks.at(0).note, HasSubstr("MAC salt 77, not 78"));
}

TEST_F(Import, AnImportedContainerGetsItsAddressAndARemovedOneComesBackToIts) {
  add_network("100", "172.16.1.0/24", "172.16.1.1");
  add("test1", "172.16.1.7/24");
  add("test2", "172.16.1.9/24").state = model::ReservationState::removed;
  import();
  for (const auto* name : {"test2", "test1"}) {
    control::RunSpec spec;
    spec.name = name;
    spec.image = "busybox";
    spec.vlan = "100";
    const auto ran = world.service().run(spec);
    ASSERT_TRUE(ran.ok()) << ran.error().message();
  }
  EXPECT_TRUE(world.all_have({{"test1", address_from("172.16.1.7")}, {"test2", address_from("172.16.1.9")}}));
}

}  // namespace
}  // namespace bayplan::testing
