#include "linux/netlink_records.hpp"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <algorithm>
#include <array>
#include <span>

namespace bayplan::kernel {
namespace {

Error malformed(std::string_view what) {
  return fail(ErrorCode::corrupt, "the kernel's {} message is malformed", what);
}

template <int Max>
using Attributes = std::array<nlattr*, static_cast<std::size_t>(Max) + 1>;

template <int Max, typename Header>
Result<Attributes<Max>> attributes(const nlmsghdr* message, std::string_view what) {
  Attributes<Max> table{};
  const bool has_header = nlmsg_valid_hdr(message, sizeof(Header)) != 0;
  if (!has_header || nlmsg_parse(const_cast<nlmsghdr*>(message), sizeof(Header), table.data(), Max, nullptr) < 0) {
    return malformed(what);
  }
  return table;
}

template <typename Header>
const Header& header_of(const nlmsghdr* message) {
  return *static_cast<const Header*>(nlmsg_data(message));
}

std::span<const std::uint8_t> bytes_of(const nlattr* attribute) {
  return {static_cast<const std::uint8_t*>(nla_data(attribute)), static_cast<std::size_t>(nla_len(attribute))};
}

// Zero when absent or short.
template <typename T>
T number(const nlattr* attribute) {
  T value{};
  if (attribute != nullptr && bytes_of(attribute).size() >= sizeof value) {
    std::memcpy(&value, nla_data(attribute), sizeof value);
  }
  return value;
}

std::string text(const nlattr* attribute) {
  if (attribute == nullptr) return {};
  const auto bytes = bytes_of(attribute);
  return {bytes.begin(), std::ranges::find(bytes, 0)};
}

void read_bridge(Link& link, const nlattr* data) {
  Attributes<IFLA_BR_MAX> table{};
  if (nla_parse_nested(table.data(), IFLA_BR_MAX, const_cast<nlattr*>(data), nullptr) < 0) return;
  link.bridge = BridgeState{number<std::uint32_t>(table[IFLA_BR_STP_STATE]) != 0,
                            number<std::uint32_t>(table[IFLA_BR_FORWARD_DELAY])};
}

void read_vlan(Link& link, const nlattr* data) {
  Attributes<IFLA_VLAN_MAX> table{};
  if (nla_parse_nested(table.data(), IFLA_VLAN_MAX, const_cast<nlattr*>(data), nullptr) < 0) return;
  link.vlan = number<std::uint16_t>(table[IFLA_VLAN_ID]);
}

void read_macvlan(Link& link, const nlattr* data) {
  Attributes<IFLA_MACVLAN_MAX> table{};
  if (nla_parse_nested(table.data(), IFLA_MACVLAN_MAX, const_cast<nlattr*>(data), nullptr) < 0) return;
  link.macvlan_mode = number<std::uint32_t>(table[IFLA_MACVLAN_MODE]);
}

void read_alt_names(Link& link, nlattr* properties) {
  nlattr* property = nullptr;
  int left = 0;
  nla_for_each_nested(property, properties, left) {
    if (nla_type(property) == IFLA_ALT_IFNAME) link.alt_names.push_back(text(property));
  }
}

Result<> read_kind(Link& link, nlattr* info) {
  Attributes<IFLA_INFO_MAX> table{};
  if (nla_parse_nested(table.data(), IFLA_INFO_MAX, info, nullptr) < 0) return malformed("link");
  link.kind = text(table[IFLA_INFO_KIND]);
  const nlattr* data = table[IFLA_INFO_DATA];
  if (data == nullptr) return {};
  if (link.kind == "bridge") read_bridge(link, data);
  if (link.kind == "vlan") read_vlan(link, data);
  if (link.kind == "macvlan") read_macvlan(link, data);
  return {};
}

int first_next_hop(const nlattr* multipath) {
  return number<rtnexthop>(multipath).rtnh_ifindex;
}

}  // namespace

bool Link::is_up() const {
  return (flags & IFF_UP) != 0;
}

Result<Link> parse_link(const nlmsghdr* message) {
  const auto table = TRY((attributes<IFLA_MAX, ifinfomsg>(message, "link")));
  const auto& header = header_of<ifinfomsg>(message);
  Link link;
  link.index = header.ifi_index;
  link.flags = header.ifi_flags;
  link.name = text(table[IFLA_IFNAME]);
  link.alias = text(table[IFLA_IFALIAS]);
  link.master = number<int>(table[IFLA_MASTER]);
  link.mtu = number<std::uint32_t>(table[IFLA_MTU]);
  link.group = number<std::uint32_t>(table[IFLA_GROUP]);
  link.lower = number<int>(table[IFLA_LINK]);
  link.lower_elsewhere = table[IFLA_LINK_NETNSID] != nullptr;
  if (link.lower_elsewhere) link.lower_namespace = number<int>(table[IFLA_LINK_NETNSID]);
  if (const nlattr* mac = table[IFLA_ADDRESS]; mac != nullptr && nla_len(mac) == 6) {
    link.mac = number<model::MacAddress>(mac);
  }
  if (table[IFLA_PROP_LIST] != nullptr) read_alt_names(link, table[IFLA_PROP_LIST]);
  if (table[IFLA_LINKINFO] != nullptr) TRY(read_kind(link, table[IFLA_LINKINFO]));
  return link;
}

Result<InterfaceAddress> parse_address(const nlmsghdr* message) {
  const auto table = TRY((attributes<IFA_MAX, ifaddrmsg>(message, "address")));
  const auto& header = header_of<ifaddrmsg>(message);
  // Of a point-to-point address IFA_ADDRESS is the far end's.
  const nlattr* bytes = table[IFA_LOCAL] != nullptr ? table[IFA_LOCAL] : table[IFA_ADDRESS];
  if (bytes == nullptr) return malformed("address");
  InterfaceAddress address;
  address.link = static_cast<int>(header.ifa_index);
  address.address = TRY(model::IpAddress::from_bytes(bytes_of(bytes)));
  address.prefix_length = header.ifa_prefixlen;
  address.link_local = header.ifa_scope == RT_SCOPE_LINK;
  return address;
}

Result<std::optional<RouteEntry>> parse_route(const nlmsghdr* message) {
  const auto table = TRY((attributes<RTA_MAX, rtmsg>(message, "route")));
  const auto& header = header_of<rtmsg>(message);
  const std::uint32_t in = table[RTA_TABLE] != nullptr ? number<std::uint32_t>(table[RTA_TABLE]) : header.rtm_table;
  const bool wanted = in == RT_TABLE_MAIN && header.rtm_type == RTN_UNICAST && header.rtm_dst_len > 0;
  if (!wanted) return std::optional<RouteEntry>{};
  if (table[RTA_DST] == nullptr) return malformed("route");
  const auto base = TRY(model::IpAddress::from_bytes(bytes_of(table[RTA_DST])));
  RouteEntry route{model::Subnet::around(base, header.rtm_dst_len), number<int>(table[RTA_OIF])};
  if (route.link == 0 && table[RTA_MULTIPATH] != nullptr) route.link = first_next_hop(table[RTA_MULTIPATH]);
  if (table[RTA_PREFSRC] != nullptr) {
    route.source = TRY(model::IpAddress::from_bytes(bytes_of(table[RTA_PREFSRC])));
  }
  return std::optional(route);
}

Result<int> parse_namespace_id(const nlmsghdr* message) {
  const auto table = TRY((attributes<NETNSA_MAX, rtgenmsg>(message, "namespace")));
  return table[NETNSA_NSID] == nullptr ? NETNSA_NSID_NOT_ASSIGNED : number<int>(table[NETNSA_NSID]);
}

Result<std::optional<DefaultRoute>> parse_default_route(const nlmsghdr* message) {
  const auto table = TRY((attributes<RTA_MAX, rtmsg>(message, "route")));
  const auto& header = header_of<rtmsg>(message);
  const std::uint32_t in = table[RTA_TABLE] != nullptr ? number<std::uint32_t>(table[RTA_TABLE]) : header.rtm_table;
  const bool wanted =
      in == RT_TABLE_MAIN && header.rtm_type == RTN_UNICAST && header.rtm_dst_len == 0 && header.rtm_family == AF_INET;
  if (!wanted) return std::optional<DefaultRoute>{};
  DefaultRoute route;
  if (table[RTA_GATEWAY] != nullptr) route.gateway = TRY(model::IpAddress::from_bytes(bytes_of(table[RTA_GATEWAY])));
  route.link = number<int>(table[RTA_OIF]);
  if (route.link == 0 && table[RTA_MULTIPATH] != nullptr) route.link = first_next_hop(table[RTA_MULTIPATH]);
  route.metric = number<std::uint32_t>(table[RTA_PRIORITY]);
  return std::optional(route);
}

Result<bool> parse_is_refusal(const nlmsghdr* message) {
  if (nlmsg_valid_hdr(message, sizeof(rtmsg)) == 0) return malformed("route");
  const auto& header = header_of<rtmsg>(message);
  const bool nowhere = header.rtm_type == RTN_BLACKHOLE || header.rtm_type == RTN_UNREACHABLE ||
                       header.rtm_type == RTN_PROHIBIT || header.rtm_type == RTN_THROW;
  return nowhere && header.rtm_dst_len == 0 && header.rtm_family == AF_INET && header.rtm_table == RT_TABLE_MAIN;
}

Result<bool> parse_is_permanent(const nlmsghdr* message) {
  if (nlmsg_valid_hdr(message, sizeof(ndmsg)) == 0) return malformed("neighbour");
  return (header_of<ndmsg>(message).ndm_state & (NUD_PERMANENT | NUD_NOARP)) != 0;
}

Result<int> parse_route_link(const nlmsghdr* message) {
  const auto table = TRY((attributes<RTA_MAX, rtmsg>(message, "route")));
  return number<int>(table[RTA_OIF]);
}

}  // namespace bayplan::kernel
