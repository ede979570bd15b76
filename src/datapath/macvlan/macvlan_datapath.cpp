#include "datapath/macvlan/macvlan_datapath.hpp"

#include <algorithm>
#include <set>
#include <system_error>

#include "datapath/common/delete_links.hpp"
#include "datapath/common/gateway.hpp"
#include "datapath/common/give_back.hpp"
#include "datapath/common/names.hpp"
#include "datapath/common/ownership.hpp"
#include "datapath/macvlan/macvlan_port.hpp"
#include "datapath/macvlan/parent.hpp"
#include "datapath/macvlan/shim.hpp"

namespace bayplan::datapath {
namespace {

Result<> check_kernel(kernel::NetlinkSocket& netlink, const model::Network& network) {
  auto known = netlink.probe_macvlan();
  if (known.ok() || known.error().code != ErrorCode::unsupported) return known;
  return fail(ErrorCode::unsupported,
              "this kernel can't make macvlan devices, which network {} needs: load the module macvlan, or take the "
              "datapath bridge",
              network.name);
}

// What of a network is on the host: its shim, its VLAN device, and what was not finished on either.
std::vector<int> host_links_of(const std::string& network, const std::vector<kernel::Link>& links) {
  std::set<int> parents;
  std::vector<int> found;
  for (const auto& link : links) {
    if (!is_our_uplink_device(link) || !is_of_network(link, network)) continue;
    found.push_back(link.index);
    parents.insert(link.kind == "macvlan" ? link.lower : link.index);
  }
  for (const auto& link : links) {
    if (is_half_made(link) && parents.contains(link.lower)) found.push_back(link.index);
  }
  return found;
}

bool has_shims(const std::vector<kernel::Link>& links) {
  return std::ranges::any_of(links, is_shim);
}

}  // namespace

MacvlanDatapath::MacvlanDatapath(kernel::NetlinkSocket netlink, kernel::GratuitousArp arp,
                                 std::chrono::milliseconds interval)
    : netlink_(std::move(netlink)), announcer_(std::move(arp), interval) {
}

Result<std::unique_ptr<MacvlanDatapath>> MacvlanDatapath::open(std::chrono::milliseconds announce_interval) {
  auto netlink = TRY(kernel::NetlinkSocket::open());
  auto arp = TRY(kernel::GratuitousArp::open());
  try {
    return std::unique_ptr<MacvlanDatapath>(new MacvlanDatapath(std::move(netlink), std::move(arp), announce_interval));
  } catch (const std::system_error& error) {
    return fail_errno(ErrorCode::kernel, "start the thread that announces addresses", error.code().value());
  }
}

Result<> MacvlanDatapath::validate(const model::Network& network) {
  TRY(Shim::find(netlink_, network));
  TRY(Parent::look(netlink_, network));
  return check_kernel(netlink_, network);
}

Result<bool> MacvlanDatapath::ensure_network(const model::Network& network) {
  const bool is_new = !TRY(Shim::find(netlink_, network));
  auto parent = TRY(Parent::look(netlink_, network));
  if (is_new) TRY(check_kernel(netlink_, network));
  auto ensured = [&]() -> Result<bool> {
    const bool prepared = TRY(parent.prepare(netlink_));
    return TRY(Shim(netlink_, network, parent).ensure(TRY(routed_ports(network, parent)))) || prepared;
  }();
  if (!ensured.ok() && is_new) static_cast<void>(remove_network(network.name).ok());  // the first error counts
  return ensured;
}

// Those to whom the host needs a route each; none, where it goes by an address of the shim's own.
Result<std::vector<PlacedPort>> MacvlanDatapath::routed_ports(const model::Network& network, const Parent& parent) {
  if (!TRY(address_in_subnet(netlink_, network, parent.device().index))) return std::vector<PlacedPort>{};
  return TRY(Inventory::look(netlink_)).ports_of(network.name);
}

Result<std::vector<ports::NetworkFault>> MacvlanDatapath::inspect_network(const model::Network& network) {
  using What = ports::NetworkFault::What;
  const auto parent = Parent::look(netlink_, network);
  const auto there = Shim::find(netlink_, network);
  for (const auto* error : {parent.ok() ? nullptr : &parent.error(), there.ok() ? nullptr : &there.error()}) {
    if (error == nullptr) continue;
    if (!is_obstacle(*error)) return *error;
    std::vector<ports::NetworkFault> faults;
    faults.push_back({What::blocked, shim_name(network), {}, error->message()});
    return faults;
  }
  auto faults = TRY(Shim(netlink_, network, *parent).faults(TRY(routed_ports(network, *parent))));
  if (!parent->is_prepared()) faults.push_back({What::uplink, shim_name(network), {}, network.uplink});
  return faults;
}

Result<> MacvlanDatapath::remove_network(const std::string& network) {
  const auto context = fmt::format("remove network {}", network);
  const auto inventory = TRY(Inventory::look(netlink_));
  TRY(delete_ports(inventory.ports_of(network)).in(context));
  const auto links = TRY(netlink_.links());
  for (const auto& [link, name, change] : give_back(network, links, TRY(netlink_.addresses()))) {
    TRY(unless_gone(netlink_.change_link(link, change)).in("give back " + name).in(context));
  }
  return delete_links(netlink_, host_links_of(network, links)).in(context);
}

Result<std::vector<std::string>> MacvlanDatapath::list_networks() {
  std::set<std::string> names;
  for (const auto& link : TRY(netlink_.links())) {
    if (is_shim(link)) names.insert(parse_alias(link.alias)->network);
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Result<> MacvlanDatapath::add_port(const model::Network& network, const ports::PortSpec& port) {
  const auto shim = TRY(Shim::get(netlink_, network));
  const auto macvlan = TRY(MacvlanPort::of(network, port, shim));
  // Where it is to be, first: one that is there needs no look at all the others.
  const auto there = TRY(Inventory::look_at(netlink_, TRY(macvlan.home(netlink_)))).named(port.host_name);
  const bool intact = there.size() == 1 && TRY(macvlan.is_intact(netlink_, there.front()));
  if (!intact) {
    TRY(delete_ports(TRY(Inventory::look_for(netlink_, {port.host_name})).named(port.host_name)));
    TRY(refuse_foreign(port.host_name));
    TRY(create(macvlan, port));
  } else {
    TRY(macvlan.finish(netlink_));
  }
  return add_container_route(netlink_, network, shim, port.mac);
}

Result<> MacvlanDatapath::create(const MacvlanPort& macvlan, const ports::PortSpec& port) {
  auto created = macvlan.create(netlink_);
  if (!created.ok() && created.error().code == ErrorCode::exists) {
    if (!TRY(macvlan.clear_name(netlink_))) {
      if (port.netns.empty()) return refuse_foreign(port.peer_name);
      return fail(ErrorCode::exists, "{} has an interface {} already, which is not Bayplan's", port.netns,
                  port.peer_name);
    }
    created = macvlan.create(netlink_);
  }
  // Half-made it would be in the way of nobody but this port; the first error counts.
  if (!created.ok()) static_cast<void>(macvlan.clear_name(netlink_).ok());
  return created;
}

// Ports of ours have been looked for before: whatever has the name is not ours.
Result<> MacvlanDatapath::refuse_foreign(const std::string& name) {
  if (!TRY(netlink_.find_link(name))) return {};
  return fail(ErrorCode::conflict, "{} exists and is not Bayplan's: remove it (ip link delete {}) or rename it", name,
              name);
}

Result<> MacvlanDatapath::mend_port(const model::Network& network, const ports::PortSpec& port) {
  const auto shim = TRY(Shim::get(netlink_, network));
  const auto there = TRY(Inventory::look_for(netlink_, {port.host_name})).named(port.host_name);
  if (there.empty()) {
    TRY(refuse_foreign(port.host_name));
    return fail(ErrorCode::not_found, "the port {} of network {} is gone", port.host_name, network.name);
  }
  const auto alias = to_string(Alias{network.name, port.identity});
  for (const PlacedPort& found : there) {
    if (found.netns || found.link.alias == alias) continue;
    TRY(netlink_.change_link(found.link.index, {.alias = alias, .group = 0}).in("mend port " + port.host_name));
  }
  return add_container_route(netlink_, network, shim, port.mac);
}

Result<> MacvlanDatapath::remove_ports(const std::vector<std::string>& host_names) {
  for (const auto& name : TRY(remove_own_ports(host_names))) TRY(refuse_foreign(name));
  return {};
}

// A name that the host knows is not looked for elsewhere: a port on the way out is here, and another datapath's port,
// too. Where no network is on the wire, no port of one can be inside.
Result<std::vector<std::string>> MacvlanDatapath::remove_own_ports(const std::vector<std::string>& host_names) {
  std::vector<std::string> others;
  std::vector<std::string> unknown;
  std::vector<PlacedPort> doomed;
  const auto here = TRY(Inventory::look_at(netlink_, std::nullopt));
  const auto take = [&](const Inventory& inventory, const std::string& name) {
    auto found = inventory.named(name);
    std::ranges::move(found, std::back_inserter(doomed));
    return !found.empty();
  };
  for (const auto& name : host_names) {
    if (take(here, name)) continue;
    (here.knows(name) || !has_shims(here.host()) ? others : unknown).push_back(name);
  }
  const auto everywhere = unknown.empty() ? here : TRY(Inventory::look_for(netlink_, unknown));
  for (const auto& name : unknown) {
    if (!take(everywhere, name)) others.push_back(name);
  }
  TRY(delete_ports(doomed));
  return others;
}

Result<> MacvlanDatapath::delete_ports(const std::vector<PlacedPort>& ports) {
  if (ports.empty()) return {};
  const auto links = TRY(netlink_.links());
  std::vector<int> here;
  for (const PlacedPort& port : ports) {
    if (port.netns) TRY(unless_gone(netlink_.delete_link_in(*port.netns, port.link.index)));
    if (!port.netns) here.push_back(port.link.index);
    for (const auto& link : links) {
      const bool is_way = is_shim(link) && link.lower == port.link.lower && port.link.mac;
      if (is_way) TRY(remove_container_route(netlink_, link, *port.link.mac));
    }
  }
  return delete_links(netlink_, here);
}

Result<std::vector<ports::FoundPort>> MacvlanDatapath::list_ports() {
  auto inventory = TRY(Inventory::look_at(netlink_, std::nullopt));
  if (has_shims(inventory.host())) inventory = TRY(Inventory::look(netlink_));
  std::vector<ports::FoundPort> found;
  std::set<std::string> names;
  for (const PlacedPort& port : inventory.ports()) {
    if (!names.insert(port.host_name).second) continue;
    const auto* shim = inventory.shim_of(port.network);
    found.push_back({.host_name = port.host_name,
                     .network = port.network,
                     .identity = port.identity,
                     .in_place = shim != nullptr && shim->lower == port.link.lower,
                     .out_of_reach = port.netns.has_value()});
  }
  return found;
}

Result<> MacvlanDatapath::announce(const model::Network& network, const model::IpAddress& address,
                                   const model::MacAddress& mac) {
  return announcer_.announce(TRY(Shim::get(netlink_, network)).index, address, mac);
}

}  // namespace bayplan::datapath
