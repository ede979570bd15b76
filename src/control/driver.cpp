#include "control/driver.hpp"

#include <algorithm>
#include <random>
#include <thread>

#include "base/log.hpp"
#include "base/text.hpp"

namespace bayplan::control {
namespace {

// Docker asks for a pool before it tells the network's options: what is checked then must hold on any datapath.
constexpr const char* kNotKnownYet = "bridge";

using model::Attachment;
using model::IpAddress;
using model::Network;
using model::PlanEdit;

constexpr std::chrono::seconds kNoGuess{30};
constexpr std::chrono::milliseconds kUndecided{500};  // how long a request waits for a pin under way
constexpr std::chrono::milliseconds kUndecidedPause{10};

Error missing_subnet() {
  return fail(ErrorCode::invalid,
              "a network needs a subnet: docker network create -d bayplan --ipam-driver bayplan --subnet 172.16.1.0/24 "
              "-o vlan=100 NAME");
}

// Adds the exclusions of a further engine's network (`--aux-address`) to one that is there; an address that such a
// request was granted on the way is an exclusion from now on.
Result<Network> with_exclusions(PlanEdit& edit, Network network, const NetworkSpec& spec) {
  bool changed = false;
  for (const std::string& text : spec.exclusions) {
    const auto range = TRY(model::AddressRange::parse(text));
    if (std::ranges::find(network.exclusions, range) != network.exclusions.end()) continue;
    if (const auto* owner = edit.plan().reservation_at(network.name, range.first)) {
      return fail(ErrorCode::conflict, "--aux-address {}: it is reserved for '{}' on {}", range.to_string(),
                  owner->identity, network.name);
    }
    if (const Attachment* granted = edit.plan().attachment(network.name, range.first)) {
      TRY(edit.erase(Attachment(*granted)));
    }
    network.exclusions.push_back(range);
    changed = true;
  }
  if (changed) TRY(edit.put(network));
  return network;
}

}  // namespace

std::string make_owed_token() {
  std::random_device random;
  return fmt::format("owed-{:08x}{:08x}", random(), random());
}

Result<PoolId> PoolId::parse(const std::string& text) {
  const auto comma = text.find(',');
  PoolId pool;
  auto subnet = model::Subnet::parse(text.substr(0, comma));
  if (!subnet) return fail(ErrorCode::not_found, "there is no pool '{}'", shown(text));
  pool.subnet = *subnet;
  if (comma != std::string::npos) pool.range = TRY(model::Subnet::parse(text.substr(comma + 1)));
  return pool;
}

std::string PoolId::to_string() const {
  return range ? fmt::format("{},{}", subnet.to_string(), range->to_string()) : subnet.to_string();
}

Result<std::optional<Network>> Driver::network_of(const model::Subnet& subnet) {
  return parts_.planner.execute([subnet](PlanEdit& edit) -> Result<std::optional<Network>> {
    const Network* found = edit.plan().network_of_subnet(subnet);
    return found ? std::optional(*found) : std::nullopt;
  });
}

Result<Network> Driver::network_of_engine(const std::string& engine_network) {
  return parts_.planner.execute([&](PlanEdit& edit) -> Result<Network> {
    const auto* carried = edit.plan().engine_network(engine_network);
    if (!carried) return fail(ErrorCode::not_found, "bayplan knows no network {:.64} of Docker", engine_network);
    return *edit.plan().network(carried->network);
  });
}

// --- pools

Result<ports::PoolAnswer> Driver::request_pool(const ports::PoolRequest& request) {
  if (request.v6) return fail(ErrorCode::unsupported, "IPv6 networks are not supported yet: leave out --ipv6");
  if (request.subnet.empty()) return missing_subnet();
  PoolId pool;
  pool.subnet = TRY(model::Subnet::parse(request.subnet));
  if (!request.sub_range.empty()) {
    pool.range = TRY(model::Subnet::parse(request.sub_range));
    if (!pool.subnet.contains(*pool.range)) {
      return fail(ErrorCode::invalid, "--ip-range {} is outside the subnet {}", pool.range->to_string(),
                  pool.subnet.to_string());
    }
  }
  if (!TRY(network_of(pool.subnet))) {
    // Checked here, too, so that the user hears of it before anything is made.
    NetworkSpec spec;
    spec.subnet = pool.subnet.to_string();
    spec.datapath = kNotKnownYet;
    // Where the host itself is in the subnet the datapath must be known, too: on macvlan that is no obstacle.
    Surroundings around{TRY(parts_.host.routes()), {}, {}};
    std::erase_if(around.routes,
                  [&](const ports::Route& route) { return route.source && pool.subnet.contains(*route.source); });
    TRY(parts_.planner.execute([&](PlanEdit& edit) -> Result<> {
      TRY(build_network(edit.plan(), spec, parts_.defaults, around, parts_.clock.now()));
      return {};
    }));
  }
  return ports::PoolAnswer{pool.to_string(), pool.subnet};
}

// The pool is the network's: it goes with it.
Result<> Driver::release_pool(const std::string&) {
  return {};
}

// --- addresses

Result<ports::AddressAnswer> Driver::request_address(const ports::AddressRequest& request) {
  const PoolId pool = TRY(PoolId::parse(request.pool_id));
  const bool gateway = request.purpose == ports::AddressRequest::Purpose::gateway;
  const IpAddress address =
      gateway ? TRY(gateway_address(pool, request.address)) : TRY(endpoint_address(pool, request));
  return ports::AddressAnswer{address, pool.subnet};
}

Result<IpAddress> Driver::gateway_address(const PoolId& pool, const std::string& asked) {
  const auto network = TRY(network_of(pool.subnet));
  if (asked.empty()) return network ? network->gateway : pool.subnet.first_host();
  const IpAddress wanted = TRY(IpAddress::parse(asked));
  if (network && network->gateway != wanted) {
    return fail(ErrorCode::conflict, "the network '{}' is there already with gateway {}, not {}", network->name,
                network->gateway.to_string(), wanted.to_string());
  }
  NetworkSpec spec;
  spec.subnet = pool.subnet.to_string();
  spec.gateway = asked;
  spec.datapath = kNotKnownYet;
  TRY(build_network({}, spec, parts_.defaults, {}, {}));
  return wanted;
}

Result<IpAddress> Driver::endpoint_address(const PoolId& pool, const ports::AddressRequest& request) {
  const auto network = TRY(network_of(pool.subnet));
  GrantRequest wanted;
  if (!request.address.empty()) wanted.address = TRY(IpAddress::parse(request.address));
  if (!network) {
    // `--aux-address` of a network that is just being made: create_network gets the whole list.
    if (wanted.address && pool.subnet.contains(*wanted.address)) return *wanted.address;
    return fail(ErrorCode::not_found, "there is no network with the subnet {}", pool.subnet.to_string());
  }
  if (const auto foreign = parts_.engine_keeper.foreign_user_of(network->subnet)) {
    return fail(
        ErrorCode::conflict,
        "Docker's network {} takes addresses of {}, too, and could be given one twice: docker network rm it, or "
        "make it with the driver bayplan",
        *foreign, network->name);
  }
  if (!request.container_name.empty()) parts_.engine_keeper.engine_names_askers();
  wanted.network = network->name;
  if (pool.range) wanted.within = model::AddressRange{pool.range->base(), pool.range->last()};
  wanted.container_name = request.container_name;
  wanted.facts = parts_.engine_keeper.facts(TRY(carriers_of(network->name)));
  if (is_auxiliary(*network, wanted)) return *wanted.address;
  const std::string token = make_owed_token();
  wanted.owed_token = token;
  wanted.may_guess = may_guess(network->name);
  GrantOutcome outcome = TRY(grant_decided(std::move(wanted)));
  if (!outcome.owed) return *outcome.address;
  log::info("start_owed", {{"network", network->name}, {"token", token}});
  return std::move(*outcome.owed);
}

// A pin under way ends in some 10 ms; if its container is the one that asks, it can't end before we answer.
Result<GrantOutcome> Driver::grant_decided(GrantRequest request) {
  const auto give_up = parts_.clock.steady() + kUndecided;
  while (true) {
    request.may_wait = parts_.clock.steady() < give_up;
    GrantOutcome outcome = TRY(grant_now(request));
    if (!outcome.undecided) return outcome;
    std::this_thread::sleep_for(kUndecidedPause);
    request.facts = parts_.engine_keeper.facts(TRY(carriers_of(request.network)));
  }
}

Result<GrantOutcome> Driver::grant_now(const GrantRequest& request) {
  const auto attempt = [this](GrantRequest wanted) {
    wanted.now = parts_.clock.now();
    return parts_.planner.execute([wanted](PlanEdit& edit) { return grant(edit, wanted); });
  };
  auto outcome = attempt(request);
  if (outcome.ok() || outcome.error().code != ErrorCode::conflict || !request.facts) return outcome;
  // In use, as far as the plan knows: but does the engine still have that endpoint?
  GrantRequest again = request;
  again.facts->listed_at = parts_.clock.now();
  again.facts->live_endpoints = live_endpoints(request.network);
  return attempt(again);
}

Result<std::vector<std::string>> Driver::carriers_of(const std::string& network) {
  return parts_.planner.execute([&](PlanEdit& edit) -> Result<std::vector<std::string>> {
    std::vector<std::string> carriers;
    for (const auto& [id, carried] : edit.plan().engine_networks()) {
      if (carried.network == network) carriers.push_back(id);
    }
    return carriers;
  });
}

std::optional<std::set<std::string>> Driver::live_endpoints(const std::string& network) {
  const auto ids = carriers_of(network);
  if (!ids) return std::nullopt;
  std::set<std::string> live;
  for (const std::string& id : *ids) {
    const auto info = parts_.engine_keeper.network(id);
    if (!info) return std::nullopt;
    for (const auto& [endpoint, name] : info->endpoints) live.insert(endpoint);
  }
  return live;
}

Result<> Driver::release_address(const std::string& pool_id, const std::string& address) {
  const PoolId pool = TRY(PoolId::parse(pool_id));
  const IpAddress released = TRY(IpAddress::parse(address));
  TRY(parts_.planner.execute([&, now = parts_.clock.now()](PlanEdit& edit) -> Result<> {
    const Network* network = edit.plan().network_of_subnet(pool.subnet);
    return network ? control::release_address(edit, network->name, released, now) : Result<>{};
  }));
  return {};
}

// --- networks

Result<> Driver::create_network(const ports::NetworkRequest& request) {
  if (request.subnet.empty()) return missing_subnet();
  if (request.v6) return fail(ErrorCode::unsupported, "IPv6 networks are not supported yet: leave out --ipv6");
  // Docker's own IPAM driver names its address space so (libnetwork/ipam/allocator.go).
  if (request.address_space == "LocalDefault" || request.address_space == "GlobalDefault") {
    return fail(ErrorCode::invalid,
                "the addresses of a bayplan network must come from bayplan, too: add --ipam-driver bayplan");
  }
  if (request.internal) {
    return fail(
        ErrorCode::unsupported,
        "--internal is not supported: leave it out, and say in the host's packet filter what may leave the network");
  }
  const NetworkSpec spec = TRY(spec_from_engine(request));
  const Surroundings around{TRY(parts_.host.routes()), {}, {}};
  const auto [network, fresh, fresh_carrier] = TRY(store_network(request, spec, around));
  if (auto made = parts_.kernel.ensure_network(network); !made) {
    if (fresh_carrier) TRY(forget_network(request.id));
    if (fresh) TRY(take_back_network(network.name));
    return std::move(made).in("network " + network.name);
  }
  log::info("network_connected", {{"network", network.name}, {"engine_network", request.id.substr(0, 12)}});
  return {};
}

Result<Driver::StoredNetwork> Driver::store_network(const ports::NetworkRequest& request, const NetworkSpec& spec,
                                                    const Surroundings& surroundings) {
  const auto now = parts_.clock.now();
  // Seen once before anything is stored: what the kernel can't do is refused first.
  const auto planned = TRY(parts_.planner.execute([&](PlanEdit& edit) -> Result<std::optional<Network>> {
    if (TRY(matching_network(edit.plan(), spec))) return std::nullopt;
    return std::optional(TRY(build_network(edit.plan(), spec, parts_.defaults, surroundings, now)));
  }));
  if (planned) TRY(parts_.kernel.validate(*planned));
  return parts_.planner.execute([&](PlanEdit& edit) -> Result<StoredNetwork> {
    const Network* known = TRY(matching_network(edit.plan(), spec));
    if (known) TRY(check_is_alone(edit.plan(), *known, surroundings.routes));
    Network network = known ? TRY(with_exclusions(edit, *known, spec))
                            : TRY(build_network(edit.plan(), spec, parts_.defaults, surroundings, now));
    const bool fresh = !known;
    if (fresh) TRY(edit.put(network));
    const bool fresh_carrier = !edit.plan().engine_network(request.id);
    TRY(edit.put(model::EngineNetwork{request.id, network.name}));
    return StoredNetwork{network, fresh, fresh_carrier};
  });
}

// A network that could not be made here; unless somebody has come to use it meanwhile.
Result<> Driver::take_back_network(const std::string& name) {
  return parts_.planner.execute([&](PlanEdit& edit) -> Result<> {
    const Network* made = edit.plan().network(name);
    if (!made) return {};
    auto erased = edit.erase(Network(*made));
    return erased.ok() || erased.error().code != ErrorCode::in_use ? std::move(erased) : Result<>{};
  });
}

Result<> Driver::forget_network(const std::string& engine_network) {
  return parts_.planner.execute([&](PlanEdit& edit) -> Result<> {
    const auto* carried = edit.plan().engine_network(engine_network);
    return carried ? edit.erase(model::EngineNetwork(*carried)) : Result<>{};
  });
}

Result<> Driver::delete_network(const std::string& network_id) {
  TRY(forget_network(network_id));
  if (auto cleared = parts_.kernel.remove_unused(); !cleared) {
    // The engine has dropped the network already: the reconciler finishes what could not be done now.
    log::warning("network_not_cleared",
                 {{"engine_network", network_id.substr(0, 12)}, {"error", cleared.error().message()}});
  }
  return {};
}

// --- endpoints

Result<ports::EndpointAnswer> Driver::create_endpoint(const ports::EndpointRequest& request) {
  const Network network = TRY(network_of_engine(request.network_id));
  if (request.address.empty()) {
    return fail(ErrorCode::invalid, "an endpoint on {} without an address: make the network with --ipam-driver bayplan",
                network.name);
  }
  const IpAddress address = TRY(model::parse_with_prefix(request.address)).first;
  const std::string mac = model::mac_of(network.mac_salt, address).to_string();
  if (!request.mac.empty() && TRY(model::MacAddress::parse(request.mac)).to_string() != mac) {
    return fail(ErrorCode::unsupported, "{} on {} always has the MAC {}: leave out --mac-address", address.to_string(),
                network.name, mac);
  }
  const BindRequest bind{
      network.name,      address, request.network_id, request.endpoint_id, parts_.engine_keeper.silent_since(),
      parts_.clock.now()};
  auto bound = parts_.planner.execute([&](PlanEdit& edit) { return bind_endpoint(edit, bind); });
  const bool booting = bind.silent_since.has_value();
  if (!bound && booting && bound.error().code == ErrorCode::conflict) return owe_endpoint(bind, bound.error());
  TRY(std::move(bound));
  return ports::EndpointAnswer{request.mac.empty() ? mac : std::string{}};
}

// While the engine boots nobody can say whether the endpoint in the way is still there: the start waits until it can.
Error Driver::owe_endpoint(const BindRequest& bind, const Error& why) {
  const model::OwedStart owed{make_owed_token(), bind.network, bind.now};
  auto stored = parts_.planner.execute([owed](PlanEdit& edit) { return edit.put(owed); });
  if (!stored) return std::move(stored).error();
  log::info("start_owed", {{"network", owed.network}, {"token", owed.token}});
  return fail(ErrorCode::unavailable,
              "{}, and Docker does not answer; baypland starts this container itself as soon as "
              "it can ({})",
              why.detail, owed.token);
}

Result<> Driver::delete_endpoint(const std::string&, const std::string& endpoint_id) {
  const auto ended = TRY(parts_.planner.execute([&](PlanEdit& edit) -> Result<std::optional<Attachment>> {
    const Attachment* bound = edit.plan().attachment_of(endpoint_id);
    const auto copy = bound ? std::optional(*bound) : std::nullopt;
    TRY(unbind_endpoint(edit, endpoint_id));
    return copy;
  }));
  parts_.kernel.remove_port(host_port_name(endpoint_id));
  if (!ended) return {};
  log::info("detached", {{"network", ended->network},
                         {"identity", ended->identity},
                         {"address", ended->address.to_string()},
                         {"port", host_port_name(endpoint_id)}});
  if (ended->published.empty()) return {};
  parts_.publisher.follow_plan();
  return parts_.kernel.ensure_firewall();
}

Result<JoinRequest> Driver::who_joins(const std::string& network_id, const std::string& endpoint_id) {
  JoinRequest request;
  request.endpoint = endpoint_id;
  request.host = parts_.host_name;
  request.owed_token = make_owed_token();
  request.names_askers = parts_.engine_keeper.names_askers();
  const auto network = parts_.engine_keeper.network(network_id);
  if (!network) return request;
  const auto facts = parts_.engine_keeper.facts({});
  if (!facts) return request;
  for (const auto& container : facts->containers) {
    if (container.is_up()) request.up.insert(container.id);
  }
  const auto name = network->endpoints.find(endpoint_id);
  if (name == network->endpoints.end()) return request;
  if (const auto* container = find_by_name(*facts, name->second)) request.container = *container;
  return request;
}

Result<ports::JoinAnswer> Driver::join(const std::string& network_id, const std::string& endpoint_id,
                                       const std::string& sandbox) {
  const Network network = TRY(network_of_engine(network_id));
  JoinRequest request = TRY(who_joins(network_id, endpoint_id));
  // Nothing is bound and nothing made: it is disconnected next.
  if (request.container && parts_.engine_keeper.is_hollow(request.container->id)) return ports::JoinAnswer{};
  request.sandbox = sandbox;
  request.now = parts_.clock.now();
  auto outcome = TRY(parts_.planner.execute([request](PlanEdit& edit) { return join_endpoint(edit, request); }));
  if (outcome.owed) {
    log::info("start_owed", {{"network", network.name}, {"token", request.owed_token}});
    return std::move(*outcome.owed);
  }
  if (outcome.mistaken) {
    stop_guessing(network.name);
    return std::move(*outcome.mistaken);
  }
  const Attachment& joined = *outcome.attachment;
  const ports::PortSpec port{host_port_name(endpoint_id), peer_port_name(endpoint_id),
                             model::mac_of(network.mac_salt, joined.address), joined.identity};
  TRY(parts_.kernel.add_port(network, port, joined.address)
          .in(fmt::format("attach {} to {}", joined.identity, network.name)));
  parts_.kernel.look_inside_later(sandbox);
  // A booting engine has just made its chains anew, and no event of its will tell before all of its containers run.
  if (parts_.engine_keeper.silent_since()) parts_.kernel.ensure_firewall_soon();
  log::info("attached", {{"network", network.name},
                         {"identity", joined.identity},
                         {"address", joined.address.to_string()},
                         {"container", joined.container_id.substr(0, 12)},
                         {"port", port.host_name}});
  return ports::JoinAnswer{port.peer_name, "eth", network.gateway.to_string()};
}

void Driver::stop_guessing(const std::string& network) {
  const std::scoped_lock lock(guesses_mutex_);
  no_guess_until_[network] = parts_.clock.steady() + kNoGuess;
}

bool Driver::may_guess(const std::string& network) {
  const std::scoped_lock lock(guesses_mutex_);
  const auto until = no_guess_until_.find(network);
  if (until == no_guess_until_.end()) return true;
  if (parts_.clock.steady() < until->second) return false;
  no_guess_until_.erase(until);
  return true;
}

// Docker moves the interface back to the host and deletes the endpoint next.
Result<> Driver::leave(const std::string&, const std::string& endpoint_id) {
  parts_.kernel.hands_off(host_port_name(endpoint_id));
  return {};
}

Result<> Driver::publish(const std::string&, const std::string& endpoint_id,
                         const std::vector<model::PublishedPort>& ports) {
  return parts_.publisher.publish(endpoint_id, ports);
}

Result<> Driver::unpublish(const std::string&, const std::string& endpoint_id) {
  return parts_.publisher.unpublish(endpoint_id);
}

}  // namespace bayplan::control
