#include "datapath/bridge/uplink.hpp"

#include <net/if.h>

#include <algorithm>

#include "datapath/common/names.hpp"
#include "datapath/common/ownership.hpp"
#include "datapath/common/vlan_device.hpp"

namespace bayplan::datapath {

Result<Uplink> Uplink::look(kernel::NetlinkSocket& netlink, const model::Network& network, int bridge) {
  Uplink uplink(network);
  if (network.uplink.empty()) return uplink;
  TRY(uplink.look_at_interface(netlink, bridge));
  if (!network.vlan) return uplink;
  uplink.vlan_device_ = TRY(look_at_vlan_device(netlink, network, uplink.interface_));
  if (uplink.vlan_device_) TRY(uplink.refuse_foreign_master(*uplink.vlan_device_, bridge));
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

bool Uplink::is_attached(int bridge) const {
  if (interface_.index == 0) return true;
  if (network_.vlan && (!vlan_device_ || is_half_made_uplink_device(*vlan_device_) || is_down())) return false;
  const kernel::Link& port = network_.vlan ? *vlan_device_ : interface_;
  return port.master == bridge && port.is_up();
}

Result<bool> Uplink::attach(kernel::NetlinkSocket& netlink, int bridge) {
  if (interface_.index == 0) return false;
  const bool changed = network_.vlan && (!vlan_device_ || is_half_made_uplink_device(*vlan_device_));
  if (changed) vlan_device_ = TRY(make_vlan_device(netlink, network_, interface_, {.master = bridge, .note = note()}));
  const kernel::Link& port = network_.vlan ? *vlan_device_ : interface_;
  if (is_down() && network_.vlan) TRY(netlink.change_link(interface_.index, {.up = true}));
  if (port.master == bridge && port.is_up()) return changed;
  auto attached = netlink.change_link(port.index, {.up = true, .master = bridge});
  if (!attached.ok() && attached.error().code == ErrorCode::in_use) {
    return fail(
        ErrorCode::conflict,
        "the uplink {} of network {} can't be a port of a bridge: devices of another kind stand on it (macvlan, "
        "ipvlan); choose another interface, or give both a VLAN tag",
        port.name, network_.name);
  }
  TRY(std::move(attached).in(fmt::format("attach uplink {}", port.name)));
  return true;
}

}  // namespace bayplan::datapath
