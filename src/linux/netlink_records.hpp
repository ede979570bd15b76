// What the kernel tells about links, addresses and routes, as plain values; and the reading of its messages, apart
// from any socket.
//
// Source: linux/if_link.h, linux/if_addr.h, linux/rtnetlink.h. A message that is shorter than its own header, or whose
// attributes do not fit, is `corrupt`; unknown attributes are skipped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/address.hpp"

struct nlmsghdr;

namespace bayplan::kernel {

struct BridgeState {
  bool stp = false;
  std::uint32_t forward_delay = 0;  // hundredths of a second (USER_HZ)
  friend bool operator==(const BridgeState&, const BridgeState&) = default;
};

struct Link {
  int index = 0;
  std::string name;
  std::string alias;        // IFLA_IFALIAS
  std::string kind;         // "bridge", "veth", "vlan", …; empty: loopback and hardware
  int master = 0;           // index of the bridge it is a port of; 0: none
  unsigned flags = 0;       // IFF_*
  std::uint32_t mtu = 0;    // bytes
  std::uint32_t group = 0;  // ip-link(8) group; 0 unless somebody set it
  std::optional<model::MacAddress> mac;
  int lower = 0;                       // veth: index of its peer; vlan: of its parent; 0: none
  bool lower_elsewhere = false;        // that index is one of another network namespace
  std::optional<int> lower_namespace;  // … of that number; none: of this one
  std::optional<std::uint16_t> vlan;
  std::optional<BridgeState> bridge;
  std::vector<std::string> alt_names;         // ip-link(8) `altname`; kernel 5.5 on
  std::optional<std::uint32_t> macvlan_mode;  // MACVLAN_MODE_*

  [[nodiscard]] bool is_up() const;
};

struct InterfaceAddress {
  int link = 0;
  model::IpAddress address;
  unsigned prefix_length = 0;
  bool link_local = false;  // of link scope: no address that others reach the host by
};

struct RouteEntry {
  model::Subnet destination;
  int link = 0;                                           // of several next hops the first one's
  std::optional<model::IpAddress> source = std::nullopt;  // the host's own, for packets that go there
};

struct DefaultRoute {
  std::optional<model::IpAddress> gateway;  // none: everything is on the link
  int link = 0;                             // of several next hops the first one's
  std::uint32_t metric = 0;
};

Result<Link> parse_link(const nlmsghdr* message);
Result<InterfaceAddress> parse_address(const nlmsghdr* message);
// Nothing for what is no unicast route of the main table, and for the default route.
Result<std::optional<RouteEntry>> parse_route(const nlmsghdr* message);

// Of the answer to RTM_GETNSID.
Result<int> parse_namespace_id(const nlmsghdr* message);

// Nothing for what is no IPv4 unicast default route of the main table.
Result<std::optional<DefaultRoute>> parse_default_route(const nlmsghdr* message);

// An IPv4 default route of the main table that leads nowhere.
Result<bool> parse_is_refusal(const nlmsghdr* message);

// Of the answer to a lookup (RTM_GETROUTE for one address): the link that packets to it leave by, 0 for none.
Result<int> parse_route_link(const nlmsghdr* message);

// Of the answer to RTM_GETNEIGH for one neighbour: somebody put it there for good; the kernel did not learn it.
Result<bool> parse_is_permanent(const nlmsghdr* message);

}  // namespace bayplan::kernel
