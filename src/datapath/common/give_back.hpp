// How a network's uplink is given back when the network goes: as it was, unless somebody came to need it since. Pure.
//
//   - What is on the bridge and not ours leaves it.
//   - An interface that was down before it became our uplink (or carried our VLAN device) is put down again, but only
//     if nobody else uses it by now: no other device stands on it, it is on no other bridge, and the host has no
//     address on it.
//   - If another network of ours does, the note that it was down goes on to that network's device, so that the last
//     one to leave puts it down.
#pragma once

#include <string>
#include <vector>

#include "linux/netlink.hpp"

namespace bayplan::datapath {

struct LinkStep {
  int link = 0;
  std::string name;
  kernel::LinkChange change;
};

// In the order in which they are to be done, before the network's own devices are deleted.
std::vector<LinkStep> give_back(const std::string& network, const std::vector<kernel::Link>& links,
                                const std::vector<kernel::InterfaceAddress>& addresses);

}  // namespace bayplan::datapath
