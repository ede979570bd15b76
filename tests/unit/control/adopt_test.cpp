// What `bayplan adopt` makes of the engine's containers.
#include "control/adopt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/addresses.hpp"
#include "support/sample_records.hpp"

namespace bayplan::testing {
namespace {

using control::AdoptFacts;
using control::AdoptOutcome;
using control::AdoptRequest;
using control::AdoptTerms;
using Kind = AdoptOutcome::Kind;
using State = ports::ContainerState;

ports::EngineNetworkInfo engine_network(const std::string& name, const std::string& subnet,
                                        const std::string& driver = "bridge") {
  ports::EngineNetworkInfo made;
  made.id = "id-" + name;
  made.name = name;
  made.driver = driver;
  if (!subnet.empty()) made.subnets.push_back(model::Subnet::parse(subnet).value());
  return made;
}

ports::ContainerNetwork on(const std::string& network, const std::string& address, const std::string& configured = "") {
  ports::ContainerNetwork entry;
  entry.key = network;
  entry.network_id = "id-" + network;
  if (!address.empty()) entry.address = ip(address);
  if (!address.empty()) entry.endpoint = "endpoint";
  if (!configured.empty()) entry.configured = ip(configured);
  return entry;
}

ports::Container box(const std::string& name, std::vector<ports::ContainerNetwork> networks,
                     State state = State::running) {
  ports::Container made;
  made.id = "0123456789ab-" + name;
  made.name = name;
  made.state = state;
  made.network_mode = networks.empty() ? "none" : networks.front().key;
  made.networks = std::move(networks);
  return made;
}

ports::InsideAddress inside(const std::string& interface, const std::string& address, const std::string& gateway) {
  const auto [ip_address, subnet] = model::parse_with_prefix(address).value();
  return {interface, ip_address, subnet, {}, ip(gateway)};
}

class Adopting : public ::testing::Test {
 protected:
  Adopting() {
    facts.networks = {engine_network("bridge", "172.17.0.0/16"), engine_network("shop", "10.9.0.0/24"),
                      engine_network("none", "", "null"), engine_network("host", "", "host"),
                      engine_network("carrier", "172.16.1.0/24", "bayplan")};
    // As Docker itself has them.
    terms.routes = {{model::Subnet::parse("172.17.0.0/16").value(), "docker0"},
                    {model::Subnet::parse("10.9.0.0/24").value(), "br-0123"}};
    terms.host = "host1";
    terms.now = now;
    auto network = sample_network("vlan100", 1);
    network.subnet = model::Subnet::parse("172.16.1.0/24").value();
    network.gateway = network.subnet.first_host();
    network.ranges.clear();
    network.exclusions.clear();
    EXPECT_TRUE(edit.put(network).ok());
    EXPECT_TRUE(edit.put(model::EngineNetwork{"id-carrier", "vlan100"}).ok());
  }

  std::vector<AdoptOutcome> adopt(const AdoptRequest& request) {
    auto planned = control::plan_adoption(edit, request, facts, terms);
    if (!planned) {
      refusal = planned.error().message();
      return {};
    }
    plan_made = std::move(*planned);
    return plan_made.report.outcomes;
  }
  std::vector<AdoptOutcome> adopt_all() {
    AdoptRequest request;
    request.all = true;
    return adopt(request);
  }
  std::vector<AdoptOutcome> move(std::vector<std::string> names, const std::string& network = "vlan100") {
    AdoptRequest request;
    request.containers = std::move(names);
    request.move_network = network;
    return adopt(request);
  }
  const model::Reservation* reservation(const std::string& network, const std::string& identity) {
    return plan.reservation(network, identity);
  }

  Timestamp now = at(1'000'000'000);
  model::Plan plan;
  model::PlanEdit edit{plan};
  AdoptFacts facts;
  AdoptTerms terms;
  control::AdoptPlan plan_made;
  std::string refusal;
};

TEST_F(Adopting, AnAddressOnDockersBridgeIsReservedOnANetworkMadeAfterIt) {
  facts.networks[1].range = model::AddressRange::parse("10.9.0.64-10.9.0.127").value();
  facts.networks[1].auxiliary = {ip("10.9.0.70")};
  facts.networks[1].gateway = ip("10.9.0.254");
  facts.networks[1].options = {{"com.docker.network.driver.mtu", "1400"},
                               {"com.docker.network.bridge.enable_ip_masquerade", "false"}};
  facts.containers = {box("db", {on("shop", "10.9.0.77")})};
  const auto outcomes = adopt_all();
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].kind, Kind::adopted);
  EXPECT_EQ(outcomes[0].address_now, "10.9.0.77/24");
  EXPECT_EQ(outcomes[0].address, "10.9.0.77/24");
  EXPECT_TRUE(outcomes[0].network_made);
  const auto* network = plan.network("shop");
  ASSERT_NE(network, nullptr);
  EXPECT_EQ(network->gateway, ip("10.9.0.254"));
  EXPECT_EQ(network->mtu, 1400U);
  EXPECT_FALSE(network->nat);
  ASSERT_EQ(network->ranges.size(), 1U);
  EXPECT_EQ(network->ranges[0].to_string(), "10.9.0.64-10.9.0.127");
  ASSERT_EQ(network->exclusions.size(), 1U);
  const auto* own = reservation("shop", "db");
  ASSERT_NE(own, nullptr);
  EXPECT_EQ(own->state, model::ReservationState::held);
  EXPECT_EQ(own->container_name, "db");
  EXPECT_EQ(own->host, "host1");
}

TEST_F(Adopting, ANetworkOfOursThatHoldsTheAddressIsUsed) {
  facts.networks.push_back(engine_network("wire", "172.16.1.0/25", "macvlan"));
  facts.containers = {box("db", {on("wire", "172.16.1.9")})};
  const auto outcomes = adopt_all();
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].network, "vlan100");
  EXPECT_EQ(outcomes[0].address, "172.16.1.9/24");
  EXPECT_FALSE(outcomes[0].network_made);
}

TEST_F(Adopting, TheSecondTimeNothingIsChanged) {
  facts.containers = {box("db", {on("shop", "10.9.0.7")}), box("web", {on("bridge", "172.17.0.2")})};
  adopt_all();
  const std::size_t before = edit.changes().size();
  const auto outcomes = adopt_all();
  EXPECT_EQ(edit.changes().size(), before);
  for (const auto& outcome : outcomes) EXPECT_EQ(outcome.kind, Kind::present) << outcome.container;
}

TEST_F(Adopting, AStoppedContainerHasTheAddressItAsksForOrNone) {
  facts.containers = {box("fixed", {on("shop", "", "10.9.0.8")}, State::exited),
                      box("other", {on("shop", "")}, State::exited)};
  const auto outcomes = adopt_all();
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_EQ(outcomes[0].kind, Kind::adopted);
  EXPECT_EQ(outcomes[0].address, "10.9.0.8/24");
  EXPECT_EQ(outcomes[1].kind, Kind::refused);
  EXPECT_THAT(outcomes[1].note, ::testing::HasSubstr("Docker keeps no address for it"));
}

TEST_F(Adopting, OfTwoThatClaimAnAddressTheSecondIsRefusedAndTheOwnerNamed) {
  facts.containers = {box("a", {on("shop", "", "10.9.0.8")}, State::exited),
                      box("b", {on("shop", "", "10.9.0.8")}, State::exited)};
  const auto outcomes = adopt_all();
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_EQ(outcomes[0].kind, Kind::adopted);
  EXPECT_EQ(outcomes[1].kind, Kind::refused);
  EXPECT_THAT(outcomes[1].note, ::testing::HasSubstr("held for 'a'"));
}

TEST_F(Adopting, OneThatIsRefusedLeavesNoNetworkBehind) {
  auto bad = box("bad", {on("shop", "10.9.0.7")});
  bad.labels["bayplan.identity"] = "not an identity";
  auto at_gateway = box("gw", {on("shop", "10.9.0.1")});
  facts.containers = {bad, at_gateway};
  for (const auto& outcome : adopt_all()) EXPECT_EQ(outcome.kind, Kind::refused) << outcome.container;
  EXPECT_EQ(plan.network("shop"), nullptr);
  EXPECT_TRUE(plan_made.new_networks.empty());
}

TEST_F(Adopting, TheLabelIsTheIdentity) {
  auto labelled = box("shop_db_1", {on("shop", "10.9.0.7")});
  labelled.labels["bayplan.identity"] = "db";
  facts.containers = {labelled};
  adopt_all();
  EXPECT_NE(reservation("shop", "db"), nullptr);
}

TEST_F(Adopting, EachNetworkOfAContainerIsReported) {
  facts.containers = {box("both", {on("shop", "10.9.0.7"), on("bridge", "172.17.0.3"), on("carrier", "172.16.1.2")})};
  const auto outcomes = adopt_all();
  ASSERT_EQ(outcomes.size(), 3U);
  EXPECT_EQ(outcomes[0].kind, Kind::adopted);
  EXPECT_EQ(outcomes[1].kind, Kind::adopted);
  EXPECT_EQ(outcomes[2].kind, Kind::present);
  EXPECT_EQ(outcomes[2].network, "vlan100");
}

TEST_F(Adopting, WhatHasNoAddressOfItsOwnIsNoErrorUnlessItWasNamed) {
  auto on_host = box("h", {on("host", "")});
  auto beside = box("c", {});
  beside.network_mode = "container:0123";
  facts.containers = {on_host, beside, box("n", {on("none", "")})};
  facts.inside.emplace(facts.containers[2].id, std::vector<ports::InsideAddress>{});
  for (const auto& outcome : adopt_all()) EXPECT_EQ(outcome.kind, Kind::nothing) << outcome.container;
  AdoptRequest named;
  named.containers = {"h", "nobody"};
  for (const auto& outcome : adopt(named)) EXPECT_EQ(outcome.kind, Kind::refused) << outcome.container;
}

TEST_F(Adopting, AnInterfacePutInByHandCountsAndTheOldGatewayTellsTheVlan) {
  facts.containers = {box("old", {on("none", "")})};
  facts.inside.emplace(facts.containers[0].id,
                       std::vector<ports::InsideAddress>{inside("eth1", "172.16.3.9/24", "172.16.3.1")});
  terms.routes.push_back({model::Subnet::parse("172.16.3.0/24").value(), "vlan300"});
  const auto outcomes = adopt_all();
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].kind, Kind::adopted);
  EXPECT_EQ(outcomes[0].engine_network, "none (eth1)");
  EXPECT_EQ(outcomes[0].network, "vlan300");
  ASSERT_NE(plan.network("vlan300"), nullptr);
  EXPECT_EQ(plan.network("vlan300")->vlan, 300);
  EXPECT_EQ(plan.network("vlan300")->gateway, ip("172.16.3.1"));
}

TEST_F(Adopting, ASubnetThatOverlapsSomethingElseIsRefusedAndSaysWhatToDo) {
  terms.routes.push_back({model::Subnet::parse("10.0.0.0/8").value(), "eth0"});
  facts.containers = {box("db", {on("shop", "10.9.0.7")})};
  const auto outcomes = adopt_all();
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].kind, Kind::refused);
  EXPECT_THAT(outcomes[0].note, ::testing::HasSubstr("eth0"));
  EXPECT_THAT(outcomes[0].note, ::testing::HasSubstr("bayplan network create NAME --subnet 10.9.0.0/24"));
}

// Its gateway is a router on the wire: this host must not come to have the same address by itself.
TEST_F(Adopting, NoNetworkIsMadeByItselfForMacvlan) {
  facts.networks.push_back(engine_network("wire", "192.168.7.0/24", "macvlan"));
  facts.containers = {box("db", {on("wire", "192.168.7.9")})};
  const auto outcomes = adopt_all();
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].kind, Kind::refused);
  EXPECT_THAT(outcomes[0].note, ::testing::HasSubstr("bayplan network create NAME --subnet 192.168.7.0/24"));
  EXPECT_EQ(plan.network("wire"), nullptr);
}

TEST_F(Adopting, ASwarmsNetworkIsRefused) {
  facts.networks.push_back(engine_network("mesh", "10.0.1.0/24", "overlay"));
  facts.networks.back().swarm = true;
  facts.containers = {box("db", {on("mesh", "10.0.1.7")})};
  EXPECT_EQ(adopt_all().at(0).kind, Kind::refused);
  EXPECT_EQ(move({"db"}).at(0).kind, Kind::refused);
}

TEST_F(Adopting, FromTakesOnlyWhatIsOnThatNetwork) {
  facts.containers = {box("both", {on("shop", "10.9.0.7"), on("bridge", "172.17.0.3")}),
                      box("web", {on("bridge", "172.17.0.2")})};
  AdoptRequest request;
  request.all = true;
  request.from = "shop";
  const auto outcomes = adopt(request);
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].engine_network, "shop");
}

// --- moving

TEST_F(Adopting, AMoveKeepsTheAddressThatTheNetworkHas) {
  facts.networks.push_back(engine_network("wire", "172.16.1.0/24", "macvlan"));
  facts.containers = {box("db", {on("wire", "172.16.1.9")})};
  const auto outcomes = move({"db"});
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].kind, Kind::moved);
  EXPECT_EQ(outcomes[0].address, "172.16.1.9/24");
  EXPECT_EQ(outcomes[0].note, "");
  ASSERT_EQ(plan_made.moves.size(), 1U);
  EXPECT_EQ(plan_made.moves[0].reservation.address, ip("172.16.1.9"));
}

TEST_F(Adopting, AMoveGivesAnotherAddressWhereItMustAndSaysWhy) {
  facts.networks.push_back(engine_network("wire", "172.16.1.0/24", "macvlan"));
  ASSERT_TRUE(edit.put(control::make_reservation(*plan.network("vlan100"), "printer", ip("172.16.1.9"), now)).ok());
  facts.containers = {box("db", {on("wire", "172.16.1.9")}), box("web", {on("bridge", "172.17.0.2")}),
                      box("off", {on("bridge", "")}, State::exited)};
  const auto outcomes = move({"db", "web", "off"});
  ASSERT_EQ(outcomes.size(), 3U);
  EXPECT_THAT(outcomes[0].note, ::testing::HasSubstr("held for 'printer'"));
  EXPECT_THAT(outcomes[1].note, ::testing::HasSubstr("172.17.0.2 is not in 172.16.1.0/24"));
  EXPECT_THAT(outcomes[2].note, ::testing::HasSubstr("keeps no address"));
  EXPECT_EQ(outcomes[0].address, "172.16.1.2/24");
  EXPECT_EQ(outcomes[1].address, "172.16.1.3/24");
  EXPECT_EQ(outcomes[2].address, "172.16.1.4/24");
}

TEST_F(Adopting, ANewAddressIsNoneThatAnotherContainerHasOnTheWire) {
  facts.networks.push_back(engine_network("wire", "172.16.1.0/24", "macvlan"));
  facts.containers = {box("web", {on("bridge", "172.17.0.2")}), box("db", {on("wire", "172.16.1.2")}),
                      box("off", {on("wire", "", "172.16.1.3")}, State::exited)};
  terms.in_use = control::addresses_in_use(facts);
  EXPECT_EQ(move({"web"}).at(0).address, "172.16.1.4/24");
  EXPECT_EQ(move({"db"}).at(0).address, "172.16.1.2/24");
  EXPECT_EQ(plan.reservations("vlan100").size(), 2U);
}

TEST_F(Adopting, AMoveGoesToTheAddressThatIsReservedAlready) {
  ASSERT_TRUE(edit.put(control::make_reservation(*plan.network("vlan100"), "web", ip("172.16.1.77"), now)).ok());
  facts.containers = {box("web", {on("bridge", "172.17.0.2")})};
  EXPECT_EQ(move({"web"}).at(0).address, "172.16.1.77/24");
}

TEST_F(Adopting, OfSeveralNetworksOneHasToBeNamedForAMove) {
  facts.containers = {box("both", {on("shop", "10.9.0.7"), on("bridge", "172.17.0.3")}),
                      box("here", {on("bridge", "172.17.0.4"), on("carrier", "172.16.1.2")})};
  for (const auto& outcome : move({"both"})) {
    EXPECT_EQ(outcome.kind, Kind::refused);
    EXPECT_THAT(outcome.note, ::testing::HasSubstr("--from"));
  }
  const auto here = move({"here"});
  ASSERT_EQ(here.size(), 2U);
  EXPECT_EQ(here[0].kind, Kind::refused);
  EXPECT_THAT(here[0].note, ::testing::HasSubstr("on vlan100 already"));
  EXPECT_EQ(here[1].kind, Kind::present);
  EXPECT_TRUE(plan_made.moves.empty());
}

TEST_F(Adopting, NothingMovesToANetworkWhoseSubnetIsStillRoutedElsewhere) {
  facts.containers = {box("db", {on("shop", "10.9.0.7")})};
  adopt_all();
  EXPECT_TRUE(move({"db"}, "shop").empty());
  EXPECT_THAT(refusal, ::testing::HasSubstr("br-0123"));
  EXPECT_TRUE(move({"db"}, "nowhere").empty());
  EXPECT_THAT(refusal, ::testing::HasSubstr("there is no network 'nowhere'"));
}

}  // namespace
}  // namespace bayplan::testing
