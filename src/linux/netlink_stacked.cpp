// The part of NetlinkSocket that makes devices on top of others: 802.1Q, macvlan.
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "linux/link_message.hpp"
#include "linux/netlink.hpp"

namespace bayplan::kernel {

Result<> NetlinkSocket::create_vlan(const VlanSettings& vlan) {
  Message message = new_link(vlan.name);
  message.put_u32(IFLA_LINK, static_cast<std::uint32_t>(vlan.parent));
  if (vlan.master != 0) message.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(vlan.master));
  if (vlan.group != 0) message.put_u32(IFLA_GROUP, vlan.group);
  message.nest(IFLA_LINKINFO, [&](Message& info) {
    info.put(IFLA_INFO_KIND, "vlan").nest(IFLA_INFO_DATA, [&](Message& data) { data.put_u16(IFLA_VLAN_ID, vlan.tag); });
  });
  return exchange(std::move(message)).in(fmt::format("create VLAN device {}", vlan.name));
}

Result<> NetlinkSocket::create_macvlan(const MacvlanSettings& macvlan) {
  Message message = new_link(macvlan.name);
  message.put_u32(IFLA_LINK, static_cast<std::uint32_t>(macvlan.parent));
  if (macvlan.mac) message.put(IFLA_ADDRESS, macvlan.mac->bytes);
  if (macvlan.mtu != 0) message.put_u32(IFLA_MTU, macvlan.mtu);
  if (macvlan.group != 0) message.put_u32(IFLA_GROUP, macvlan.group);
  if (macvlan.namespace_fd >= 0) message.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(macvlan.namespace_fd));
  message.nest(IFLA_LINKINFO, [](Message& info) {
    info.put(IFLA_INFO_KIND, "macvlan").nest(IFLA_INFO_DATA, [](Message& data) {
      data.put_u32(IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
    });
  });
  return exchange(std::move(message)).in(fmt::format("create macvlan {}", macvlan.name));
}

Result<> NetlinkSocket::probe_vlan() {
  return probe_kind("vlan");
}

Result<> NetlinkSocket::probe_macvlan() {
  return probe_kind("macvlan");
}

// Asks for such a device without the parent it needs: a kernel that knows the kind calls that invalid, before it makes
// anything.
Result<> NetlinkSocket::probe_kind(std::string_view kind) {
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  message.header(link_header()).nest(IFLA_LINKINFO, [&](Message& info) { info.put(IFLA_INFO_KIND, kind); });
  const auto answer = exchange(std::move(message));
  if (!answer.ok() && (answer.error().code == ErrorCode::unsupported || answer.error().code == ErrorCode::denied)) {
    return answer.error();
  }
  return {};
}

Result<> NetlinkSocket::add_alt_name(int index, const std::string& name) {
  Message message(RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND);
  message.header(link_header(index));
  message.nest(IFLA_PROP_LIST | NLA_F_NESTED, [&](Message& list) { list.put(IFLA_ALT_IFNAME, name); });
  return exchange(std::move(message)).in(fmt::format("name the link {}, too", name));
}

}  // namespace bayplan::kernel
