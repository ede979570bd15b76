// Deleting links that may have gone already, many at the price of one.
//
// Part of a Datapath and used by its thread only. Errors are NetlinkSocket's.
#pragma once

#include <vector>

#include "linux/netlink.hpp"

namespace bayplan::datapath {

// "Gone already" is what a deletion wants.
Result<> unless_gone(Result<> result);

// The kernel waits for RCU once a request (18 to 21 ms): several links go as one link group.
Result<> delete_links(kernel::NetlinkSocket& netlink, const std::vector<int>& indices);

}  // namespace bayplan::datapath
