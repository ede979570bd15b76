// The fake engine behaves as the captured docker.io 20.10.24 did.
#include "support/fake_engine.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "support/fake_network_driver.hpp"

namespace bayplan::testing {
namespace {

using namespace std::chrono_literals;

model::IpAddress ip(const char* text) {
  return model::IpAddress::parse(text).value();
}

class FakeEngineTest : public ::testing::Test {
 protected:
  FakeEngineTest() {
    engine.use_driver(&driver);
    network = engine.network_create("vlan100", "172.16.1.0/24", "172.16.1.1").value();
    driver.forget_calls();
  }
  FakeNetworkDriver driver;
  FakeEngine engine;
  std::string network;
};

std::vector<std::string> verbs(const std::vector<std::string>& calls) {
  std::vector<std::string> out;
  for (const auto& each : calls) out.push_back(each.substr(0, each.find(' ')));
  return out;
}

TEST_F(FakeEngineTest, StartAndStopCallTheDriverInDockersOrder) {
  ASSERT_TRUE(engine.run({"web", {{"vlan100"}}}).ok());
  EXPECT_EQ(verbs(driver.calls()), (std::vector<std::string>{"request_address", "create_endpoint", "join"}));
  EXPECT_EQ(engine.address_of("web", "vlan100"), ip("172.16.1.2"));
  driver.forget_calls();
  ASSERT_TRUE(engine.stop("web").ok());
  EXPECT_EQ(verbs(driver.calls()),
            (std::vector<std::string>{"unpublish", "leave", "delete_endpoint", "release_address"}));
  EXPECT_EQ(engine.address_of("web", "vlan100"), std::nullopt);
  EXPECT_EQ(engine.look("web")->networks.at(0).network_id, network);
}

TEST_F(FakeEngineTest, ARefusedStartLeavesTheErrorAndNoEndpoint) {
  ASSERT_TRUE(engine.create({"web", {{"vlan100"}}}).ok());
  driver.fail_next(fail(ErrorCode::conflict, "held for 'db'"));
  const auto started = engine.start("web");
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(engine.last_error("web"), "remote: held for 'db'");
  EXPECT_EQ(engine.look("web")->state, ports::ContainerState::created);
  EXPECT_TRUE(engine.addresses_in_use().empty());
}

TEST_F(FakeEngineTest, AtRestOnlyDisconnectAndConnectChangeTheConfiguredAddress) {
  ASSERT_TRUE(engine.create({"web", {{"vlan100", {}, "aliases"}}}).ok());
  const auto settings = engine.endpoint_settings("web", network);
  ASSERT_TRUE(settings.ok());
  EXPECT_TRUE(engine.connect("web", network, *settings, ip("172.16.1.9")).ok());
  EXPECT_EQ(engine.configured_of("web", "vlan100"), std::nullopt) << "a second connect changes nothing";
  ASSERT_TRUE(engine.disconnect("web", network).ok());
  EXPECT_EQ(engine.disconnect("web", network).error().code, ErrorCode::not_found);
  ASSERT_TRUE(engine.connect("web", network, *settings, ip("172.16.1.9")).ok());
  EXPECT_EQ(engine.configured_of("web", "vlan100"), ip("172.16.1.9"));
  EXPECT_TRUE(driver.calls().empty());
  ASSERT_TRUE(engine.start("web").ok());
  EXPECT_EQ(engine.address_of("web", "vlan100"), ip("172.16.1.9"));
  EXPECT_EQ(engine.endpoint_settings("web", network).value(), "aliases");
}

TEST_F(FakeEngineTest, WhileItBootsTheApiIsSilentAndAlwaysContainersAreStarted) {
  ASSERT_TRUE(engine.run({"a", {{"vlan100"}}, {}, "always"}).ok());
  ASSERT_TRUE(engine.run({"b", {{"vlan100"}}, {}, "no"}).ok());
  ASSERT_TRUE(engine.create({"c", {{"vlan100"}}, {}, "always"}).ok());
  engine.power_cut();
  EXPECT_EQ(engine.containers(1s).error().code, ErrorCode::unavailable);
  EXPECT_TRUE(engine.addresses_in_use().empty());
  driver.forget_calls();
  engine.boot_silently();
  EXPECT_EQ(engine.containers(1s).error().code, ErrorCode::timeout);
  EXPECT_EQ(verbs(driver.calls()), (std::vector<std::string>{"unpublish", "leave", "delete_endpoint", "release_address",
                                                             "unpublish", "leave", "delete_endpoint", "release_address",
                                                             "request_address", "create_endpoint", "join"}));
  engine.answer();
  EXPECT_TRUE(engine.look("a")->is_up());
  EXPECT_FALSE(engine.look("b")->is_up());
  EXPECT_FALSE(engine.look("c")->is_up()) << "never started: not Docker's to start";
}

TEST_F(FakeEngineTest, EventsComeInDockersOrderAndTheStreamEndsWithTheEngine) {
  std::vector<std::string> seen;
  std::mutex mutex;
  std::condition_variable ready;
  bool is_ready = false;
  Result<> end;
  std::jthread watcher([&](std::stop_token stop) {
    end = engine.watch(
        stop,
        [&] {
          const std::scoped_lock hold(mutex);
          is_ready = true;
          ready.notify_all();
        },
        [&](const ports::EngineEvent& event) { seen.push_back(event.type + "/" + event.action); });
  });
  {
    std::unique_lock hold(mutex);
    ASSERT_TRUE(ready.wait_for(hold, 5s, [&] { return is_ready; }));
  }
  ASSERT_TRUE(engine.run({"web", {{"vlan100"}}}).ok());
  ASSERT_TRUE(engine.rename("web", "web2").ok());
  ASSERT_TRUE(engine.stop("web2").ok());
  ASSERT_TRUE(engine.remove("web2").ok());
  engine.power_cut();
  watcher.join();
  EXPECT_EQ(end.error().code, ErrorCode::unavailable);
  EXPECT_EQ(seen,
            (std::vector<std::string>{"container/create", "network/connect", "container/start", "container/rename",
                                      "container/die", "network/disconnect", "container/stop", "container/destroy"}));
}

TEST_F(FakeEngineTest, DuringJoinTheNetworkNamesTheContainerWithoutItsId) {
  struct Looker : FakeNetworkDriver {
    FakeEngine* engine = nullptr;
    std::optional<ports::EngineNetworkInfo> seen;
    std::vector<ports::Container> listed;
    Result<ports::JoinAnswer> join(const std::string& net, const std::string& endpoint,
                                   const std::string& sandbox) override {
      seen = engine->network(net, 1s).value();
      listed = engine->containers(1s).value();
      return FakeNetworkDriver::join(net, endpoint, sandbox);
    }
  } looker;
  looker.engine = &engine;
  engine.use_driver(&looker);
  ASSERT_TRUE(engine.run({"web", {{"vlan100"}}}).ok());
  ASSERT_EQ(looker.seen->endpoints.size(), 1U);
  EXPECT_EQ(looker.seen->endpoints.begin()->second, "web");
  EXPECT_EQ(looker.seen->containers.begin()->second, "");
  EXPECT_EQ(looker.listed.at(0).state, ports::ContainerState::created);
  EXPECT_EQ(looker.listed.at(0).networks.at(0).network_id, "");
  EXPECT_EQ(engine.network(network, 1s)->containers.begin()->second, engine.look("web")->id);
}

TEST_F(FakeEngineTest, Docker29TellsTheName) {
  FakeEngine newer(true);
  newer.use_driver(&driver);
  ASSERT_TRUE(newer.network_create("vlan300", "172.16.3.0/24").ok());
  ASSERT_TRUE(newer.run({"web", {{"vlan300"}}}).ok());
  EXPECT_EQ(driver.address_request->container_name, "web");
}

TEST_F(FakeEngineTest, ManyStartsAtOnceAreSafe) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const auto name = fmt::format("c{}", i);
      (void)engine.run({name, {{"vlan100"}}, {}, "always"});
      (void)engine.restart(name);
    });
  }
  threads.clear();
  const auto used = engine.addresses_in_use();
  EXPECT_EQ(used.size(), 8U);
  EXPECT_EQ(std::adjacent_find(used.begin(), used.end()), used.end());
}

}  // namespace
}  // namespace bayplan::testing
