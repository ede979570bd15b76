// The kernel's links, addresses and routes over rtnetlink(7), through libnl.
//
// (The namespace is `kernel` and not `linux`, which GNU mode predefines as a macro.)
//
// A socket belongs to the network namespace that its opening thread was in, for ever, wherever its user is. One owner,
// not thread-safe. Every call is one request and its answer (listings: a dump), made under the kernel's RTNL lock:
// microseconds, but up to tens of milliseconds where the kernel waits for RCU (deletions) or the lock is contended.
// No wait is longer than 5 s.
//
// Errors: `exists`, `not_found` (no such device or address), `denied`, `unsupported` (the kernel lacks the kind of
// link), `timeout`, `kernel` for everything else; the detail ends in the kernel's own words. Interrupted dumps are
// retried, so a listing is complete or an error.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "linux/netlink_records.hpp"
#include "model/address.hpp"

struct nl_sock;

namespace bayplan::kernel {

class Message;

struct VethSettings {
  std::string name;
  std::string peer_name;
  model::MacAddress peer_mac;
  int master = 0;           // the bridge that `name` becomes a port of; 0: none
  std::uint32_t mtu = 0;    // of both ends
  int peer_namespace = -1;  // descriptor of the network namespace that the peer is born in; -1: this one
};

struct VlanSettings {
  std::string name;
  int parent = 0;
  std::uint16_t tag = 0;
  int master = 0;           // the bridge that it becomes a port of; 0: none
  std::uint32_t group = 0;  // ip-link(8) group
};

// Of one namespace, in one listing.
struct Ipv4Routes {
  std::vector<RouteEntry> subnets;
  std::vector<DefaultRoute> defaults;
  bool refuses_default = false;  // a default route that leads nowhere (blackhole, unreachable, prohibit, throw)
};

struct MacvlanSettings {
  std::string name;
  int parent = 0;  // in this namespace, wherever the device is born
  std::optional<model::MacAddress> mac = std::nullopt;
  std::uint32_t mtu = 0;    // 0: the parent's
  std::uint32_t group = 0;  // ip-link(8) group
  int namespace_fd = -1;    // of the network namespace that it is born in; -1: this one
};

// What is not set stays as it is.
struct LinkChange {
  std::optional<bool> up = std::nullopt;
  std::optional<std::string> alias = std::nullopt;
  std::optional<int> master = std::nullopt;  // 0: none
  std::optional<std::uint32_t> mtu = std::nullopt;
  std::optional<std::uint32_t> group = std::nullopt;
  std::optional<model::MacAddress> mac = std::nullopt;
  std::optional<std::string> name = std::nullopt;  // only of a link given by its index
  std::optional<int> namespace_fd = std::nullopt;  // move it there
  bool no_ipv6_autoconf = false;  // addrgenmode none: no link-local address of its own when it comes up
  bool no_stp = false;            // of a bridge
  bool no_forward_delay = false;  // of a bridge; the kernel takes it only while spanning tree is off
};

class NetlinkSocket {
 public:
  // In the calling thread's network namespace.
  static Result<NetlinkSocket> open();
  NetlinkSocket(NetlinkSocket&&) noexcept;
  NetlinkSocket& operator=(NetlinkSocket&&) noexcept;
  ~NetlinkSocket();

  Result<std::vector<Link>> links();
  // Nothing when no link has that name.
  Result<std::optional<Link>> find_link(const std::string& name);
  Result<std::vector<InterfaceAddress>> addresses();
  // The unicast routes of the main table, both families, the default route left out.
  Result<std::vector<RouteEntry>> routes();

  // Without spanning tree and forwarding delay, down.
  Result<> create_bridge(const std::string& name, const model::MacAddress& mac);
  // Both ends down. (Up in the same request fails with ENOTCONN and costs a rollback.)
  Result<> create_veth(const VethSettings& veth);
  // An 802.1Q device, down.
  Result<> create_vlan(const VlanSettings& vlan);
  // `unsupported` when the kernel does not know 802.1Q devices (their module is loaded if there is one); creates
  // nothing.
  Result<> probe_vlan();
  // A macvlan in bridge mode, down. `exists` when its name is taken where it is born, `in_use` when the parent is
  // somebody's alone (a bridge's port, ipvlan's), `not_found` when there is no parent.
  Result<> create_macvlan(const MacvlanSettings& macvlan);
  // As probe_vlan, of macvlan devices.
  Result<> probe_macvlan();
  // A second name (kernel 5.5 on), which stays when the link is renamed or moved into another namespace. find_link
  // knows links by it, too.
  Result<> add_alt_name(int index, const std::string& name);
  Result<> change_link(int index, const LinkChange& change);
  Result<> change_link(const std::string& name, const LinkChange& change);
  Result<> delete_link(int index);
  // All links of that group in one go: the kernel waits for RCU once, not once a link. Refused by the kernel, and
  // nothing deleted, when one of them is no virtual link.
  Result<> delete_group(std::uint32_t group);

  Result<> add_address(int index, const model::IpAddress& address, unsigned prefix_length);
  Result<> remove_address(int index, const model::IpAddress& address, unsigned prefix_length);
  // What the kernel has learned of that neighbour on the link, or is finding out; nothing there is success. It asks
  // anew when it has something to send. An entry that somebody put there for good (`nud permanent`) stays.
  Result<> forget_neighbour(int index, const model::IpAddress& address);
  // Index of the link by which packets to that address leave; 0 when there is no route, or one that leads nowhere
  // (blackhole, unreachable, prohibit, throw).
  Result<int> route_link(const model::IpAddress& address);
  // A connected route as the kernel makes it for an address.
  Result<> add_route(const model::Subnet& destination, int index, const model::IpAddress& source);
  Result<> remove_route(const model::Subnet& destination, int index);
  // By that link; 0: by the one whose subnet has the gateway.
  Result<> add_default_route(const model::IpAddress& gateway, int index = 0);
  // IPv4's of the main table.
  Result<Ipv4Routes> ipv4_routes();
  Result<> remove_default_route(const DefaultRoute& route);

  // The number by which this socket's namespace knows the one behind the descriptor (IFLA_LINK_NETNSID, and what tells
  // events of other namespaces apart); it is given one if it has none yet.
  Result<int> namespace_id(int namespace_fd);
  // The numbers of all namespaces that have one here: every namespace that a link was moved to has.
  Result<std::vector<int>> namespace_ids();
  // The links of another namespace, without entering it; `not_found` when none has that number (any more).
  Result<std::vector<Link>> links_in(int namespace_id);
  // The one of them that has that name, or as a second one; nothing when none has. Likewise `not_found`.
  Result<std::optional<Link>> find_link_in(int namespace_id, const std::string& name);
  // Likewise `not_found`, and when there is no such link.
  Result<> delete_link_in(int namespace_id, int index);

 private:
  struct Close {
    void operator()(nl_sock* socket) const;
  };
  using Handler = std::function<Result<>(const nlmsghdr*)>;
  enum class Progress { more, finished, interrupted };

  explicit NetlinkSocket(nl_sock* socket);
  Result<unsigned> send(Message& message);
  Result<Progress> receive(unsigned sequence, const Handler& handler);
  Result<Progress> exchange_once(Message& message, const Handler& handler);
  Result<> exchange(Message&& message, const Handler& handler = {});
  Result<> probe_kind(std::string_view kind);
  Result<> dump(const std::function<Message()>& request, const std::function<void()>& restart, const Handler& handler);

  std::unique_ptr<nl_sock, Close> socket_;
};

}  // namespace bayplan::kernel
