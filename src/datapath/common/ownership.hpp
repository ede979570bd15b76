// Whose a link of the host is: read from its kind, name and alias (names.hpp), nothing else is remembered. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "datapath/common/names.hpp"
#include "linux/netlink_records.hpp"

namespace bayplan::datapath {

// ip-link(8) groups of ours; others use small numbers. A device on an uplink has the first from its creation until it
// has its alias, so that one whose making was cut short is known from one that is somebody else's and has no alias
// either.
inline constexpr std::uint32_t kMakingGroup = 0x627000ff;
inline constexpr std::uint32_t kFirstDeletionGroup = 0x62700100;  // "bp"; see delete_links

bool is_our_bridge(const kernel::Link& link);
// One without an alias is a port whose making was cut short.
bool is_our_port(const kernel::Link& link);
// A device on an uplink: not a port, and not the uplink itself.
bool is_our_uplink_device(const kernel::Link& link);
// A shim or a port of the macvlan datapath.
bool is_our_macvlan(const kernel::Link& link);
bool is_half_made_uplink_device(const kernel::Link& link);
// Whether a device with the name of the network's VLAN device is that: made by us, as it should be, whole or (its
// making was cut short by a crash) without its alias.
bool is_vlan_device_of(const kernel::Link& device, const kernel::Link& uplink, const model::Network& network);
bool is_of_network(const kernel::Link& link, const std::string& network);

// What goes when a network does: its bridges, ports and VLAN devices, half-made ones too.
std::vector<int> links_of_network(const std::string& network, const std::vector<kernel::Link>& links);
// Every network that has a bridge, or a VLAN device that is no macvlan's parent, here, each once.
std::vector<std::string> networks_of(const std::vector<kernel::Link>& links);

}  // namespace bayplan::datapath
