// What befalls the machine: power cuts, boots with a silent API, crashes of baypland at every point, a store that
// fails, an engine that is not there.
#include <gtest/gtest.h>

#include "world.hpp"

namespace bayplan::testing {
namespace {

using Addresses = std::map<std::string, model::IpAddress>;
using Names = std::vector<std::string>;

Names names(int count) {
  Names out;
  for (int i = 0; i < count; ++i) out.push_back(fmt::format("c{:02}", i));
  return out;
}

class Trouble : public ::testing::Test {
 protected:
  void SetUp() override { world.add_network(); }

  FakeEngine::Spec spec(const std::string& name, const std::string& policy = "always") {
    return {name, {{"vlan100"}}, {}, policy, {}};
  }
  Addresses run_all(const Names& containers, const std::string& policy = "always") {
    for (const auto& name : containers) {
      const auto started = world.engine.run(spec(name, policy));
      EXPECT_TRUE(started.ok()) << started.error().message();
    }
    EXPECT_TRUE(eventually([&] { return world.is_settled(); }));
    return world.addresses(containers);
  }
  void stop_all(const Names& containers) {
    for (const auto& name : containers) ASSERT_TRUE(world.engine.stop(name).ok());
  }
  void expect_all_have(const Addresses& wanted) {
    EXPECT_TRUE(eventually([&] { return world.all_have(wanted); })) << world.state_of(wanted);
  }

  World world;
};

TEST_F(Trouble, AfterAPowerCutAllThatWereNotPinnedAreRefusedAndStartedByBayplandWithTheirOwn) {
  const auto all = names(12);
  const auto before = run_all(all);
  Watchman watchman(world, before);
  for (unsigned boot = 1; boot <= 3; ++boot) {
    world.engine.power_cut();
    world.engine.boot_silently(boot);
    if (boot == 1) {
      EXPECT_TRUE(world.engine.addresses_in_use().empty()) << "nobody could tell whose address to give";
      EXPECT_EQ(world.disk.all<model::OwedStart>().size(), 12U);
      EXPECT_NE(world.engine.last_error("c00").find("baypland can't tell whose address"), std::string::npos);
    }
    world.engine.answer();
    expect_all_have(before);
  }
  EXPECT_EQ(watchman.report(), Names{});
}

TEST_F(Trouble, AfterAPowerCutThePinnedStartByThemselvesAndAreVerifiedLater) {
  const auto all = names(12);
  const auto before = run_all(all);
  stop_all(all);
  ASSERT_TRUE(eventually([&] { return world.all_pinned(all); }));
  for (const auto& name : all) ASSERT_TRUE(world.engine.start(name).ok());
  const int repins = world.engine.repins();
  Watchman watchman(world, before);
  world.engine.power_cut();
  world.firewall.flush();  // Docker makes its chains anew
  world.engine.boot_silently(3);
  EXPECT_EQ(world.engine.addresses_in_use().size(), 12U) << "they do not have to wait for the API";
  EXPECT_TRUE(eventually([&] { return world.firewall.rules().networks.size() == 1; })) << "nor their packets";
  world.engine.answer();
  expect_all_have(before);
  EXPECT_EQ(world.engine.repins(), repins);
  EXPECT_EQ(watchman.report(), Names{});
}

// Its network is full by now: said once, and not tried over and over.
TEST_F(Trouble, AnOwedStartThatCannotBeMadeGoodIsGivenUp) {
  world.add_network("vlan7", "172.16.7.0/30", "7");  // one address
  ASSERT_TRUE(world.engine.run({"late", {{"vlan7"}}, {}, "always"}).ok());
  ASSERT_TRUE(world.engine.stop("late").ok());
  ASSERT_TRUE(eventually([&] { return world.all_pinned({"late"}, "vlan7"); }));
  ASSERT_TRUE(world.service().release("vlan7", "late").ok());
  ASSERT_TRUE(eventually([&] { return !world.engine.configured_of("late", "vlan7"); }));
  ASSERT_TRUE(world.engine.run({"web", {{"vlan7"}}, {}, "always"}).ok());
  const auto before = world.addresses({"web"}, "vlan7");
  world.engine.power_cut();
  world.engine.boot_silently();
  ASSERT_EQ(world.disk.all<model::OwedStart>().size(), 2U);
  const int inspects = world.engine.inspects();
  world.engine.answer();
  EXPECT_TRUE(eventually([&] { return world.all_have(before, "vlan7"); })) << world.state_of(before, "vlan7");
  EXPECT_LT(world.engine.inspects() - inspects, 50);
  EXPECT_FALSE(world.engine.look("late")->is_up());
}

TEST_F(Trouble, ARealRebootLosesTheKernelsSideToo) {
  const auto before = run_all(names(6));
  world.engine.power_cut();
  world.go_away();
  for (const auto& [name, port] : world.datapath.ports()) world.datapath.remove_link(name);
  ASSERT_TRUE(world.datapath.remove_network("vlan100").ok());
  world.come_back();
  world.engine.boot(9);
  expect_all_have(before);
  EXPECT_TRUE(eventually([&] { return world.datapath.ports().size() == 6; }));
}

TEST_F(Trouble, DockerBootsBeforeBaypland) {
  const auto before = run_all(names(6));
  world.engine.power_cut();
  world.go_away();
  world.engine.boot(4);  // nobody at the plugin's socket: no start succeeds, no endpoint is cleared
  EXPECT_TRUE(world.engine.addresses_in_use().empty());
  world.come_back();
  expect_all_have(before);
}

// DeleteEndpoint and ReleaseAddress found nobody: the addresses look as if they were still in use.
TEST_F(Trouble, EndpointsThatNobodyToldOfAreFoundGone) {
  const auto all = names(4);
  const auto before = run_all(all);
  world.go_away();
  stop_all(all);
  world.come_back();
  ASSERT_EQ(world.disk.all<model::Attachment>().size(), 4U);
  world.clock.push(std::chrono::seconds(70));
  for (const auto& name : all) EXPECT_TRUE(world.engine.start(name).ok()) << world.engine.last_error(name);
  expect_all_have(before);
  EXPECT_TRUE(eventually([&] { return world.disk.all<model::Attachment>().size() == 4; }));
}

TEST_F(Trouble, PinnedContainersWhoseEndpointsWereLostStartWhileTheApiIsSilent) {
  const auto all = names(4);
  const auto before = run_all(all);
  stop_all(all);
  ASSERT_TRUE(eventually([&] { return world.all_pinned(all); }));
  for (const auto& name : all) ASSERT_TRUE(world.engine.start(name).ok());
  ASSERT_TRUE(eventually([&] { return world.all_have(before); }));
  world.engine.power_cut();
  world.go_away();
  world.engine.boot_silently();  // clears its endpoints, and nobody hears it
  world.engine.power_cut();
  world.clock.push(std::chrono::seconds(1));
  world.come_back();
  world.engine.boot(5);
  expect_all_have(before);
}

TEST_F(Trouble, SomebodyElsesIpAtBootIsNotGivenAndTheOwnerGetsIt) {
  const auto before = run_all({"db"});
  const auto address = before.at("db");
  stop_all({"db"});
  ASSERT_TRUE(eventually([&] { return world.all_pinned({"db"}); }));
  // It ran once with another address, and was then configured with db's.
  ASSERT_TRUE(world.engine.run(spec("thief")).ok());
  ASSERT_TRUE(world.engine.stop("thief").ok());
  ASSERT_TRUE(eventually([&] { return world.all_pinned({"db", "thief"}); }));
  ASSERT_TRUE(world.engine.disconnect("thief", "vlan100").ok());
  ASSERT_TRUE(world.engine.connect("thief", "vlan100", "{}", address).ok());
  ASSERT_TRUE(eventually([&] {
    const auto claims = world.disk.all<model::Claim>();
    return std::ranges::any_of(claims,
                               [](const auto& claim) { return claim.identity == "thief" && !claim.pinned_by_us; });
  }));
  Watchman watchman(world, before);
  for (unsigned boot = 0; boot < 4; ++boot) {
    world.engine.power_cut();
    world.engine.boot(boot);
    expect_all_have(before);
    EXPECT_NE(world.engine.address_of("thief", "vlan100"), address);
  }
  EXPECT_EQ(watchman.report(), Names{});
}

TEST_F(Trouble, AStartWhileTheEngineIsSilentIsOwed) {
  run_all({"web"});
  world.engine.power_cut();
  world.engine.boot(1);
  ASSERT_TRUE(eventually([&] { return world.is_settled(); }));
  world.engine.power_cut();
  world.engine.boot_silently(2);
  const auto owed = world.disk.all<model::OwedStart>();
  world.crash();  // what is owed is remembered
  world.clock.push(std::chrono::minutes(5));
  world.engine.answer();
  EXPECT_TRUE(eventually([&] { return world.engine.look("web")->is_up() && world.is_settled(); }));
}

TEST_F(Trouble, WithoutTheEngineTheControlApiStillAnswers) {
  run_all({"web"});
  world.engine.power_cut();
  EXPECT_TRUE(eventually([&] { return !world.service().status()->engine_ready; }));
  EXPECT_FALSE(world.service().status()->engine.empty());
  EXPECT_EQ(world.service().reservations({})->size(), 1U);
  EXPECT_TRUE(world.service().reserve({"vlan100", "db", {}}).ok());
  control::RunSpec wanted;
  wanted.name = "late";
  wanted.image = "busybox";
  EXPECT_EQ(world.service().run(wanted).error().code, ErrorCode::unavailable);
}

TEST_F(Trouble, WhatCouldNotBeStoredIsNotGranted) {
  const auto before = run_all({"web"});
  const auto stored = world.disk.load().value();
  world.disk.fail_next_commits(1000);
  const auto refused = world.engine.run(spec("db"));
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().detail.find("store the plan"), std::string::npos) << refused.error().detail;
  EXPECT_EQ(world.engine.addresses_in_use().size(), 1U);
  EXPECT_EQ(world.service().reserve({"vlan100", "x", {}}).error().code, ErrorCode::storage);
  EXPECT_FALSE(world.engine.network_create("vlan7", "172.16.7.0/24", "", {{"vlan", "7"}}).ok());
  EXPECT_EQ(world.datapath.list_networks()->size(), 1U) << "intent first: nothing is made that is not stored";
  EXPECT_EQ(world.disk.load().value(), stored);
  world.disk.fail_next_commits(0);
  ASSERT_TRUE(world.engine.start("db").ok());
  expect_all_have(before);
}

// The disk is full while a container stops: its endpoint's end could not be noted.
TEST_F(Trouble, AStopThatCouldNotBeStoredIsMadeUpFor) {
  const auto before = run_all({"web"});
  world.disk.fail_next_commits(1000);
  ASSERT_TRUE(world.engine.stop("web").ok());
  world.disk.fail_next_commits(0);
  world.clock.push(std::chrono::seconds(70));
  EXPECT_TRUE(eventually([&] { return world.disk.all<model::Attachment>().empty(); }));
  EXPECT_TRUE(eventually([&] { return world.datapath.ports().empty(); }));
  ASSERT_TRUE(world.engine.start("web").ok());
  expect_all_have(before);
}

// --- crashes of baypland

// What Docker does when its plugin dies under it is fail that call; what the user does is try again.
class CrashAtEveryCall : public ::testing::TestWithParam<bool> {};

TEST_P(CrashAtEveryCall, LosesNoAddressAndGivesNoneTwice) {
  for (int at = 0; at < 14; ++at) {
    World world;
    world.add_network();
    const auto started = [&](const std::string& name, const std::string& policy = "no") {
      return world.engine.run({name, {{"vlan100"}}, {}, policy, {}}).ok();
    };
    ASSERT_TRUE(started("web", "always"));
    ASSERT_TRUE(started("db"));
    ASSERT_TRUE(eventually([&] { return world.is_settled(); }));
    const auto before = world.addresses({"web", "db"});
    Watchman watchman(world, before);
    world.crash_at_call(at, GetParam());
    // About fourteen calls: a stop and start, a crash, a removal and a new one.
    (void)world.engine.stop("db");
    (void)world.engine.start("db");
    (void)world.engine.crash("web");
    (void)world.engine.remove("db");
    (void)started("db");
    world.clock.push(std::chrono::seconds(70));
    EXPECT_TRUE(eventually([&] {
      for (const auto& name : {"web", "db"}) {
        if (!world.engine.look(name)->is_up()) (void)world.engine.start(name);
      }
      return world.all_have(before);
    })) << at
        << world.state_of(before);
    EXPECT_EQ(watchman.report(), Names{}) << at;
    EXPECT_EQ(world.disk.all<model::Reservation>().size(), 2U) << at;
    EXPECT_TRUE(eventually([&] { return world.datapath.ports().size() == 2; })) << at;
  }
}

INSTANTIATE_TEST_SUITE_P(BeforeAndAfter, CrashAtEveryCall, ::testing::Bool(),
                         [](const auto& chosen) { return chosen.param ? "BeforeItIsHeard" : "BeforeItIsAnswered"; });

TEST_F(Trouble, AStartThatWasCutShortCanBeTriedAgainAtOnce) {
  const auto before = run_all({"web"}, "no");
  stop_all({"web"});
  for (const bool first : {true, false}) {
    for (int call = 0; call < 3; ++call) {
      world.crash_at_call(call, first);
      EXPECT_FALSE(world.engine.start("web").ok()) << call;
      EXPECT_TRUE(world.engine.start("web").ok()) << call << first << world.engine.last_error("web");
      expect_all_have(before);
      stop_all({"web"});
    }
  }
}

TEST_F(Trouble, ARepinThatACrashInterruptedIsEnded) {
  const auto before = run_all({"web", "db"}, "no");
  for (int repin = 0; repin < 4; ++repin) {
    world.crash_at_repin(repin % 2);
    for (const auto& name : {"web", "db"}) {
      ASSERT_TRUE(world.engine.stop(name).ok());
      if (!world.engine.configured_of(name, "vlan100")) continue;
      ASSERT_TRUE(world.engine.disconnect(name, "vlan100").ok());
      ASSERT_TRUE(world.engine.connect(name, "vlan100", "{}", {}).ok());
    }
    ASSERT_TRUE(eventually([&] { return world.all_pinned({"web", "db"}); }));
    for (const auto& name : {"db", "web"}) ASSERT_TRUE(world.engine.start(name).ok());
    expect_all_have(before);
  }
}

TEST_F(Trouble, APuttingRightThatACrashInterruptedIsEnded) {
  const auto all = names(8);
  const auto before = run_all(all, "no");
  Watchman watchman(world, before);
  for (int repin = 0; repin < 3; ++repin) {
    for (const auto& name : all) ASSERT_TRUE(world.engine.remove(name).ok());
    world.crash_at_repin(repin);
    std::vector<std::jthread> threads;
    for (const auto& name : all) {
      threads.emplace_back([&, name] {
        const auto id = world.engine.create(spec(name, "no")).value();
        EXPECT_TRUE(eventually([&] { return world.engine.start(id).ok(); }));
      });
    }
    threads.clear();
    world.clock.push(std::chrono::seconds(70));
    expect_all_have(before);
  }
  EXPECT_EQ(watchman.report(), Names{});
}

// Docker does what a killed baypland asked for, a moment after the next one has looked.
TEST_F(Trouble, ADisconnectThatIsDoneAfterItsAskerWasKilledIsMadeGood) {
  const auto before = run_all({"web"}, "no");
  const auto network = world.engine.networks(std::chrono::seconds(1))->front().id;
  const model::Repin begun{world.engine.look("web")->id, network, "{}", before.at("web")};
  world.go_away();
  ASSERT_TRUE(world.disk.commit({{model::Change::Kind::put, begun}}).ok());
  const int listings = world.engine.listings();
  world.come_back();
  ASSERT_TRUE(eventually([&] { return world.engine.listings() > listings + 3; })) << "two passes have looked";
  ASSERT_TRUE(world.engine.disconnect("web", network).ok());
  expect_all_have(before);
}

TEST_F(Trouble, KillsWhileManyStartLoseNothing) {
  const auto all = names(16);
  const auto before = run_all(all);
  Watchman watchman(world, before);
  {
    std::jthread killer([&](std::stop_token stop) {
      while (!stop.stop_requested()) {
        world.crash();
        std::this_thread::sleep_for(std::chrono::milliseconds(3));
      }
    });
    std::vector<std::jthread> threads;
    for (const auto& name : all) {
      threads.emplace_back([&, name] {
        (void)world.engine.restart(name);
        (void)world.engine.crash(name);
      });
    }
  }
  world.clock.push(std::chrono::seconds(70));
  EXPECT_TRUE(eventually([&] {
    for (const auto& name : all) {
      if (!world.engine.look(name)->is_up()) (void)world.engine.start(name);
    }
    return world.all_have(before);
  })) << world.state_of(before);
  EXPECT_EQ(watchman.report(), Names{});
}

// --- the reconciler's hurry

// Docker lists a network only when the plugin has made it.
TEST_F(Trouble, ANetworkThatIsJustBeingMadeIsNotTakenForGone) {
  world.on_call([&](const std::string& call) {
    if (call == "request_pool") world.keeper().poke();
  });
  std::atomic<bool> ended = false;
  std::jthread poker([&] {
    while (!ended) {
      world.keeper().poke();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  for (int i = 10; i < 40; ++i) {
    const auto number = std::to_string(i);
    world.add_network("vlan" + number, "172.16." + number + ".0/24", number);
    EXPECT_TRUE(world.engine.run({"web" + number, {{"vlan" + number}}}).ok())
        << world.engine.last_error("web" + number);
  }
  ended = true;
}

TEST_F(Trouble, ANetworkThatDockerDroppedUnheardIsGoneInTheEnd) {
  world.go_away();
  world.engine.use_driver(nullptr);
  ASSERT_TRUE(world.engine.remove_network("vlan100").ok());
  world.come_back();
  EXPECT_TRUE(eventually([&] { return world.disk.all<model::EngineNetwork>().empty(); }));
  EXPECT_TRUE(eventually([&] { return world.datapath.list_networks()->empty(); }));
}

TEST_F(Trouble, ANetworkThatTheKernelRefusesLeavesNothing) {
  world.datapath.fail_next(fail(ErrorCode::kernel, "create bridge bp-7: No buffer space available"), 1000);
  const auto made = world.engine.network_create("vlan7", "172.16.7.0/24", "", {{"vlan", "7"}});
  world.datapath.fail_next({}, 0);
  ASSERT_FALSE(made.ok());
  EXPECT_NE(made.error().detail.find("bp-7"), std::string::npos) << made.error().detail;
  EXPECT_EQ(world.disk.all<model::Network>().size(), 1U);
  EXPECT_EQ(world.disk.all<model::EngineNetwork>().size(), 1U);
}

TEST_F(Trouble, APortThatTheKernelRefusesFailsTheStartAndNothingIsKept) {
  world.datapath.fail_next(fail(ErrorCode::kernel, "create veth: No buffer space available"), 1000);
  const auto started = world.engine.run(spec("web", "no"));
  world.datapath.fail_next({}, 0);
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().detail.find("attach web to vlan100: create veth"), std::string::npos)
      << started.error().detail;
  EXPECT_TRUE(world.disk.all<model::Attachment>().empty());
  EXPECT_TRUE(world.engine.start("web").ok());
}

}  // namespace
}  // namespace bayplan::testing
