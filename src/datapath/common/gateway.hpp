// The host's side of a network, alike on every datapath: the device that carries the gateway's address.
//
// Part of a Datapath and used by its thread only. Errors are NetlinkSocket's.
#pragma once

#include <vector>

#include "linux/netlink.hpp"
#include "model/records.hpp"
#include "ports/datapath.hpp"

namespace bayplan::datapath {

model::MacAddress gateway_mac(const model::Network& network);

// Gives the device the gateway's address with the subnet's prefix length. True if it had not.
Result<bool> ensure_gateway_address(kernel::NetlinkSocket& netlink, const model::Network& network, int device);

// The connected route of the subnet, which the kernel makes with the address and which somebody may have deleted since.
// A route of the host's that leads elsewhere on purpose stays. The device must be up. True if it was missing.
Result<bool> ensure_gateway_route(kernel::NetlinkSocket& netlink, const model::Network& network, int device);

// The same with an address of the host's that is not the gateway's.
Result<bool> ensure_host_address(kernel::NetlinkSocket& netlink, const model::Network& network,
                                 const model::IpAddress& host, int device);
Result<bool> ensure_subnet_route(kernel::NetlinkSocket& netlink, const model::Network& network,
                                 const model::IpAddress& host, int device);

// What these four would change, and whether the device is down. Without address or while it is down there is no route
// to be looked for.
Result<std::vector<ports::NetworkFault>> host_faults(kernel::NetlinkSocket& netlink, const model::Network& network,
                                                     const model::IpAddress& host, const kernel::Link& device);

// The error is something that stands in the way of making the network, and not of looking.
bool is_obstacle(const Error& error);

}  // namespace bayplan::datapath
