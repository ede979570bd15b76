// The way out of networks on an Open vSwitch bridge: an interface of the host as a trunk, which carries the tags of
// exactly those networks that name it as their uplink, so that two uplinks never make a loop.
//
// Part of OvsDatapath and used by its thread only.
#pragma once

#include <optional>
#include <string>

#include "datapath/ovs/rows.hpp"
#include "linux/netlink.hpp"
#include "model/records.hpp"

namespace bayplan::datapath::ovs {

// The interface, looked at and found fit; nothing for a network without uplink. Errors: `not_found` (no such
// interface), `conflict` (it is on another bridge, or carries addresses of the host), `invalid` (it can't be an uplink
// at all, or its MTU is smaller than the network's).
Result<std::optional<kernel::Link>> look_at_uplink(kernel::NetlinkSocket& netlink, const model::Network& network,
                                                   const Snapshot& now, const std::string& bridge);

// The operations that make it carry the network's tag. A trunk that somebody else put on the bridge stays as it is.
Result<> want_uplink(Changes& changes, const Snapshot& now, const model::Network& network, const kernel::Link& uplink);

// The operations that take the tag from our uplinks. What carries nothing any more goes.
struct ReleasedUplinks {
  std::vector<std::string> gone;
  std::vector<std::string> down;  // of those, the ones to be put down, because they were down before
};
ReleasedUplinks release_uplinks(Changes& changes, const Snapshot& now, std::int64_t tag);

}  // namespace bayplan::datapath::ovs
