// The 802.1Q device of a tagged network on its uplink, alike on every datapath that needs one: "<uplink>.<tag>", marked
// as ours by its alias.
//
// Part of a Datapath and used by its thread only. Errors are NetlinkSocket's beside those named.
#pragma once

#include <optional>
#include <string>

#include "linux/netlink.hpp"
#include "model/records.hpp"

namespace bayplan::datapath {

// Changes nothing; nothing while it is not there. `conflict` when its name is somebody else's, `unsupported` when it is
// not there and the kernel can't make one.
Result<std::optional<kernel::Link>> look_at_vlan_device(kernel::NetlinkSocket& netlink, const model::Network& network,
                                                        const kernel::Link& uplink);

struct VlanDevice {
  int master = 0;    // the bridge that it becomes a port of; 0: none
  std::string note;  // for its alias: see was_down_note
};
// Makes it, or finishes one whose making was cut short; it is down.
Result<kernel::Link> make_vlan_device(kernel::NetlinkSocket& netlink, const model::Network& network,
                                      const kernel::Link& uplink, const VlanDevice& device);

}  // namespace bayplan::datapath
