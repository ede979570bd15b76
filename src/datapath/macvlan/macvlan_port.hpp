// A container's interface on a macvlan network: a device that goes into the container as a whole. It is born on the
// host, for the engine to move, or right in a network namespace, for us to furnish.
//
// Part of MacvlanDatapath and used by its thread only. Errors are NetlinkSocket's, and NetworkNamespace's for
// `port.netns`.
#pragma once

#include <optional>

#include "datapath/macvlan/inventory.hpp"
#include "linux/netlink.hpp"
#include "linux/netns.hpp"
#include "ports/datapath.hpp"

namespace bayplan::datapath {

class MacvlanPort {
 public:
  // Opens the port's namespace, if it names one: `not_found` when there is none. `shim` is the network's.
  static Result<MacvlanPort> of(const model::Network& network, const ports::PortSpec& port, const kernel::Link& shim);

  // Down, with its names. What was cut short is finished. `exists` when its name is taken where it is to be born.
  Result<> create(kernel::NetlinkSocket& netlink) const;
  // Its alias and second name: after it, it is known as ours.
  Result<> finish(kernel::NetlinkSocket& netlink) const;
  // The number of the namespace that it is born in; none: this one.
  Result<std::optional<int>> home(kernel::NetlinkSocket& netlink) const;
  // It is where it was born, as it should be.
  Result<bool> is_intact(kernel::NetlinkSocket& netlink, const PlacedPort& found) const;
  // Deletes what has its name where it is to be born, if that is ours. False: it is somebody else's, and stays.
  Result<bool> clear_name(kernel::NetlinkSocket& netlink) const;

 private:
  MacvlanPort(const model::Network& network, const ports::PortSpec& port, const kernel::Link& shim,
              std::optional<kernel::NetworkNamespace> inside)
      : port_(port), network_(network.name), shim_(shim), inside_(std::move(inside)) {}
  template <typename T>
  Result<T> there(kernel::NetlinkSocket& netlink, const std::function<Result<T>(kernel::NetlinkSocket&)>& work) const;
  [[nodiscard]] bool is_ours(const kernel::Link& link) const;

  ports::PortSpec port_;
  std::string network_;
  kernel::Link shim_;
  std::optional<kernel::NetworkNamespace> inside_;
};

}  // namespace bayplan::datapath
