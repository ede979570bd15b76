#include "control/networks.hpp"

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "model/names.hpp"

namespace bayplan::control {
namespace {

constexpr std::uint16_t kFirstVlan = 1;  // whose network `bayplan run` takes when none is named

// It stands on that very interface, which the host may have an address on.
bool is_on_wire(const model::Network& network, const std::string& device) {
  return network.datapath == model::DatapathKind::macvlan && !network.vlan && network.uplink == device;
}

// Devices whose routes are our own networks': by the names that the datapaths give them (datapath/common,
// datapath/ovs); and the wire of the network with that subnet.
bool is_own_device(const model::Plan& plan, const model::Subnet& subnet, const std::string& device) {
  if (device.starts_with("bp-")) return true;
  return std::ranges::any_of(plan.networks(), [&](const model::Network* network) {
    const bool of_ovs = network->datapath == model::DatapathKind::ovs && network->vlan &&
                        device == "vlan" + std::to_string(*network->vlan);
    return of_ovs || (network->subnet == subnet && is_on_wire(*network, device));
  });
}

Result<model::DatapathKind> choose_datapath(const NetworkSpec& spec, const NetworkDefaults& defaults) {
  const auto kind = spec.datapath ? TRY(model::parse_datapath_kind(*spec.datapath)) : defaults.datapath;
  if (kind == model::DatapathKind::ovs && !spec.vlan) {
    return fail(
        ErrorCode::invalid,
        "the datapath 'ovs' needs a VLAN tag, which tells this network's frames from others' on the one bridge: "
        "give one (--vlan N, or -o vlan=N), or take the datapath 'bridge'");
  }
  if (kind == model::DatapathKind::macvlan && !spec.uplink) {
    return fail(ErrorCode::invalid,
                "the datapath 'macvlan' needs an uplink, the host's interface that its containers share: name one "
                "(--uplink IF, or -o uplink=IF), or take the datapath 'bridge'");
  }
  return kind;
}

Result<model::Subnet> parse_network_subnet(const std::string& text) {
  auto subnet = TRY(model::Subnet::parse(text));
  TRY(check_kind(subnet));
  if (subnet.prefix_length() < 8 || subnet.prefix_length() > 30) {
    return fail(ErrorCode::invalid, "{} can't be a network's subnet: its prefix length must be from 8 to 30",
                subnet.to_string());
  }
  return subnet;
}

Result<> check_host_address(const model::IpAddress& address, const model::Subnet& subnet, std::string_view what) {
  if (!subnet.contains(address)) {
    return fail(ErrorCode::invalid, "the {} {} is outside the subnet {}", what, address.to_string(),
                subnet.to_string());
  }
  if (address < subnet.first_host() || subnet.last_host() < address) {
    return fail(ErrorCode::invalid, "the {} {} is the {} address of {}: no host can have it", what, address.to_string(),
                address == subnet.base() ? "network" : "broadcast", subnet.to_string());
  }
  return {};
}

Result<std::vector<model::AddressRange>> parse_ranges(const std::vector<std::string>& texts,
                                                      const model::Subnet& subnet, std::string_view what) {
  // The pool's work grows with their square, on the one thread that decides everything.
  constexpr std::size_t kMost = 1024;
  if (texts.size() > kMost) {
    return fail(ErrorCode::invalid, "{} {}s are too many: give at most {}, and neighbouring addresses as FIRST-LAST",
                texts.size(), what, kMost);
  }
  std::vector<model::AddressRange> ranges;
  for (const std::string& text : texts) {
    const auto range = TRY(model::AddressRange::parse(text));
    if (!subnet.contains(range.first) || !subnet.contains(range.last)) {
      return fail(ErrorCode::invalid, "the {} {} is outside the subnet {}", what, range.to_string(),
                  subnet.to_string());
    }
    ranges.push_back(range);
  }
  return ranges;
}

// Of `network`, whose datapath and uplink are chosen.
Result<model::Subnet> choose_subnet(const model::Plan& plan, const model::Network& network, const NetworkSpec& spec,
                                    const NetworkDefaults& defaults, const Surroundings& surroundings) {
  if (!spec.subnet) return next_free_subnet(plan, network.vlan, defaults, surroundings);
  auto subnet = TRY(parse_network_subnet(*spec.subnet));
  if (const model::Network* other = plan.network_overlapping(subnet)) {
    return fail(ErrorCode::conflict, "{} overlaps {} of the network '{}': choose another subnet", subnet.to_string(),
                other->subnet.to_string(), other->name);
  }
  auto routes = surroundings.routes;
  std::erase_if(routes, [&](const ports::Route& route) { return is_on_wire(network, route.device); });
  TRY(check_routes(plan, subnet, routes));
  return subnet;
}

// The address that the host has on the wire already.
std::optional<model::IpAddress> address_on_wire(const model::Network& network, const Surroundings& surroundings) {
  for (const ports::Route& route : surroundings.routes) {
    if (is_on_wire(network, route.device) && route.source && network.subnet.contains(*route.source)) {
      return route.source;
    }
  }
  return std::nullopt;
}

// On macvlan the host is one among others on the wire: by the address that it has there, or by one of its own.
Result<> settle_host_address(model::Network& network, const NetworkSpec& spec, const Surroundings& surroundings) {
  if (network.datapath != model::DatapathKind::macvlan) {
    if (!spec.host_address) return {};
    return fail(ErrorCode::invalid, "a host's address is for the datapath 'macvlan'; on '{}' it is the gateway's",
                to_string(network.datapath));
  }
  if (spec.host_address) network.host_address = TRY(model::IpAddress::parse(*spec.host_address));
  if (network.host_address) TRY(check_host_address(*network.host_address, network.subnet, "host's address"));
  const auto there = address_on_wire(network, surroundings);
  if (there && network.host_address && network.host_address != there) {
    return fail(ErrorCode::conflict,
                "this host has the address {} on {}, and its containers reach it by that: leave out "
                "the host's address {}",
                there->to_string(), network.uplink, network.host_address->to_string());
  }
  if (there) {
    network.host_address.reset();
    const auto holds = [&](const model::AddressRange& range) { return range.contains(*there); };
    if (std::ranges::none_of(network.exclusions, holds)) network.exclusions.push_back({*there, *there});
  } else if (const auto free = model::candidate_ranges(network); !network.host_address && !free.empty()) {
    network.host_address = free.back().last;
  }
  // What does not pass the host can't be masqueraded by it.
  network.nat = network.nat && (there ? there : network.host_address) == network.gateway;
  return {};
}

// One byte that tells two networks' MACs apart where their addresses are the same (other hosts, other times).
std::uint8_t salt_of(const std::string& name) {
  std::uint32_t hash = 2166136261U;  // FNV-1a, 32 bits
  for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619U;
  return static_cast<std::uint8_t>(hash ^ hash >> 8 ^ hash >> 16 ^ hash >> 24);
}

// What the request says must be what the network has.
Result<> check_agrees(const model::Network& network, std::string_view what, const std::optional<std::string>& asked,
                      const std::string& has) {
  if (!asked || *asked == has) return {};
  return fail(ErrorCode::conflict, "the network '{}' is there already with {} {}, not {}", network.name, what,
              has.empty() ? "none" : has, shown(*asked));
}

Result<bool> parse_flag(std::string_view text, std::string_view option) {
  if (text == "true" || text == "1" || text.empty()) return true;
  if (text == "false" || text == "0") return false;
  return fail(ErrorCode::invalid, "-o {}={}: give true or false", option, shown(text));
}

// One option of `docker network create -o …`; false: it is none of these.
Result<bool> read_option(NetworkSpec& spec, const std::string& key, const std::string& value) {
  if (key == "vlan") {
    spec.vlan = value;
  } else if (key == "network") {
    spec.name = TRY(model::parse_network_name(value));
  } else if (key == "datapath") {
    spec.datapath = value;
  } else if (key == "repair") {
    TRY(parse_repair(value));
    spec.repair = value;
  } else if (key == "nat") {
    spec.nat = TRY(parse_flag(value, "nat"));
  } else if (key == "com.docker.network.driver.mtu" || key == "mtu") {
    spec.mtu = value;
  } else {
    return false;
  }
  return true;
}

// Those about the way out; `parent` and `macvlan_mode` are words of Docker's own macvlan driver.
Result<bool> read_wire_option(NetworkSpec& spec, const std::string& key, const std::string& value) {
  if (key == "uplink" || key == "parent") {
    if (spec.uplink && *spec.uplink != value) {
      return fail(ErrorCode::invalid, "-o uplink and -o parent mean the same: give one of them");
    }
    spec.uplink = value;
  } else if (key == "host_address") {
    spec.host_address = value;
  } else if (key == "macvlan_mode") {
    if (value != "bridge")
      return fail(ErrorCode::unsupported, "-o macvlan_mode={}: there is bridge only", shown(value));
  } else {
    return false;
  }
  return true;
}

// An interface as it is can be a port of one bridge only; with a tag, many networks share it.
Result<> check_uplink_is_free(const model::Plan& plan, const model::Network& network) {
  if (network.uplink.empty() || network.vlan) return {};
  for (const model::Network* other : plan.networks()) {
    if (other->vlan || other->uplink != network.uplink) continue;
    return fail(ErrorCode::conflict,
                "the uplink {} belongs to the network '{}', which has no VLAN tag and so has all of it: choose another "
                "interface, or give this network a tag (--vlan)",
                network.uplink, other->name);
  }
  return {};
}

}  // namespace

Result<> check_kind(const model::Subnet& subnet) {
  if (!subnet.base().is_v4()) {
    return fail(ErrorCode::unsupported, "{} is IPv6, which networks can't have yet: give an IPv4 subnet",
                subnet.to_string());
  }
  struct Special {
    std::uint32_t base;
    unsigned prefix;
    std::string_view purpose;
  };
  // RFC 6890, and RFC 5771 for multicast.
  for (const auto& [base, prefix, purpose] :
       {Special{0x00000000, 8, "\"this network\""}, Special{0x7f000000, 8, "the host's own loopback addresses"},
        Special{0xe0000000, 4, "multicast"}, Special{0xf0000000, 4, "reserved"}}) {
    const auto special = model::Subnet::around(model::IpAddress::v4(base), prefix);
    if (!special.overlaps(subnet)) continue;
    return fail(ErrorCode::invalid,
                "{} can't be a network's subnet, {} is {}: take one of 10.0.0.0/8, 172.16.0.0/12 or "
                "192.168.0.0/16",
                subnet.to_string(), special.to_string(), purpose);
  }
  return {};
}

Result<> check_routes(const model::Plan& plan, const model::Subnet& subnet, const std::vector<ports::Route>& routes) {
  for (const ports::Route& route : routes) {
    if (is_own_device(plan, subnet, route.device) || !route.destination.overlaps(subnet)) continue;
    return fail(ErrorCode::conflict, "{} overlaps this host's route to {} on {}: choose another subnet",
                subnet.to_string(), route.destination.to_string(), route.device);
  }
  return {};
}

bool is_in_use(const model::Plan& plan, const std::string& network) {
  const auto carries = [&](const auto& entry) { return entry.second.network == network; };
  return std::ranges::any_of(plan.engine_networks(), carries) || !plan.attachments(network).empty();
}

Result<> check_is_alone(const model::Plan& plan, const model::Network& network,
                        const std::vector<ports::Route>& routes) {
  if (is_in_use(plan, network.name)) return {};
  for (const ports::Route& route : routes) {
    if (check_routes(plan, network.subnet, {route})) continue;
    return fail(
        ErrorCode::conflict,
        "the network '{}' can't be used while this host's route to {} leads to {}: take that away first (if it is "
        "a network of Docker's own: docker network rm)",
        network.name, route.destination.to_string(), route.device);
  }
  return {};
}

Result<model::Subnet> next_free_subnet(const model::Plan& plan, std::optional<std::uint16_t> vlan,
                                       const NetworkDefaults& defaults, const Surroundings& surroundings) {
  if (!surroundings.engine_trouble.empty()) {
    return fail(ErrorCode::unavailable,
                "Docker does not tell which subnets its networks have ({}): name one with --subnet, or try again",
                surroundings.engine_trouble);
  }
  const auto first = model::Subnet::around(defaults.supernet.base(), defaults.prefix_length);
  const bool is_kept = vlan != kFirstVlan && !plan.network_of_vlan(kFirstVlan);
  std::optional<model::Subnet> candidate = first;
  while (candidate && defaults.supernet.contains(*candidate)) {
    const auto overlaps = [&](const model::Subnet& other) { return other.overlaps(*candidate); };
    const bool taken = (is_kept && *candidate == first) || plan.network_overlapping(*candidate) ||
                       !check_routes(plan, *candidate, surroundings.routes) ||
                       std::ranges::any_of(surroundings.engine_subnets, overlaps);
    if (!taken) return *candidate;
    const auto next = candidate->last().plus(1);
    candidate = next ? std::optional(model::Subnet::around(*next, defaults.prefix_length)) : std::nullopt;
  }
  return fail(ErrorCode::exhausted, "no /{} of {} is free: name one with --subnet, or widen networks.supernet",
              defaults.prefix_length, defaults.supernet.to_string());
}

bool shares_wire(const NetworkSpec& spec, const NetworkDefaults& defaults, const std::string& device) {
  const auto kind = choose_datapath(spec, defaults);
  return kind.ok() && *kind == model::DatapathKind::macvlan && !spec.vlan && spec.uplink == device;
}

std::string default_network_name(const NetworkSpec& spec) {
  if (!spec.name.empty()) return spec.name;
  if (spec.vlan) return "vlan" + *spec.vlan;
  std::string name = "net-" + spec.subnet.value_or("");
  std::ranges::replace(name, '/', '-');
  return name;
}

Result<model::Network> build_network(const model::Plan& plan, const NetworkSpec& spec, const NetworkDefaults& defaults,
                                     const Surroundings& surroundings, Timestamp now) {
  model::Network network;
  if (spec.vlan) network.vlan = TRY(model::parse_vlan(*spec.vlan));
  network.name = TRY(model::parse_network_name(default_network_name(spec)));
  if (plan.network(network.name)) {
    return fail(ErrorCode::exists, "there is a network '{}' already: see `bayplan network inspect {}`", network.name,
                network.name);
  }
  if (const model::Network* other = network.vlan ? plan.network_of_vlan(*network.vlan) : nullptr) {
    return fail(ErrorCode::conflict, "VLAN {} belongs to the network '{}'", *network.vlan, other->name);
  }
  network.datapath = TRY(choose_datapath(spec, defaults));
  if (spec.uplink) network.uplink = TRY(model::parse_interface_name(*spec.uplink));
  TRY(check_uplink_is_free(plan, network));
  network.subnet = TRY(choose_subnet(plan, network, spec, defaults, surroundings));
  network.gateway = spec.gateway ? TRY(model::IpAddress::parse(*spec.gateway)) : network.subnet.first_host();
  TRY(check_host_address(network.gateway, network.subnet, "gateway"));
  network.ranges = TRY(parse_ranges(spec.ranges, network.subnet, "range"));
  network.exclusions = TRY(parse_ranges(spec.exclusions, network.subnet, "exclusion"));
  if (spec.mtu) network.mtu = TRY(model::parse_mtu(*spec.mtu));
  network.nat = spec.nat;
  TRY(settle_host_address(network, spec, surroundings));
  if (spec.repair) network.repair = TRY(parse_repair(*spec.repair));
  network.mac_salt = salt_of(network.name);
  network.created = now;
  if (model::candidate_ranges(network).empty()) {
    return fail(ErrorCode::invalid, "no address of {} is left for containers: widen the range or exclude less",
                network.subnet.to_string());
  }
  return network;
}

Result<NetworkSpec> spec_from_engine(const ports::NetworkRequest& request) {
  NetworkSpec spec;
  for (const auto& [key, value] : request.options) {
    const bool known = TRY(read_option(spec, key, value)) || TRY(read_wire_option(spec, key, value));
    if (known || key.starts_with("com.docker.")) continue;
    return fail(
        ErrorCode::invalid,
        "-o {}: no such option; there are vlan, network, datapath, uplink (or parent), host_address, nat, repair "
        "and mtu",
        shown(key));
  }
  if (spec.vlan) TRY(model::parse_vlan(*spec.vlan));
  spec.subnet = TRY(parse_network_subnet(request.subnet)).to_string();
  if (!request.gateway.empty()) spec.gateway = request.gateway.substr(0, request.gateway.find('/'));
  for (const std::string& address : request.auxiliary) spec.exclusions.push_back(address.substr(0, address.find('/')));
  return spec;
}

Result<const model::Network*> matching_network(const model::Plan& plan, const NetworkSpec& spec) {
  const auto tag = spec.vlan ? std::optional(TRY(model::parse_vlan(*spec.vlan))) : std::nullopt;
  const model::Network* found = spec.name.empty() ? nullptr : plan.network(spec.name);
  if (!found && tag) found = plan.network_of_vlan(*tag);
  if (!found && spec.subnet && spec.name.empty()) {
    found = plan.network_of_subnet(TRY(model::Subnet::parse(*spec.subnet)));
  }
  if (!found) return nullptr;
  if (!spec.name.empty()) TRY(check_agrees(*found, "name", spec.name, found->name));
  TRY(check_agrees(*found, "VLAN", spec.vlan, found->vlan ? std::to_string(*found->vlan) : ""));
  TRY(check_agrees(*found, "subnet", spec.subnet, found->subnet.to_string()));
  TRY(check_agrees(*found, "gateway", spec.gateway, found->gateway.to_string()));
  TRY(check_agrees(*found, "datapath", spec.datapath, std::string(to_string(found->datapath))));
  TRY(check_agrees(*found, "uplink", spec.uplink, found->uplink));
  TRY(check_agrees(*found, "the host's address", spec.host_address,
                   found->host_address ? found->host_address->to_string() : ""));
  TRY(check_agrees(*found, "MTU", spec.mtu, found->mtu ? std::to_string(*found->mtu) : ""));
  if (!spec.nat) TRY(check_agrees(*found, "nat", "false", found->nat ? "true" : "false"));
  TRY(check_agrees(*found, "repair", spec.repair, found->repair ? "on" : "report"));
  return found;
}

Result<bool> parse_repair(const std::string& text) {
  if (text == "on") return true;
  if (text == "report") return false;
  return fail(ErrorCode::invalid, "repair is 'on' or 'report', not '{}'", shown(text));
}

NetworkView view_of(const model::Plan& plan, const model::Network& network) {
  NetworkView view;
  view.network = network;
  for (const model::Reservation* reservation : plan.reservations(network.name)) {
    switch (reservation->state) {
      case model::ReservationState::attached:
        ++view.attached;
        break;
      case model::ReservationState::held:
        ++view.held;
        break;
      case model::ReservationState::removed:
        ++view.removed;
        break;
    }
  }
  if (const model::Pool* pool = plan.pool(network.name)) {
    view.size = pool->size();
    view.free = pool->size() - pool->taken();
  }
  for (const auto& [id, carried] : plan.engine_networks()) {
    if (carried.network == network.name) view.engine_networks.push_back(id);
  }
  return view;
}

ReservationView view_of(const model::Plan& plan, const model::Reservation& reservation) {
  ReservationView view;
  view.reservation = reservation;
  if (const model::Network* network = plan.network(reservation.network)) {
    view.vlan = network->vlan;
    view.subnet = network->subnet;
  }
  if (const auto* mark = plan.mark(reservation.network, reservation.identity)) view.mark = *mark;
  return view;
}

}  // namespace bayplan::control
