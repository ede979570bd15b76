// The way out of a network: an interface of the host that becomes a port of its bridge, either as it is or, where the
// network has a VLAN tag, as an 802.1Q device on it.
//
// Part of BridgeDatapath and used by its thread only.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "linux/netlink.hpp"
#include "model/records.hpp"

namespace bayplan::datapath {

class Uplink {
 public:
  // Looks the interfaces up and says what stands in the way, changing nothing. `bridge`: index of the network's bridge,
  // 0 while there is none. Errors: `not_found` (no such interface), `conflict` (it is a port of another bridge, carries
  // addresses of the host, or the VLAN device's name is taken), `invalid` (it can't be an uplink at all, or its MTU is
  // smaller than the network's), `unsupported` (no 802.1Q in this kernel).
  static Result<Uplink> look(kernel::NetlinkSocket& netlink, const model::Network& network, int bridge);

  // The uplink's own; 0 without uplink.
  [[nodiscard]] std::uint32_t mtu() const { return interface_.mtu; }
  // For the alias of the bridge, or of the VLAN device where there is one: that the interface was down, and so is to be
  // put down again when it is given back; else empty.
  [[nodiscard]] std::string note() const;

  // It is a port of the bridge, up; or there is none.
  [[nodiscard]] bool is_attached(int bridge) const;
  // Makes it a port of the bridge, up. True if anything had to be changed.
  Result<bool> attach(kernel::NetlinkSocket& netlink, int bridge);

 private:
  [[nodiscard]] bool is_down() const { return interface_.index != 0 && !interface_.is_up(); }
  explicit Uplink(const model::Network& network) : network_(network) {}
  Result<> look_at_interface(kernel::NetlinkSocket& netlink, int bridge);
  [[nodiscard]] Result<> refuse_foreign_master(const kernel::Link& port, int bridge) const;
  Result<> refuse_addresses(kernel::NetlinkSocket& netlink) const;

  const model::Network& network_;  // outlives the Uplink, which lives as long as one call
  kernel::Link interface_;         // index 0: the network has no uplink
  std::optional<kernel::Link> vlan_device_;
};

}  // namespace bayplan::datapath
