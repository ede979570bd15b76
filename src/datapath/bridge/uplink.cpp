#include "datapath/bridge/uplink.hpp"

#include <net/if.h>

#include <algorithm>

#include "datapath/bridge/names.hpp"
#include "datapath/bridge/ownership.hpp"

namespace bayplan::datapath {

bool is_vlan_device_of(const kernel::Link& device, const kernel::Link& uplink, const model::Network& network) {
  const bool as_made = device.lower == uplink.index && !device.lower_elsewhere && device.vlan == network.vlan;
  return as_made && (is_of_network(device, network.name) || is_half_made_uplink_device(device));
}

Result<Uplink> Uplink::look(kernel::NetlinkSocket& netlink, const model::Network& network, int bridge) {
  Uplink uplink(network);
  if (network.uplink.empty()) return uplink;
  TRY(uplink.look_at_interface(netlink, bridge));
  if (network.vlan) TRY(uplink.look_at_vlan_device(netlink, bridge));
  return uplink;
}

Result<> Uplink::look_at_interface(kernel::NetlinkSocket& netlink, int bridge) {
  const auto found = TRY(netlink.find_link(network_.uplink));
  if (!found) {
    return fail(ErrorCode::not_found, "the uplink {} of network {} does not exist: `ip link` lists the interfaces",
                network_.uplink, network_.name);
  }
  interface_ = *found;
  if ((interface_.flags & IFF_LOOPBACK) != 0 || interface_.kind == "bridge" || parse_alias(interface_.alias)) {
    return fail(ErrorCode::invalid, "{} can't be the uplink of network {}: name an interface that leads outside",
                network_.uplink, network_.name);
  }
  if (network_.mtu && *network_.mtu > interface_.mtu) {
    return fail(ErrorCode::invalid, "the MTU {} of network {} is larger than that of its uplink {} ({})", *network_.mtu,
                network_.name, network_.uplink, interface_.mtu);
  }
  if (network_.vlan) return {};
  TRY(refuse_foreign_master(interface_, bridge));
  return interface_.master == 0 ? refuse_addresses(netlink) : Result<>{};
}

Result<> Uplink::look_at_vlan_device(kernel::NetlinkSocket& netlink, int bridge) {
  const std::string name = vlan_device_name(network_.uplink, *network_.vlan);
  vlan_device_ = TRY(netlink.find_link(name));
  if (!vlan_device_) {
    auto known = netlink.probe_vlan();
    if (known.ok() || known.error().code != ErrorCode::unsupported) return known;
    return fail(
        ErrorCode::unsupported,
        "this kernel can't make VLAN devices, which network {} needs on its uplink {}: load the module 8021q, or "
        "leave out the uplink",
        network_.name, network_.uplink);
  }
  if (!is_vlan_device_of(*vlan_device_, interface_, network_)) {
    return fail(ErrorCode::conflict, "{} exists and is not of network {}: remove it (ip link delete {}) or rename it",
                name, network_.name, name);
  }
  return refuse_foreign_master(*vlan_device_, bridge);
}

Result<> Uplink::refuse_foreign_master(const kernel::Link& port, int bridge) const {
  if (port.master == 0 || port.master == bridge) return {};
  return fail(
      ErrorCode::conflict,
      "the uplink {} of network {} is a port of another bridge already: choose another, or take it out of there "
      "(ip link set {} nomaster)",
      port.name, network_.name, port.name);
}

Result<> Uplink::refuse_addresses(kernel::NetlinkSocket& netlink) const {
  const auto addresses = TRY(netlink.addresses());
  const auto own = std::ranges::find_if(
      addresses, [&](const auto& address) { return address.link == interface_.index && !address.link_local; });
  if (own == addresses.end()) return {};
  return fail(ErrorCode::conflict,
              "the uplink {} of network {} carries the host's address {}: as a port of a bridge it would cut the host "
              "off; choose an interface without addresses, or give the network a VLAN tag",
              network_.uplink, network_.name, own->address.to_string());
}

std::string Uplink::note() const {
  return is_down() ? was_down_note(network_.uplink) : std::string{};
}

Result<bool> Uplink::make_vlan_device(kernel::NetlinkSocket& netlink, int bridge) {
  if (vlan_device_ && !is_half_made_uplink_device(*vlan_device_)) return false;
  const std::string name = vlan_device_name(network_.uplink, *network_.vlan);
  if (!vlan_device_) TRY(netlink.create_vlan({name, interface_.index, *network_.vlan, bridge, kMakingGroup}));
  const Alias alias{network_.name, note()};
  TRY(netlink.change_link(name, {.alias = to_string(alias), .group = 0}));
  vlan_device_ = TRY(netlink.find_link(name));
  if (!vlan_device_) return fail(ErrorCode::kernel, "{} went away while it was made", name);
  return true;
}

Result<bool> Uplink::attach(kernel::NetlinkSocket& netlink, int bridge) {
  if (interface_.index == 0) return false;
  bool changed = network_.vlan ? TRY(make_vlan_device(netlink, bridge)) : false;
  const kernel::Link& port = network_.vlan ? *vlan_device_ : interface_;
  if (is_down() && network_.vlan) TRY(netlink.change_link(interface_.index, {.up = true}));
  if (port.master == bridge && port.is_up()) return changed;
  TRY(netlink.change_link(port.index, {.up = true, .master = bridge}).in(fmt::format("attach uplink {}", port.name)));
  return true;
}

}  // namespace bayplan::datapath
