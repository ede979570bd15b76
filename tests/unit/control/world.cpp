#include "world.hpp"

#include <algorithm>
#include <condition_variable>

namespace bayplan::testing {
namespace {

using std::chrono::milliseconds;

Error gone() {
  return fail(ErrorCode::unavailable, "Unable to connect to plugin: bayplan");
}

// The disk as one daemon has it: after its death nothing more is written.
class CutStore final : public ports::PlanStore {
 public:
  explicit CutStore(FakeStore disk) : disk_(std::move(disk)) {}
  void cut() {
    const std::scoped_lock hold(mutex_);
    alive_ = false;
  }
  Result<std::vector<model::Record>> load() override { return disk_.load(); }
  Result<> commit(const model::ChangeSet& changes) override {
    const std::scoped_lock hold(mutex_);
    if (!alive_) return fail(ErrorCode::storage, "this baypland is dead");
    return disk_.commit(changes);
  }

 private:
  std::mutex mutex_;
  bool alive_ = true;
  FakeStore disk_;
};

// Docker as one daemon reaches it: after its death no call gets through, and no answer.
class CutEngine final : public ports::Engine {
 public:
  CutEngine(ports::Engine& engine, std::function<void()> after_repin)
      : engine_(engine), after_repin_(std::move(after_repin)) {}
  void cut() {
    alive_ = false;
    stop_.request_stop();
  }

  Result<bool> names_askers() override {
    return through([&] { return engine_.names_askers(); });
  }
  Result<std::vector<ports::Container>> containers(milliseconds bound) override {
    return through([&] { return engine_.containers(bound); });
  }
  Result<std::vector<ports::EngineNetworkInfo>> networks(milliseconds bound) override {
    return through([&] { return engine_.networks(bound); });
  }
  Result<ports::EngineNetworkInfo> network(const std::string& id, milliseconds bound) override {
    return through([&] { return engine_.network(id, bound); });
  }
  Result<ports::ContainerDetails> inspect(const std::string& container) override {
    return through([&] { return engine_.inspect(container); });
  }
  Result<std::string> endpoint_settings(const std::string& container, const std::string& network) override {
    return through([&] { return engine_.endpoint_settings(container, network); });
  }
  Result<std::string> portable_settings(const std::string& settings) override {
    return through([&] { return engine_.portable_settings(settings); });
  }
  Result<> disconnect(const std::string& container, const std::string& network) override {
    return through([&] {
      auto done = engine_.disconnect(container, network);
      after_repin_();
      return done;
    });
  }
  Result<> connect(const std::string& container, const std::string& network, const std::string& settings,
                   const std::optional<model::IpAddress>& address) override {
    return through([&] {
      auto done = engine_.connect(container, network, settings, address);
      after_repin_();
      return done;
    });
  }
  Result<> start(const std::string& container) override {
    return through([&] { return engine_.start(container); });
  }
  Result<std::string> create_network(const std::string& name, const model::Subnet& subnet,
                                     const model::IpAddress& gateway,
                                     const std::map<std::string, std::string>& options) override {
    return through([&] { return engine_.create_network(name, subnet, gateway, options); });
  }
  Result<> remove_network(const std::string& id) override {
    return through([&] { return engine_.remove_network(id); });
  }
  Result<> prepare(const ports::RunRequest& request) override {
    return through([&] { return engine_.prepare(request); });
  }
  Result<std::string> create_container(const ports::RunRequest& request) override {
    return through([&] { return engine_.create_container(request); });
  }
  Result<> remove_container(const std::string& id) override {
    return through([&] { return engine_.remove_container(id); });
  }
  Result<> watch(std::stop_token stop, const std::function<void()>& on_ready,
                 const std::function<void(const ports::EngineEvent&)>& on_event) override {
    if (!alive_) return fail(ErrorCode::unavailable, "this baypland is dead");
    const std::stop_callback either(stop, [this] { stop_.request_stop(); });
    return engine_.watch(stop_.get_token(), on_ready, on_event);
  }

 private:
  template <typename Call>
  auto through(Call call) -> std::invoke_result_t<Call&> {
    if (!alive_) return fail(ErrorCode::unavailable, "this baypland is dead");
    auto answer = call();
    if (!alive_) return fail(ErrorCode::unavailable, "this baypland is dead");
    return answer;
  }

  ports::Engine& engine_;
  std::function<void()> after_repin_;
  std::atomic<bool> alive_{true};
  std::stop_source stop_;
};

control::EngineKeeperSettings quick_settings() {
  control::EngineKeeperSettings settings;
  settings.host = "host-1";
  settings.resync = milliseconds(500);
  settings.rest_exited = milliseconds(5);
  settings.rest_created = milliseconds(25);
  settings.silence_bound = milliseconds(50);
  settings.patience = milliseconds(300);
  settings.network_lag = milliseconds(300);
  return settings;
}

}  // namespace

bool eventually(const std::function<bool()>& condition, milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

struct FakeHost::Held final : ports::HeldPort {
  Held(FakeHost& on, Port held, int by) : host(on), port(std::move(held)), holder(by) {}
  ~Held() override { host.let_go(port, holder); }
  FakeHost& host;
  Port port;
  int holder;
};

// Its only address is 192.0.2.1.
Result<std::unique_ptr<ports::HeldPort>> FakeHost::hold_for(int life, const model::PublishedPort& port) {
  const std::scoped_lock hold(mutex_);
  if (life != life_) return fail(ErrorCode::unavailable, "this daemon is dead");
  const bool own = port.host_address == model::IpAddress{} || port.host_address == address_from("192.0.2.1");
  if (!own) return fail(ErrorCode::invalid, "{} is not an address of this host", port.host_address.to_string());
  const Port wanted{port.protocol, port.host_port};
  if (!ports_.try_emplace(wanted, holders_ + 1).second) {
    return fail(ErrorCode::conflict, "the host's port {} is in use already", port.host_port);
  }
  return std::unique_ptr<ports::HeldPort>(std::make_unique<Held>(*this, wanted, ++holders_));
}

namespace {

// The host as one daemon sees it, for as long as it lives.
class HostOfDaemon final : public ports::Host {
 public:
  explicit HostOfDaemon(FakeHost& host) : host_(host), life_(host.life()) {}
  Result<std::vector<ports::Route>> routes() override { return host_.routes(); }
  Result<bool> has_interface(const std::string& name) override { return host_.has_interface(name); }
  Result<std::vector<ports::InsideAddress>> addresses_inside(const std::string& netns) override {
    return host_.addresses_inside(netns);
  }
  Result<> put_aside(const std::string& netns, const ports::InsideAddress& interface) override {
    return host_.put_aside(netns, interface);
  }
  Result<> put_back(const std::string& netns, const ports::InsideAddress& interface) override {
    return host_.put_back(netns, interface);
  }
  Result<> remove_aside(const std::string& netns, const ports::InsideAddress& interface) override {
    return host_.remove_aside(netns, interface);
  }
  Result<std::unique_ptr<ports::HeldPort>> hold_port(const model::PublishedPort& port) override {
    return host_.hold_for(life_, port);
  }

 private:
  FakeHost& host_;
  int life_;
};

}  // namespace

struct World::Daemon {
  explicit Daemon(World& world)
      : store(world.disk),
        engine(world.engine, [this, &world] { world.hear_repin(*this); }),
        planner(store, model::Plan::from(store.load().value()).value(),
                [this](const model::ChangeSet& changes) {
                  if (serving && control::calls_for_sync(changes)) keeper.poke();
                }),
        kernel(planner, {world.datapath, world.firewall, world.namespaces}, world.clock),
        attacher({planner, engine, kernel, world.clock, "host-1"}),
        host(world.host),
        publisher(planner, kernel, host),
        keeper(engine, planner, world.clock, quick_settings(),
               {.after_sync =
                    [this] {
                      if (!alive) return;
                      kernel.engine_was_up();
                      publisher.follow_plan();
                      static_cast<void>(kernel.reconcile());
                    },
                .started = [this](const auto& container) { attacher.container_started(container); },
                .attach_due = [this](const auto& due) { return attacher.containers_due(due); }}),
        driver(parts(world)),
        service(parts(world), "test", "fake") {}
  ~Daemon() {
    serving = false;
    static_cast<void>(planner.execute([](model::PlanEdit&) -> Result<> { return {}; }));
    keeper.stop();
  }

  control::Parts parts(World& world) {
    return {planner, engine, keeper, kernel, attacher, publisher, host, world.clock, {}, "host-1", world.prober};
  }
  void cut() {
    alive = false;
    store.cut();
    engine.cut();
  }

  std::atomic<bool> alive{true};
  std::atomic<bool> serving{false};
  CutStore store;
  CutEngine engine;
  control::Planner planner;
  control::KernelKeeper kernel;
  control::Attacher attacher;
  HostOfDaemon host;
  control::Publisher publisher;
  control::EngineKeeper keeper;
  control::Driver driver;
  control::Service service;
};

// The plugin's socket: whichever daemon is there answers.
class World::Plugin final : public ports::NetworkDriver {
 public:
  explicit Plugin(World& world) : world_(world) {}

  Result<ports::PoolAnswer> request_pool(const ports::PoolRequest& r) override {
    return call("request_pool", [&](auto& driver) { return driver.request_pool(r); });
  }
  Result<> release_pool(const std::string& id) override {
    return call("release_pool", [&](auto& driver) { return driver.release_pool(id); });
  }
  Result<ports::AddressAnswer> request_address(const ports::AddressRequest& r) override {
    return call("request_address", [&](auto& driver) { return driver.request_address(r); });
  }
  Result<> release_address(const std::string& pool, const std::string& address) override {
    return call("release_address", [&](auto& driver) { return driver.release_address(pool, address); });
  }
  Result<> create_network(const ports::NetworkRequest& r) override {
    return call("create_network", [&](auto& driver) { return driver.create_network(r); });
  }
  Result<> delete_network(const std::string& id) override {
    return call("delete_network", [&](auto& driver) { return driver.delete_network(id); });
  }
  Result<ports::EndpointAnswer> create_endpoint(const ports::EndpointRequest& r) override {
    return call("create_endpoint", [&](auto& driver) { return driver.create_endpoint(r); });
  }
  Result<> delete_endpoint(const std::string& network, const std::string& endpoint) override {
    return call("delete_endpoint", [&](auto& driver) { return driver.delete_endpoint(network, endpoint); });
  }
  Result<ports::JoinAnswer> join(const std::string& network, const std::string& endpoint,
                                 const std::string& sandbox) override {
    return call("join", [&](auto& driver) { return driver.join(network, endpoint, sandbox); });
  }
  Result<> leave(const std::string& network, const std::string& endpoint) override {
    return call("leave", [&](auto& driver) { return driver.leave(network, endpoint); });
  }
  Result<> publish(const std::string& network, const std::string& endpoint,
                   const std::vector<model::PublishedPort>& ports) override {
    return call("publish", [&](auto& driver) { return driver.publish(network, endpoint, ports); });
  }
  Result<> unpublish(const std::string& network, const std::string& endpoint) override {
    return call("unpublish", [&](auto& driver) { return driver.unpublish(network, endpoint); });
  }

 private:
  template <typename Call>
  auto call(const std::string& name, Call made) -> std::invoke_result_t<Call&, control::Driver&> {
    world_.hear_call(name);
    const int number = world_.calls_++;
    if (world_.call_is_fatal(number, true)) {
      world_.crash();
      return gone();
    }
    const auto daemon = world_.current();
    if (!daemon) return gone();
    auto answer = made(daemon->driver);
    if (world_.call_is_fatal(number, false)) world_.crash();
    if (!daemon->alive) return gone();
    return answer;
  }

  World& world_;
};

World::World(bool tells_names) : engine(tells_names), plugin_(std::make_unique<Plugin>(*this)) {
  come_back();
  engine.use_driver(plugin_.get());
}

World::~World() {
  for (const auto& daemon : dead_) daemon->keeper.stop();
  daemon_.reset();
  dead_.clear();
}

std::shared_ptr<World::Daemon> World::current() const {
  const std::scoped_lock hold(mutex_);
  return daemon_;
}

void World::go_away() {
  const std::scoped_lock hold(mutex_);
  if (!daemon_) return;
  daemon_->cut();
  host.daemon_died();
  dead_.push_back(std::exchange(daemon_, nullptr));
}

void World::come_back() {
  const std::scoped_lock hold(mutex_);
  if (daemon_) return;
  daemon_ = std::make_shared<Daemon>(*this);
  static_cast<void>(daemon_->kernel.reconcile());
  daemon_->publisher.follow_plan();
  daemon_->serving = true;
  daemon_->keeper.start();
}

void World::crash() {
  go_away();
  come_back();
}

control::Service& World::service() {
  return current()->service;
}
ports::NetworkDriver& World::driver() {
  return *plugin_;
}
control::KernelKeeper& World::kernel() {
  return current()->kernel;
}

control::Attacher& World::attacher() {
  return current()->attacher;
}
control::EngineKeeper& World::keeper() {
  return current()->keeper;
}

void World::crash_at_call(int n, bool before) {
  fatal_before_ = before;
  fatal_call_ = calls_ + n;
}

bool World::call_is_fatal(int call, bool before) {
  return call == fatal_call_ && before == fatal_before_;
}

void World::crash_at_repin(int n) {
  repins_until_crash_ = n;
}

void World::hear_repin(const Daemon& daemon) {
  if (daemon.alive && repins_until_crash_ >= 0 && repins_until_crash_-- == 0) crash();
}

void World::on_call(std::function<void(const std::string&)> heard) {
  const std::scoped_lock hold(mutex_);
  heard_ = std::move(heard);
}

void World::hear_call(const std::string& name) {
  std::function<void(const std::string&)> heard;
  {
    const std::scoped_lock hold(mutex_);
    heard = heard_;
  }
  if (heard) heard(name);
}

std::string World::add_network(const std::string& name, const std::string& subnet, const std::string& vlan) {
  auto made = engine.network_create(name, subnet, "", {{"vlan", vlan}});
  if (!made) throw std::runtime_error(made.error().message());
  return *made;
}

std::optional<model::Reservation> World::reservation(const std::string& identity, const std::string& network) const {
  for (const auto& each : disk.all<model::Reservation>()) {
    if (each.identity == identity && each.network == network) return each;
  }
  return std::nullopt;
}

std::map<std::string, model::IpAddress> World::addresses(const std::vector<std::string>& containers,
                                                         const std::string& network) const {
  std::map<std::string, model::IpAddress> found;
  for (const auto& name : containers) {
    if (const auto address = engine.address_of(name, network)) found[name] = *address;
  }
  return found;
}

bool World::is_settled() const {
  return unsettled().empty();
}

std::string World::unsettled() const {
  std::string left;
  for (const auto& owed : disk.all<model::OwedStart>()) left += " " + owed.token;
  for (const auto& repin : disk.all<model::Repin>()) left += fmt::format(" repin of {:.12};", repin.container_id);
  for (const auto& attachment : disk.all<model::Attachment>()) {
    const auto own = reservation(attachment.identity, attachment.network);
    if (attachment.verified && own && own->address == attachment.address) continue;
    left += fmt::format(" {} {} by '{}' {}verified;", attachment.address.to_string(),
                        model::to_string(attachment.stage), attachment.identity, attachment.verified ? "" : "not ");
  }
  return left;
}

bool World::all_have(const std::map<std::string, model::IpAddress>& wanted, const std::string& network) const {
  const auto right = [&](const auto& want) {
    const auto container = engine.look(want.first);
    return container && container->is_up() && engine.address_of(want.first, network) == want.second;
  };
  return std::ranges::all_of(wanted, right) && is_settled();
}

std::string World::state_of(const std::map<std::string, model::IpAddress>& wanted, const std::string& network) const {
  std::string out = unsettled();
  for (const auto& [name, address] : wanted) {
    const auto container = engine.look(name);
    const auto has = engine.address_of(name, network);
    if (container && container->is_up() && has == address) continue;
    out += fmt::format(" {} ({}) has {} not {}, last error '{}';", name,
                       container ? ports::to_string(container->state) : "gone", has ? has->to_string() : "none",
                       address.to_string(), engine.last_error(name));
  }
  return out;
}

bool World::all_pinned(const std::vector<std::string>& containers, const std::string& network) const {
  const auto is_pinned = [&](const std::string& name) {
    const auto container = engine.look(name);
    const auto own = container ? reservation(container->identity(), network) : std::nullopt;
    return own && engine.configured_of(name, network) == own->address;
  };
  return std::ranges::all_of(containers, is_pinned) && is_settled();
}

Watchman::Watchman(const World& world, std::map<std::string, model::IpAddress> owners, std::string network)
    : world_(world), owners_(std::move(owners)), network_(std::move(network)), thread_([this](std::stop_token stop) {
        while (!stop.stop_requested()) look();
      }) {
}

void Watchman::look() {
  const auto used = world_.engine.addresses_in_use();
  if (const auto twice = std::ranges::adjacent_find(used); twice != used.end()) {
    faults_.insert(twice->to_string() + " is in use twice");
  }
  for (const auto& [name, own] : owners_) {
    const auto has = world_.engine.address_of(name, network_);
    if (!has || *has == own) continue;
    for (const auto& [other, address] : owners_) {
      if (address == *has) faults_.insert(fmt::format("{} has {}, which is {}'s", name, has->to_string(), other));
    }
  }
  std::this_thread::sleep_for(milliseconds(1));
}

std::vector<std::string> Watchman::report() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  return {faults_.begin(), faults_.end()};
}

}  // namespace bayplan::testing
