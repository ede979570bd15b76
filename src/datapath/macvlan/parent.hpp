// The interface that a macvlan network stands on: the uplink as it is, or where the network has a VLAN tag an 802.1Q
// device on it.
//
// Part of MacvlanDatapath and used by its thread only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "linux/netlink.hpp"
#include "model/records.hpp"

namespace bayplan::datapath {

class Parent {
 public:
  // Looks the interfaces up and says what stands in the way, changing nothing. Errors: `not_found` (no such interface),
  // `conflict` (somebody has it to himself, another network of ours without a tag stands on it, or the VLAN device's
  // name is taken), `invalid` (none is named, nothing can stand on it, or its MTU is smaller than the network's),
  // `unsupported` (no 802.1Q in this kernel).
  static Result<Parent> look(kernel::NetlinkSocket& netlink, const model::Network& network);

  // Makes the VLAN device, where one is needed, and brings all up. True if anything had to be changed.
  Result<bool> prepare(kernel::NetlinkSocket& netlink);

  // Nothing of that is left to be done.
  [[nodiscard]] bool is_prepared() const;

  // What the macvlan devices stand on; index 0 while the VLAN device is still to be made.
  [[nodiscard]] const kernel::Link& device() const { return network_.vlan ? vlan_device_ : interface_; }
  // For the shim's alias, where the VLAN device has none: that the uplink was down, and so is to be put down again when
  // it is given back; else empty.
  [[nodiscard]] std::string note() const { return network_.vlan ? std::string{} : was_down(); }

 private:
  Parent(const model::Network& network, kernel::Link interface) : network_(network), interface_(std::move(interface)) {}
  [[nodiscard]] Result<> check_interface() const;
  [[nodiscard]] Result<> check_is_shared(const std::vector<kernel::Link>& links) const;
  [[nodiscard]] std::string was_down() const;

  const model::Network& network_;  // outlives the Parent, which lives as long as one call
  kernel::Link interface_;
  kernel::Link vlan_device_;  // index 0: the network has no tag, or its device is not made yet
};

}  // namespace bayplan::datapath
