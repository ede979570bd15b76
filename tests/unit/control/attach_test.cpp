// `bayplan attach`: marks, starts, drift and detaching, on a whole daemon with fakes at its edges.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "world.hpp"

namespace bayplan::testing {
namespace {

using ports::Drift;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
constexpr const char* kBlue = "/run/netns/blue";

class Attach : public ::testing::Test {
 protected:
  void SetUp() override {
    world_.engine.tell_sandboxes([this](const auto& sandboxes) {
      sandboxes_ = sandboxes;
      tell_namespaces();
    });
    control::NetworkSpec spec;
    spec.name = "vlan100";
    spec.vlan = "100";
    spec.subnet = "172.16.1.0/24";
    ASSERT_TRUE(world_.service().create_network(spec).ok());
  }
  void tell_namespaces() {
    auto all = sandboxes_;
    all.insert(named_.begin(), named_.end());
    world_.datapath.set_namespaces(all);
  }
  void add_namespace(const std::string& path) {
    named_.insert(path);
    tell_namespaces();
  }
  void remove_namespace(const std::string& path) {
    named_.erase(path);
    tell_namespaces();
  }
  static control::AttachSpec spec_of(const std::string& target) {
    control::AttachSpec spec;
    spec.target = target;
    spec.network = "vlan100";
    return spec;
  }
  Result<control::ReservationView> attach(const std::string& target) {
    return world_.service().attach(spec_of(target));
  }
  control::AttachOrder order_for(const std::string& target) {
    control::AttachOrder order;
    order.target = target;
    order.network = world_.service().network("vlan100")->network;
    return order;
  }
  std::string run(const std::string& name) { return world_.engine.run({.name = name}).value(); }
  // The one port there is; none: there is none.
  std::optional<test::FakeDatapath::Port> port() {
    const auto all = world_.datapath.ports();
    EXPECT_LE(all.size(), 1U);
    return all.empty() ? std::nullopt : std::optional(all.begin()->second);
  }
  bool is_in_place(const std::string& netns) {
    const auto now = port();
    return now && now->spec.netns == netns && world_.namespaces.is_furnished(now->spec.host_name);
  }
  std::string sandbox_of(const std::string& name) { return world_.engine.inspect(name)->sandbox; }
  std::string state_of(const std::string& identity) {
    control::ReservationFilter filter;
    filter.identity_or_address = identity;
    const auto found = world_.service().reservations(filter).value();
    return found.empty() ? "none" : std::string(to_string(found.front().reservation.state));
  }

  World world_;
  std::set<std::string> sandboxes_;
  std::set<std::string> named_;
};

TEST_F(Attach, ARunningContainerGetsItsInterfaceAtOnceAndDockerKnowsNothing) {
  run("test1");
  const auto view = attach("test1");
  ASSERT_TRUE(view.ok()) << view.error().message();
  EXPECT_EQ(view->reservation.address.to_string(), "172.16.1.2");
  EXPECT_EQ(view->reservation.state, model::ReservationState::attached);
  EXPECT_EQ(view->mark->interface, "eth1");
  EXPECT_TRUE(is_in_place(sandbox_of("test1")));
  EXPECT_EQ(port()->spec.peer_name, "eth1");
  EXPECT_EQ(port()->spec.identity, "test1");
}

TEST_F(Attach, EveryStartGetsItBackByItself) {
  run("test1");
  ASSERT_TRUE(attach("test1").ok());
  for (int n = 0; n < 3; ++n) {
    ASSERT_TRUE(world_.engine.restart("test1").ok());
    ASSERT_TRUE(eventually([&] { return is_in_place(sandbox_of("test1")); }));
  }
  ASSERT_TRUE(world_.engine.stop("test1").ok());
  EXPECT_TRUE(eventually([&] { return state_of("test1") == "held" && !port(); }));
  ASSERT_TRUE(world_.engine.start("test1").ok());
  EXPECT_TRUE(eventually([&] { return state_of("test1") == "attached" && is_in_place(sandbox_of("test1")); }));
  ASSERT_TRUE(world_.engine.crash("test1").ok());
  EXPECT_TRUE(eventually([&] { return state_of("test1") == "held"; }));
}

TEST_F(Attach, OneThatIsMadeAnewByTheSameNameGetsItToo) {
  run("test1");
  ASSERT_TRUE(attach("test1").ok());
  ASSERT_TRUE(world_.engine.remove("test1").ok());
  EXPECT_TRUE(eventually([&] { return state_of("test1") == "removed"; }));
  run("test1");
  EXPECT_TRUE(eventually([&] { return is_in_place(sandbox_of("test1")) && state_of("test1") == "attached"; }));
}

TEST_F(Attach, OneAtRestIsMarkedAndGetsItWhenItStarts) {
  ASSERT_TRUE(world_.engine.create({.name = "test1"}).ok());
  const auto view = attach("test1");
  ASSERT_TRUE(view.ok()) << view.error().message();
  EXPECT_EQ(view->reservation.state, model::ReservationState::held);
  EXPECT_FALSE(port());
  ASSERT_TRUE(world_.engine.start("test1").ok());
  EXPECT_TRUE(eventually([&] { return is_in_place(sandbox_of("test1")); }));
}

TEST_F(Attach, AStartWhileBayplandWasAwayIsMadeGood) {
  run("test1");
  ASSERT_TRUE(attach("test1").ok());
  world_.go_away();
  ASSERT_TRUE(world_.engine.restart("test1").ok());
  world_.come_back();
  EXPECT_TRUE(eventually([&] { return is_in_place(sandbox_of("test1")) && state_of("test1") == "attached"; }));
}

TEST_F(Attach, APowerCutAndABootGiveItBack) {
  ASSERT_TRUE(world_.engine.run({.name = "test1", .restart_policy = "always"}).ok());
  ASSERT_TRUE(attach("test1").ok());
  world_.go_away();
  world_.engine.power_cut();
  world_.come_back();
  world_.engine.boot();
  EXPECT_TRUE(eventually([&] { return is_in_place(sandbox_of("test1")) && state_of("test1") == "attached"; }));
}

TEST_F(Attach, OnceMoreIsSuccessAndAnotherInterfaceIsNot) {
  run("test1");
  ASSERT_TRUE(attach("test1").ok());
  const auto made = port()->made;
  EXPECT_TRUE(attach("test1").ok());
  EXPECT_EQ(port()->made, made);
  auto spec = spec_of("test1");
  spec.interface = "eth7";
  const auto refused = world_.service().attach(spec);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("bayplan detach test1 vlan100 first"));
}

TEST_F(Attach, AnAddressOfAnotherIsRefusedAndNothingIsLeft) {
  ASSERT_TRUE(world_.service().reserve({"vlan100", "db", "172.16.1.9"}).ok());
  run("test1");
  auto spec = spec_of("test1");
  spec.address = "172.16.1.9";
  const auto refused = world_.service().attach(spec);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("'db'"));
  EXPECT_EQ(state_of("test1"), "none");
  EXPECT_FALSE(port());
}

TEST_F(Attach, AnInterfaceThatIsTakenInsideIsRefusedAndNothingIsLeft) {
  run("test1");
  world_.datapath.add_inside("eth5");
  auto spec = spec_of("test1");
  spec.interface = "eth5";
  const auto refused = world_.service().attach(spec);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("attach test1 to vlan100"));
  EXPECT_EQ(state_of("test1"), "none");
  EXPECT_FALSE(port());
}

TEST_F(Attach, WhatDockerPutsOnTheNetworkItselfIsRefused) {
  ASSERT_TRUE(world_.engine.network_create("net", "172.16.1.0/24", "", {{"network", "vlan100"}}).ok());
  ASSERT_TRUE(world_.engine.run({.name = "web", .networks = {{.network = "net"}}}).ok());
  const auto refused = attach("web");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("by Docker's network 'net'"));
}

TEST_F(Attach, HostAndSharedNetworksAndUnknownContainersAreRefused) {
  EXPECT_THAT(attach("nobody").error().message(), HasSubstr("there is no container 'nobody'"));
  EXPECT_THAT(attach("/proc/self/ns/net").error().message(), HasSubstr("the host's own network namespace"));
  EXPECT_THAT(attach("/run/netns/nobody").error().message(), HasSubstr("/run/netns/nobody"));
  auto spec = spec_of(kBlue);
  add_namespace(kBlue);
  spec.interface = "a/b";
  EXPECT_FALSE(world_.service().attach(spec).ok());
}

TEST_F(Attach, ANetworkNamespaceByPathComesAndGoes) {
  add_namespace(kBlue);
  const auto view = attach(kBlue);
  ASSERT_TRUE(view.ok()) << view.error().message();
  EXPECT_EQ(view->reservation.identity, "blue");
  EXPECT_TRUE(is_in_place(kBlue));
  remove_namespace(kBlue);
  static_cast<void>(world_.kernel().reconcile());
  EXPECT_EQ(state_of("blue"), "held");
  EXPECT_FALSE(port());
  add_namespace(kBlue);
  world_.attacher().look_for_namespaces();
  EXPECT_TRUE(eventually([&] { return is_in_place(kBlue) && state_of("blue") == "attached"; }));
}

TEST_F(Attach, AfterARebootAllIsMadeByOnePass) {
  add_namespace(kBlue);
  add_namespace("/run/netns/red");
  ASSERT_TRUE(attach(kBlue).ok());
  ASSERT_TRUE(attach("/run/netns/red").ok());
  world_.go_away();
  for (const auto& [name, port] : world_.datapath.ports()) world_.datapath.remove_link(name);
  world_.come_back();
  static_cast<void>(world_.kernel().reconcile());
  EXPECT_EQ(world_.datapath.ports().size(), 2U);
  for (const auto& [name, port] : world_.datapath.ports()) EXPECT_TRUE(world_.namespaces.is_furnished(name));
}

TEST_F(Attach, DetachTakesItOutForGoodAndKeepsTheAddress) {
  run("test1");
  ASSERT_TRUE(attach("test1").ok());
  const auto view = world_.service().detach("vlan100", "test1");
  ASSERT_TRUE(view.ok()) << view.error().message();
  EXPECT_EQ(view->reservation.state, model::ReservationState::held);
  EXPECT_FALSE(port());
  ASSERT_TRUE(world_.engine.restart("test1").ok());
  ASSERT_TRUE(world_.service().status().ok());
  EXPECT_FALSE(port());
  EXPECT_THAT(world_.service().detach("vlan100", "test1").error().message(), HasSubstr("nothing of 'test1'"));
  EXPECT_EQ(attach("test1")->reservation.address.to_string(), "172.16.1.2");
}

TEST_F(Attach, WhatIsAttachedIsNotReleasedAndAMarkGoesWithItsReservation) {
  run("test1");
  ASSERT_TRUE(attach("test1").ok());
  EXPECT_THAT(world_.service().release("vlan100", "test1").error().message(),
              HasSubstr("bayplan detach test1 vlan100"));
  ASSERT_TRUE(world_.engine.stop("test1").ok());
  ASSERT_TRUE(eventually([&] { return state_of("test1") == "held"; }));
  ASSERT_TRUE(world_.service().release("vlan100", "test1").ok());
  ASSERT_TRUE(world_.engine.start("test1").ok());
  EXPECT_THAT(world_.disk.all<model::AttachMark>(), IsEmpty());
}

TEST_F(Attach, ARenameTakesTheMarkAlong) {
  run("test1");
  ASSERT_TRUE(attach("test1").ok());
  ASSERT_TRUE(world_.engine.rename("test1", "test9").ok());
  ASSERT_TRUE(eventually([&] { return state_of("test9") == "attached"; }));
  ASSERT_TRUE(world_.engine.restart("test9").ok());
  EXPECT_TRUE(eventually([&] { return is_in_place(sandbox_of("test9")); }));
}

TEST_F(Attach, ANamespaceNeverGetsWhatIsAContainers) {
  ASSERT_TRUE(world_.engine.network_create("net", "172.16.1.0/24", "", {{"network", "vlan100"}}).ok());
  ASSERT_TRUE(world_.engine.run({.name = "blue", .networks = {{.network = "net"}}}).ok());
  ASSERT_TRUE(world_.engine.stop("blue").ok());
  ASSERT_TRUE(eventually([&] { return state_of("blue") == "held"; }));
  add_namespace(kBlue);
  const auto refused = attach(kBlue);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("belongs to the container 'blue'"));
  EXPECT_TRUE(world_.engine.start("blue").ok());
  auto spec = spec_of(kBlue);
  spec.identity = "azure";
  EXPECT_TRUE(world_.service().attach(spec).ok());
}

TEST_F(Attach, AContainerNeverGetsWhatIsANamespaces) {
  add_namespace(kBlue);
  ASSERT_TRUE(attach(kBlue).ok());
  remove_namespace(kBlue);
  world_.kernel().look_inside({kBlue});
  ASSERT_TRUE(eventually([&] { return state_of("blue") == "held"; }));
  run("blue");
  const auto refused = attach("blue");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("bayplan detach blue vlan100 first"));
}

TEST_F(Attach, OfTwoContainersWithOneIdentityTheSecondIsRefused) {
  const auto first = world_.engine.run({.name = "a", .labels = {{"bayplan.identity", "twin"}}}).value();
  ASSERT_TRUE(world_.engine.run({.name = "b", .labels = {{"bayplan.identity", "twin"}}}).ok());
  ASSERT_TRUE(attach("a").ok());
  const auto refused = attach("b");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("another container with that identity"));
  EXPECT_EQ(world_.reservation("twin")->container_id, first);
  EXPECT_TRUE(is_in_place(sandbox_of("a")));
}

TEST_F(Attach, AFailedOrderLeavesTheMarkThatWasThere) {
  run("test1");
  ASSERT_TRUE(attach("test1").ok());
  ASSERT_TRUE(world_.engine.stop("test1").ok());
  ASSERT_TRUE(eventually([&] { return state_of("test1") == "held"; }));
  world_.datapath.add_inside("eth5");
  control::AttachOrder order = order_for("test1");
  order.interface = "eth5";
  ASSERT_TRUE(world_.engine.start("test1").ok());
  static_cast<void>(world_.attacher().attach(order).ok());
  ASSERT_TRUE(eventually([&] { return is_in_place(sandbox_of("test1")); }));
  EXPECT_EQ(port()->spec.peer_name, "eth1");
}

TEST_F(Attach, WhatIsDetachedInTheMeantimeIsNotMade) {
  run("test1");
  control::AttachOrder order = order_for("test1");
  order.make_way = [&]() -> Result<> {
    TRY(world_.attacher().detach("vlan100", "test1"));
    return {};
  };
  const auto refused = world_.attacher().attach(order);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("was detached from vlan100 meanwhile"));
  EXPECT_FALSE(port());
}

// --- drift

TEST_F(Attach, DriftInsideAContainerOfDockersIsPutBackOnceDockerIsDone) {
  ASSERT_TRUE(world_.engine.network_create("net", "172.16.1.0/24", "", {{"network", "vlan100"}}).ok());
  ASSERT_TRUE(world_.engine.run({.name = "web", .networks = {{.network = "net"}}}).ok());
  const std::string netns = sandbox_of("web");
  const auto look = [&] {
    world_.kernel().look_inside({netns});
    static_cast<void>(world_.kernel().interfaces_in(netns));  // waits for the look
  };
  world_.namespaces.damage(port()->spec.host_name, Drift::address);
  look();
  EXPECT_FALSE(world_.namespaces.is_furnished(port()->spec.host_name)) << "Docker may still be at it";
  EXPECT_TRUE(world_.kernel().next_look().has_value());
  world_.clock.push(std::chrono::seconds(11));
  EXPECT_TRUE(eventually([&] {  // once Docker's listing has confirmed whose it is
    look();
    return world_.namespaces.is_furnished(port()->spec.host_name);
  }));
  world_.kernel().hands_off(port()->spec.host_name);
  world_.namespaces.damage(port()->spec.host_name, Drift::address);
  look();
  EXPECT_FALSE(world_.namespaces.is_furnished(port()->spec.host_name)) << "Docker takes it away";
  EXPECT_TRUE(world_.engine.stop("web").ok());
}

TEST_F(Attach, DriftInsideIsPutBackWhenTheKernelTells) {
  run("test1");
  ASSERT_TRUE(attach("test1").ok());
  for (const auto drift : {Drift::address, Drift::route, Drift::mac, Drift::foreign_address}) {
    world_.namespaces.damage(port()->spec.host_name, drift);
    world_.kernel().look_inside({sandbox_of("test1")});
    EXPECT_TRUE(eventually([&] { return is_in_place(sandbox_of("test1")); })) << to_string(drift);
  }
  world_.datapath.remove_inside("eth1");
  world_.kernel().look_inside({sandbox_of("test1")});
  EXPECT_TRUE(eventually([&] { return is_in_place(sandbox_of("test1")); }));
}

TEST_F(Attach, WhoFightsBackIsMendedEverMoreSeldom) {
  run("test1");
  ASSERT_TRUE(attach("test1").ok());
  const std::string netns = sandbox_of("test1");
  unsigned mended = 0;
  for (int n = 0; n < 200; ++n) {
    world_.namespaces.damage(port()->spec.host_name, Drift::address);
    world_.kernel().look_inside({netns});
    static_cast<void>(world_.kernel().interfaces_in(netns));  // waits for the look
    if (is_in_place(netns)) ++mended;
  }
  EXPECT_GE(mended, 20U);
  EXPECT_LE(mended, 24U);
  EXPECT_TRUE(world_.kernel().next_look().has_value());
}

TEST_F(Attach, DriftOnANetworkThatIsOnlyReportedStaysAndIsCounted) {
  run("test1");
  ASSERT_TRUE(attach("test1").ok());
  ASSERT_TRUE(world_.service().change_network("vlan100", {"report"}).ok());
  world_.namespaces.damage(port()->spec.host_name, Drift::address);
  world_.kernel().look_inside({sandbox_of("test1")});
  ASSERT_TRUE(eventually([&] { return !world_.service().repair_counts().empty(); }));
  EXPECT_FALSE(is_in_place(sandbox_of("test1")));
  EXPECT_EQ(world_.service().repair_counts().front().repaired, 0U);
  ASSERT_TRUE(world_.service().change_network("vlan100", {"on"}).ok());
  EXPECT_TRUE(eventually([&] { return is_in_place(sandbox_of("test1")); }));
}

}  // namespace
}  // namespace bayplan::testing
