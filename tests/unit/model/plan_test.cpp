// The plan's invariants, its look-ups, and that every change can be taken back to the letter.
#include "model/plan.hpp"

#include <gtest/gtest.h>

#include "model/plan_edit.hpp"
#include "support/plan_dump.hpp"
#include "support/sample_records.hpp"

namespace bayplan::model {
namespace {

using testing::at;
using testing::dump;
using testing::erase;
using testing::ip;
using testing::one_of_each;
using testing::put;
using testing::sample_attachment;
using testing::sample_engine_network;
using testing::sample_network;
using testing::sample_reservation;

Plan plan_of(const std::vector<Record>& records) {
  return Plan::from(records).value();
}
Reservation removed_since(const std::string& identity, const std::string& address, long since) {
  auto reservation = sample_reservation(identity, address);
  reservation.last_seen = at(since);
  return reservation;
}
void expect_refused(Plan& plan, const Change& change, ErrorCode code, const std::string& naming) {
  const auto before = dump(plan);
  const auto applied = plan.apply(change);
  ASSERT_FALSE(applied.ok());
  EXPECT_EQ(applied.error().code, code);
  EXPECT_NE(applied.error().detail.find(naming), std::string::npos) << applied.error().detail;
  EXPECT_EQ(dump(plan), before) << "a refused change must change nothing";
}

TEST(PlanLoading, OrderDoesNotMatter) {
  auto records = one_of_each();
  const auto forward = plan_of(records);
  std::ranges::reverse(records);
  EXPECT_EQ(dump(plan_of(records)), dump(forward));
  EXPECT_EQ(dump(forward).records.size(), records.size());
}

TEST(PlanLoading, RecordsThatContradictEachOtherAreCorrupt) {
  const std::vector<std::vector<Record>> contradictions{
      {sample_reservation()},                                                // without its network
      {sample_attachment()},                                                 // the same
      {sample_engine_network()},                                             // the same
      {sample_network(), sample_reservation("a"), sample_reservation("b")},  // one address, two owners
      {sample_network("a", 1), sample_network("b", 1)},                      // one subnet, two networks
      {sample_network(), sample_attachment("172.16.1.12"), sample_attachment("172.16.1.13")},  // one endpoint twice
  };
  for (const auto& records : contradictions) {
    const auto plan = Plan::from(records);
    ASSERT_FALSE(plan.ok());
    EXPECT_EQ(plan.error().code, ErrorCode::corrupt) << plan.error().message();
  }
}

TEST(PlanNetworks, SubnetsDoNotOverlap) {
  auto plan = plan_of({sample_network("vlan100", 1)});
  auto wider = sample_network("wider", 5);
  wider.subnet = Subnet::parse("172.16.0.0/20").value();
  expect_refused(plan, put(wider), ErrorCode::conflict, "172.16.1.0/24 of the network 'vlan100'");
}

TEST(PlanNetworks, AVlanBelongsToOne) {
  auto plan = plan_of({sample_network("vlan100", 1)});
  auto other = sample_network("other", 2);
  other.vlan = 100;
  expect_refused(plan, put(other), ErrorCode::conflict, "VLAN 100 belongs to the network 'vlan100'");
  other.vlan.reset();
  ASSERT_TRUE(plan.apply(put(other)).ok());
  auto third = sample_network("third", 3);
  third.vlan.reset();
  EXPECT_TRUE(plan.apply(put(third)).ok()) << "any number of networks may be untagged";
}

TEST(PlanNetworks, AreFoundByNameVlanAndSubnet) {
  const auto plan = plan_of({sample_network("vlan100", 1), sample_network("vlan101", 2)});
  EXPECT_EQ(plan.network("vlan101")->subnet.to_string(), "172.16.2.0/24");
  EXPECT_EQ(plan.network_of_vlan(100)->name, "vlan100");
  EXPECT_EQ(plan.network_of_subnet(Subnet::parse("172.16.2.0/24").value())->name, "vlan101");
  EXPECT_EQ(plan.network_overlapping(Subnet::parse("172.16.2.128/25").value())->name, "vlan101");
  EXPECT_EQ(plan.network("vlan102"), nullptr);
  EXPECT_EQ(plan.network_of_vlan(7), nullptr);
  EXPECT_EQ(plan.network_of_subnet(Subnet::parse("172.16.2.0/25").value()), nullptr);
  EXPECT_EQ(plan.network_overlapping(Subnet::parse("172.16.3.0/24").value()), nullptr);
}

TEST(PlanNetworks, StayWhileAnythingStandsInThem) {
  for (const Record& inside : std::vector<Record>{sample_reservation(), sample_attachment(), sample_engine_network()}) {
    auto plan = plan_of({sample_network(), inside});
    expect_refused(plan, erase(sample_network()), ErrorCode::in_use, "vlan100");
    ASSERT_TRUE(plan.apply(erase(inside)).ok());
    EXPECT_TRUE(plan.apply(erase(sample_network())).ok());
  }
}

TEST(PlanNetworks, AChangedNetworkKeepsWhatIsTaken) {
  auto plan = plan_of({sample_network(), sample_reservation("web", "172.16.1.10"), sample_attachment("172.16.1.11")});
  auto wider = sample_network();
  wider.ranges.clear();
  ASSERT_TRUE(plan.apply(put(wider)).ok());
  EXPECT_EQ(plan.pool("vlan100")->taken(), 2U);
  EXPECT_EQ(plan.pool("vlan100")->lowest_free(), ip("172.16.1.2"));
}

TEST(PlanReservations, AnAddressHasOneOwner) {
  auto plan = plan_of({sample_network(), sample_reservation("web")});
  expect_refused(plan, put(sample_reservation("db")), ErrorCode::conflict, "belongs to 'web'");
  ASSERT_TRUE(plan.apply(put(sample_reservation("db", "172.16.1.13"))).ok());
  expect_refused(plan, put(sample_reservation("db")), ErrorCode::conflict, "belongs to 'web'");
}

TEST(PlanReservations, AnIdentityHasOneOfEachFamily) {
  auto plan = Plan::from({sample_network(), sample_reservation("web"), sample_reservation("web", "fd00::12")}).value();
  EXPECT_EQ(plan.reservation("vlan100", "web")->address, ip("172.16.1.12"));
  EXPECT_EQ(plan.reservation("vlan100", "web", Plan::Family::v6)->address, ip("fd00::12"));
  EXPECT_EQ(plan.reservations("vlan100").size(), 2U);
  ASSERT_TRUE(plan.apply(erase(sample_reservation("web", "fd00::12"))).ok());
  EXPECT_NE(plan.reservation("vlan100", "web"), nullptr);
  EXPECT_EQ(plan.reservation("vlan100", "web", Plan::Family::v6), nullptr);
}

TEST(PlanReservations, NeedTheirNetwork) {
  Plan plan;
  for (const Record& record : std::vector<Record>{sample_reservation(), sample_attachment(), sample_engine_network()}) {
    expect_refused(plan, put(record), ErrorCode::not_found, "there is no network 'vlan100'");
  }
}

TEST(PlanReservations, AMovedOneFreesItsFormerAddress) {
  auto plan = plan_of({sample_network(), sample_reservation("web", "172.16.1.10")});
  ASSERT_TRUE(plan.apply(put(sample_reservation("web", "172.16.1.11"))).ok());
  EXPECT_EQ(plan.reservation_at("vlan100", ip("172.16.1.10")), nullptr);
  EXPECT_EQ(plan.reservation_at("vlan100", ip("172.16.1.11"))->identity, "web");
  EXPECT_EQ(plan.pool("vlan100")->lowest_free(), ip("172.16.1.10"));
  EXPECT_EQ(plan.pool("vlan100")->taken(), 1U);
}

TEST(PlanReservations, TheLongestRemovedIsReclaimedFirst) {
  auto held = removed_since("held", "172.16.1.16", 1);
  held.state = ReservationState::held;
  auto plan =
      plan_of({sample_network(), removed_since("late", "172.16.1.12", 300), removed_since("first", "172.16.1.15", 100),
               removed_since("used", "172.16.1.14", 50), held, sample_attachment("172.16.1.14")});
  const auto order = plan.reclaimable("vlan100");
  ASSERT_EQ(order.size(), 2U) << "neither held nor attached addresses are given away";
  EXPECT_EQ(order[0]->identity, "first");
  EXPECT_EQ(order[1]->identity, "late");
  EXPECT_TRUE(plan.reclaimable("vlan101").empty());
}

TEST(PlanAttachments, AnEndpointHasOneAddress) {
  auto plan = plan_of({sample_network(), sample_attachment("172.16.1.12", "e1")});
  expect_refused(plan, put(sample_attachment("172.16.1.13", "e1")), ErrorCode::conflict, "172.16.1.12");
  ASSERT_TRUE(plan.apply(put(sample_attachment("172.16.1.13", "e2"))).ok());
  expect_refused(plan, put(sample_attachment("172.16.1.13", "e1")), ErrorCode::conflict, "172.16.1.12");
  EXPECT_EQ(plan.attachment_of("e2")->address, ip("172.16.1.13"));
}

TEST(PlanAttachments, AnEndpointThatGoesCanComeElsewhere) {
  auto plan = plan_of({sample_network(), sample_attachment("172.16.1.12", "e1")});
  ASSERT_TRUE(plan.apply(put(sample_attachment("172.16.1.12", ""))).ok());
  EXPECT_EQ(plan.attachment_of("e1"), nullptr);
  EXPECT_EQ(plan.attachment_of(""), nullptr);
  ASSERT_TRUE(plan.apply(put(sample_attachment("172.16.1.13", "e1"))).ok());
  ASSERT_TRUE(plan.apply(put(sample_attachment("172.16.1.14", ""))).ok()) << "any number are only granted";
  EXPECT_EQ(plan.attachments("vlan100").size(), 3U);
}

TEST(PlanAttachments, AnAddressIsFreeWhenNeitherReservedNorAttached) {
  auto plan = plan_of({sample_network(), sample_reservation("web", "172.16.1.10"), sample_attachment("172.16.1.10")});
  ASSERT_TRUE(plan.apply(erase(sample_attachment("172.16.1.10"))).ok());
  EXPECT_EQ(plan.pool("vlan100")->lowest_free(), ip("172.16.1.11"));
  ASSERT_TRUE(plan.apply(put(sample_attachment("172.16.1.10"))).ok());
  ASSERT_TRUE(plan.apply(erase(sample_reservation("web", "172.16.1.10"))).ok());
  EXPECT_EQ(plan.pool("vlan100")->lowest_free(), ip("172.16.1.11"));
  ASSERT_TRUE(plan.apply(erase(sample_attachment("172.16.1.10"))).ok());
  EXPECT_EQ(plan.pool("vlan100")->lowest_free(), ip("172.16.1.10"));
}

TEST(PlanChanges, ErasingWhatIsNotThereIsNoError) {
  Plan plan;
  for (const Record& record : one_of_each()) EXPECT_TRUE(plan.apply(erase(record)).ok());
  EXPECT_TRUE(dump(plan).records.empty());
}

TEST(PlanChanges, EachIsTakenBackByItsInverse) {
  auto plan = plan_of({sample_network("base", 7)});
  for (const Record& record : one_of_each()) {
    const auto before = dump(plan);
    const auto made = plan.apply(put(record)).value();
    const auto with = dump(plan);
    const auto again = plan.apply(put(record)).value();
    ASSERT_TRUE(plan.apply(again).ok());
    EXPECT_EQ(dump(plan), with);
    ASSERT_TRUE(plan.apply(made).ok());
    EXPECT_EQ(dump(plan), before);
    ASSERT_TRUE(plan.apply(put(record)).ok());
    const auto erased = plan.apply(erase(record)).value();
    ASSERT_TRUE(plan.apply(erased).ok());
    EXPECT_EQ(dump(plan), with);
  }
}

TEST(PlanEdits, RollBackToAMarkAndToTheStart) {
  auto plan = plan_of({sample_network(), sample_reservation("web", "172.16.1.10")});
  const auto start = dump(plan);
  PlanEdit edit(plan);
  ASSERT_TRUE(edit.put(sample_reservation("web", "172.16.1.11")).ok());
  const auto mark = edit.changes().size();
  const auto marked = dump(plan);
  ASSERT_TRUE(edit.put(sample_reservation("db", "172.16.1.10")).ok()) << "the address that web left";
  ASSERT_TRUE(edit.erase(sample_reservation("web", "172.16.1.11")).ok());
  edit.rollback(mark);
  EXPECT_EQ(dump(plan), marked);
  EXPECT_EQ(edit.changes().size(), mark);
  edit.rollback();
  EXPECT_EQ(dump(plan), start);
}

TEST(PlanEdits, ARefusedChangeIsNotRecorded) {
  auto plan = plan_of({sample_network(), sample_reservation("web")});
  PlanEdit edit(plan);
  EXPECT_FALSE(edit.put(sample_reservation("db")).ok());
  EXPECT_TRUE(edit.changes().empty());
}

TEST(Records, EveryNameIsReadBack) {
  for (const auto kind : {DatapathKind::bridge, DatapathKind::ovs, DatapathKind::macvlan}) {
    EXPECT_EQ(parse_datapath_kind(to_string(kind)).value(), kind);
  }
  for (const auto state : {ReservationState::attached, ReservationState::held, ReservationState::removed}) {
    EXPECT_EQ(parse_reservation_state(to_string(state)).value(), state);
  }
  using enum Attachment::Stage;
  for (const auto stage : {granted, created, joined})
    EXPECT_EQ(parse_attachment_stage(to_string(stage)).value(), stage);
}

TEST(Records, AnUnknownNameIsRefusedWithTheKnownOnes) {
  EXPECT_EQ(parse_datapath_kind("vxlan").error().detail,
            "'vxlan' is not a datapath: it is one of bridge, ovs, macvlan");
  EXPECT_EQ(parse_reservation_state("").error().code, ErrorCode::invalid);
  EXPECT_EQ(parse_attachment_stage("Joined").error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace bayplan::model
