#include "datapath/ovs/uplink.hpp"

#include <net/if.h>

#include <algorithm>

#include "datapath/ovs/names.hpp"

namespace bayplan::datapath::ovs {
namespace {

Result<> refuse_what_can_t_be(const kernel::Link& link, const model::Network& network) {
  if ((link.flags & IFF_LOOPBACK) != 0 || link.kind == "bridge" || link.kind == "openvswitch" ||
      link.alias.starts_with("bayplan")) {
    return fail(ErrorCode::invalid, "{} can't be the uplink of network {}: name an interface that leads outside",
                network.uplink, network.name);
  }
  if (network.mtu && *network.mtu > link.mtu) {
    return fail(ErrorCode::invalid, "the MTU {} of network {} is larger than that of its uplink {} ({})", *network.mtu,
                network.name, network.uplink, link.mtu);
  }
  return {};
}

Error on_another_bridge(const model::Network& network) {
  return fail(
      ErrorCode::conflict,
      "the uplink {} of network {} is a port of another bridge already: choose another, or take it out of there",
      network.uplink, network.name);
}

Result<> refuse_addresses(kernel::NetlinkSocket& netlink, const kernel::Link& link, const model::Network& network) {
  const auto addresses = TRY(netlink.addresses());
  const auto own = std::ranges::find_if(
      addresses, [&](const auto& address) { return address.link == link.index && !address.link_local; });
  if (own == addresses.end()) return {};
  return fail(ErrorCode::conflict,
              "the uplink {} of network {} carries the host's address {}: as a port of a bridge it would cut the host "
              "off; choose an interface without addresses",
              network.uplink, network.name, own->address.to_string());
}

}  // namespace

Result<std::optional<kernel::Link>> look_at_uplink(kernel::NetlinkSocket& netlink, const model::Network& network,
                                                   const Snapshot& now, const std::string& bridge) {
  if (network.uplink.empty()) return std::optional<kernel::Link>();
  auto link = TRY(netlink.find_link(network.uplink));
  if (!link) {
    return fail(ErrorCode::not_found, "the uplink {} of network {} does not exist: `ip link` lists the interfaces",
                network.uplink, network.name);
  }
  TRY(refuse_what_can_t_be(*link, network));
  const PortRow* port = now.port(network.uplink);
  const BridgeRow* at = port == nullptr ? nullptr : now.bridge_of(*port);
  if (at != nullptr && at->name != bridge) return on_another_bridge(network);
  if (at != nullptr) return link;
  if (link->master != 0) return on_another_bridge(network);
  TRY(refuse_addresses(netlink, *link, network));
  return link;
}

Result<> want_uplink(Changes& changes, const Snapshot& now, const model::Network& network, const kernel::Link& uplink) {
  const std::int64_t tag = *network.vlan;
  const PortRow* port = now.port(uplink.name);
  if (port != nullptr && !port->is_ours()) {
    if (!port->tag && (port->trunks.empty() || port->trunks.contains(tag))) return {};
    return fail(
        ErrorCode::conflict,
        "the port {} of Open vSwitch, the uplink of network {}, is not Bayplan's and does not carry VLAN {}: add "
        "it to its trunks",
        uplink.name, network.name, tag);
  }
  WantedPort wanted;
  wanted.name = uplink.name;
  if (port != nullptr) wanted.trunks = port->trunks;
  wanted.trunks.insert(tag);
  wanted.ids = {{kMark, kIsUplink}};
  if (port == nullptr && !uplink.is_up()) wanted.ids[kWasDownId] = "true";
  return changes.want_port(wanted);
}

ReleasedUplinks release_uplinks(Changes& changes, const Snapshot& now, std::int64_t tag) {
  ReleasedUplinks released;
  for (const auto& [name, port] : now.ports) {
    if (!port.is(kIsUplink) || !port.trunks.contains(tag)) continue;
    std::set<std::int64_t> left = port.trunks;
    left.erase(tag);
    if (!left.empty()) {
      changes.set_trunks(port, left);
      continue;
    }
    changes.drop_port(port);
    released.gone.push_back(name);
    if (port.ids.contains(kWasDownId)) released.down.push_back(name);
  }
  return released;
}

}  // namespace bayplan::datapath::ovs
