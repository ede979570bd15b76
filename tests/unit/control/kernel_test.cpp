// What the kernel should have, and what is done about the difference.
#include <gtest/gtest.h>

#include "control/kernel_keeper.hpp"
#include "control/repair_loop.hpp"
#include "support/networks.hpp"
#include "support/sample_records.hpp"
#include "world.hpp"

namespace bayplan::control {
namespace {

using testing::sample_attachment;
using testing::sample_engine_network;
using testing::sample_network;

const std::string kEndpoint = "0123456789abcdef";

model::Plan plan_of(const std::vector<model::Record>& records) {
  return model::Plan::from(records).value();
}
KernelWanted wanted_port() {
  return wanted_of(plan_of({sample_network(), sample_attachment("172.16.1.12", kEndpoint)}));
}
ports::FoundPort port_in_place() {
  return {"bp01234567", "vlan100", "web", true};
}

TEST(KernelWants, NetworksInUseAndPortsOfTheJoined) {
  auto made = sample_attachment("172.16.1.13", "endpoint2");
  made.stage = model::Attachment::Stage::created;
  const auto wanted =
      wanted_of(plan_of({sample_network("vlan100", 1), sample_network("vlan101", 2), sample_network("vlan102", 3),
                         sample_attachment("172.16.1.12", kEndpoint), made, sample_engine_network("n", "vlan101")}));
  ASSERT_EQ(wanted.networks.size(), 2U) << "vlan102 carries nothing";
  ASSERT_EQ(wanted.ports.size(), 1U);
  EXPECT_EQ(wanted.ports[0].spec.host_name, "bp01234567");
  EXPECT_EQ(wanted.ports[0].spec.mac, model::mac_of(255, testing::ip("172.16.1.12")));
  ASSERT_EQ(wanted.published.size(), 2U);
  EXPECT_EQ(wanted.published[0].address, testing::ip("172.16.1.12"));
}

TEST(KernelDiff, NothingToDoWhereAllIsRight) {
  const auto steps = diff(wanted_port(), {{"vlan100"}, {port_in_place()}}, {});
  EXPECT_TRUE(steps.remove_networks.empty());
  EXPECT_TRUE(steps.remove_ports.empty());
  EXPECT_TRUE(steps.mend_ports.empty());
  EXPECT_TRUE(steps.missing_ports.empty());
  EXPECT_TRUE(steps.suspects.empty());
}

TEST(KernelDiff, APortThatIsNotAsWantedIsMended) {
  for (const auto& wrong :
       {ports::FoundPort{"bp01234567", "vlan100", "web", false}, ports::FoundPort{"bp01234567", "vlan101", "web", true},
        ports::FoundPort{"bp01234567", "vlan100", "db", true}}) {
    const auto steps = diff(wanted_port(), {{"vlan100"}, {wrong}}, {});
    ASSERT_EQ(steps.mend_ports.size(), 1U);
    EXPECT_EQ(steps.mend_ports[0].spec.identity, "web");
  }
}

TEST(KernelDiff, APortOutOfReachIsNeitherMendedNorMissing) {
  ports::FoundPort inside{"bp01234567", "vlan100", "its-name-before", false};
  inside.out_of_reach = true;
  const auto steps = diff(wanted_port(), {{"vlan100"}, {inside}}, {});
  EXPECT_TRUE(steps.mend_ports.empty());
  EXPECT_TRUE(steps.missing_ports.empty());
}

TEST(KernelDiff, APortOfNobodysGoesWhenTwoPassesAgree) {
  const KernelFound found{{"vlan100"}, {port_in_place(), {"bpdeadbeef", "vlan100", "gone", true}}};
  const auto first = diff(wanted_port(), found, {});
  EXPECT_TRUE(first.remove_ports.empty());
  EXPECT_EQ(first.suspects, std::set<std::string>{"bpdeadbeef"});
  const auto second = diff(wanted_port(), found, first.suspects);
  EXPECT_EQ(second.remove_ports, std::vector<std::string>{"bpdeadbeef"});
}

TEST(KernelDiff, APortThatIsGoneIsSaid) {
  EXPECT_EQ(diff(wanted_port(), {{"vlan100"}, {}}, {}).missing_ports, std::vector<std::string>{"bp01234567"});
}

TEST(KernelDiff, ANetworkThatNothingUsesGoes) {
  EXPECT_EQ(diff(wanted_port(), {{"vlan100", "vlan999"}, {port_in_place()}}, {}).remove_networks,
            std::vector<std::string>{"vlan999"});
}

// --- the keeper, with a fake kernel

class Kernel : public ::testing::Test {
 protected:
  void SetUp() override {
    world.add_network();
    ASSERT_TRUE(world.engine.run({"web", {{"vlan100"}}}).ok());
    ASSERT_TRUE(testing::eventually([&] { return world.is_settled(); }));
  }
  void must_run(const std::string& name, const std::string& network) {
    ASSERT_TRUE(world.engine.run({name, {{network}}}).ok());
    ASSERT_TRUE(testing::eventually([&] { return world.is_settled(); }));
  }
  testing::World world;
};

TEST_F(Kernel, WhatSomebodyDamagedIsMended) {
  const auto name = world.datapath.ports().begin()->first;
  world.datapath.displace_port(name);
  world.datapath.damage_network("vlan100");
  world.firewall.flush();
  EXPECT_TRUE(*world.kernel().reconcile());
  EXPECT_TRUE(world.datapath.ports().at(name).in_place);
  EXPECT_EQ(world.firewall.rules().networks.size(), 1U);
  EXPECT_FALSE(*world.kernel().reconcile()) << "all is right: nothing is touched";
}

TEST_F(Kernel, WhatNobodyTellsOfIsMendedByTheTimer) {
  const control::RepairLoop loop(world.kernel(), std::chrono::milliseconds(1), std::chrono::milliseconds(20));
  world.firewall.flush();
  EXPECT_TRUE(testing::eventually([&] { return world.firewall.rules().networks.size() == 1; }));
}

TEST_F(Kernel, OneNetworksTroubleDoesNotKeepTheOthersFromBeingMended) {
  world.add_network("vlan7", "172.16.7.0/24", "7");
  world.datapath.damage_network("vlan100");
  world.datapath.damage_network("vlan7");
  world.datapath.fail_next(fail(ErrorCode::not_found, "the uplink eth1 is gone"));
  EXPECT_TRUE(testing::eventually([&] {
    const auto done = world.kernel().reconcile();
    return done.ok() && !*done;
  }));
}

// Docker closes FORWARD only where it is the one that turns forwarding on.
TEST_F(Kernel, ForwardingIsNotTurnedOnBeforeTheEngineHasComeUp) {
  ASSERT_TRUE(testing::eventually([&] { return world.firewall.rules().may_forward; }));
  world.engine.power_cut();
  world.go_away();
  world.firewall.flush();
  world.come_back();
  EXPECT_FALSE(world.firewall.rules().networks.empty()) << "the rules stand before anything starts";
  EXPECT_FALSE(world.firewall.rules().may_forward);
  world.engine.boot();
  EXPECT_TRUE(testing::eventually([&] { return world.firewall.rules().may_forward; }));
}

TEST_F(Kernel, RemovingWhatIsUnusedIsNotStoppedByTheTroubleOfWhatStays) {
  world.add_network("vlan7", "172.16.7.0/24", "7");
  must_run("db", "vlan7");
  // vlan100's bridge can't be mended: its name is somebody else's now.
  world.datapath.add_interface("bp-100");
  ASSERT_FALSE(world.kernel().reconcile().ok());
  EXPECT_TRUE(world.kernel().remove_unused().ok());
  world.firewall.fail_with(fail(ErrorCode::kernel, "no nftables"));
  EXPECT_FALSE(world.kernel().remove_unused().ok()) << "the packet filter is its own trouble";
}

TEST(TearingDown, GoesOnAfterAFailureAndNamesIt) {
  test::FakeDatapath datapath;
  for (const unsigned tag : {100U, 300U}) {
    const auto network = test::vlan_network(static_cast<std::uint16_t>(tag));
    ASSERT_TRUE(datapath.ensure_network(network).ok());
    ASSERT_TRUE(datapath.add_port(network, test::port_spec(network, 2)).ok());
  }
  // The ports, then the first network: the second one goes all the same, and its port with it.
  datapath.fail_next(fail(ErrorCode::kernel, "out of buffers"), 2);
  const auto done = remove_all_links(datapath);
  ASSERT_FALSE(done.ok());
  EXPECT_NE(done.error().message().find("out of buffers"), std::string::npos);
  EXPECT_EQ(datapath.list_networks().value(), std::vector<std::string>{"vlan100"});
  EXPECT_EQ(datapath.ports().size(), 1U);
  EXPECT_TRUE(remove_all_links(datapath).ok());
  EXPECT_TRUE(datapath.ports().empty());
  EXPECT_TRUE(datapath.list_networks()->empty());
}

}  // namespace
}  // namespace bayplan::control
