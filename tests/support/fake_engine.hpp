// A Docker engine in memory, for tests of control/: holds containers and networks, refuses what Docker refuses, and
// calls a ports::NetworkDriver as dockerd does. Its behaviour is that of docker.io 20.10.24 as captured with a real
// one (docs/decisions/0005-docker-api.md); `tells_names` makes it Docker 29's.
//
// Three kinds of methods: those of ports::Engine (what baypland calls), what a user does with the docker command
// (`run`, `stop`, …), and what befalls the machine (`power_cut`, `boot`). A container is named by id or name.
//
// Thread-safe. No lock is held while the driver is called, except what dockerd holds: the container's, and while an
// endpoint is made, its network's. So `inspect` of a container that is starting blocks, as in Docker; after 5 s it
// gives `timeout` instead of hanging the test.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "ports/engine.hpp"
#include "ports/network_driver.hpp"

namespace bayplan::testing {

class FakeEngine final : public ports::Engine {
 public:
  struct Wish {
    std::string network;                        // by name or id
    std::optional<model::IpAddress> address{};  // --ip
    std::string settings = "{}";                // aliases and so on, opaque
  };
  struct Spec {
    std::string name;
    std::vector<Wish> networks{};
    std::map<std::string, std::string> labels{};
    std::string restart_policy = "no";
    std::vector<model::PublishedPort> ports{};
  };
  enum class Mode {
    up,
    silent,  // accepts and does not answer, as while it boots
    down,    // nobody listens
  };

  explicit FakeEngine(bool tells_names = false) : tells_names_(tells_names) {}
  // Docker is replaced by version 29.
  void upgrade() { tells_names_ = true; }

  // Who serves the networks of driver `bayplan`; null: as if its socket were not there.
  void use_driver(ports::NetworkDriver* driver) { driver_ = driver; }

  // What a user does. Each fails with Docker's words, in the mode `up` only.
  Result<std::string> network_create(const std::string& name, const std::string& subnet,
                                     const std::string& gateway = "",
                                     const std::map<std::string, std::string>& options = {});
  // One of another driver, which the engine lists and which never comes to ours. It gives its addresses itself: the
  // lowest free one, or the one that is asked for; the driver "null" gives none, and suffers no other network beside
  // it.
  void add_foreign_network(const ports::EngineNetworkInfo& info);
  Result<std::string> create(const Spec& spec);
  Result<std::string> run(const Spec& spec);
  Result<> stop(const std::string& container);
  Result<> restart(const std::string& container);
  // The container's process ends by itself; a restart policy other than "no" starts it again at once.
  Result<> crash(const std::string& container);
  // Its process keeps ending at once: `restarting` until it is started.
  Result<> back_off(const std::string& container);
  Result<> remove(const std::string& container);  // docker rm -f
  Result<> rename(const std::string& container, const std::string& name);

  // Told at once of every change: which network namespaces there are now, one a container that is up.
  void tell_sandboxes(std::function<void(const std::set<std::string>&)> told) { told_ = std::move(told); }

  // What befalls the machine.
  // Everything is dead at once, nothing is told to the driver. Mode `down`.
  void power_cut();
  // dockerd is stopped as systemd does it: containers are stopped first. Mode `down`.
  void shut_down();
  // dockerd starts: silent while it clears the endpoints that a power cut left and starts what `always` and
  // `unless-stopped` ask for, in an order that depends on `seed`; then `up`. Watchers get their stream then.
  void boot(unsigned seed = 0);
  // The same in two steps, so that a test can look in between: containers are started, the API is still silent.
  void boot_silently(unsigned seed = 0);
  void answer();
  void set_mode(Mode mode);

  // What a test looks at, in any mode.
  [[nodiscard]] std::optional<ports::Container> look(const std::string& container) const;
  [[nodiscard]] std::optional<model::IpAddress> address_of(const std::string& container,
                                                           const std::string& network) const;
  [[nodiscard]] std::optional<model::IpAddress> configured_of(const std::string& container,
                                                              const std::string& network) const;
  [[nodiscard]] std::string last_error(const std::string& container) const;
  // Addresses in use now, one entry an endpoint: a duplicate is a fault.
  [[nodiscard]] std::vector<model::IpAddress> addresses_in_use() const;
  // Calls of disconnect() and connect() so far.
  [[nodiscard]] int repins() const { return repins_; }
  // Calls of containers() so far.
  [[nodiscard]] int listings() const { return listings_; }
  // Calls of inspect() so far.
  [[nodiscard]] int inspects() const { return inspects_; }
  [[nodiscard]] int watchers() const;

  // ports::Engine
  Result<bool> names_askers() override {
    TRY(gate());
    return tells_names_.load();
  }
  Result<std::vector<ports::Container>> containers(std::chrono::milliseconds bound) override;
  Result<std::vector<ports::EngineNetworkInfo>> networks(std::chrono::milliseconds bound) override;
  Result<ports::EngineNetworkInfo> network(const std::string& id, std::chrono::milliseconds bound) override;
  Result<ports::ContainerDetails> inspect(const std::string& container) override;
  Result<std::string> endpoint_settings(const std::string& container, const std::string& network_id) override;
  // All of them: they are opaque here.
  Result<std::string> portable_settings(const std::string& settings) override { return settings; }
  Result<> disconnect(const std::string& container, const std::string& network_id) override;
  Result<> connect(const std::string& container, const std::string& network_id, const std::string& settings,
                   const std::optional<model::IpAddress>& address) override;
  Result<> start(const std::string& container) override;
  Result<std::string> create_network(const std::string& name, const model::Subnet& subnet,
                                     const model::IpAddress& gateway,
                                     const std::map<std::string, std::string>& options) override;
  Result<> remove_network(const std::string& id) override;
  // Knows the options -l, --label and -e, and every image but "missing".
  Result<> prepare(const ports::RunRequest& request) override;
  Result<std::string> create_container(const ports::RunRequest& request) override;
  Result<> remove_container(const std::string& id) override;
  Result<> watch(std::stop_token stop, const std::function<void()>& on_ready,
                 const std::function<void(const ports::EngineEvent&)>& on_event) override;

 private:
  struct Endpoint {
    std::string id;
    model::IpAddress address;
    std::string source_name;
    bool joined = false;
    bool alive = true;  // false: a power cut left only dockerd's record of it
  };
  struct Connection {
    std::string network;   // the network's id, known here even while the API does not show it
    bool started = false;  // the API shows network_id from the first start on
    std::optional<model::IpAddress> configured;
    std::string settings;
    std::optional<Endpoint> endpoint;
    bool failed = false;  // asked for of a running container, in vain: kept for its next start, and listed from then on
    bool shown = false;   // the container's own entry shows the endpoint once its start is through
  };
  struct Box {
    std::string id;
    Spec spec;
    ports::ContainerState state = ports::ContainerState::created;
    std::string last_error;
    std::string sandbox;  // of its last start
    bool stopped_by_user = false;
    bool removed = false;
    std::list<Connection> connections;  // references stay good while others come and go
    bool busy = false;                  // the container's lock in dockerd
  };
  struct Net {
    ports::EngineNetworkInfo info;
    std::string pool;
    std::string gateway;
    std::mutex making;  // an endpoint is being made: dockerd's networkLocker
  };
  struct Watcher {
    std::deque<ports::EngineEvent> events;
    bool ended = false;
  };
  using BoxPtr = std::shared_ptr<Box>;
  using NetPtr = std::shared_ptr<Net>;
  // Holds a box's `busy`. (No std::timed_mutex: GCC 12's thread sanitizer does not know how it locks.)
  struct Release {
    const FakeEngine* engine;
    void operator()(Box* box) const { engine->unlock(*box); }
  };
  using Lock = std::unique_ptr<Box, Release>;

  [[nodiscard]] Result<> gate() const;
  [[nodiscard]] Result<BoxPtr> box(const std::string& container) const;
  // Also by the beginning of its id.
  [[nodiscard]] Result<BoxPtr> box_like(const std::string& word) const;
  [[nodiscard]] Result<NetPtr> net(const std::string& network) const;
  [[nodiscard]] Result<Lock> lock(Box& box) const;
  void unlock(Box& box) const;
  [[nodiscard]] ports::Container view(const Box& box) const;
  [[nodiscard]] Connection* connection(Box& box, const std::string& network) const;
  [[nodiscard]] ports::EngineNetworkInfo inspected(const Net& net) const;
  std::string new_id();
  void emit(const std::string& type, const std::string& action, const std::string& id,
            std::map<std::string, std::string> attributes);
  void emit_container(const Box& box, const std::string& action, std::map<std::string, std::string> more = {});
  void emit_network(const Net& net, const std::string& action, const std::string& container = "");

  // The steps dockerd takes; the container's lock is held.
  Result<> start_locked(Box& box);
  Result<> attach_all(Box& box);
  Result<> attach(Box& box, Connection& connection);
  Result<Endpoint> make_endpoint(Box& box, Connection& connection, Net& net);
  Result<Endpoint> make_foreign_endpoint(const Box& box, Connection& connection, const Net& net);
  Result<> check_sandbox(const Box& box, const Connection& fresh) const;
  Result<std::string> join(Connection& connection, Net& net, const std::string& sandbox);
  void detach(Box& box, Connection& connection, bool tell = true);
  void end(Box& box, ports::ContainerState state);
  Result<> remove_locked(const BoxPtr& box);
  void clear_leftovers();
  [[nodiscard]] unsigned boots() const;
  void tell_of_sandboxes();
  unsigned sandboxes_ = 0;  // so far
  std::function<void(const std::set<std::string>&)> told_;

  std::atomic<bool> tells_names_;
  std::atomic<ports::NetworkDriver*> driver_{nullptr};
  std::atomic<int> repins_{0};
  std::atomic<int> inspects_{0};
  std::atomic<int> listings_{0};

  mutable std::mutex mutex_;  // guards all below and the boxes' data
  mutable std::condition_variable_any changed_;
  Mode mode_ = Mode::up;
  std::uint64_t next_id_ = 1;
  unsigned boots_ = 0;  // a start that was under way at a power cut must not end as running
  std::vector<BoxPtr> boxes_;
  std::vector<NetPtr> nets_;
  std::list<Watcher> watchers_;
};

}  // namespace bayplan::testing
