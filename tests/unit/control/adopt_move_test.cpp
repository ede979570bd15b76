// `bayplan adopt` carried out, against a fake Docker with networks of its own and a fake kernel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "world.hpp"

namespace bayplan::testing {
namespace {

using Kind = control::AdoptOutcome::Kind;
using Names = std::vector<std::string>;

class AdoptMove : public ::testing::Test {
 protected:
  AdoptMove() {
    world.add_network("vlan100", "172.16.1.0/24", "100");
    add_foreign("bridge", "bridge", "172.17.0.0/16");
    add_foreign("shop", "bridge", "10.9.0.0/24");
    add_foreign("wire", "macvlan", "172.16.1.0/24");  // no host route: the same subnet as vlan100's
    add_foreign("none", "null", "");
    world.engine.tell_sandboxes([this](const auto& sandboxes) { world.datapath.set_namespaces(sandboxes); });
  }

  void add_foreign(const std::string& name, const std::string& driver, const std::string& subnet) {
    ports::EngineNetworkInfo info;
    info.id = "id-of-" + name;
    info.name = name;
    info.driver = driver;
    if (!subnet.empty()) info.subnets.push_back(model::Subnet::parse(subnet).value());
    world.engine.add_foreign_network(info);
  }
  void run(const std::string& name, const std::string& network, const std::string& address = "") {
    FakeEngine::Wish wish{network};
    if (!address.empty()) wish.address = address_from(address);
    FakeEngine::Spec spec;
    spec.name = name;
    spec.networks = {wish};
    ASSERT_TRUE(world.engine.run(spec).ok());
  }
  // One that can't be started on vlan100: a port that it publishes is a program's.
  void run_unmovable(const std::string& name, const std::string& network, const std::string& address = "") {
    FakeEngine::Wish wish{network};
    if (!address.empty()) wish.address = address_from(address);
    FakeEngine::Spec spec;
    spec.name = name;
    spec.networks = {wish};
    spec.ports = {{"tcp", 80, {}, 8080}};
    ASSERT_TRUE(world.engine.run(spec).ok());
    world.host.take_port(8080);
  }
  control::AdoptReport move(Names names, bool dry_run = false) {
    control::AdoptRequest request;
    request.containers = std::move(names);
    request.move_network = "vlan100";
    request.dry_run = dry_run;
    auto report = world.service().adopt(request);
    EXPECT_TRUE(report.ok()) << report.error().message();
    return report.ok() ? *report : control::AdoptReport{};
  }
  std::vector<std::string> networks_of(const std::string& name) {
    std::vector<std::string> keys;
    const auto container = world.engine.look(name).value();
    for (const auto& entry : container.networks) keys.push_back(entry.key);
    return keys;
  }
  std::string address(const std::string& name, const std::string& network) {
    const auto found = world.engine.address_of(name, network);
    return found ? found->to_string() : "";
  }

  World world;
};

TEST_F(AdoptMove, ARunningContainerIsOnTheNewNetworkAndOffTheOld) {
  run("web", "bridge");
  const auto report = move({"web"});
  ASSERT_EQ(report.outcomes.size(), 1U);
  EXPECT_EQ(report.outcomes[0].kind, Kind::moved) << report.outcomes[0].note;
  EXPECT_EQ(networks_of("web"), Names{"vlan100"});
  EXPECT_EQ(address("web", "vlan100"), "172.16.1.2");
  EXPECT_EQ(world.engine.configured_of("web", "vlan100"), address_from("172.16.1.2"));
  EXPECT_TRUE(eventually([&] { return world.is_settled(); })) << world.unsettled();
  EXPECT_EQ(world.reservation("web")->state, model::ReservationState::attached);
  ASSERT_TRUE(world.engine.restart("web").ok());
  EXPECT_EQ(address("web", "vlan100"), "172.16.1.2");
  EXPECT_EQ(move({"web"}).outcomes[0].kind, Kind::present);
}

TEST_F(AdoptMove, TheAddressIsKeptWhereBothHaveTheSameSubnet) {
  run("db", "wire", "172.16.1.77");
  run("web", "wire");
  const auto before = address("web", "wire");
  for (const auto& outcome : move({"db", "web"}).outcomes) EXPECT_EQ(outcome.kind, Kind::moved) << outcome.note;
  EXPECT_EQ(address("db", "vlan100"), "172.16.1.77");
  EXPECT_EQ(address("web", "vlan100"), before);
  EXPECT_EQ(networks_of("db"), Names{"vlan100"});
}

TEST_F(AdoptMove, AStoppedContainerHasItsAddressAtItsNextStart) {
  run("db", "wire", "172.16.1.77");
  run("web", "shop");
  for (const auto& name : {"db", "web"}) ASSERT_TRUE(world.engine.stop(name).ok());
  for (const auto& outcome : move({"db", "web"}).outcomes) EXPECT_EQ(outcome.kind, Kind::moved) << outcome.note;
  EXPECT_EQ(world.engine.look("web")->state, ports::ContainerState::exited);
  for (const auto& name : {"web", "db"}) ASSERT_TRUE(world.engine.start(name).ok());
  EXPECT_EQ(address("db", "vlan100"), "172.16.1.77");
  EXPECT_EQ(address("web", "vlan100"), "172.16.1.2");
}

TEST_F(AdoptMove, OneThatFailsIsUndoneThoseBeforeStayMovedAndTheRestIsLeft) {
  run("first", "shop");
  run_unmovable("second", "shop");
  run("third", "shop");
  const auto second = address("second", "shop");
  const auto report = move({"first", "second", "third"});
  ASSERT_EQ(report.outcomes.size(), 3U);
  EXPECT_EQ(report.outcomes[0].kind, Kind::moved);
  EXPECT_EQ(report.outcomes[1].kind, Kind::refused);
  EXPECT_THAT(report.outcomes[1].note, ::testing::HasSubstr("8080"));
  EXPECT_EQ(report.outcomes[2].kind, Kind::left);
  EXPECT_THAT(report.outcomes[2].note, ::testing::HasSubstr("'second'"));
  EXPECT_EQ(networks_of("first"), Names{"vlan100"});
  EXPECT_EQ(networks_of("second"), Names{"shop"});
  EXPECT_EQ(address("second", "shop"), second);
  EXPECT_EQ(networks_of("third"), Names{"shop"});
  EXPECT_FALSE(world.reservation("second").has_value());
  EXPECT_FALSE(world.reservation("third").has_value());
  EXPECT_TRUE(eventually([&] { return world.is_settled(); })) << world.unsettled();
}

TEST_F(AdoptMove, OneThatHadToLeaveFirstIsPutBackWithItsAddress) {
  run_unmovable("db", "wire");
  const auto before = address("db", "wire");
  EXPECT_EQ(move({"db"}).outcomes.at(0).kind, Kind::refused);
  EXPECT_EQ(networks_of("db"), Names{"wire"});
  EXPECT_EQ(address("db", "wire"), before);
  EXPECT_FALSE(world.reservation("db").has_value());
}

// Docker keeps what it was asked to connect, and does it at the next start, unless it is told that it is over.
TEST_F(AdoptMove, OneThatWasUndoneStartsAsBefore) {
  run_unmovable("db", "wire");
  run("web", "shop");
  EXPECT_EQ(move({"db", "web"}).outcomes.at(0).kind, Kind::refused);
  ASSERT_TRUE(world.engine.restart("db").ok());
  EXPECT_EQ(networks_of("db"), Names{"wire"});
  EXPECT_TRUE(eventually([&] { return world.is_settled(); })) << world.unsettled();
}

TEST_F(AdoptMove, AReservationThatWasThereBeforeOutlivesAFailure) {
  ASSERT_TRUE(world.service().reserve({"vlan100", "db", "172.16.1.50"}).ok());
  run_unmovable("db", "shop");
  EXPECT_EQ(move({"db"}).outcomes.at(0).kind, Kind::refused);
  EXPECT_EQ(world.reservation("db")->address, address_from("172.16.1.50"));
}

TEST_F(AdoptMove, ADryRunChangesNothing) {
  run("web", "bridge");
  const auto before = world.disk.load().value();
  const int repins = world.engine.repins();
  EXPECT_EQ(move({"web"}, true).outcomes.at(0).address, "172.16.1.2/24");
  EXPECT_EQ(world.disk.load().value(), before);
  EXPECT_EQ(world.engine.repins(), repins);
}

// Killed after the first of the two calls, and after the second.
TEST_F(AdoptMove, AMoveThatACrashInterruptedIsEnded) {
  run("web", "shop");
  run("db", "wire", "172.16.1.77");
  run("off", "shop");
  ASSERT_TRUE(world.engine.stop("off").ok());
  const auto kept = address("db", "wire");
  for (const auto* name : {"web", "db", "off"}) {
    for (int call = 0; call < 2; ++call) {
      SCOPED_TRACE(fmt::format("{} at {}", name, call));
      world.crash_at_repin(call);
      control::AdoptRequest request;
      request.containers = {name};
      request.move_network = "vlan100";
      static_cast<void>(world.service().adopt(request).ok());
      EXPECT_TRUE(eventually([&] { return networks_of(name) == Names{"vlan100"} && world.is_settled(); }))
          << world.unsettled() << ::testing::PrintToString(networks_of(name));
    }
  }
  EXPECT_EQ(address("db", "vlan100"), kept);
  ASSERT_TRUE(world.engine.start("off").ok());
  EXPECT_EQ(address("off", "vlan100"), world.reservation("off")->address.to_string());
}

TEST_F(AdoptMove, AMoveThatWasStoredAndNotBegunIsCarriedOut) {
  run("web", "shop");
  ASSERT_TRUE(world.service().reserve({"vlan100", "web", "172.16.1.50"}).ok());
  world.go_away();
  model::Repin begun;
  begun.container_id = world.engine.look("web")->id;
  begun.engine_network = world.engine.network("vlan100", std::chrono::seconds(1))->id;
  begun.settings = "{}";
  begun.address = address_from("172.16.1.50");
  begun.from_network = "id-of-shop";
  begun.from_settings = "{}";
  ASSERT_TRUE(world.disk.commit({{model::Change::Kind::put, begun}}).ok());
  world.come_back();
  EXPECT_TRUE(eventually([&] { return networks_of("web") == Names{"vlan100"} && world.is_settled(); }));
  EXPECT_EQ(address("web", "vlan100"), "172.16.1.50");
}

// --- what somebody put in by hand

TEST_F(AdoptMove, AnInterfacePutInByHandIsReplacedByAnAttachedOneOfItsNameAndAddress) {
  run("old", "none");
  const auto sandbox = world.engine.inspect("old")->sandbox;
  world.host.put_inside(sandbox, {"eth1",
                                  address_from("172.16.1.9"),
                                  model::Subnet::parse("172.16.1.0/24").value(),
                                  {},
                                  address_from("172.16.1.1")});
  const auto report = move({"old"});
  ASSERT_EQ(report.outcomes.size(), 1U);
  EXPECT_EQ(report.outcomes[0].kind, Kind::moved) << report.outcomes[0].note;
  EXPECT_EQ(report.outcomes[0].address, "172.16.1.9/24");
  EXPECT_TRUE(world.host.addresses_inside(sandbox)->empty()) << "the old one is gone";
  EXPECT_EQ(world.reservation("old")->state, model::ReservationState::attached);
  EXPECT_EQ(world.datapath.names_inside(sandbox), Names{"eth1"});
}

TEST_F(AdoptMove, AnInterfacePutInByHandIsBackWhenItCouldNotBeReplaced) {
  run("old", "none");
  const auto sandbox = world.engine.inspect("old")->sandbox;
  world.host.put_inside(sandbox,
                        {"eth1", address_from("172.16.1.9"), model::Subnet::parse("172.16.1.0/24").value(), {}, {}});
  world.datapath.fail_next(fail(ErrorCode::kernel, "no more interfaces"), 3);
  const auto report = move({"old"});
  EXPECT_EQ(report.outcomes.at(0).kind, Kind::refused);
  EXPECT_THAT(report.outcomes.at(0).note, ::testing::HasSubstr("no more interfaces"));
  ASSERT_EQ(world.host.addresses_inside(sandbox)->size(), 1U);
  EXPECT_EQ(world.host.addresses_inside(sandbox)->front().interface, "eth1");
  EXPECT_FALSE(world.reservation("old").has_value());
}

TEST_F(AdoptMove, WhatIsAttachedByUsAlreadyIsLeftAlone) {
  run("old", "none");
  control::AttachSpec spec;
  spec.target = "old";
  spec.network = "vlan100";
  ASSERT_TRUE(world.service().attach(spec).ok());
  const auto sandbox = world.engine.inspect("old")->sandbox;
  world.host.put_inside(
      sandbox, {"eth1", world.reservation("old")->address, model::Subnet::parse("172.16.1.0/24").value(), {}, {}});
  EXPECT_EQ(move({"old"}).outcomes.at(0).kind, Kind::present);
}

}  // namespace
}  // namespace bayplan::testing
