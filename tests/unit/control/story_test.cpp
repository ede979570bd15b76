// The story of the issue, in process: what a user does to containers, and that they keep their addresses.
#include <gtest/gtest.h>

#include <random>

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

// Does it for all at once.
template <typename Work>
void at_once(const Names& containers, Work work) {
  std::vector<std::jthread> threads;
  for (const auto& name : containers) threads.emplace_back([&work, name] { work(name); });
}

std::set<model::IpAddress> distinct(const Addresses& addresses) {
  std::set<model::IpAddress> out;
  for (const auto& [name, address] : addresses) out.insert(address);
  return out;
}

class Story : public ::testing::Test {
 protected:
  explicit Story(bool tells_names = false) : world(tells_names) {}

  void SetUp() override { world.add_network(); }

  FakeEngine::Spec spec(const std::string& name, const std::string& policy = "no") {
    return {name, {{"vlan100"}}, {}, policy, {}};
  }
  FakeEngine::Spec spec_with_ip(const std::string& name, const std::string& ip, const std::string& policy = "no") {
    return {name, {{"vlan100", address_from(ip)}}, {}, policy, {}};
  }
  void run(const std::string& name, const std::string& policy = "no") {
    const auto started = world.engine.run(spec(name, policy));
    ASSERT_TRUE(started.ok()) << started.error().message();
  }
  // Starts them one after the other, and waits until nothing is left to be done.
  Addresses run_all(const Names& containers, const std::string& policy = "no") {
    for (const auto& name : containers) run(name, policy);
    EXPECT_TRUE(eventually([&] { return world.is_settled(); }));
    const auto addresses = world.addresses(containers);
    EXPECT_EQ(distinct(addresses).size(), containers.size());
    return addresses;
  }
  void expect_all_have(const Addresses& wanted, const std::string& network = "vlan100") {
    EXPECT_TRUE(eventually([&] { return world.all_have(wanted, network); })) << world.state_of(wanted, network);
  }
  model::ReservationState state(const std::string& identity) { return world.reservation(identity)->state; }
  bool becomes(const std::string& identity, model::ReservationState wanted) {
    return eventually([&] { return world.reservation(identity) && state(identity) == wanted; });
  }

  World world;
};

class StoryOfDocker29 : public Story {
 protected:
  StoryOfDocker29() : Story(true) {}
};

TEST_F(Story, TheFirstStartOfManyGivesEachAnAddressOfItsOwn) {
  const auto all = names(24);
  const Watchman watchman(world, {});
  at_once(all, [&](const std::string& name) { run(name); });
  ASSERT_TRUE(eventually([&] { return world.is_settled(); }));
  const auto addresses = world.addresses(all);
  ASSERT_EQ(addresses.size(), 24U);
  EXPECT_EQ(distinct(addresses).size(), 24U);
  for (const auto& [name, address] : addresses) {
    const auto own = world.reservation(name);
    ASSERT_TRUE(own) << name;
    EXPECT_EQ(own->address, address) << name;
    EXPECT_EQ(own->state, model::ReservationState::attached);
    EXPECT_EQ(own->mac, model::mac_of(world.service().network("vlan100")->network.mac_salt, address));
  }
}

TEST_F(Story, StoppedAndStartedInAnotherOrderTheyHaveTheirAddresses) {
  auto all = names(12);
  const auto before = run_all(all);
  Watchman watchman(world, before);
  for (int round = 0; round < 3; ++round) {
    for (const auto& name : all) ASSERT_TRUE(world.engine.stop(name).ok());
    std::shuffle(all.begin(), all.end(), std::mt19937(static_cast<unsigned>(round)));
    at_once(all, [&](const std::string& name) { EXPECT_TRUE(world.engine.start(name).ok()) << name; });
    expect_all_have(before);
  }
  EXPECT_EQ(watchman.report(), Names{});
}

TEST_F(Story, AFifthContainerDoesNotTakeTheAddressOfOneThatIsDown) {
  const auto before = run_all({"test1", "test2", "test3", "test4"});
  ASSERT_TRUE(world.engine.stop("test1").ok());
  EXPECT_TRUE(becomes("test1", model::ReservationState::held));
  run("test5");
  ASSERT_TRUE(world.engine.start("test1").ok());
  expect_all_have(before);
  EXPECT_FALSE(distinct(before).contains(world.addresses({"test5"}).at("test5")));
}

TEST_F(Story, RemovedAndMadeAnewByTheSameNameItHasItsAddress) {
  const auto before = run_all({"test1", "test2"});
  ASSERT_TRUE(world.engine.remove("test2").ok());
  EXPECT_TRUE(becomes("test2", model::ReservationState::removed));
  run("other");
  run("test2");
  expect_all_have(before);
  EXPECT_TRUE(becomes("test2", model::ReservationState::attached));
}

TEST_F(Story, DockerRestartKeepsIt) {
  const auto before = run_all(names(3));
  for (const auto& [name, address] : before) ASSERT_TRUE(world.engine.restart(name).ok());
  expect_all_have(before);
}

TEST_F(Story, ACrashWithARestartPolicyKeepsIt) {
  const auto before = run_all(names(3), "always");
  for (int round = 0; round < 3; ++round) {
    for (const auto& [name, address] : before) ASSERT_TRUE(world.engine.crash(name).ok());
  }
  expect_all_have(before);
}

TEST_F(Story, AllCrashAtOnceAndEndRight) {
  const auto all = names(12);
  const auto before = run_all(all, "always");
  Watchman watchman(world, before);
  at_once(all, [&](const std::string& name) { EXPECT_TRUE(world.engine.crash(name).ok()); });
  expect_all_have(before);
  EXPECT_EQ(watchman.report(), Names{});
}

// Which of them asks can't be known before the join: nobody may have another's address for a moment.
TEST_F(Story, KnownNamesMadeAnewAtOnceEndRightWithoutEverHoldingAnothersAddress) {
  const auto all = names(24);
  const auto before = run_all(all);
  for (const auto& name : all) ASSERT_TRUE(world.engine.remove(name).ok());
  Watchman watchman(world, before);
  at_once(all, [&](const std::string& name) { run(name); });
  expect_all_have(before);
  EXPECT_EQ(watchman.report(), Names{});
}

// A container that was refused stays created, with the address it wanted configured.
TEST_F(Story, OneThatWantsAnothersAddressDoesNotKeepTheOwnerFromBeingPutRight) {
  const auto all = names(8);
  const auto before = run_all(all);
  for (const auto& [name, address] : before) {
    EXPECT_FALSE(world.engine.run(spec_with_ip("wants-" + name, address.to_string())).ok());
  }
  for (const auto& name : all) ASSERT_TRUE(world.engine.remove(name).ok());
  at_once(all, [&](const std::string& name) { run(name); });
  expect_all_have(before);
}

TEST_F(Story, KnownNamesAreRightEvenWithAFullPool) {
  world.add_network("vlan7", "172.16.7.0/28", "7");
  const auto all = names(13);  // as many as there are addresses
  for (const auto& name : all) ASSERT_TRUE(world.engine.run({name, {{"vlan7"}}}).ok());
  ASSERT_TRUE(eventually([&] { return world.is_settled(); }));
  const auto before = world.addresses(all, "vlan7");
  ASSERT_EQ(distinct(before).size(), 13U);
  const auto more = world.engine.run({"more", {{"vlan7"}}});
  ASSERT_FALSE(more.ok());
  EXPECT_NE(more.error().detail.find("vlan7 (172.16.7.0/28) has no free address: 13 attached, 0 held"),
            std::string::npos)
      << more.error().detail;
  ASSERT_TRUE(world.engine.remove("more").ok());
  for (const auto& name : all) ASSERT_TRUE(world.engine.remove(name).ok());
  Watchman watchman(world, before, "vlan7");
  // Some starts are refused (nobody can tell them apart), and made good by baypland.
  at_once(all, [&](const std::string& name) { (void)world.engine.run({name, {{"vlan7"}}}); });
  expect_all_have(before, "vlan7");
  EXPECT_EQ(watchman.report(), Names{});
}

TEST_F(Story, ARemovedNamesAddressIsGivenOnlyWhenNoneIsFree) {
  world.add_network("vlan7", "172.16.7.0/29", "7");  // five addresses
  for (const auto& name : names(5)) ASSERT_TRUE(world.engine.run({name, {{"vlan7"}}}).ok());
  ASSERT_TRUE(eventually([&] { return world.is_settled(); }));
  const auto addresses = world.addresses(names(5), "vlan7");
  for (const auto& name : {"c03", "c01"}) {
    ASSERT_TRUE(world.engine.remove(name).ok());
    ASSERT_TRUE(
        eventually([&] { return world.reservation(name, "vlan7")->state == model::ReservationState::removed; }));
    world.clock.push(std::chrono::minutes(1));
  }
  ASSERT_TRUE(world.engine.stop("c00").ok());
  ASSERT_TRUE(eventually([&] { return world.all_pinned({"c00"}, "vlan7"); }));
  ASSERT_TRUE(world.engine.run({"new1", {{"vlan7"}}}).ok());
  EXPECT_EQ(world.addresses({"new1"}, "vlan7").at("new1"), addresses.at("c03")) << "the longest removed goes first";
  ASSERT_TRUE(world.engine.run({"new2", {{"vlan7"}}}).ok());
  EXPECT_EQ(world.addresses({"new2"}, "vlan7").at("new2"), addresses.at("c01"));
  EXPECT_FALSE(world.engine.run({"new3", {{"vlan7"}}}).ok()) << "a stopped container's address is never given";
  EXPECT_EQ(world.reservation("c03", "vlan7"), std::nullopt);
}

TEST_F(Story, AnotherContainersAddressIsRefusedByName) {
  const auto before = run_all({"db"});
  const auto taken = before.at("db").to_string();
  const auto running = world.engine.run(spec_with_ip("thief", taken));
  ASSERT_FALSE(running.ok());
  EXPECT_NE(running.error().detail.find("in use by 'db' on vlan100"), std::string::npos) << running.error().detail;
  ASSERT_TRUE(world.engine.stop("db").ok());
  ASSERT_TRUE(eventually([&] { return world.all_pinned({"db"}); }));
  const auto stopped = world.engine.start("thief");
  ASSERT_FALSE(stopped.ok());
  EXPECT_NE(stopped.error().detail.find("172.16.1.2 is held for 'db' on vlan100 (stopped "), std::string::npos)
      << stopped.error().detail;
  EXPECT_NE(stopped.error().detail.find("bayplan release vlan100 db"), std::string::npos);
  ASSERT_TRUE(world.engine.remove("db").ok());
  ASSERT_TRUE(becomes("db", model::ReservationState::removed));
  const auto removed = world.engine.start("thief");
  ASSERT_FALSE(removed.ok());
  EXPECT_NE(removed.error().detail.find("(removed "), std::string::npos) << removed.error().detail;
  ASSERT_TRUE(world.service().release("vlan100", "db").ok());
  ASSERT_TRUE(world.engine.start("thief").ok()) << "given up, it is anybody's";
  EXPECT_EQ(world.reservation("thief")->address, before.at("db"));
}

TEST_F(Story, AFreeAddressThatIsAskedForIsTheContainersFromThenOn) {
  ASSERT_TRUE(world.engine.run(spec_with_ip("web", "172.16.1.77")).ok());
  EXPECT_EQ(world.reservation("web")->address, address_from("172.16.1.77"));
  ASSERT_TRUE(world.engine.remove("web").ok());
  run("web");
  EXPECT_EQ(world.addresses({"web"}).at("web"), address_from("172.16.1.77"));
}

TEST_F(Story, AddressesThatNobodyCanHaveAreRefused) {
  for (const auto& [ip, why] : std::map<std::string, std::string>{{"172.16.1.0", "network address"},
                                                                  {"172.16.1.255", "broadcast address"},
                                                                  {"172.16.1.1", "gateway"},
                                                                  {"172.16.2.5", "outside the subnet"}}) {
    const auto started = world.engine.run(spec_with_ip("web-" + ip, ip));
    ASSERT_FALSE(started.ok()) << ip;
    EXPECT_NE(started.error().detail.find(why), std::string::npos) << started.error().detail;
  }
  EXPECT_TRUE(world.disk.all<model::Reservation>().empty());
  EXPECT_TRUE(world.disk.all<model::Attachment>().empty());
}

TEST_F(Story, TheReservationGoesWithARename) {
  const auto before = run_all({"web", "db"});
  ASSERT_TRUE(world.engine.rename("web", "shop").ok());
  ASSERT_TRUE(eventually([&] { return world.reservation("shop") && !world.reservation("web"); }));
  EXPECT_EQ(world.reservation("shop")->address, before.at("web"));
  ASSERT_TRUE(world.engine.restart("shop").ok());
  expect_all_have({{"shop", before.at("web")}, {"db", before.at("db")}});
  run("web");
  EXPECT_NE(world.addresses({"web"}).at("web"), before.at("web"));
}

TEST_F(Story, ComposesPutAsideContainerLeavesTheNameToTheNext) {
  const auto before = run_all({"web"});
  const auto old = world.engine.look("web")->id;
  ASSERT_TRUE(world.engine.stop("web").ok());
  ASSERT_TRUE(eventually([&] { return world.all_pinned({"web"}); }));
  ASSERT_TRUE(world.engine.rename("web", old.substr(0, 12) + "_web").ok());
  const auto fresh = world.engine.create(spec("web"));
  ASSERT_TRUE(fresh.ok());
  ASSERT_TRUE(eventually([&] { return world.all_pinned({"web"}); }));
  ASSERT_TRUE(world.engine.remove(old).ok());
  ASSERT_TRUE(world.engine.start("web").ok());
  expect_all_have(before);
}

// docker compose (version 2): the new container is made under a name of its own, and gets the old one's when that is
// gone.
TEST_F(Story, ComposesNewContainerGetsTheAddressOfTheOneItReplaces) {
  for (const bool at_once : {true, false}) {
    const auto before = run_all({"web"});
    const auto old = world.engine.look("web")->id;
    auto next = spec(old.substr(0, 12) + "_web");
    next.labels["com.docker.compose.replace"] = "web";
    const auto fresh = world.engine.create(next).value();
    // The old one takes its time to stop: longer than it takes a container at rest to be pinned.
    ASSERT_TRUE(world.engine.create(spec("rests")).ok());
    ASSERT_TRUE(eventually([&] { return world.all_pinned({"rests"}); }));
    ASSERT_TRUE(world.engine.remove("rests").ok());
    ASSERT_TRUE(world.engine.stop("web").ok());
    ASSERT_TRUE(world.engine.remove("web").ok());
    ASSERT_TRUE(world.engine.rename(fresh, "web").ok());
    ASSERT_TRUE(at_once || eventually([&] { return world.all_pinned({"web"}); }));
    const auto started = world.engine.start(fresh);
    ASSERT_TRUE(started.ok()) << started.error().message();
    expect_all_have(before);
    EXPECT_EQ(world.reservation(next.name), std::nullopt);
    ASSERT_TRUE(world.engine.remove("web").ok());
  }
}

// Blue and green: the name `web` has an address, and so has the container that is called so from now on.
TEST_F(Story, OneThatIsRenamedToAKnownNameHasThatNamesAddressFromItsNextStart) {
  const auto before = run_all({"web", "web-new"});
  ASSERT_TRUE(world.engine.remove("web").ok());
  ASSERT_TRUE(world.engine.rename("web-new", "web").ok());
  ASSERT_TRUE(world.engine.stop("web").ok());
  ASSERT_TRUE(eventually([&] { return world.all_pinned({"web"}); }));
  const int repins = world.engine.repins();
  ASSERT_TRUE(world.engine.start("web").ok());
  expect_all_have({{"web", before.at("web")}});
  EXPECT_EQ(world.engine.repins(), repins);
  EXPECT_TRUE(becomes("web-new", model::ReservationState::removed)) << "nobody is called so any more";
}

TEST_F(Story, ARestartAfterARenameIsNotRefused) {
  const auto before = run_all({"web", "web-new"});
  ASSERT_TRUE(world.engine.stop("web-new").ok());
  ASSERT_TRUE(eventually([&] { return world.all_pinned({"web-new"}); }));
  ASSERT_TRUE(world.engine.start("web-new").ok());
  ASSERT_TRUE(world.engine.remove("web").ok());
  ASSERT_TRUE(world.engine.rename("web-new", "web").ok());
  const auto started = world.engine.restart("web");
  ASSERT_TRUE(started.ok()) << started.error().message();
  expect_all_have({{"web", before.at("web")}});
}

TEST_F(Story, ARenameAtRestAndAStartAtOnce) {
  for (int round = 0; round < 20; ++round) {
    const auto name = fmt::format("a{}", round);
    const auto before = run_all({name});
    ASSERT_TRUE(world.engine.stop(name).ok());
    ASSERT_TRUE(eventually([&] { return world.all_pinned({name}); }));
    ASSERT_TRUE(world.engine.rename(name, "b").ok());
    const auto started = world.engine.start("b");
    ASSERT_TRUE(started.ok()) << started.error().message();
    expect_all_have({{"b", before.at(name)}});
    ASSERT_TRUE(world.engine.remove("b").ok());
    ASSERT_TRUE(becomes("b", model::ReservationState::removed));
    ASSERT_TRUE(world.service().release("vlan100", "b").ok());
  }
}

TEST_F(Story, TheLabelIsTheIdentity) {
  auto labelled = spec("web-7f3a");
  labelled.labels["bayplan.identity"] = "shop/web";
  ASSERT_TRUE(world.engine.run(labelled).ok());
  const auto address = world.addresses({"web-7f3a"}).at("web-7f3a");
  EXPECT_EQ(world.reservation("shop/web")->address, address);
  ASSERT_TRUE(world.engine.remove("web-7f3a").ok());
  run("other");
  labelled.name = "web-9c11";
  ASSERT_TRUE(world.engine.run(labelled).ok());
  EXPECT_EQ(world.addresses({"web-9c11"}).at("web-9c11"), address);
  EXPECT_EQ(world.reservation("shop/web")->container_name, "web-9c11");
}

TEST_F(Story, ALabelThatIsNoIdentityIsRefused) {
  for (const auto& label : {std::string(300, 'x'), std::string("two\nlines"), std::string("with space"),
                            std::string("gr\xc3\xbcn"), std::string("/slash")}) {
    auto labelled = spec("web");
    labelled.labels["bayplan.identity"] = label;
    const auto started = world.engine.run(labelled);
    ASSERT_FALSE(started.ok()) << label;
    EXPECT_NE(started.error().detail.find("bayplan.identity"), std::string::npos) << started.error().detail;
    ASSERT_TRUE(world.engine.remove("web").ok());
  }
  EXPECT_TRUE(world.disk.all<model::Reservation>().empty());
}

TEST_F(Story, TheSecondContainerOfOneIdentityIsRefusedWhileTheFirstRuns) {
  auto first = spec("one");
  first.labels["bayplan.identity"] = "web";
  auto second = spec("two");
  second.labels["bayplan.identity"] = "web";
  ASSERT_TRUE(world.engine.run(first).ok());
  const auto address = world.addresses({"one"}).at("one");
  const auto refused = world.engine.run(second);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().detail.find("'web'"), std::string::npos) << refused.error().detail;
  EXPECT_EQ(refused.error().detail.find("baypland starts"), std::string::npos)
      << "no promise that can't be kept: " << refused.error().detail;
  EXPECT_TRUE(eventually([&] { return world.is_settled(); }));
  EXPECT_EQ(world.addresses({"one"}).at("one"), address);
  EXPECT_FALSE(world.engine.look("two")->is_up());
  ASSERT_TRUE(world.engine.remove("one").ok());
  EXPECT_TRUE(eventually([&] { return world.engine.start("two").ok(); }));
  EXPECT_EQ(world.addresses({"two"}).at("two"), address);
}

TEST_F(Story, OneContainerOnSeveralNetworks) {
  world.add_network("vlan300", "172.16.3.0/24", "300");
  ASSERT_TRUE(world.engine.run({"both", {{"vlan100"}, {"vlan300"}}}).ok());
  ASSERT_TRUE(world.engine.run({"third", {{"vlan300"}}}).ok());
  const auto on_100 = world.addresses({"both"}, "vlan100");
  const auto on_300 = world.addresses({"both", "third"}, "vlan300");
  EXPECT_NE(world.reservation("both", "vlan100"), std::nullopt);
  EXPECT_NE(world.reservation("both", "vlan300"), std::nullopt);
  for (const auto& name : {"both", "third"}) ASSERT_TRUE(world.engine.stop(name).ok());
  for (const auto& name : {"third", "both"}) ASSERT_TRUE(world.engine.start(name).ok());
  expect_all_have(on_100, "vlan100");
  expect_all_have(on_300, "vlan300");
}

TEST_F(Story, SeveralOfDockersNetworksMayBeOneOfOurs) {
  const auto before = run_all({"web"});
  world.add_network("shop_default", "172.16.1.0/24", "100");
  ASSERT_TRUE(world.engine.run({"db", {{"shop_default"}}}).ok());
  const auto db = world.addresses({"db"}, "shop_default").at("db");
  EXPECT_NE(db, before.at("web"));
  EXPECT_EQ(world.reservation("db", "vlan100")->address, db);
  EXPECT_EQ(world.service().network("vlan100")->engine_networks.size(), 2U);
}

TEST_F(Story, AContainerIsNotPutOnOneNetworkTwice) {
  world.add_network("again", "172.16.1.0/24", "100");
  const auto started = world.engine.run({"web", {{"vlan100"}, {"again"}}});
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().detail.find("vlan100"), std::string::npos) << started.error().detail;
  EXPECT_TRUE(eventually([&] { return world.is_settled(); }));
  EXPECT_FALSE(world.engine.look("web")->is_up());
}

TEST_F(Story, ComposeDownAndUpFindsTheReservationsInTheNewNetwork) {
  const auto before = run_all({"web", "db"});
  for (const auto& name : {"web", "db"}) ASSERT_TRUE(world.engine.remove(name).ok());
  ASSERT_TRUE(world.engine.remove_network("vlan100").ok());
  world.add_network("vlan100", "172.16.1.0/24", "100");
  Watchman watchman(world, before);
  at_once({"db", "web"}, [&](const std::string& name) { (void)world.engine.run(spec(name)); });
  expect_all_have(before);
  EXPECT_EQ(watchman.report(), Names{});
}

TEST_F(Story, ARunningContainerCanBeConnected) {
  world.add_network("vlan300", "172.16.3.0/24", "300");
  const auto other = run_all({"web"});
  ASSERT_TRUE(world.engine.connect("web", "vlan300", "{}", {}).ok());
  const auto on_300 = world.addresses({"web"}, "vlan300");
  EXPECT_EQ(world.reservation("web", "vlan300")->address, on_300.at("web"));
  ASSERT_TRUE(world.engine.disconnect("web", "vlan300").ok());
  EXPECT_TRUE(eventually([&] { return world.reservation("web", "vlan300")->state == model::ReservationState::held; }));
  ASSERT_TRUE(world.engine.run({"late", {{"vlan300"}}}).ok());
  ASSERT_TRUE(world.engine.connect("web", "vlan300", "{}", {}).ok());
  expect_all_have(on_300, "vlan300");
  expect_all_have(other);
}

// Nobody knows that it is not the other one that starts; but after one mistake nobody is guessed about.
TEST_F(Story, ARunningContainerCanBeConnectedWhileAnotherIsInItsBackOff) {
  world.add_network("vlan300", "172.16.3.0/24", "300");
  const auto before = run_all({"db"}, "always");
  ASSERT_TRUE(world.engine.run({"web", {{"vlan300"}}}).ok());
  ASSERT_TRUE(world.engine.back_off("db").ok());
  const auto first = world.engine.connect("web", "vlan100", "{}", {});
  ASSERT_FALSE(first.ok());
  EXPECT_NE(first.error().detail.find("try again"), std::string::npos) << first.error().detail;
  const auto second = world.engine.connect("web", "vlan100", "{}", {});
  ASSERT_TRUE(second.ok()) << second.error().message();
  ASSERT_TRUE(world.engine.start("db").ok());
  expect_all_have(before);
  EXPECT_NE(world.reservation("web")->address, before.at("db"));
}

TEST_F(Story, ADockerNetworkOfAnotherDriverOnOurAddressesIsNotServed) {
  run("web");
  ports::EngineNetworkInfo foreign;
  foreign.id = "f00d";
  foreign.name = "sneaky";
  foreign.driver = "bridge";
  foreign.ipam_driver = "bayplan";
  foreign.subnets = {model::Subnet::parse("172.16.1.0/24").value()};
  world.engine.add_foreign_network(foreign);
  EXPECT_TRUE(eventually([&] {
    const auto asked =
        world.driver().request_address({"172.16.1.0/24", "", ports::AddressRequest::Purpose::endpoint, ""});
    return !asked.ok() && asked.error().message().find("'sneaky' (driver bridge)") != std::string::npos;
  }));
}

TEST_F(Story, WhoStandsStillIsPinnedAndFollowsARelease) {
  run("web");
  ASSERT_TRUE(world.engine.stop("web").ok());
  ASSERT_TRUE(eventually([&] { return world.all_pinned({"web"}); }));
  ASSERT_TRUE(world.service().release("vlan100", "web").ok());
  EXPECT_TRUE(eventually([&] { return !world.engine.configured_of("web", "vlan100") && world.is_settled(); }))
      << "our own pin must not stand in the way of a new owner";
  ASSERT_TRUE(world.service().reserve({"vlan100", "db", "172.16.1.2"}).ok());
  ASSERT_TRUE(world.engine.start("web").ok());
  EXPECT_EQ(world.addresses({"web"}).at("web"), address_from("172.16.1.3"));
}

TEST_F(Story, APinIsNeverTakenForTheUsersWish) {
  for (int round = 0; round < 20; ++round) {
    const auto name = fmt::format("web{}", round);
    run(name);
    ASSERT_TRUE(world.engine.stop(name).ok());
    ASSERT_TRUE(eventually([&] { return world.all_pinned({name}); }));
    for (const auto& claim : world.disk.all<model::Claim>()) EXPECT_TRUE(claim.pinned_by_us) << round;
  }
}

TEST_F(Story, AReservationMadeByHandWaitsForItsContainer) {
  ASSERT_TRUE(world.service().reserve({"vlan100", "web", "172.16.1.50"}).ok());
  run("other");
  run("web");
  EXPECT_EQ(world.addresses({"web"}).at("web"), address_from("172.16.1.50"));
}

TEST_F(Story, PublishedPortsReachTheFirewallAndLeaveIt) {
  auto web = spec("web");
  web.ports = {{"tcp", 80, {}, 8080}};
  ASSERT_TRUE(world.engine.run(web).ok());
  ASSERT_EQ(world.firewall.rules().published.size(), 1U);
  EXPECT_EQ(world.firewall.rules().published[0].address, address_from("172.16.1.2"));
  auto second = spec("second");
  second.ports = web.ports;
  const auto refused = world.engine.run(second);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().detail.find("8080/tcp is already published by 'web'"), std::string::npos)
      << refused.error().detail;
  ASSERT_TRUE(world.engine.stop("web").ok());
  EXPECT_TRUE(world.firewall.rules().published.empty());
}

TEST_F(Story, TheKernelSideFollows) {
  const auto id = world.engine.run(spec("web")).value();
  ASSERT_EQ(world.datapath.ports().size(), 1U);
  const auto port = world.datapath.ports().begin()->second;
  EXPECT_EQ(port.network, "vlan100");
  EXPECT_EQ(port.spec.identity, "web");
  EXPECT_EQ(port.spec.mac, world.reservation("web")->mac);
  EXPECT_TRUE(eventually([&] { return !world.datapath.announcements().empty(); }));
  ASSERT_TRUE(world.engine.stop("web").ok());
  EXPECT_TRUE(eventually([&] { return world.datapath.ports().empty(); }));
  ASSERT_TRUE(world.engine.remove(id).ok());
  ASSERT_TRUE(world.engine.remove_network("vlan100").ok());
  EXPECT_TRUE(world.datapath.list_networks()->empty());
}

TEST_F(Story, APinFromBeforeAnUpgradeToDocker29IsTakenBackWhenItIsWrong) {
  const auto before = run_all({"web", "db"});
  for (const auto* name : {"web", "db"}) ASSERT_TRUE(world.engine.stop(name).ok());
  ASSERT_TRUE(eventually([&] { return world.all_pinned({"web", "db"}); }));
  world.engine.set_mode(FakeEngine::Mode::down);
  world.engine.upgrade();
  world.engine.answer();
  ASSERT_TRUE(eventually([&] { return world.keeper().names_askers(); }));
  ASSERT_TRUE(world.service().release("vlan100", "web").ok());
  EXPECT_TRUE(eventually([&] { return !world.engine.configured_of("web", "vlan100"); }));
  ASSERT_TRUE(world.engine.start("db").ok());
  expect_all_have({{"db", before.at("db")}});
}

// The endpoints of before the power cut were cleared while nobody heard it.
TEST_F(StoryOfDocker29, AStartAtBootMeetsItsOwnOldEndpoint) {
  const auto before = run_all({"web", "db"}, "always");
  world.engine.power_cut();
  world.go_away();
  world.engine.boot_silently();
  world.engine.power_cut();
  world.clock.push(std::chrono::seconds(1));
  world.come_back();
  world.engine.boot(5);
  expect_all_have(before);
}

TEST_F(StoryOfDocker29, EverythingIsRightWithoutASinglePin) {
  const auto all = names(24);
  at_once(all, [&](const std::string& name) { run(name, "always"); });
  ASSERT_TRUE(eventually([&] { return world.is_settled(); }));
  const auto before = world.addresses(all);
  ASSERT_EQ(distinct(before).size(), 24U);
  Watchman watchman(world, before);
  at_once(all, [&](const std::string& name) { EXPECT_TRUE(world.engine.restart(name).ok()); });
  expect_all_have(before);
  at_once(all, [&](const std::string& name) {
    EXPECT_TRUE(world.engine.remove(name).ok());
    run(name, "always");
  });
  expect_all_have(before);
  world.engine.power_cut();
  world.engine.boot(7);
  expect_all_have(before);
  EXPECT_EQ(watchman.report(), Names{});
  EXPECT_EQ(world.engine.repins(), 0);
}

}  // namespace
}  // namespace bayplan::testing
