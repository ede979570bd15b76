// The veth pair of a container's port, alike on every datapath that has one: its container's end is born on the host,
// for the engine to move, or right in a network namespace, for us to furnish.
//
// Part of a Datapath and used by its thread only. Errors are NetlinkSocket's, and NetworkNamespace's for `port.netns`.
#pragma once

#include <optional>

#include "linux/netlink.hpp"
#include "linux/netns.hpp"
#include "ports/datapath.hpp"

namespace bayplan::datapath {

class VethPort {
 public:
  // Opens the port's namespace, if it names one. `not_found` when there is none.
  static Result<VethPort> of(const ports::PortSpec& port);

  // Both ends, down; the host's a port of `master` (0: of none).
  Result<> create(kernel::NetlinkSocket& netlink, int master, std::uint32_t mtu) const;
  // `host_end` is the host's end of this very port: the container's end is where it was born, with that MAC and MTU.
  Result<bool> is_intact(kernel::NetlinkSocket& netlink, const kernel::Link& host_end, std::uint32_t mtu) const;
  // The container's end is born on the host, where leftovers may have its name.
  [[nodiscard]] bool is_born_here() const { return !inside_; }

 private:
  VethPort(const ports::PortSpec& port, std::optional<kernel::NetworkNamespace> inside)
      : port_(port), inside_(std::move(inside)) {}

  ports::PortSpec port_;
  std::optional<kernel::NetworkNamespace> inside_;
};

}  // namespace bayplan::datapath
