// What every ports::Engine does. Run against the fake, and, in the lab (tests/system/test_engine_contract.py), against
// a real dockerd: so that what control/ is tested with is what it will meet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "support/engine_subject.hpp"

namespace bayplan::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kBound = 20s;

model::IpAddress ip(const std::string& text) {
  return model::IpAddress::parse(text).value();
}

struct Make {
  const char* name;
  std::unique_ptr<EngineSubject> (*make)();
};

// Watches an engine from its construction on.
class Watch {
 public:
  explicit Watch(ports::Engine& engine)
      : thread_([this, &engine](std::stop_token stop) {
          end_ = engine.watch(stop, [this] { set_ready(); }, [this](const ports::EngineEvent& event) { add(event); });
        }) {
    std::unique_lock hold(mutex_);
    EXPECT_TRUE(changed_.wait_for(hold, kBound, [this] { return ready_; }));
  }
  // The events so far, of the actions control/ acts on, once `last` has come.
  std::vector<std::string> until(const std::string& last) {
    std::unique_lock hold(mutex_);
    EXPECT_TRUE(changed_.wait_for(hold, kBound, [&] { return !seen_.empty() && seen_.back() == last; })) << last;
    return std::exchange(seen_, {});
  }
  Result<> stop() {
    thread_.request_stop();
    thread_.join();
    return end_;
  }

 private:
  void set_ready() {
    const std::scoped_lock hold(mutex_);
    ready_ = true;
    changed_.notify_all();
  }
  void add(const ports::EngineEvent& event) {
    const auto name = event.type + "/" + event.action;
    if (name == "container/kill" || name == "container/stop") return;
    const std::scoped_lock hold(mutex_);
    seen_.push_back(name);
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ready_ = false;
  std::vector<std::string> seen_;
  Result<> end_;
  std::jthread thread_;
};

class EngineContract : public ::testing::TestWithParam<Make> {
 protected:
  void SetUp() override {
    auto made = engine().create_network("contract", model::Subnet::parse("172.16.1.0/24").value(), ip("172.16.1.1"),
                                        {{"vlan", "100"}});
    ASSERT_TRUE(made.ok()) << made.error().message();
    network = *made;
    driver().forget_calls();
  }
  void TearDown() override {
    for (const auto& each : engine().containers(kBound).value()) EXPECT_TRUE(subject->remove(each.id).ok());
    EXPECT_TRUE(engine().remove_network(network).ok());
    EXPECT_THAT(driver().granted(), IsEmpty()) << "every address was given back";
  }
  ports::Engine& engine() { return subject->engine(); }
  FakeNetworkDriver& driver() { return subject->driver(); }

  std::string create(const std::string& name) {
    auto id = subject->create(name, "contract", "alias-" + name);
    EXPECT_TRUE(id.ok()) << id.error().message();
    return id.ok() ? *id : "";
  }
  ports::Container look(const std::string& name) {
    for (const auto& each : engine().containers(kBound).value()) {
      if (each.name == name) return each;
    }
    ADD_FAILURE() << "no container " << name;
    return {};
  }
  // The methods the driver was called by since the last look.
  std::vector<std::string> verbs() {
    std::vector<std::string> out;
    for (const auto& each : driver().calls()) out.push_back(each.substr(0, each.find(' ')));
    driver().forget_calls();
    return out;
  }

  std::unique_ptr<EngineSubject> subject = GetParam().make();
  std::string network;
};

const std::vector<std::string> kStart{"request_address", "create_endpoint", "join"};
const std::vector<std::string> kStop{"unpublish", "leave", "delete_endpoint", "release_address"};

TEST_P(EngineContract, ANetworkOfOursIsListedWithItsDriverSubnetAndOptions) {
  const auto info = engine().network(network, kBound);
  ASSERT_TRUE(info.ok()) << info.error().message();
  EXPECT_EQ(info->name, "contract");
  EXPECT_EQ(info->driver, "bayplan");
  EXPECT_THAT(info->subnets, ElementsAre(model::Subnet::parse("172.16.1.0/24").value()));
  EXPECT_EQ(info->options.at("vlan"), "100");
  bool listed = false;
  const auto networks = engine().networks(kBound);
  for (const auto& each : *networks) listed = listed || each.id == network;
  EXPECT_TRUE(listed);
  EXPECT_EQ(driver().network_request->gateway, "172.16.1.1/24");
}

TEST_P(EngineContract, AStartAsksTheDriverAndAStopGivesBack) {
  const auto id = create("web");
  auto before = look("web");
  EXPECT_EQ(before.id, id);
  EXPECT_EQ(before.state, ports::ContainerState::created);
  EXPECT_EQ(before.networks.at(0).key, "contract");
  EXPECT_EQ(before.networks.at(0).network_id, "");
  EXPECT_EQ(before.networks.at(0).endpoint, "");

  ASSERT_TRUE(engine().start(id).ok());
  EXPECT_EQ(verbs(), kStart);
  EXPECT_TRUE(engine().start(id).ok()) << "started already";
  EXPECT_THAT(verbs(), IsEmpty());
  auto running = look("web");
  EXPECT_TRUE(running.is_up());
  EXPECT_EQ(running.networks.at(0).network_id, network);
  EXPECT_EQ(running.networks.at(0).endpoint, driver().endpoint_request->endpoint_id);
  EXPECT_EQ(running.networks.at(0).address, ip("172.16.1.2"));
  EXPECT_EQ(running.networks.at(0).configured, std::nullopt);
  EXPECT_EQ(engine().network(network, kBound)->containers.at(running.networks.at(0).endpoint), id);

  ASSERT_TRUE(subject->stop(id).ok());
  EXPECT_EQ(verbs(), kStop);
  auto after = look("web");
  EXPECT_EQ(after.state, ports::ContainerState::exited);
  EXPECT_EQ(after.networks.at(0).network_id, network);
  EXPECT_EQ(after.networks.at(0).endpoint, "");
  EXPECT_EQ(after.networks.at(0).address, std::nullopt);
}

TEST_P(EngineContract, WithinJoinTheNetworkNamesTheContainerAndListsAnswer) {
  std::optional<ports::EngineNetworkInfo> info;
  std::vector<ports::Container> list;
  driver().on_join = [&] {
    info = engine().network(network, kBound).value();
    list = engine().containers(kBound).value();
  };
  const auto id = create("web");
  ASSERT_TRUE(engine().start(id).ok());
  driver().on_join = nullptr;
  ASSERT_TRUE(info);
  ASSERT_EQ(info->endpoints.size(), 1U);
  EXPECT_EQ(info->endpoints.begin()->first, driver().endpoint_request->endpoint_id);
  EXPECT_EQ(info->endpoints.begin()->second, "web");
  EXPECT_EQ(info->containers.begin()->second, "") << "not known yet";
  ASSERT_EQ(list.size(), 1U);
  EXPECT_FALSE(list[0].is_up());
  EXPECT_EQ(list[0].networks.at(0).endpoint, "");
}

TEST_P(EngineContract, AContainerAtRestIsPinnedAndKeepsItsSettings) {
  const auto id = create("web");
  const auto settings = engine().endpoint_settings(id, network);
  ASSERT_TRUE(settings.ok()) << settings.error().message();
  EXPECT_THAT(*settings, HasSubstr("alias-web"));
  ASSERT_TRUE(engine().connect(id, network, *settings, ip("172.16.1.40")).ok());
  EXPECT_EQ(look("web").networks.at(0).configured, std::nullopt) << "connected already: nothing changes";
  ASSERT_TRUE(engine().disconnect(id, network).ok());
  EXPECT_THAT(look("web").networks, IsEmpty());
  EXPECT_EQ(engine().disconnect(id, network).error().code, ErrorCode::not_found);
  ASSERT_TRUE(engine().connect(id, network, *settings, ip("172.16.1.40")).ok());
  EXPECT_EQ(look("web").networks.at(0).configured, ip("172.16.1.40"));
  EXPECT_THAT(verbs(), IsEmpty()) << "at rest the driver is not asked";

  ASSERT_TRUE(engine().start(id).ok());
  EXPECT_EQ(driver().address_request->address, "172.16.1.40");
  EXPECT_EQ(engine().endpoint_settings(id, network).value().find("alias-web") != std::string::npos, true);
  // And back to an address of our choice.
  ASSERT_TRUE(subject->stop(id).ok());
  const auto again = engine().endpoint_settings(id, network).value();
  ASSERT_TRUE(engine().disconnect(id, network).ok());
  ASSERT_TRUE(engine().connect(id, network, again, std::nullopt).ok());
  EXPECT_EQ(look("web").networks.at(0).configured, std::nullopt);
}

TEST_P(EngineContract, ARunningContainerIsMovedByDisconnectAndConnect) {
  const auto id = create("web");
  ASSERT_TRUE(engine().start(id).ok());
  const auto settings = engine().endpoint_settings(id, network).value();
  verbs();
  ASSERT_TRUE(engine().disconnect(id, network).ok());
  EXPECT_EQ(verbs(), kStop);
  EXPECT_TRUE(look("web").is_up());
  ASSERT_TRUE(engine().connect(id, network, settings, ip("172.16.1.40")).ok());
  EXPECT_EQ(verbs(), kStart);
  EXPECT_EQ(driver().endpoint_request->mac, "") << "our own MAC is not handed back as the user's wish";
  EXPECT_EQ(look("web").networks.at(0).address, ip("172.16.1.40"));
  EXPECT_EQ(engine().connect(id, network, settings, ip("172.16.1.41")).error().code, ErrorCode::in_use);
}

TEST_P(EngineContract, ARefusedStartTellsWhyAndLeavesNothing) {
  const auto id = create("web");
  driver().fail_next(fail(ErrorCode::conflict, "172.16.1.2 is held for 'db'"));
  const auto started = engine().start(id);
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code, ErrorCode::conflict);
  EXPECT_THAT(started.error().message(), HasSubstr("172.16.1.2 is held for 'db'"));
  const auto details = engine().inspect(id);
  ASSERT_TRUE(details.ok()) << details.error().message();
  EXPECT_THAT(details->last_error, HasSubstr("172.16.1.2 is held for 'db'"));
  EXPECT_FALSE(details->running);
  EXPECT_EQ(details->restart_policy, "no");
  EXPECT_EQ(look("web").state, ports::ContainerState::created);
  EXPECT_THAT(driver().granted(), ElementsAre(ip("172.16.1.1"))) << "the gateway's only";
}

TEST_P(EngineContract, EventsOfAContainersLifeComeInOrder) {
  Watch watch(engine());
  const auto id = create("web");
  ASSERT_TRUE(engine().start(id).ok());
  ASSERT_TRUE(subject->rename(id, "web2").ok());
  ASSERT_TRUE(subject->stop(id).ok());
  ASSERT_TRUE(engine().disconnect(id, network).ok());
  ASSERT_TRUE(engine().connect(id, network, "{}", std::nullopt).ok());
  ASSERT_TRUE(engine().remove_container(id).ok());
  EXPECT_THAT(watch.until("container/destroy"),
              ElementsAre("container/create", "network/connect", "container/start", "container/rename", "container/die",
                          "network/disconnect", "network/disconnect", "container/destroy"));
  EXPECT_TRUE(watch.stop().ok());
}

TEST_P(EngineContract, WhatIsInUseOrMissingIsSaid) {
  const auto id = create("web");
  ASSERT_TRUE(engine().start(id).ok());
  EXPECT_EQ(engine().remove_network(network).error().code, ErrorCode::in_use);
  EXPECT_EQ(engine().remove_container(id).error().code, ErrorCode::conflict);
  EXPECT_EQ(subject->create("web", "contract", "x").error().message().find("already in use") != std::string::npos,
            true);
  EXPECT_EQ(engine().remove_network("nosuch").error().code, ErrorCode::not_found);
  EXPECT_EQ(engine().network("nosuch", kBound).error().code, ErrorCode::not_found);
  EXPECT_EQ(engine().inspect("nosuch").error().code, ErrorCode::not_found);
  EXPECT_EQ(engine().start("nosuch").error().code, ErrorCode::not_found);
  EXPECT_EQ(engine().disconnect("nosuch", network).error().code, ErrorCode::not_found);
}

TEST_P(EngineContract, RunMakesAPinnedContainerThatStartsThere) {
  const auto* image = std::getenv("BAYPLAN_CONTRACT_IMAGE");
  ports::RunRequest request;
  request.name = "web";
  request.image = image == nullptr ? "image" : image;
  request.network = "contract";
  request.address = ip("172.16.1.77");
  request.options = {"-l", "bayplan.identity=w"};
  request.options.emplace_back("--bogus");
  EXPECT_EQ(engine().prepare(request).error().code, ErrorCode::invalid);
  request.options.pop_back();
  ASSERT_TRUE(engine().prepare(request).ok());
  const auto id = engine().create_container(request);
  ASSERT_TRUE(id.ok()) << id.error().message();
  EXPECT_EQ(engine().create_container(request).error().code, ErrorCode::exists);
  ASSERT_TRUE(engine().start(*id).ok());
  const auto made = look("web");
  EXPECT_EQ(made.identity(), "w");
  EXPECT_EQ(made.networks.at(0).configured, ip("172.16.1.77"));
  EXPECT_EQ(made.networks.at(0).address, ip("172.16.1.77"));
  EXPECT_EQ(engine().inspect(*id)->restart_policy, "always");
}

std::vector<Make> subjects() {
  std::vector<Make> out{{"fake", fake_engine_subject}};
  if (has_docker_subject()) out.push_back({"docker", docker_subject});
  return out;
}

INSTANTIATE_TEST_SUITE_P(Engines, EngineContract, ::testing::ValuesIn(subjects()),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace bayplan::testing
