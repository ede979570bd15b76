// A whole baypland in memory, between a fake Docker and a fake kernel: what apps/baypland wires, with fakes at the
// edges, and with crashes.
//
// A crash is as in life: what the daemon has stored stays, everything else is gone. The old daemon object is cut off
// from the store and from the engine and lives on unheard until the world ends; calls that it was answering fail, as
// they do when a peer dies.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "control/driver.hpp"
#include "control/service.hpp"
#include "support/fake_datapath.hpp"
#include "support/fake_engine.hpp"
#include "support/fake_firewall.hpp"
#include "support/fake_namespaces.hpp"
#include "support/fake_prober.hpp"
#include "support/fake_store.hpp"

namespace bayplan::testing {

inline model::IpAddress address_from(const std::string& text) {
  return model::IpAddress::parse(text).value();
}

// Waits for a condition, looking often; false when the deadline passes first.
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds deadline = std::chrono::seconds(15));

// Wall-clock time that a test can push on; what is waited for stays in real time.
class PushedClock final : public Clock {
 public:
  void push(std::chrono::milliseconds by) { ahead_ += by.count(); }
  [[nodiscard]] Timestamp now() const override { return system_.now() + std::chrono::milliseconds(ahead_.load()); }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override { return system_.steady(); }

 private:
  SystemClock system_;
  std::atomic<std::int64_t> ahead_{0};
};

class FakeHost final : public ports::Host {
 public:
  Result<std::vector<ports::Route>> routes() override {
    const std::scoped_lock hold(mutex_);
    return routes_;
  }
  Result<bool> has_interface(const std::string&) override { return false; }
  Result<std::vector<ports::InsideAddress>> addresses_inside(const std::string& netns) override {
    const std::scoped_lock hold(mutex_);
    const auto found = inside_.find(netns);
    if (found == inside_.end()) return fail(ErrorCode::not_found, "there is no network namespace {}", netns);
    return found->second;
  }
  // By the daemon that lives now.
  Result<std::unique_ptr<ports::HeldPort>> hold_port(const model::PublishedPort& port) override {
    return hold_for(life_, port);
  }
  // By the daemon of that life; one that is dead gets nothing any more.
  Result<std::unique_ptr<ports::HeldPort>> hold_for(int life, const model::PublishedPort& port);
  [[nodiscard]] int life() const { return life_; }

  // With the host's own address there, if it has one.
  void add_route(const std::string& destination, const std::string& device, const std::string& source = {}) {
    const std::scoped_lock hold(mutex_);
    const auto own = source.empty() ? std::nullopt : std::optional(model::IpAddress::parse(source).value());
    routes_.push_back({model::Subnet::parse(destination).value(), device, own});
  }
  Result<> put_aside(const std::string& netns, const ports::InsideAddress& interface) override {
    return rename_inside(netns, interface.interface, "bpold-" + interface.interface);
  }
  Result<> put_back(const std::string& netns, const ports::InsideAddress& interface) override {
    return rename_inside(netns, "bpold-" + interface.interface, interface.interface);
  }
  Result<> remove_aside(const std::string& netns, const ports::InsideAddress& interface) override {
    const std::scoped_lock hold(mutex_);
    std::erase_if(inside_[netns], [&](const auto& each) { return each.interface == "bpold-" + interface.interface; });
    return {};
  }
  void remove_routes(const std::string& device) {
    const std::scoped_lock hold(mutex_);
    std::erase_if(routes_, [&](const ports::Route& route) { return route.device == device; });
  }
  // What somebody put into a container by hand; by the path of its namespace.
  void put_inside(const std::string& netns, const ports::InsideAddress& address) {
    const std::scoped_lock hold(mutex_);
    inside_[netns].push_back(address);
  }
  // A program of the host's binds the port; false when it can't have it.
  bool take_port(std::uint16_t port, const std::string& protocol = "tcp") {
    const std::scoped_lock hold(mutex_);
    return ports_.try_emplace({protocol, port}, 0).second;
  }
  // What the daemon held goes with its process.
  void daemon_died() {
    const std::scoped_lock hold(mutex_);
    ++life_;
    std::erase_if(ports_, [](const auto& entry) { return entry.second != 0; });
  }

 private:
  struct Held;
  using Port = std::pair<std::string, std::uint16_t>;
  void let_go(const Port& port, int holder) {
    const std::scoped_lock hold(mutex_);
    std::erase_if(ports_, [&](const auto& entry) { return entry.first == port && entry.second == holder; });
  }

  Result<> rename_inside(const std::string& netns, const std::string& from, const std::string& to) {
    const std::scoped_lock hold(mutex_);
    for (auto& each : inside_[netns]) {
      if (each.interface == from) each.interface = to;
    }
    return {};
  }

  std::mutex mutex_;
  std::vector<ports::Route> routes_;
  std::map<std::string, std::vector<ports::InsideAddress>> inside_;  // by namespace
  std::map<Port, int> ports_;                                        // → who holds it; 0: a program of the host's
  int holders_ = 0;
  std::atomic<int> life_{0};
};

class World {
 public:
  explicit World(bool tells_names = false);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  FakeStore disk;
  PushedClock clock;
  FakeEngine engine;
  FakeHost host;
  test::FakeDatapath datapath;
  test::FakeNamespaces namespaces{datapath};
  test::FakeFirewall firewall;
  test::FakeProber prober;

  // The daemon that runs now.
  control::Service& service();
  ports::NetworkDriver& driver();
  control::KernelKeeper& kernel();
  control::Attacher& attacher();
  control::EngineKeeper& keeper();

  // kill -9 and a new start.
  void crash();
  // Gone, until `come_back`: Docker finds nobody at the plugin's socket.
  void go_away();
  void come_back();
  // The crash comes when Docker calls the plugin for the n-th time from now (the first is 0): before the daemon hears
  // of it, or when it has done it all but not yet answered.
  void crash_at_call(int n, bool before);
  // … or when the daemon's n-th disconnect or connect from now has been done.
  void crash_at_repin(int n);
  [[nodiscard]] int plugin_calls() const { return calls_; }
  // Told of every plugin call before it is made: its name.
  void on_call(std::function<void(const std::string&)> heard);

  // Docker's network `name` on VLAN `vlan`.
  std::string add_network(const std::string& name = "vlan100", const std::string& subnet = "172.16.1.0/24",
                          const std::string& vlan = "100");

  // What a test looks at.
  [[nodiscard]] std::optional<model::Reservation> reservation(const std::string& identity,
                                                              const std::string& network = "vlan100") const;
  [[nodiscard]] std::map<std::string, model::IpAddress> addresses(const std::vector<std::string>& containers,
                                                                  const std::string& network = "vlan100") const;
  // Nothing is left to be done: no owed start, no repin, every attachment its owner's.
  [[nodiscard]] bool is_settled() const;
  [[nodiscard]] std::string unsettled() const;  // what is, if anything
  // All of these containers run, each with the address given, and nothing is left to be done.
  [[nodiscard]] bool all_have(const std::map<std::string, model::IpAddress>& wanted,
                              const std::string& network = "vlan100") const;
  // Why not, for a message.
  [[nodiscard]] std::string state_of(const std::map<std::string, model::IpAddress>& wanted,
                                     const std::string& network = "vlan100") const;
  // Every stopped container on the network has the address of its reservation configured.
  [[nodiscard]] bool all_pinned(const std::vector<std::string>& containers,
                                const std::string& network = "vlan100") const;

 private:
  struct Daemon;
  class Plugin;
  friend class Plugin;
  friend struct Daemon;

  std::shared_ptr<Daemon> current() const;
  std::shared_ptr<Daemon> make_daemon();
  void hear_call(const std::string& name);
  bool call_is_fatal(int call, bool before);
  void hear_repin(const Daemon& daemon);

  mutable std::mutex mutex_;
  std::shared_ptr<Daemon> daemon_;
  std::vector<std::shared_ptr<Daemon>> dead_;
  std::unique_ptr<Plugin> plugin_;
  std::atomic<int> calls_{0};
  std::atomic<int> fatal_call_{-1};
  std::atomic<bool> fatal_before_{true};
  std::atomic<int> repins_until_crash_{-1};
  std::function<void(const std::string&)> heard_;
};

// Watches, all the time, that no two endpoints share an address and that none of the containers shows an address that
// is another's.
class Watchman {
 public:
  Watchman(const World& world, std::map<std::string, model::IpAddress> owners, std::string network = "vlan100");
  // Everything it found wrong; ends the watch.
  std::vector<std::string> report();

 private:
  void look();

  const World& world_;
  std::map<std::string, model::IpAddress> owners_;
  std::string network_;
  std::set<std::string> faults_;
  std::jthread thread_;
};

}  // namespace bayplan::testing
