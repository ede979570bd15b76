// FakeEngine: what baypland calls, what befalls the machine, and what a test looks at.
#include <algorithm>
#include <random>

#include "support/fake_engine.hpp"

namespace bayplan::testing {

// ---- ports::Engine

ports::Container FakeEngine::view(const Box& box) const {
  const std::scoped_lock hold(mutex_);
  ports::Container out{box.id, box.spec.name, box.spec.labels, box.state, {}, {}};
  for (const auto& each : box.connections) {
    const auto network =
        std::find_if(nets_.begin(), nets_.end(), [&](const auto& net) { return net->info.id == each.network; });
    if (each.failed) continue;
    ports::ContainerNetwork entry;
    entry.key = network != nets_.end() ? (*network)->info.name : each.network;
    if (each.started) entry.network_id = each.network;
    entry.configured = each.configured;
    if (each.shown && each.endpoint) {
      entry.endpoint = each.endpoint->id;
      const bool has_one = network == nets_.end() || (*network)->info.driver != "null";
      if (has_one) entry.address = each.endpoint->address;
    }
    if (out.network_mode.empty()) out.network_mode = entry.key;
    out.networks.push_back(std::move(entry));
  }
  return out;
}

Result<std::vector<ports::Container>> FakeEngine::containers(std::chrono::milliseconds) {
  TRY(gate());
  ++listings_;
  std::vector<BoxPtr> boxes;
  {
    const std::scoped_lock hold(mutex_);
    boxes = boxes_;
  }
  std::vector<ports::Container> out;
  out.reserve(boxes.size());
  for (const auto& each : boxes) out.push_back(view(*each));
  return out;
}

ports::EngineNetworkInfo FakeEngine::inspected(const Net& net) const {
  const std::scoped_lock hold(mutex_);
  auto out = net.info;
  for (const auto& box : boxes_) {
    for (const auto& each : box->connections) {
      if (each.network != net.info.id || !each.endpoint) continue;
      out.endpoints[each.endpoint->id] = box->spec.name;
      out.containers[each.endpoint->id] = each.endpoint->joined ? box->id : "";
    }
  }
  return out;
}

Result<std::vector<ports::EngineNetworkInfo>> FakeEngine::networks(std::chrono::milliseconds) {
  TRY(gate());
  const std::scoped_lock hold(mutex_);
  std::vector<ports::EngineNetworkInfo> out;
  for (const auto& each : nets_) out.push_back(each->info);  // Docker lists them without their endpoints
  return out;
}

Result<ports::EngineNetworkInfo> FakeEngine::network(const std::string& id, std::chrono::milliseconds) {
  TRY(gate());
  return inspected(*TRY(net(id)));
}

Result<ports::ContainerDetails> FakeEngine::inspect(const std::string& container) {
  TRY(gate());
  ++inspects_;
  const auto found = TRY(box_like(container));
  const auto busy = TRY(lock(*found));
  ports::ContainerDetails details;
  static_cast<ports::Container&>(details) = view(*found);
  const std::scoped_lock hold(mutex_);
  details.last_error = found->last_error;
  details.restart_policy = found->spec.restart_policy;
  details.running = details.is_up();
  if (!details.running) return details;
  details.sandbox = found->sandbox;
  details.process = 4711;
  return details;
}

Result<std::string> FakeEngine::endpoint_settings(const std::string& container, const std::string& network_id) {
  TRY(gate());
  const auto found = TRY(box(container));
  const auto busy = TRY(lock(*found));
  const auto network = TRY(net(network_id));
  const auto* entry = connection(*found, network->info.id);
  if (entry == nullptr) {
    return fail(ErrorCode::not_found, "container {} is not connected to the network {}", found->id, network->info.name);
  }
  return entry->settings;
}

Result<> FakeEngine::disconnect(const std::string& container, const std::string& network_id) {
  TRY(gate());
  ++repins_;
  const auto found = TRY(box(container));
  const auto network = TRY(net(network_id));
  const auto busy = TRY(lock(*found));
  auto* entry = connection(*found, network->info.id);
  if (entry == nullptr || entry->failed) {
    return fail(ErrorCode::not_found, "container {} is not connected to the network {}", found->id, network->info.name);
  }
  if (view(*found).is_up()) {
    detach(*found, *entry);
  } else {
    emit_network(*network, "disconnect", found->id);
  }
  const std::scoped_lock hold(mutex_);
  found->connections.remove_if([&](const Connection& each) { return each.network == network->info.id; });
  return {};
}

Result<> FakeEngine::connect(const std::string& container, const std::string& network_id, const std::string& settings,
                             const std::optional<model::IpAddress>& address) {
  TRY(gate());
  ++repins_;
  const auto found = TRY(box(container));
  const auto network = TRY(net(network_id));
  const auto busy = TRY(lock(*found));
  const bool up = view(*found).is_up();
  {
    const std::scoped_lock hold(mutex_);
    found->connections.remove_if(
        [&](const Connection& each) { return each.failed && each.network == network->info.id; });
  }
  if (connection(*found, network->info.id) != nullptr) {
    // As tried: at rest a second connect says 200 and changes nothing, the address neither.
    if (!up) return {};
    return fail(ErrorCode::in_use, "endpoint with name {} already exists in network {}", found->spec.name,
                network->info.name);
  }
  const auto is_none = [this](const Connection& each) { return net(each.network).value()->info.driver == "null"; };
  if (std::ranges::any_of(found->connections, is_none) ||
      (network->info.driver == "null" && !found->connections.empty())) {
    return fail(ErrorCode::invalid,
                "container cannot be connected to multiple networks with one of the networks in private (none) mode");
  }
  if (address && network->info.name == "bridge") {
    return fail(ErrorCode::invalid, "user specified IP address is supported on user defined networks only");
  }
  Connection fresh;
  fresh.network = network->info.id;
  fresh.configured = address;
  fresh.settings = settings;
  Connection* entry = nullptr;
  {
    const std::scoped_lock hold(mutex_);
    entry = &found->connections.emplace_back(std::move(fresh));
  }
  if (!up) return {};  // no event either
  auto attached = attach(*found, *entry);
  const std::scoped_lock hold(mutex_);
  if (attached.ok()) {
    entry->shown = entry->started = true;
  } else {
    entry->failed = true;
  }
  return attached;
}

Result<std::string> FakeEngine::create_network(const std::string& name, const model::Subnet& subnet,
                                               const model::IpAddress& gateway,
                                               const std::map<std::string, std::string>& options) {
  return network_create(name, subnet.to_string(), gateway.to_string(), options);
}

Result<> FakeEngine::remove_network(const std::string& id) {
  TRY(gate());
  const auto network = TRY(net(id));
  if (!inspected(*network).endpoints.empty()) {
    return fail(ErrorCode::in_use, "error while removing network: network {} id {} has active endpoints",
                network->info.name, network->info.id);
  }
  if (auto* driver = driver_.load()) {
    TRY(driver->delete_network(network->info.id));
    (void)driver->release_address(network->pool, network->gateway);
    (void)driver->release_pool(network->pool);
  }
  {
    const std::scoped_lock hold(mutex_);
    std::erase(nets_, network);
  }
  emit_network(*network, "destroy");
  return {};
}

Result<> FakeEngine::prepare(const ports::RunRequest& request) {
  TRY(gate());
  for (const auto& option : request.options) {
    if (option.starts_with("--") && !option.starts_with("--label")) {
      return fail(ErrorCode::invalid, "{}: no such option", option);
    }
  }
  if (request.image == "missing") return fail(ErrorCode::not_found, "pull access denied for missing");
  return {};
}

Result<std::string> FakeEngine::create_container(const ports::RunRequest& request) {
  Spec spec;
  spec.name = request.name;
  spec.restart_policy = request.restart_policy;
  spec.networks.push_back({request.network, request.address});
  for (std::size_t i = 0; i + 1 < request.options.size(); ++i) {
    const auto& option = request.options[i];
    if (option != "-l" && option != "--label") continue;
    const auto& label = request.options[i + 1];
    const auto equals = label.find('=');
    spec.labels[label.substr(0, equals)] = equals == std::string::npos ? "" : label.substr(equals + 1);
  }
  if (request.pinned) spec.labels[std::string(ports::kPinnedLabel)] = request.address.to_string();
  return create(spec);
}

Result<> FakeEngine::remove_container(const std::string& id) {
  TRY(gate());
  const auto found = TRY(box(id));
  const auto busy = TRY(lock(*found));
  if (view(*found).is_up()) return fail(ErrorCode::conflict, "You cannot remove a running container {}", id);
  return remove_locked(found);
}

// ---- what befalls the machine

void FakeEngine::set_mode(Mode mode) {
  const std::scoped_lock hold(mutex_);
  mode_ = mode;
  if (mode == Mode::down) {
    for (auto& each : watchers_) each.ended = true;
  }
  changed_.notify_all();
}

void FakeEngine::power_cut() {
  set_mode(Mode::down);
  std::unique_lock hold(mutex_);
  ++boots_;
  for (auto& box : boxes_) {
    if (box->state != ports::ContainerState::created) box->state = ports::ContainerState::exited;
    for (auto& each : box->connections) {
      each.shown = false;
      if (each.endpoint) each.endpoint->alive = false;
    }
  }
  hold.unlock();
  tell_of_sandboxes();
}

void FakeEngine::shut_down() {
  std::vector<BoxPtr> boxes;
  {
    const std::scoped_lock hold(mutex_);
    boxes = boxes_;
  }
  for (const auto& each : boxes) {
    const auto busy = lock(*each);
    if (busy.ok() && view(*each).is_up()) end(*each, ports::ContainerState::exited);
  }
  set_mode(Mode::down);
}

// As captured at a boot after a power cut: Revoke, Leave, DeleteEndpoint and ReleaseAddress for what the store of
// dockerd still has, before any container is started; no RequestPool and no CreateNetwork.
void FakeEngine::clear_leftovers() {
  std::vector<BoxPtr> boxes;
  {
    const std::scoped_lock hold(mutex_);
    boxes = boxes_;
  }
  for (const auto& box : boxes) {
    for (auto& each : box->connections) {
      if (each.endpoint) detach(*box, each, false);
    }
  }
}

void FakeEngine::boot_silently(unsigned seed) {
  set_mode(Mode::silent);
  clear_leftovers();
  std::vector<BoxPtr> order;
  {
    const std::scoped_lock hold(mutex_);
    for (const auto& box : boxes_) {
      const bool ran = box->state == ports::ContainerState::exited && !box->stopped_by_user;
      const auto& policy = box->spec.restart_policy;
      if (policy == "always" ? box->state == ports::ContainerState::exited : policy == "unless-stopped" && ran) {
        order.push_back(box);
      }
    }
  }
  std::shuffle(order.begin(), order.end(), std::mt19937(seed));
  for (const auto& each : order) {
    const auto busy = lock(*each);
    // A refused start leaves it stopped, with its last error, and is not tried again.
    if (busy.ok()) (void)start_locked(*each);
  }
}

void FakeEngine::answer() {
  set_mode(Mode::up);
}

void FakeEngine::boot(unsigned seed) {
  boot_silently(seed);
  answer();
}

// ---- what a test looks at

std::optional<ports::Container> FakeEngine::look(const std::string& container) const {
  const auto found = box(container);
  if (!found.ok()) return std::nullopt;
  return view(**found);
}

std::optional<model::IpAddress> FakeEngine::address_of(const std::string& container, const std::string& network) const {
  const auto found = look(container);
  if (!found) return std::nullopt;
  for (const auto& each : found->networks) {
    if (each.key == network) return each.address;
  }
  return std::nullopt;
}

std::optional<model::IpAddress> FakeEngine::configured_of(const std::string& container,
                                                          const std::string& network) const {
  const auto found = look(container);
  if (!found) return std::nullopt;
  for (const auto& each : found->networks) {
    if (each.key == network) return each.configured;
  }
  return std::nullopt;
}

std::string FakeEngine::last_error(const std::string& container) const {
  const auto found = box(container);
  if (!found.ok()) return {};
  const std::scoped_lock hold(mutex_);
  return (*found)->last_error;
}

std::vector<model::IpAddress> FakeEngine::addresses_in_use() const {
  const std::scoped_lock hold(mutex_);
  std::vector<model::IpAddress> out;
  for (const auto& box : boxes_) {
    for (const auto& each : box->connections) {
      if (each.endpoint && each.endpoint->joined && each.endpoint->alive) out.push_back(each.endpoint->address);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace bayplan::testing
