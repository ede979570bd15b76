// The host's own device on a macvlan network. Without it the host and its containers can't reach each other: what a
// macvlan device sends to its parent's address leaves by the wire and never comes back.
//
// By which address the host is reached there is found out each time:
//   - Where the parent has an address in the subnet, that one. The shim has none of its own; a route for every
//     container (/32) leads through it, everything else in the subnet through the parent, as before.
//   - Otherwise the network's `host_address`, which the shim has, and with it the route to the whole subnet.
// The shim answers ARP only to those whom the host would answer through it (arp_filter): the rest of the wire hears
// from the parent, as before.
//
// Part of MacvlanDatapath and used by its thread only. Errors are NetlinkSocket's beside those named.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "datapath/macvlan/inventory.hpp"
#include "datapath/macvlan/parent.hpp"
#include "linux/netlink.hpp"
#include "model/records.hpp"
#include "ports/datapath.hpp"

namespace bayplan::datapath {

// bp-<vlan> or bp-<network>, as a bridge's: a network has one datapath.
std::string shim_name(const model::Network& network);

class Shim {
 public:
  // Nothing when there is none; `conflict` when the name is another's.
  static Result<std::optional<kernel::Link>> find(kernel::NetlinkSocket& netlink, const model::Network& network);
  // As `find`, and `not_found` when there is none.
  static Result<kernel::Link> get(kernel::NetlinkSocket& netlink, const model::Network& network);

  // `parent` is prepared. Both outlive the Shim, which lives as long as one call.
  Shim(kernel::NetlinkSocket& netlink, const model::Network& network, const Parent& parent)
      : netlink_(netlink), network_(network), parent_(parent) {}

  // Makes or mends it. True if anything had to be changed. `conflict` when somebody has the parent to himself.
  Result<bool> ensure(const std::vector<PlacedPort>& ports);
  // What of that would change. But for a route that a container left behind when it ended: it leads nobody astray, and
  // goes with the next look over.
  Result<std::vector<ports::NetworkFault>> faults(const std::vector<PlacedPort>& ports);

 private:
  Result<bool> make_if_missing();
  [[nodiscard]] kernel::LinkChange change_of_link() const;
  Result<bool> mend_link();
  Result<bool> mend_addresses();
  Result<bool> mend_routes(const std::vector<PlacedPort>& ports);
  Result<std::vector<ports::NetworkFault>> route_faults(const std::vector<PlacedPort>& ports);
  [[nodiscard]] std::optional<model::MacAddress> wanted_mac() const;

  kernel::NetlinkSocket& netlink_;
  const model::Network& network_;
  const Parent& parent_;
  kernel::Link link_;
  std::optional<model::IpAddress> borrowed_;  // the parent's address in the subnet
};

// The address of the device in the network's subnet, by which the host is reached there; nothing when it has none.
Result<std::optional<model::IpAddress>> address_in_subnet(kernel::NetlinkSocket& netlink, const model::Network& network,
                                                          int device);

// The host's way to one container, where it goes by the parent's address.
Result<> add_container_route(kernel::NetlinkSocket& netlink, const model::Network& network, const kernel::Link& shim,
                             const model::MacAddress& mac);
// Of any network; nothing there is success.
Result<> remove_container_route(kernel::NetlinkSocket& netlink, const kernel::Link& shim, const model::MacAddress& mac);

}  // namespace bayplan::datapath
