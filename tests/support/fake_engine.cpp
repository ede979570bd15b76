#include "support/fake_engine.hpp"

#include <algorithm>
#include <set>

namespace bayplan::testing {

namespace {

constexpr auto kLockBound = std::chrono::seconds(5);

}  // namespace

// ---- finding things

Result<> FakeEngine::gate() const {
  const std::scoped_lock hold(mutex_);
  if (mode_ == Mode::silent) return fail(ErrorCode::timeout, "the fake Docker does not answer (it is booting)");
  if (mode_ == Mode::down) return fail(ErrorCode::unavailable, "the fake Docker is not there");
  return {};
}

Result<FakeEngine::BoxPtr> FakeEngine::box(const std::string& container) const {
  const std::scoped_lock hold(mutex_);
  for (const auto& each : boxes_) {
    if (each->id == container || each->spec.name == container) return each;
  }
  return fail(ErrorCode::not_found, "No such container: {}", container);
}

Result<FakeEngine::BoxPtr> FakeEngine::box_like(const std::string& word) const {
  if (auto named = box(word)) return named;
  const std::scoped_lock hold(mutex_);
  std::vector<BoxPtr> found;
  for (const auto& each : boxes_) {
    if (each->id.starts_with(word)) found.push_back(each);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) return fail(ErrorCode::not_found, "No such container: {}", word);
  return fail(ErrorCode::invalid, "multiple IDs found with provided prefix: {}", word);
}

Result<FakeEngine::NetPtr> FakeEngine::net(const std::string& network) const {
  const std::scoped_lock hold(mutex_);
  for (const auto& each : nets_) {
    if (each->info.id == network || each->info.name == network) return each;
  }
  return fail(ErrorCode::not_found, "network {} not found", network);
}

Result<FakeEngine::Lock> FakeEngine::lock(Box& box) const {
  std::unique_lock hold(mutex_);
  if (!changed_.wait_for(hold, kLockBound, [&] { return !box.busy; })) {
    return fail(ErrorCode::timeout, "container {} is busy (starting or stopping)", box.spec.name);
  }
  if (box.removed) return fail(ErrorCode::not_found, "No such container: {}", box.id);
  box.busy = true;
  return Lock(&box, Release{this});
}

void FakeEngine::unlock(Box& box) const {
  const std::scoped_lock hold(mutex_);
  box.busy = false;
  changed_.notify_all();
}

FakeEngine::Connection* FakeEngine::connection(Box& box, const std::string& network) const {
  const std::scoped_lock hold(mutex_);
  for (auto& each : box.connections) {
    if (each.network == network) return &each;
  }
  return nullptr;
}

std::string FakeEngine::new_id() {
  const std::scoped_lock hold(mutex_);
  // Spread over the digits, as real ids are: interface names are made of the first eight.
  const auto number = next_id_++;
  return fmt::format("{:08x}{:056x}", (number * 2654435761U) & 0xffffffffU, number);
}

// ---- events

void FakeEngine::emit(const std::string& type, const std::string& action, const std::string& id,
                      std::map<std::string, std::string> attributes) {
  const std::scoped_lock hold(mutex_);
  for (auto& watcher : watchers_) watcher.events.push_back({type, action, id, attributes});
  changed_.notify_all();
}

void FakeEngine::emit_container(const Box& box, const std::string& action, std::map<std::string, std::string> more) {
  more.insert(box.spec.labels.begin(), box.spec.labels.end());
  more["name"] = box.spec.name;
  emit("container", action, box.id, std::move(more));
}

void FakeEngine::emit_network(const Net& net, const std::string& action, const std::string& container) {
  std::map<std::string, std::string> attributes{{"name", net.info.name}, {"type", net.info.driver}};
  if (!container.empty()) attributes["container"] = container;
  emit("network", action, net.info.id, std::move(attributes));
}

Result<> FakeEngine::watch(std::stop_token stop, const std::function<void()>& on_ready,
                           const std::function<void(const ports::EngineEvent&)>& on_event) {
  std::list<Watcher>::iterator self;
  {
    std::unique_lock hold(mutex_);
    if (mode_ == Mode::down) return fail(ErrorCode::unavailable, "the fake Docker is not there");
    if (!changed_.wait(hold, stop, [&] { return mode_ != Mode::silent; })) return {};
    if (mode_ == Mode::down) return fail(ErrorCode::unavailable, "the fake Docker is not there");
    self = watchers_.emplace(watchers_.end());
  }
  if (on_ready) on_ready();
  std::unique_lock hold(mutex_);
  while (true) {
    const bool something = changed_.wait(hold, stop, [&] { return self->ended || !self->events.empty(); });
    if (!something || (self->ended && self->events.empty())) {
      const bool ended = something;
      watchers_.erase(self);
      if (ended) return fail(ErrorCode::unavailable, "the fake Docker's event stream ended");
      return {};
    }
    const auto event = std::move(self->events.front());
    self->events.pop_front();
    hold.unlock();
    on_event(event);
    hold.lock();
  }
}

int FakeEngine::watchers() const {
  const std::scoped_lock hold(mutex_);
  return static_cast<int>(watchers_.size());
}

// ---- what dockerd does with a driver

Result<FakeEngine::Endpoint> FakeEngine::make_endpoint(Box& box, Connection& connection, Net& net) {
  const std::scoped_lock one_at_a_time(net.making);
  if (net.info.driver != "bayplan") return make_foreign_endpoint(box, connection, net);
  auto* driver = driver_.load();
  if (driver == nullptr) return fail(ErrorCode::unavailable, "Unable to connect to plugin: bayplan");
  ports::AddressRequest request{net.pool, connection.configured ? connection.configured->to_string() : "",
                                ports::AddressRequest::Purpose::endpoint, tells_names_ ? box.spec.name : ""};
  const auto granted = driver->request_address(request);
  if (!granted.ok()) return fail(ErrorCode::conflict, "remote: {}", granted.error().message());
  Endpoint endpoint{new_id(), granted->address, {}};
  const auto made =
      driver->create_endpoint({net.info.id, endpoint.id, model::with_prefix(granted->address, granted->subnet), ""});
  if (!made.ok()) {
    (void)driver->release_address(net.pool, granted->address.to_string());
    return fail(ErrorCode::conflict, "remote: {}", made.error().message());
  }
  const std::scoped_lock hold(mutex_);
  connection.endpoint = endpoint;
  return endpoint;
}

Result<FakeEngine::Endpoint> FakeEngine::make_foreign_endpoint(const Box&, Connection& connection, const Net& net) {
  const bool gives_none = net.info.driver == "null";
  const auto id = new_id();
  const std::scoped_lock hold(mutex_);
  std::set<model::IpAddress> taken;
  for (const auto& each : boxes_) {
    for (const auto& other : each->connections) {
      if (other.network == net.info.id && other.endpoint) taken.insert(other.endpoint->address);
    }
  }
  Endpoint endpoint{id, {}, {}};
  if (!gives_none) {
    auto free = net.info.subnets.front().first_host().plus(1);
    while (taken.contains(*free)) free = free->plus(1);
    endpoint.address = connection.configured.value_or(*free);
    if (taken.contains(endpoint.address)) return fail(ErrorCode::conflict, "Address already in use");
  }
  connection.endpoint = endpoint;
  return endpoint;
}

// What the container's namespace refuses: two addresses whose subnets overlap.
Result<> FakeEngine::check_sandbox(const Box& box, const Connection& fresh) const {
  const auto to = TRY(net(fresh.network));
  for (const auto& each : box.connections) {
    if (&each == &fresh || !each.endpoint) continue;
    for (const auto& subnet : TRY(net(each.network))->info.subnets) {
      const auto& mine = to->info.subnets;
      const bool clash = std::ranges::any_of(mine, [&](const model::Subnet& other) { return other.overlaps(subnet); });
      if (!clash) continue;
      return fail(ErrorCode::conflict,
                  "cannot program address in sandbox interface: it conflicts with existing route {}",
                  subnet.to_string());
    }
  }
  return {};
}

Result<std::string> FakeEngine::join(Connection& connection, Net& net, const std::string& sandbox) {
  auto* driver = driver_.load();
  if (driver == nullptr) return fail(ErrorCode::unavailable, "Unable to connect to plugin: bayplan");
  const auto joined = driver->join(net.info.id, connection.endpoint->id, sandbox);
  if (!joined.ok()) return fail(ErrorCode::conflict, "remote: {}", joined.error().message());
  return joined->source_name;
}

Result<> FakeEngine::attach(Box& box, Connection& connection) {
  const auto network = TRY(net(connection.network));
  const auto endpoint = TRY(make_endpoint(box, connection, *network));
  const bool is_foreign = network->info.driver != "bayplan";
  auto joined = is_foreign ? Result<std::string>(std::string{}) : join(connection, *network, box.sandbox);
  // Without an interface there is nothing to clash, and nothing to publish by.
  const bool is_hollow = joined.ok() && !is_foreign && joined->empty();
  if (auto fits = check_sandbox(box, connection); joined.ok() && !is_hollow && !fits.ok()) joined = fits.error();
  Result<> published;
  if (joined.ok() && !is_foreign && !is_hollow && !box.spec.ports.empty()) {
    published = driver_.load()->publish(network->info.id, endpoint.id, box.spec.ports);
  }
  if (!joined.ok() || !published.ok()) {
    auto why = joined.ok() ? published.error() : joined.error();
    detach(box, connection, false);
    return why;
  }
  {
    const std::scoped_lock hold(mutex_);
    connection.endpoint->joined = true;
    connection.endpoint->source_name = *joined;
  }
  emit_network(*network, "connect", box.id);
  return {};
}

void FakeEngine::detach(Box& box, Connection& connection, bool tell) {
  const auto network = net(connection.network);
  if (!network.ok() || !connection.endpoint) return;
  const auto endpoint = *connection.endpoint;
  const auto& id = (*network)->info.id;
  if (auto* driver = driver_.load();
      driver && (*network)->info.driver == "bayplan") {  // Docker logs their failures and goes on
    if (endpoint.joined) {
      (void)driver->unpublish(id, endpoint.id);
      (void)driver->leave(id, endpoint.id);
      // Docker takes the interface out of the sandbox before the endpoint goes (libnetwork, sandbox.go).
      const std::scoped_lock hold(mutex_);
      connection.endpoint->joined = false;
    }
    (void)driver->delete_endpoint(id, endpoint.id);
    (void)driver->release_address((*network)->pool, endpoint.address.to_string());
  }
  {
    const std::scoped_lock hold(mutex_);
    connection.endpoint.reset();
    connection.shown = false;
  }
  if (tell) emit_network(**network, "disconnect", box.id);
}

Result<> FakeEngine::attach_all(Box& box) {
  for (auto each = box.connections.begin(); each != box.connections.end(); ++each) {
    auto done = attach(box, *each);
    if (done.ok()) continue;
    for (auto made = box.connections.begin(); made != each; ++made) detach(box, *made);
    return done;
  }
  return {};
}

unsigned FakeEngine::boots() const {
  const std::scoped_lock hold(mutex_);
  return boots_;
}

Result<> FakeEngine::start_locked(Box& box) {
  const auto boot = boots();
  {
    const std::scoped_lock hold(mutex_);
    box.sandbox = fmt::format("/var/run/docker/netns/{:012x}", ++sandboxes_);
  }
  auto attached = attach_all(box);
  std::unique_lock hold(mutex_);
  if (boot != boots_) {
    for (auto& each : box.connections) {
      if (each.endpoint) each.endpoint->alive = false;
    }
    return fail(ErrorCode::unavailable, "the fake Docker died while {} started", box.spec.name);
  }
  if (!attached.ok()) {
    box.last_error = attached.error().message();
    if (box.state != ports::ContainerState::created) box.state = ports::ContainerState::exited;
    return attached;
  }
  box.last_error.clear();
  box.state = ports::ContainerState::running;
  box.stopped_by_user = false;
  for (auto& each : box.connections) each.shown = each.started = true;
  hold.unlock();
  tell_of_sandboxes();
  emit_container(box, "start");
  return {};
}

void FakeEngine::tell_of_sandboxes() {
  if (!told_) return;
  std::set<std::string> all;
  {
    const std::scoped_lock hold(mutex_);
    for (const auto& box : boxes_) {
      const bool up = box->state == ports::ContainerState::running || box->state == ports::ContainerState::paused;
      if (up && !box->removed) all.insert(box->sandbox);
    }
  }
  told_(all);
}

void FakeEngine::end(Box& box, ports::ContainerState state) {
  {
    const std::scoped_lock hold(mutex_);
    box.state = state;
    for (auto& each : box.connections) each.failed = false;
  }
  tell_of_sandboxes();
  emit_container(box, "die");
  for (auto& each : box.connections) detach(box, each);
}

// ---- what a user does

Result<std::string> FakeEngine::network_create(const std::string& name, const std::string& subnet,
                                               const std::string& gateway,
                                               const std::map<std::string, std::string>& options) {
  TRY(gate());
  if (net(name).ok()) return fail(ErrorCode::conflict, "network with name {} already exists", name);
  auto* driver = driver_.load();
  if (driver == nullptr) return fail(ErrorCode::not_found, "plugin \"bayplan\" not found");
  const auto pool = TRY(driver->request_pool({subnet, "", false}));
  const auto address = driver->request_address({pool.pool_id, gateway, ports::AddressRequest::Purpose::gateway, ""});
  if (!address.ok()) {
    (void)driver->release_pool(pool.pool_id);
    return fail(ErrorCode::conflict, "remote: {}", address.error().message());
  }
  auto made = std::make_shared<Net>();
  made->info = {new_id(), name, "bayplan", {pool.subnet}, options, {}, {}, "bayplan"};
  made->pool = pool.pool_id;
  made->gateway = address->address.to_string();
  ports::NetworkRequest request;
  request.id = made->info.id;
  request.options.assign(options.begin(), options.end());
  request.subnet = pool.subnet.to_string();
  request.gateway = model::with_prefix(address->address, address->subnet);
  const auto created = driver->create_network(request);
  if (!created.ok()) {
    (void)driver->release_address(made->pool, made->gateway);
    (void)driver->release_pool(made->pool);
    return fail(ErrorCode::conflict, "remote: {}", created.error().message());
  }
  {
    const std::scoped_lock hold(mutex_);
    nets_.push_back(made);
  }
  emit_network(*made, "create");
  return made->info.id;
}

void FakeEngine::add_foreign_network(const ports::EngineNetworkInfo& info) {
  auto made = std::make_shared<Net>();
  made->info = info;
  {
    const std::scoped_lock hold(mutex_);
    nets_.push_back(made);
  }
  emit_network(*made, "create");
}

Result<std::string> FakeEngine::create(const Spec& spec) {
  TRY(gate());
  if (box(spec.name).ok()) {
    return fail(ErrorCode::exists, "Conflict. The container name \"/{}\" is already in use", spec.name);
  }
  auto made = std::make_shared<Box>();
  made->id = new_id();
  made->spec = spec;
  for (const auto& wish : spec.networks) {
    Connection connection;
    connection.network = TRY(net(wish.network))->info.id;
    connection.configured = wish.address;
    connection.settings = wish.settings;
    made->connections.push_back(std::move(connection));
  }
  {
    const std::scoped_lock hold(mutex_);
    boxes_.push_back(made);
  }
  emit_container(*made, "create");
  return made->id;
}

Result<std::string> FakeEngine::run(const Spec& spec) {
  const auto id = TRY(create(spec));
  TRY(start(id));
  return id;
}

Result<> FakeEngine::start(const std::string& container) {
  TRY(gate());
  const auto found = TRY(box(container));
  const auto busy = TRY(lock(*found));
  if (view(*found).is_up()) return {};
  return start_locked(*found);
}

Result<> FakeEngine::stop(const std::string& container) {
  TRY(gate());
  const auto found = TRY(box(container));
  const auto busy = TRY(lock(*found));
  if (!view(*found).is_up()) return {};
  {
    const std::scoped_lock hold(mutex_);
    found->stopped_by_user = true;
  }
  end(*found, ports::ContainerState::exited);
  emit_container(*found, "stop");
  return {};
}

Result<> FakeEngine::restart(const std::string& container) {
  TRY(stop(container));
  return start(container);
}

Result<> FakeEngine::crash(const std::string& container) {
  TRY(gate());
  const auto found = TRY(box(container));
  const auto busy = TRY(lock(*found));
  if (!view(*found).is_up()) return fail(ErrorCode::conflict, "container {} is not running", container);
  const bool again = found->spec.restart_policy != "no" && !found->spec.restart_policy.empty();
  end(*found, again ? ports::ContainerState::restarting : ports::ContainerState::exited);
  if (!again) return {};
  return start_locked(*found);
}

Result<> FakeEngine::back_off(const std::string& container) {
  TRY(gate());
  const auto found = TRY(box(container));
  const auto busy = TRY(lock(*found));
  end(*found, ports::ContainerState::restarting);
  return {};
}

Result<> FakeEngine::remove_locked(const BoxPtr& box) {
  if (view(*box).is_up()) end(*box, ports::ContainerState::exited);
  {
    const std::scoped_lock hold(mutex_);
    box->removed = true;
    std::erase(boxes_, box);
  }
  emit_container(*box, "destroy");
  return {};
}

Result<> FakeEngine::remove(const std::string& container) {
  TRY(gate());
  const auto found = TRY(box(container));
  const auto busy = TRY(lock(*found));
  return remove_locked(found);
}

Result<> FakeEngine::rename(const std::string& container, const std::string& name) {
  TRY(gate());
  const auto found = TRY(box(container));
  if (box(name).ok()) return fail(ErrorCode::conflict, "the container name \"/{}\" is already in use", name);
  const auto busy = TRY(lock(*found));
  std::string old;
  {
    const std::scoped_lock hold(mutex_);
    old = std::exchange(found->spec.name, name);
  }
  emit_container(*found, "rename", {{"oldName", "/" + old}});
  return {};
}

}  // namespace bayplan::testing
