// The control API's requests, against a fake Docker and a fake kernel.
#include "control/service.hpp"

#include <gtest/gtest.h>

#include "world.hpp"

namespace bayplan::testing {
namespace {

class Service : public ::testing::Test {
 protected:
  control::NetworkSpec spec(const std::string& vlan) {
    control::NetworkSpec made;
    made.vlan = vlan;
    return made;
  }
  control::RunSpec run_spec(const std::string& name) {
    control::RunSpec made;
    made.name = name;
    made.image = "busybox";
    return made;
  }
  template <typename T>
  void expect_refused(const Result<T>& result, ErrorCode code, const std::string& saying) {
    ASSERT_FALSE(result.ok()) << saying;
    EXPECT_EQ(result.error().code, code) << result.error().message();
    EXPECT_NE(result.error().message().find(saying), std::string::npos) << result.error().message();
  }

  World world;
};

TEST_F(Service, NetworksAreMadeInOrderAndListed) {
  EXPECT_EQ(world.service().create_network(spec("100"))->network.subnet.to_string(), "172.16.1.0/24");
  EXPECT_EQ(world.service().create_network(spec("300"))->network.subnet.to_string(), "172.16.2.0/24");
  const auto all = world.service().networks().value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].network.name, "vlan100");
  EXPECT_EQ(all[0].size, 253U);
  EXPECT_EQ(all[0].free, 253U);
  EXPECT_EQ(world.service().network("vlan300")->network.vlan, 300);
  EXPECT_EQ(world.service().network("vlan7").error().code, ErrorCode::not_found);
}

TEST_F(Service, ARefusedNetworkLeavesNothing) {
  ASSERT_TRUE(world.service().create_network(spec("100")).ok());
  const auto before = world.disk.load().value();
  expect_refused(world.service().create_network(spec("100")), ErrorCode::exists, "vlan100");
  auto named = spec("100");
  named.name = "other";
  expect_refused(world.service().create_network(named), ErrorCode::conflict, "VLAN 100 belongs to");
  expect_refused(world.service().create_network(spec("4095")), ErrorCode::invalid, "is not a VLAN");
  auto uplink = spec("7");
  uplink.uplink = "eth9";
  expect_refused(world.service().create_network(uplink), ErrorCode::not_found, "eth9");
  world.host.add_route("10.1.0.0/16", "eth0");
  auto overlapping = spec("7");
  overlapping.subnet = "10.1.2.0/24";
  expect_refused(world.service().create_network(overlapping), ErrorCode::conflict, "10.1.0.0/16 on eth0");
  EXPECT_EQ(world.disk.load().value(), before);
}

TEST_F(Service, ANetworkInUseStays) {
  world.add_network();
  ASSERT_TRUE(world.engine.run({"web", {{"vlan100"}}}).ok());
  expect_refused(world.service().remove_network("vlan100"), ErrorCode::in_use, "1 attached and 0 held");
  ASSERT_TRUE(world.engine.stop("web").ok());
  EXPECT_TRUE(eventually([&] { return world.reservation("web")->state == model::ReservationState::held; }));
  expect_refused(world.service().remove_network("vlan100"), ErrorCode::in_use, "0 attached and 1 held");
  expect_refused(world.service().remove_network("vlan7"), ErrorCode::not_found, "bayplan network ls");
}

TEST_F(Service, ANetworkOfDockersOwnerIsHisToRemove) {
  world.add_network("shop_default", "172.16.1.0/24", "100");
  expect_refused(world.service().remove_network("vlan100"), ErrorCode::in_use, "docker network rm shop_default");
  ASSERT_TRUE(world.engine.remove_network("shop_default").ok());
  EXPECT_TRUE(world.service().remove_network("vlan100").ok());
  EXPECT_TRUE(world.disk.load()->empty());
}

TEST_F(Service, RemovingANetworkTakesItsRemovedReservationsAndTheKernelsSideAlong) {
  world.add_network();
  ASSERT_TRUE(world.engine.run({"web", {{"vlan100"}}}).ok());
  ASSERT_TRUE(world.engine.remove("web").ok());
  ASSERT_TRUE(eventually([&] { return world.reservation("web")->state == model::ReservationState::removed; }));
  ASSERT_TRUE(world.service().remove_network("vlan100").ok());
  EXPECT_TRUE(eventually([&] { return world.datapath.list_networks()->empty(); }));
  EXPECT_TRUE(world.disk.all<model::Reservation>().empty());
  EXPECT_TRUE(world.disk.all<model::Network>().empty());
  EXPECT_TRUE(world.engine.networks(std::chrono::seconds(1))->empty()) << "Docker's of the same name goes, too";
}

TEST_F(Service, RemovingANetworkDoesNotReportAnotherOnesTrouble) {
  world.datapath.add_interface("eth1");
  auto office = spec("");
  office.vlan.reset();
  office.name = "office";
  office.subnet = "172.16.5.0/24";
  office.uplink = "eth1";
  ASSERT_TRUE(world.service().create_network(office).ok());
  ASSERT_TRUE(world.engine
                  .create_network("office", model::Subnet::parse("172.16.5.0/24").value(), address_from("172.16.5.1"),
                                  {{"network", "office"}})
                  .ok());
  world.add_network();
  ASSERT_TRUE(world.engine.run({"web", {{"office"}}}).ok());
  ASSERT_EQ(world.datapath.list_networks()->size(), 2U);
  world.datapath.remove_link("eth1");
  ASSERT_FALSE(world.kernel().reconcile().ok());
  const auto removed = world.service().remove_network("vlan100");
  EXPECT_TRUE(removed.ok()) << removed.error().message();
  EXPECT_EQ(world.datapath.list_networks().value(), std::vector<std::string>{"office"});
}

TEST_F(Service, RunMakesTheVlansNetworkAndPrintsTheRecord) {
  auto wanted = run_spec("web");
  wanted.vlan = "100";
  const auto view = world.service().run(wanted);
  ASSERT_TRUE(view.ok()) << view.error().message();
  EXPECT_EQ(view->reservation.identity, "web");
  EXPECT_EQ(view->reservation.address, address_from("172.16.1.2"));
  EXPECT_EQ(view->reservation.state, model::ReservationState::attached);
  EXPECT_EQ(view->vlan, 100);
  EXPECT_TRUE(world.engine.look("web")->is_up());
  EXPECT_EQ(world.engine.configured_of("web", "vlan100"), address_from("172.16.1.2")) << "pinned at creation";
  wanted = run_spec("db");
  wanted.vlan = "100";
  wanted.address = "172.16.1.50";
  EXPECT_EQ(world.service().run(wanted)->reservation.address, address_from("172.16.1.50"));
}

TEST_F(Service, RunWithoutANetworkIsVlan1) {
  EXPECT_EQ(world.service().run(run_spec("web"))->reservation.network, "vlan1");
}

TEST_F(Service, RunRefusesANameThatExistsAndLeavesNothing) {
  ASSERT_TRUE(world.service().run(run_spec("web")).ok());
  expect_refused(world.service().run(run_spec("web")), ErrorCode::exists,
                 "there is a container 'web' already (running)");
  for (const auto& name : {std::string(), std::string("a"), std::string(300, 'x'), std::string("a/b"),
                           std::string("-x"), std::string("gr\xc3\xbcn")}) {
    expect_refused(world.service().run(run_spec(name)), ErrorCode::invalid, "can't be a container's name");
  }
  auto two = run_spec("db");
  two.network = "vlan1";
  two.vlan = "1";
  expect_refused(world.service().run(two), ErrorCode::invalid, "give one of them");
  auto unknown = run_spec("db");
  unknown.network = "blue";
  expect_refused(world.service().run(unknown), ErrorCode::not_found, "blue");
  EXPECT_EQ(world.disk.all<model::Reservation>().size(), 1U);
}

TEST_F(Service, ARunThatFailsKeepsNoReservation) {
  ASSERT_TRUE(world.service().run(run_spec("web")).ok());
  world.on_call([&](const std::string& call) {
    if (call == "join") world.datapath.fail_next(fail(ErrorCode::kernel, "create veth: No buffer space"), 1000);
  });
  const auto failed = world.service().run(run_spec("db"));
  world.on_call({});
  world.datapath.fail_next({}, 0);
  expect_refused(failed, ErrorCode::conflict, "run db: ");
  EXPECT_EQ(world.engine.look("db"), std::nullopt);
  EXPECT_EQ(world.reservation("db", "vlan1"), std::nullopt);
}

TEST_F(Service, AReleaseUnpinsWhatRunPinned) {
  ASSERT_TRUE(world.service().run(run_spec("web")).ok());
  auto wanted = run_spec("db");
  wanted.address = "172.16.0.50";
  ASSERT_TRUE(world.service().run(wanted).ok());
  for (const auto* name : {"web", "db"}) {
    ASSERT_TRUE(world.engine.stop(name).ok());
    ASSERT_TRUE(eventually([&] { return world.reservation(name, "vlan1")->state == model::ReservationState::held; }));
    ASSERT_TRUE(world.service().release("vlan1", name).ok());
  }
  EXPECT_TRUE(eventually([&] { return !world.engine.configured_of("web", "vlan1"); }));
  EXPECT_EQ(world.engine.configured_of("db", "vlan1"), address_from("172.16.0.50")) << "its user's choice";
}

TEST_F(Service, ARefusedRemovalRemovesNothing) {
  world.add_network("vlan100", "172.16.1.0/24", "100");
  world.add_network("shop_default", "172.16.1.0/24", "100");
  expect_refused(world.service().remove_network("vlan100"), ErrorCode::in_use, "docker network rm shop_default");
  EXPECT_EQ(world.disk.all<model::EngineNetwork>().size(), 2U);
}

TEST_F(Service, ARunThatCannotBeChangesNothing) {
  world.add_network("full", "172.16.7.0/30", "7");  // one address
  ASSERT_TRUE(world.engine.run({"web", {{"full"}}}).ok());
  ASSERT_TRUE(world.engine.remove("web").ok());
  ASSERT_TRUE(eventually([&] { return world.reservation("web", "vlan7")->state == model::ReservationState::removed; }));
  const auto before = world.disk.all<model::Reservation>();
  auto wanted = run_spec("db");
  wanted.vlan = "7";
  wanted.options = {"--bogus"};
  expect_refused(world.service().run(wanted), ErrorCode::invalid, "run db: --bogus");
  wanted.options.clear();
  wanted.image = "missing";
  expect_refused(world.service().run(wanted), ErrorCode::not_found, "pull access denied");
  wanted.vlan = "8";
  expect_refused(world.service().run(wanted), ErrorCode::not_found, "pull access denied");
  EXPECT_EQ(world.disk.all<model::Reservation>(), before) << "a removed one's address was given up for it";
  EXPECT_EQ(world.disk.all<model::Network>().size(), 1U);
}

TEST_F(Service, RunsThatMakeOneNetworkTogetherAllRun) {
  std::atomic<int> ran{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      auto wanted = run_spec(fmt::format("web{}", i));
      wanted.vlan = "100";
      const auto view = world.service().run(wanted);
      EXPECT_TRUE(view.ok()) << view.error().message();
      ran += view.ok() ? 1 : 0;
    });
  }
  threads.clear();
  EXPECT_EQ(ran, 8);
  EXPECT_EQ(world.disk.all<model::EngineNetwork>().size(), 1U);
}

TEST_F(Service, RunTakesTheIdentityFromItsLabelAndFromNothingElse) {
  auto wanted = run_spec("web-1");
  wanted.options = {"-e", "WHY=bayplan.identity=wrong", "--label", "bayplan.identity=shop/web"};
  EXPECT_EQ(world.service().run(wanted)->reservation.identity, "shop/web");
  wanted = run_spec("web-2");
  wanted.options = {"-e", "bayplan.identity=wrong"};
  EXPECT_EQ(world.service().run(wanted)->reservation.identity, "web-2");
}

TEST_F(Service, ReservationsAreFoundByAllThatIsGiven) {
  world.add_network();
  world.add_network("vlan300", "172.16.3.0/24", "300");
  ASSERT_TRUE(world.service().reserve({"vlan100", "web", "172.16.1.50"}).ok());
  ASSERT_TRUE(world.service().reserve({"vlan100", "db", {}}).ok());
  ASSERT_TRUE(world.service().reserve({"vlan300", "web", {}}).ok());
  const auto count = [&](const control::ReservationFilter& filter) {
    return world.service().reservations(filter)->size();
  };
  EXPECT_EQ(count({}), 3U);
  EXPECT_EQ(count({"vlan100", {}, {}}), 2U);
  EXPECT_EQ(count({{}, {}, "web"}), 2U);
  EXPECT_EQ(count({"vlan100", {}, "web"}), 1U);
  EXPECT_EQ(count({{}, {}, "172.16.1.50"}), 1U);
  EXPECT_EQ(count({{}, {}, "172.16.1.50/24"}), 1U);
  EXPECT_EQ(count({{}, "attached", {}}), 0U);
  EXPECT_EQ(world.service().reservations({{}, "gone", {}}).error().code, ErrorCode::invalid);
  EXPECT_EQ(world.service().reservations({"blue", {}, {}}).error().code, ErrorCode::not_found);
  const auto sorted = world.service().reservations({"vlan100", {}, {}}).value();
  EXPECT_EQ(sorted[0].reservation.identity, "db") << "by address, as a person looks for it";
  EXPECT_EQ(sorted[0].vlan, 100);
  EXPECT_EQ(sorted[0].subnet.to_string(), "172.16.1.0/24");
}

TEST_F(Service, BadReservationsAreRefused) {
  world.add_network();
  for (const auto& identity : {std::string(), std::string(300, 'x'), std::string("a b"), std::string("a\nb"),
                               std::string("/a"), std::string("gr\xc3\xbcn")}) {
    EXPECT_EQ(world.service().reserve({"vlan100", identity, {}}).error().code, ErrorCode::invalid);
  }
  for (const char* address : {"172.16.1.0", "172.16.1.1", "172.16.1.255", "172.16.9.9", "nonsense"}) {
    EXPECT_EQ(world.service().reserve({"vlan100", "web", address}).error().code, ErrorCode::invalid) << address;
  }
  EXPECT_EQ(world.service().reserve({"blue", "web", {}}).error().code, ErrorCode::not_found);
  EXPECT_TRUE(world.disk.all<model::Reservation>().empty());
}

TEST_F(Service, AReleaseEndsAReservationByNameOrAddressUnlessItIsInUse) {
  world.add_network();
  ASSERT_TRUE(world.engine.run({"web", {{"vlan100"}}}).ok());
  expect_refused(world.service().release("vlan100", "web"), ErrorCode::in_use, "docker stop web");
  ASSERT_TRUE(world.service().reserve({"vlan100", "db", "172.16.1.50"}).ok());
  EXPECT_EQ(world.service().release("vlan100", "172.16.1.50")->reservation.identity, "db");
  expect_refused(world.service().release("vlan100", "db"), ErrorCode::not_found, "bayplan ls --network vlan100");
  expect_refused(world.service().release("blue", "db"), ErrorCode::not_found, "blue");
}

TEST_F(Service, TheExportIsTheWholePlan) {
  world.add_network();
  ASSERT_TRUE(world.service().reserve({"vlan100", "web", {}}).ok());
  const auto all = world.service().export_plan().value();
  EXPECT_EQ(all.networks.size(), 1U);
  EXPECT_EQ(all.reservations.size(), 1U);
}

TEST_F(Service, TheStatusSaysHowTheEngineIs) {
  EXPECT_TRUE(eventually([&] { return world.service().status()->engine_ready; }));
  EXPECT_EQ(world.service().status()->engine, "");
  EXPECT_EQ(world.service().status()->store, "fake");
}

}  // namespace
}  // namespace bayplan::testing
