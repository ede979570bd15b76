// An attached interface in its namespace, seen by a socket of that namespace: what differs, and putting it right.
//
// Lives on a thread that is inside. Errors are NetlinkSocket's.
#pragma once

#include <optional>
#include <vector>

#include "linux/netlink.hpp"
#include "ports/namespaces.hpp"

namespace bayplan::datapath {

class Room {
 public:
  // `host_end` is the port's end on the host, where it has one.
  static Result<Room> enter(const ports::InsideSpec& wanted, std::optional<kernel::Link> host_end);

  [[nodiscard]] std::vector<ports::Drift> drifts() const;
  // Empty where it is not there.
  [[nodiscard]] std::string name() const { return link_ ? link_->name : std::string(); }
  // Puts right all of drifts() but a missing link. What it changes on the way (a link that has to go down for a new
  // name loses its routes) is put right, too.
  Result<> mend();

 private:
  Room(const ports::InsideSpec& wanted, std::optional<kernel::Link> host_end, kernel::NetlinkSocket netlink)
      : wanted_(wanted), host_end_(std::move(host_end)), netlink_(std::move(netlink)) {}
  Result<> look();
  [[nodiscard]] bool is_it(const kernel::Link& link) const;
  [[nodiscard]] bool is_by_engine() const;
  [[nodiscard]] bool is_renamed() const;
  [[nodiscard]] bool has_address() const;
  [[nodiscard]] bool has_subnet_route() const;
  [[nodiscard]] bool has_default_route() const;
  [[nodiscard]] bool is_by_us(const kernel::DefaultRoute& route) const;
  [[nodiscard]] std::vector<kernel::InterfaceAddress> foreign_addresses() const;
  // True if what was seen of routes is true no more.
  Result<bool> mend_link();
  // True if it had to go down for that.
  Result<bool> rename();
  Result<bool> mend_addresses();
  Result<> mend_routes();

  const ports::InsideSpec& wanted_;
  std::optional<kernel::Link> host_end_;
  kernel::NetlinkSocket netlink_;
  std::optional<kernel::Link> link_;
  std::vector<kernel::InterfaceAddress> addresses_;  // of the link
  kernel::Ipv4Routes routes_;
};

}  // namespace bayplan::datapath
