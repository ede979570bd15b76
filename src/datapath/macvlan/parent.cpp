#include "datapath/macvlan/parent.hpp"

#include <linux/if_link.h>
#include <net/if.h>

#include <algorithm>
#include <array>

#include "datapath/common/names.hpp"
#include "datapath/common/ownership.hpp"
#include "datapath/common/vlan_device.hpp"

namespace bayplan::datapath {
namespace {

// The kernel would put ours on what such a device stands on itself, or can't put it on it.
bool is_stacked(const kernel::Link& link) {
  constexpr std::array kinds{"macvlan", "macvtap", "ipvlan", "ipvtap"};
  return std::ranges::find(kinds, link.kind) != kinds.end();
}

bool has_interface_to_itself(const kernel::Link& link) {
  const bool alone = link.macvlan_mode && *link.macvlan_mode == MACVLAN_MODE_PASSTHRU;
  return link.kind == "ipvlan" || link.kind == "ipvtap" || alone;
}

// Docker's macvlan driver makes a VLAN device of a parent with such a name.
std::string hint_for(const std::string& uplink) {
  const auto dot = uplink.rfind('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == uplink.size()) return {};
  const auto tag = uplink.substr(dot + 1);
  if (tag.find_first_not_of("0123456789") != std::string::npos) return {};
  return fmt::format(
      "; for a VLAN of {0} name the interface and the tag (--uplink {0} --vlan {1}, or -o uplink={0} -o "
      "vlan={1})",
      uplink.substr(0, dot), tag);
}

}  // namespace

Result<Parent> Parent::look(kernel::NetlinkSocket& netlink, const model::Network& network) {
  if (network.uplink.empty()) {
    return fail(ErrorCode::invalid,
                "network {} has the datapath macvlan and no uplink to stand on: name one (--uplink)", network.name);
  }
  auto found = TRY(netlink.find_link(network.uplink));
  if (!found) {
    return fail(ErrorCode::not_found, "the uplink {} of network {} does not exist: `ip link` lists the interfaces{}",
                network.uplink, network.name, hint_for(network.uplink));
  }
  Parent parent(network, *std::move(found));
  TRY(parent.check_interface());
  if (network.vlan) {
    const auto device = TRY(look_at_vlan_device(netlink, network, parent.interface_));
    if (device) parent.vlan_device_ = *device;
  }
  if (parent.device().index != 0) TRY(parent.check_is_shared(TRY(netlink.links())));
  return parent;
}

Result<> Parent::check_interface() const {
  const bool no_ethernet = (interface_.flags & IFF_LOOPBACK) != 0 || !interface_.mac;
  if (no_ethernet || is_stacked(interface_) || parse_alias(interface_.alias)) {
    return fail(ErrorCode::invalid,
                "{} can't be the uplink of network {}: name an Ethernet interface that leads outside", network_.uplink,
                network_.name);
  }
  if (network_.mtu && *network_.mtu > interface_.mtu) {
    return fail(ErrorCode::invalid, "the MTU {} of network {} is larger than that of its uplink {} ({})", *network_.mtu,
                network_.name, network_.uplink, interface_.mtu);
  }
  return {};
}

// The kernel has one receiver a device: a bridge, a bond, Open vSwitch, ipvlan, or all macvlan devices together.
Result<> Parent::check_is_shared(const std::vector<kernel::Link>& links) const {
  const kernel::Link& parent = device();
  if (parent.master != 0) {
    return fail(
        ErrorCode::conflict,
        "the uplink {0} of network {1} is a port of a bridge or bond already: name that one, or take {0} out of "
        "there (ip link set {0} nomaster)",
        parent.name, network_.name);
  }
  for (const kernel::Link& link : links) {
    if (link.lower != parent.index || link.lower_elsewhere || link.kind == "veth") continue;
    if (has_interface_to_itself(link)) {
      return fail(ErrorCode::conflict, "the uplink {} of network {} is taken by {} ({}), which shares it with nobody",
                  parent.name, network_.name, link.name, link.kind);
    }
    if (!is_our_macvlan(link) || is_of_network(link, network_.name)) continue;
    return fail(ErrorCode::conflict,
                "the uplink {} of network {} belongs to the network {}, which has no VLAN tag and so has all of it: "
                "choose another interface, or give this network a tag (--vlan)",
                parent.name, network_.name, parse_alias(link.alias)->network);
  }
  return {};
}

std::string Parent::was_down() const {
  return interface_.is_up() ? std::string{} : was_down_note(network_.uplink);
}

bool Parent::is_prepared() const {
  const bool made = !network_.vlan || (vlan_device_.index != 0 && !is_half_made_uplink_device(vlan_device_));
  return made && interface_.is_up() && device().is_up();
}

Result<bool> Parent::prepare(kernel::NetlinkSocket& netlink) {
  bool changed = false;
  if (network_.vlan && (vlan_device_.index == 0 || is_half_made_uplink_device(vlan_device_))) {
    vlan_device_ = TRY(make_vlan_device(netlink, network_, interface_, {.note = was_down()}));
    changed = true;
  }
  for (const kernel::Link* link : {&interface_, network_.vlan ? &vlan_device_ : nullptr}) {
    if (link == nullptr || link->is_up()) continue;
    TRY(netlink.change_link(link->index, {.up = true}).in(fmt::format("bring {} up", link->name)));
    changed = true;
  }
  return changed;
}

}  // namespace bayplan::datapath
