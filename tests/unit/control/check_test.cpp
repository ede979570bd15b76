// What `bayplan check` finds: each kind of difference, and nothing where all is right.
#include "control/check.hpp"

#include <gmock/gmock.h>

#include "rules.hpp"
#include "support/networks.hpp"

namespace bayplan::testing {
namespace {

using control::EngineLook;
using control::Finding;
using control::FindingKind;
using control::KernelLook;
using control::KernelWanted;
using ports::ContainerState;
using State = ports::ContainerState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using enum control::FindingKind;

std::vector<FindingKind> kinds(const std::vector<Finding>& findings) {
  std::vector<FindingKind> all;
  for (const auto& finding : findings) all.push_back(finding.kind);
  return all;
}

class CheckEngine : public Rules {
 protected:
  // The engine's list, as it should be.
  static ports::EngineNetworkInfo listed(const std::string& id = "net-id",
                                         const std::string& subnet = "172.16.1.0/24") {
    ports::EngineNetworkInfo info;
    info.id = id;
    info.name = id == "net-id" ? "net" : id;
    info.driver = "bayplan";
    info.subnets = {model::Subnet::parse(subnet).value()};
    return info;
  }
  std::vector<Finding> check(std::vector<ports::Container> containers,
                             std::vector<ports::EngineNetworkInfo> networks = {listed()},
                             const control::CheckScope& scope = std::nullopt) {
    EngineLook look{facts_of(std::move(containers)), std::move(networks)};
    look.facts.listed_at = later;
    return control::check_engine(plan, look, scope, later);
  }
  ports::Container running(const std::string& name, const std::string& address, const std::string& endpoint) {
    auto made = container(name, State::running, "", endpoint);
    made.networks[0].address = ip(address);
    made.networks[0].mac = model::mac_of(plan.network("vlan100")->mac_salt, ip(address));
    return made;
  }
  // 'web' is attached at .5, and all agrees.
  void have_web() {
    have("web", "172.16.1.5", model::ReservationState::attached);
    have_attachment("172.16.1.5", "endpoint1", "web");
  }
  Timestamp later = now + std::chrono::minutes(1);
};

TEST_F(CheckEngine, FindsNothingWhereAllIsRight) {
  have_web();
  have("db", "172.16.1.6");
  have("old", "172.16.1.7", model::ReservationState::removed);
  auto by_hand = have("ahead", "172.16.1.8");
  by_hand.container_id.clear();
  ASSERT_TRUE(edit.put(by_hand).ok());
  EXPECT_THAT(check({running("web", "172.16.1.5", "endpoint1"), container("db", State::exited)}), IsEmpty());
}

TEST_F(CheckEngine, AttachedButTheContainerIsNotRunning) {
  have_web();
  const auto found = check({container("web", State::exited)});
  ASSERT_THAT(kinds(found), ElementsAre(container_not_running));
  EXPECT_EQ(found[0].found, "exited");
  EXPECT_EQ(found[0].address, "172.16.1.5");
  EXPECT_EQ(found[0].identity, "web");
}

TEST_F(CheckEngine, AttachedButTheContainerIsGone) {
  have_web();
  EXPECT_THAT(kinds(check({})), ElementsAre(container_gone));
}

TEST_F(CheckEngine, AttachedButDockerHasItNotOnTheNetwork) {
  have_web();
  EXPECT_THAT(kinds(check({container("web", State::running)})), ElementsAre(container_not_connected));
}

TEST_F(CheckEngine, AContainerThatHasJustJoinedMayNotBeListedYet) {
  have_web();
  later = now + std::chrono::seconds(2);
  EXPECT_THAT(check({container("web", State::created)}), IsEmpty());
}

TEST_F(CheckEngine, AddressAndMacThatDockerShowsOtherwise) {
  have_web();
  auto wrong = running("web", "172.16.1.5", "endpoint1");
  wrong.networks[0].address = ip("172.16.1.9");
  wrong.networks[0].mac = model::MacAddress::parse("02:42:00:00:00:01").value();
  const auto found = check({wrong});
  ASSERT_THAT(kinds(found), ElementsAre(address_differs, mac_differs));
  EXPECT_EQ(found[0].found, "172.16.1.9");
  EXPECT_EQ(found[1].found, "02:42:00:00:00:01");
}

TEST_F(CheckEngine, RunsWithAnotherAddressThanIsReservedForIt) {
  have("web", "172.16.1.5");
  have_attachment("172.16.1.20", "endpoint1", "web");
  const auto found = check({running("web", "172.16.1.20", "endpoint1")});
  ASSERT_THAT(kinds(found), ElementsAre(address_differs));
  EXPECT_EQ(found[0].wanted, "172.16.1.5");
  EXPECT_EQ(found[0].found, "172.16.1.20");
}

TEST_F(CheckEngine, HeldButRunningWithAnAddress) {
  have("web", "172.16.1.5");
  EXPECT_THAT(kinds(check({running("web", "172.16.1.5", "endpoint1")})), ElementsAre(container_not_recorded));
}

TEST_F(CheckEngine, HeldButItsContainerIsDeleted) {
  have("web", "172.16.1.5");
  EXPECT_THAT(kinds(check({})), ElementsAre(container_gone));
}

TEST_F(CheckEngine, RemovedButTheContainerIsThere) {
  have("web", "172.16.1.5", model::ReservationState::removed);
  const auto found = check({container("web", State::exited)});
  ASSERT_THAT(kinds(found), ElementsAre(state_differs));
  EXPECT_EQ(found[0].found, "held");
  EXPECT_EQ(found[0].wanted, "removed");
}

TEST_F(CheckEngine, AttachedInThePlanWithoutAnAttachment) {
  have("web", "172.16.1.5", model::ReservationState::attached);
  EXPECT_THAT(kinds(check({container("web", State::exited)})), ElementsAre(state_differs));
}

TEST_F(CheckEngine, AContainerWithoutAReservation) {
  const auto found = check({running("stranger", "172.16.1.9", "endpoint9")});
  ASSERT_THAT(kinds(found), ElementsAre(container_without_reservation));
  EXPECT_THAT(found[0].message, HasSubstr("bayplan reserve vlan100 stranger --ip 172.16.1.9"));
}

TEST_F(CheckEngine, MarkedForAttachmentAndRunningWithoutIt) {
  have("web", "172.16.1.5");
  ASSERT_TRUE(edit.put(model::AttachMark{"vlan100", "web", "", "eth1", false, std::string(64, 'a')}).ok());
  EXPECT_THAT(kinds(check({container("web", State::running)})), ElementsAre(container_not_attached));
  EXPECT_THAT(check({container("web", State::exited)}), IsEmpty());
}

TEST_F(CheckEngine, NetworksThatDockerLacksOrThePlanDoesNotKnow) {
  EXPECT_THAT(kinds(check({}, {})), ElementsAre(engine_network_missing));
  EXPECT_THAT(kinds(check({}, {listed(), listed("other-id", "172.16.9.0/24")})), ElementsAre(engine_network_unknown));
  EXPECT_THAT(kinds(check({}, {listed("net-id", "172.16.9.0/24")})), ElementsAre(engine_network_differs));
}

TEST_F(CheckEngine, OnlyTheNetworkAskedFor) {
  have_web();
  EXPECT_THAT(check({}, {}, "vlan200"), IsEmpty());
  EXPECT_THAT(kinds(check({}, {listed()}, "vlan100")), ElementsAre(container_gone));
}

// --- the kernel

class CheckKernel : public ::testing::Test {
 protected:
  CheckKernel() {
    KernelWanted::Port port;
    port.network = "vlan100";
    port.spec = test::port_spec(network_, 2);
    port.address = address_;
    look.wanted = {{network_}, {port}, {}};
    look.found = {{"vlan100"}, {{port.spec.host_name, "vlan100", port.spec.identity, true}}};
  }
  ports::FoundPort& port() { return look.found.ports[0]; }
  std::vector<FindingKind> check(const control::CheckScope& scope = std::nullopt) {
    return kinds(control::check_kernel(look, scope));
  }

  model::Network network_ = test::vlan_network(100);
  model::IpAddress address_ = ip("172.16.100.2");
  KernelLook look;
};

TEST_F(CheckKernel, FindsNothingWhereAllIsRight) {
  EXPECT_THAT(check(), IsEmpty());
}

TEST_F(CheckKernel, PortsThatAreNotAsWanted) {
  port().in_place = false;
  EXPECT_THAT(check(), ElementsAre(port_misplaced));
  port().up = false;
  EXPECT_THAT(check(), ElementsAre(port_down));
  port().identity = "somebody";
  EXPECT_THAT(check(), ElementsAre(port_alias_differs));
  look.found.ports.clear();
  EXPECT_THAT(check(), ElementsAre(port_missing));
  const auto found = control::check_kernel(look, std::nullopt);
  EXPECT_EQ(found[0].address, "172.16.100.2");
  EXPECT_EQ(found[0].identity, "test2");
}

TEST_F(CheckKernel, APortThatIsElsewhereIsSaidToBeWhereItIs) {
  port().in_place = false;
  port().place = "tag 7";
  port().wanted_place = "tag 100";
  const auto found = control::check_kernel(look, std::nullopt);
  ASSERT_THAT(kinds(found), ElementsAre(port_misplaced));
  EXPECT_EQ(found[0].found, "tag 7");
  EXPECT_EQ(found[0].wanted, "tag 100");
  EXPECT_THAT(found[0].message, HasSubstr("'test2' on vlan100 is not where it belongs: tag 7 instead of tag 100"));
}

TEST_F(CheckKernel, WhatBelongsToNothing) {
  look.found.ports.push_back({"bpffffffff", "vlan100", "ghost", true});
  look.found.networks.emplace_back("vlan7");
  EXPECT_THAT(check(), ElementsAre(network_left_over, port_left_over));
}

TEST_F(CheckKernel, EachPartOfANetworksDevice) {
  using What = ports::NetworkFault::What;
  const std::vector<std::pair<What, FindingKind>> parts{
      {What::device, network_device_missing}, {What::settings, network_device_differs},
      {What::down, network_device_down},      {What::gateway, network_gateway_missing},
      {What::route, network_route_missing},   {What::uplink, network_uplink_missing},
      {What::blocked, network_blocked}};
  for (const auto& [what, kind] : parts) {
    look.faults = {{"vlan100", {{what, "bp-100", "this", "that"}}}};
    EXPECT_THAT(check(), ElementsAre(kind));
  }
  EXPECT_THAT(check("vlan200"), IsEmpty());
}

TEST_F(CheckKernel, DriftInsideAContainerAndThePacketFilter) {
  auto port = look.wanted.ports[0];
  port.inside = ports::InsideSpec{};
  port.inside->interface = "eth1";
  look.inside = {{port, {ports::Drift::address, ports::Drift::route}}};
  look.firewall = {"the table ip bayplan of nftables"};
  EXPECT_THAT(check(), ElementsAre(interface_differs, interface_differs, firewall_differs));
}

// --- two looks

Finding finding(FindingKind kind, const std::string& found) {
  Finding made;
  made.kind = kind;
  made.network = "vlan100";
  made.found = found;
  return made;
}

TEST(CheckFindings, CountOnlyIfTwoLooksAgree) {
  const auto sure = control::confirmed({finding(port_down, "a"), finding(port_missing, "b")},
                                       {finding(port_down, "c"), finding(mac_differs, "d")});
  ASSERT_EQ(sure.size(), 1U);
  EXPECT_EQ(sure[0].kind, port_down);
  EXPECT_EQ(sure[0].found, "c") << "as it was found last";
}

TEST(CheckFindings, ThatAreGoneAfterwardsWereRepaired) {
  const auto all =
      control::after_repair({finding(port_down, "a"), finding(port_missing, "b")}, {finding(port_missing, "b")}, true);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].kind, port_down);
  EXPECT_TRUE(all[0].repaired);
  EXPECT_FALSE(all[1].repaired);
}

TEST(CheckFindings, AreNotRepairedWhenTheSecondLookDidNotSeeAll) {
  const auto all = control::after_repair({finding(container_gone, "a")}, {}, false);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_FALSE(all[0].repaired);
}

TEST(CheckFindings, HaveANameEach) {
  std::set<std::string_view> names;
  for (int kind = 0; kind <= static_cast<int>(probe_duplicate); ++kind) {
    names.insert(to_string(static_cast<FindingKind>(kind)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(probe_duplicate) + 1);
  EXPECT_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace bayplan::testing
