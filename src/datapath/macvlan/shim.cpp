#include "datapath/macvlan/shim.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "datapath/common/delete_links.hpp"
#include "datapath/common/gateway.hpp"
#include "datapath/common/names.hpp"
#include "datapath/common/ownership.hpp"
#include "linux/sysctl.hpp"
#include "model/pool.hpp"

namespace bayplan::datapath {
namespace {

model::Subnet only(const model::IpAddress& address) {
  return model::Subnet::around(address, address.bits());
}

Error foreign(const std::string& name) {
  return fail(ErrorCode::conflict, "{} exists and is not Bayplan's: remove it (ip link delete {}) or rename it", name,
              name);
}

bool is_mac_of(const model::Network& network, const model::MacAddress& mac) {
  const auto address = model::address_of(mac);
  return address && network.subnet.contains(*address) && mac == model::mac_of(network.mac_salt, *address);
}

// Those that the network may have given: somebody inside a container can take another MAC, and must not draw the
// host's packets for somebody else on the wire.
std::set<model::IpAddress> addresses_of(const model::Network& network, const std::vector<PlacedPort>& ports) {
  const model::Pool pool(network);
  std::set<model::IpAddress> found;
  for (const PlacedPort& port : ports) {
    if (!port.link.mac || !is_mac_of(network, *port.link.mac)) continue;
    const auto address = *model::address_of(*port.link.mac);
    if (pool.contains(address)) found.insert(address);
  }
  return found;
}

}  // namespace

std::string shim_name(const model::Network& network) {
  return bridge_name(network);
}

// One without an alias but with a MAC that only we would give it has lost it.
Result<std::optional<kernel::Link>> Shim::find(kernel::NetlinkSocket& netlink, const model::Network& network) {
  auto link = TRY(netlink.find_link(shim_name(network)));
  if (!link || is_half_made(*link)) return link;
  const bool nameless = link->alias.empty() && link->mac && is_mac_of(network, *link->mac);
  if (link->kind == "macvlan" && (nameless || is_of_network(*link, network.name))) return link;
  const auto other = parse_alias(link->alias);
  if (!other || link->kind != "macvlan") return foreign(link->name);
  return fail(ErrorCode::conflict, "{}, the host's device on network {}, is that of network {}: rename one of them",
              link->name, network.name, other->network);
}

Result<kernel::Link> Shim::get(kernel::NetlinkSocket& netlink, const model::Network& network) {
  auto link = TRY(find(netlink, network));
  if (link) return *std::move(link);
  return fail(ErrorCode::not_found, "{}, the host's device on network {}, is not there", shim_name(network),
              network.name);
}

Result<bool> Shim::ensure(const std::vector<PlacedPort>& ports) {
  borrowed_ = TRY(address_in_subnet(netlink_, network_, parent_.device().index));
  const bool made = TRY(make_if_missing());
  const bool mended = TRY(mend_link());
  const bool filtered = TRY(kernel::ensure_sysctl(fmt::format("net/ipv4/conf/{}/arp_filter", link_.name), "1"));
  // The address before it comes up, so that it is never up without; then the kernel makes the route.
  const bool addressed = TRY(mend_addresses());
  if (!link_.is_up()) TRY(netlink_.change_link(link_.index, {.up = true}).in(fmt::format("bring {} up", link_.name)));
  const bool routed = TRY(mend_routes(ports));
  return made || mended || filtered || addressed || routed || !link_.is_up();
}

// One on another parent can't be moved.
Result<bool> Shim::make_if_missing() {
  const auto found = TRY(find(netlink_, network_));
  const bool fits = found && found->lower == parent_.device().index && !found->lower_elsewhere;
  if (fits) {
    link_ = *found;
    return false;
  }
  if (found) TRY(unless_gone(netlink_.delete_link(found->index)));
  auto created = netlink_.create_macvlan({.name = shim_name(network_),
                                          .parent = parent_.device().index,
                                          .mac = wanted_mac(),
                                          .mtu = network_.mtu.value_or(0),
                                          .group = kMakingGroup});
  if (!created.ok() && created.error().code == ErrorCode::in_use) {
    return fail(ErrorCode::conflict,
                "the uplink {} of network {} is taken by something that shares it with nobody ({})",
                parent_.device().name, network_.name, created.error().detail);
  }
  TRY(std::move(created));
  link_ = TRY(get(netlink_, network_));
  return true;
}

Result<std::vector<ports::NetworkFault>> Shim::faults(const std::vector<PlacedPort>& ports) {
  using What = ports::NetworkFault::What;
  std::vector<ports::NetworkFault> found;
  borrowed_ = TRY(address_in_subnet(netlink_, network_, parent_.device().index));
  const auto link = TRY(find(netlink_, network_));
  const bool fits = link && link->lower == parent_.device().index && !link->lower_elsewhere;
  if (!fits) {
    found.push_back({What::device, shim_name(network_), {}, {}});
    return found;
  }
  link_ = *link;
  const kernel::LinkChange change = change_of_link();
  if (change.alias) found.push_back({What::settings, link_.name, "no alias", "alias " + *change.alias});
  if (change.mac) {
    const std::string has = link_.mac ? link_.mac->to_string() : "none";
    found.push_back({What::settings, link_.name, "MAC " + has, "MAC " + change.mac->to_string()});
  }
  if (change.mtu) {
    found.push_back({What::settings, link_.name, fmt::format("MTU {}", link_.mtu), fmt::format("MTU {}", *change.mtu)});
  }
  if (!borrowed_ && network_.host_address) {
    for (auto& fault : TRY(host_faults(netlink_, network_, *network_.host_address, link_))) {
      found.push_back(std::move(fault));
    }
  } else if (!link_.is_up()) {
    found.push_back({What::down, link_.name, "down", "up"});
  } else {
    for (auto& fault : TRY(route_faults(ports))) found.push_back(std::move(fault));
  }
  return found;
}

// The host's ways to the containers, as mend_routes makes them. One that leads elsewhere on purpose is none of ours.
Result<std::vector<ports::NetworkFault>> Shim::route_faults(const std::vector<PlacedPort>& ports) {
  std::vector<ports::NetworkFault> found;
  const auto wanted = borrowed_ ? addresses_of(network_, ports) : std::set<model::IpAddress>{};
  if (wanted.empty()) return found;
  std::map<model::IpAddress, std::string> there;  // and what is wrong with it
  for (const auto& route : TRY(netlink_.routes())) {
    const auto& address = route.destination.base();
    if (route.destination != only(address) || !wanted.contains(address)) continue;
    const bool is_ours = route.link == link_.index;
    const std::string source = route.source ? route.source->to_string() : "none";
    there[address] = is_ours && route.source != borrowed_ ? "source " + source : std::string{};
  }
  for (const auto& address : wanted) {
    const auto at = there.find(address);
    if (at != there.end() && at->second.empty()) continue;
    const std::string has = at == there.end() ? std::string{} : at->second;
    found.push_back({ports::NetworkFault::What::route, link_.name, has, only(address).to_string()});
  }
  return found;
}

Result<bool> Shim::mend_link() {
  const kernel::LinkChange change = change_of_link();
  if (!change.alias && !change.mac && !change.mtu) return false;
  TRY(netlink_.change_link(link_.index, change).in(fmt::format("mend {}", link_.name)));
  return true;
}

kernel::LinkChange Shim::change_of_link() const {
  kernel::LinkChange change;
  const std::uint32_t mtu = network_.mtu.value_or(parent_.device().mtu);
  if (link_.alias.empty()) {
    change.alias = to_string(Alias{network_.name, parent_.note()});
    change.group = 0;
    change.no_ipv6_autoconf = true;
  }
  if (wanted_mac() && link_.mac != wanted_mac()) change.mac = wanted_mac();
  if (link_.mtu != mtu) change.mtu = mtu;
  return change;
}

// Two hosts on one wire must not have the same: it comes from the host's address there, not from the network's name.
std::optional<model::MacAddress> Shim::wanted_mac() const {
  const auto address = borrowed_ ? borrowed_ : network_.host_address;
  return address ? std::optional(model::mac_of(network_.mac_salt, *address)) : std::nullopt;
}

Result<bool> Shim::mend_addresses() {
  const auto& own = network_.host_address;
  if (!own) return false;
  if (!borrowed_) return ensure_host_address(netlink_, network_, *own, link_.index).in(link_.name);
  auto removed = netlink_.remove_address(link_.index, *own, network_.subnet.prefix_length());
  if (!removed.ok() && removed.error().code == ErrorCode::not_found) return false;
  TRY(std::move(removed));
  return true;
}

Result<bool> Shim::mend_routes(const std::vector<PlacedPort>& ports) {
  bool changed = false;
  const auto wanted = borrowed_ ? addresses_of(network_, ports) : std::set<model::IpAddress>{};
  std::set<model::IpAddress> right;
  for (const auto& route : TRY(netlink_.routes())) {
    const auto& address = route.destination.base();
    if (route.link != link_.index || route.destination != only(address)) continue;
    if (wanted.contains(address) && route.source == borrowed_) {
      right.insert(address);
      continue;
    }
    TRY(unless_gone(netlink_.remove_route(route.destination, link_.index)));
    changed = true;
  }
  for (const auto& address : wanted) {
    if (right.contains(address)) continue;
    auto added = netlink_.add_route(only(address), link_.index, *borrowed_);
    if (!added.ok() && added.error().code == ErrorCode::exists) continue;  // by another device, on purpose
    TRY(std::move(added));
    changed = true;
  }
  if (borrowed_ || !network_.host_address) return changed;
  return TRY(ensure_subnet_route(netlink_, network_, *network_.host_address, link_.index)) || changed;
}

Result<std::optional<model::IpAddress>> address_in_subnet(kernel::NetlinkSocket& netlink, const model::Network& network,
                                                          int device) {
  for (const auto& address : TRY(netlink.addresses())) {
    const bool is_it = address.link == device && !address.link_local && network.subnet.contains(address.address);
    if (is_it) return std::optional(address.address);
  }
  return std::optional<model::IpAddress>{};
}

Result<> add_container_route(kernel::NetlinkSocket& netlink, const model::Network& network, const kernel::Link& shim,
                             const model::MacAddress& mac) {
  const auto address = model::address_of(mac);
  if (!address) return {};
  const auto borrowed = TRY(address_in_subnet(netlink, network, shim.lower));
  if (!borrowed) return {};
  auto added = netlink.add_route(only(*address), shim.index, *borrowed);
  if (!added.ok() && added.error().code == ErrorCode::exists) return {};
  return added;
}

Result<> remove_container_route(kernel::NetlinkSocket& netlink, const kernel::Link& shim,
                                const model::MacAddress& mac) {
  const auto address = model::address_of(mac);
  if (!address) return {};
  return unless_gone(netlink.remove_route(only(*address), shim.index));
}

}  // namespace bayplan::datapath
