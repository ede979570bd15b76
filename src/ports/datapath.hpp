// What carries the frames: the seam between the reconciler and bridge, Open vSwitch, macvlan.
//
// Called by the datapath thread only. Every call is idempotent: making what is there already as wanted is success and
// disturbs no packet; removing what is gone is success. Errors: `kernel`, `denied`, `unsupported`, `not_found` (a
// missing uplink; the detail names it), `conflict` (a device of that name exists and is not ours).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/records.hpp"

namespace bayplan::ports {

// A container's connection to a network: a link with one end on the host's side.
struct PortSpec {
  std::string host_name;  // the end that stays, at most 15 bytes: "bp" + 8 hex of the endpoint id; where none stays,
                          // it is the container's end that has this name, too
  std::string peer_name;  // the container's end: the engine moves it into the container and renames it there
  model::MacAddress mac;  // of the container's end
  std::string identity;   // for the ifalias `bayplan <network> <identity>`; may be empty
  // Path of a network namespace: the container's end is born in there as `peer_name`, down, for us to furnish
  // (ports/namespaces.hpp). Moving it there afterwards would cost a wait for RCU. Empty: born on the host.
  std::string netns = {};
};

// A port as it is on the host now.
struct FoundPort {
  std::string host_name;
  std::string network;    // from its ifalias
  std::string identity;   // from its ifalias; may be empty
  bool in_place = false;  // a port of its network's bridge, and up
  // It went into the container as a whole (macvlan): it is listed from there, can't be mended from here, and its alias
  // is as it was born.
  bool out_of_reach = false;
  bool up = true;
  // Of one that is elsewhere, for people: where it is and where it belongs, "tag 7" and "tag 100", "no bridge" and
  // "bridge bp-100". Else, and where nobody can tell, empty.
  std::string place = {};
  std::string wanted_place = {};
};

// A part of a network's device that is not as `ensure_network` would make it.
struct NetworkFault {
  enum class What {
    device,    // it is not there
    settings,  // its MAC, MTU, owner's mark or the like differ
    down,
    gateway,  // it lacks the gateway's address
    route,    // the subnet's route does not lead there
    uplink,   // the uplink is not connected
    blocked,  // something of the host's stands in the way: `ensure_network` would fail
  };
  What what = What::device;
  std::string device;  // by name
  std::string found;   // may be empty
  std::string wanted;  // may be empty; of `blocked` the whole sentence
  friend bool operator==(const NetworkFault&, const NetworkFault&) = default;
};
std::string_view to_string(NetworkFault::What what);

class Datapath {
 public:
  virtual ~Datapath() = default;

  // Checks, without changing anything, that the network could be made here: the uplink exists and is free, the
  // kernel has what is needed, no foreign device has the name.
  virtual Result<> validate(const model::Network& network) = 0;

  // Makes or mends the network's device, its MTU, gateway address and uplink. True if anything had to be changed.
  virtual Result<bool> ensure_network(const model::Network& network) = 0;
  // The same for each of them, in this order, and what came of each: one's trouble keeps no other from being made. What
  // is looked at for all alike is looked at once, where a datapath can.
  virtual std::vector<Result<bool>> ensure_networks(const std::vector<model::Network>& networks);
  // What of it is not as `ensure_network` would make it; empty: nothing. Changes nothing. What would make that fail is
  // a fault (`blocked`); an error means that it could not be looked at.
  virtual Result<std::vector<NetworkFault>> inspect_network(const model::Network& network) = 0;
  // As ensure_networks.
  virtual std::vector<Result<std::vector<NetworkFault>>> inspect_networks(const std::vector<model::Network>& networks);
  // Removes the network's device and all its ports; the uplink is given back as it was.
  virtual Result<> remove_network(const std::string& network) = 0;
  // Names of the networks that have a device of ours here.
  virtual Result<std::vector<std::string>> list_networks() = 0;

  // Makes the port. A port of that name that is there already is kept if its container's end is still where it was born
  // and all is as wanted, and made anew otherwise. `exists` when something else has `peer_name` in the namespace,
  // `not_found` when there is no such namespace.
  virtual Result<> add_port(const model::Network& network, const PortSpec& port) = 0;
  // Puts a port that exists back onto its network's bridge, up, with its alias (the container's end is not touched);
  // `not_found` when its link is gone.
  virtual Result<> mend_port(const model::Network& network, const PortSpec& port) = 0;
  // All of them in one go: the kernel waits once for several deletions.
  virtual Result<> remove_ports(const std::vector<std::string>& host_names) = 0;
  // The same for those of the names that are ports of this datapath; the others are left alone, and returned.
  virtual Result<std::vector<std::string>> remove_own_ports(const std::vector<std::string>& host_names);
  // All ports of ours, a complete listing or an error.
  virtual Result<std::vector<FoundPort>> list_ports() = 0;

  // Three gratuitous ARPs (RFC 5227 announcements) a second apart are due after a container got its address; sent on
  // the host's side of the network. Does not block.
  virtual Result<> announce(const model::Network& network, const model::IpAddress& address,
                            const model::MacAddress& mac) = 0;
};

}  // namespace bayplan::ports
