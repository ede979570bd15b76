// The kernel's messages, read without a socket.
#include "linux/netlink_records.hpp"

#include <gtest/gtest.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "linux/netlink_message.hpp"

namespace bayplan::kernel {
namespace {

const nlmsghdr* raw(const Message& message) {
  return nlmsg_hdr(message.get());
}

Message veth() {
  ifinfomsg header{};
  header.ifi_index = 7;
  header.ifi_flags = IFF_UP | IFF_BROADCAST;
  Message message(RTM_NEWLINK, 0);
  message.header(header).put(IFLA_IFNAME, "bp00000001").put(IFLA_IFALIAS, "bayplan vlan100 web");
  message.put_u32(IFLA_MASTER, 3).put_u32(IFLA_MTU, 1400).put_u32(IFLA_LINK, 8).put_u32(IFLA_LINK_NETNSID, 0);
  message.put(IFLA_ADDRESS, std::array<std::uint8_t, 6>{2, 0x2a, 172, 16, 1, 2});
  message.nest(IFLA_LINKINFO, [](Message& info) { info.put(IFLA_INFO_KIND, "veth"); });
  return message;
}

TEST(NetlinkRecords, link_is_read) {
  const auto link = parse_link(raw(veth()));
  ASSERT_TRUE(link.ok());
  EXPECT_EQ(link->index, 7);
  EXPECT_EQ(link->name, "bp00000001");
  EXPECT_EQ(link->alias, "bayplan vlan100 web");
  EXPECT_EQ(link->kind, "veth");
  EXPECT_EQ(link->master, 3);
  EXPECT_EQ(link->mtu, 1400U);
  EXPECT_EQ(link->lower, 8);
  EXPECT_TRUE(link->lower_elsewhere);
  EXPECT_TRUE(link->is_up());
  EXPECT_EQ(link->mac->to_string(), "02:2a:ac:10:01:02");
}

TEST(NetlinkRecords, bridge_and_vlan_details_are_read) {
  Message bridge(RTM_NEWLINK, 0);
  bridge.header(ifinfomsg{}).nest(IFLA_LINKINFO, [](Message& info) {
    info.put(IFLA_INFO_KIND, "bridge").nest(IFLA_INFO_DATA, [](Message& data) {
      data.put_u32(IFLA_BR_STP_STATE, 1).put_u32(IFLA_BR_FORWARD_DELAY, 1500);
    });
  });
  EXPECT_EQ(parse_link(raw(bridge))->bridge, (BridgeState{true, 1500}));
  Message vlan(RTM_NEWLINK, 0);
  vlan.header(ifinfomsg{}).nest(IFLA_LINKINFO, [](Message& info) {
    info.put(IFLA_INFO_KIND, "vlan").nest(IFLA_INFO_DATA, [](Message& data) { data.put_u16(IFLA_VLAN_ID, 100); });
  });
  EXPECT_EQ(parse_link(raw(vlan))->vlan, 100);
}

TEST(NetlinkRecords, cut_messages_are_corrupt_or_read_as_far_as_they_go_but_never_beyond) {
  const Message message = veth();
  std::vector<char> bytes(raw(message)->nlmsg_len);
  std::memcpy(bytes.data(), raw(message), bytes.size());
  for (std::uint32_t size = NLMSG_HDRLEN; size < bytes.size(); ++size) {
    // A buffer of exactly that size, for the address sanitizer to watch.
    std::vector<char> cut(bytes.begin(), bytes.begin() + size);
    auto* header = reinterpret_cast<nlmsghdr*>(cut.data());
    header->nlmsg_len = size;
    const auto link = parse_link(header);
    if (size < NLMSG_HDRLEN + sizeof(ifinfomsg)) {
      ASSERT_FALSE(link.ok()) << size;
      EXPECT_EQ(link.error().code, ErrorCode::corrupt);
    }
  }
}

TEST(NetlinkRecords, short_attributes_read_as_absent) {
  Message message(RTM_NEWLINK, 0);
  message.header(ifinfomsg{}).put_u8(IFLA_MASTER, 3).put_u8(IFLA_ADDRESS, 2);
  const auto link = parse_link(raw(message));
  ASSERT_TRUE(link.ok());
  EXPECT_EQ(link->master, 0);
  EXPECT_FALSE(link->mac.has_value());
}

TEST(NetlinkRecords, address_without_bytes_or_of_a_strange_size_is_corrupt) {
  Message none(RTM_NEWADDR, 0);
  none.header(ifaddrmsg{});
  EXPECT_EQ(parse_address(raw(none)).error().code, ErrorCode::corrupt);
  Message odd(RTM_NEWADDR, 0);
  odd.header(ifaddrmsg{}).put(IFA_LOCAL, std::array<std::uint8_t, 3>{1, 2, 3});
  EXPECT_EQ(parse_address(raw(odd)).error().code, ErrorCode::corrupt);
}

Message route(unsigned char table, unsigned char type, unsigned char prefix) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = prefix;
  header.rtm_table = table;
  header.rtm_type = type;
  Message message(RTM_NEWROUTE, 0);
  message.header(header).put(RTA_DST, std::array<std::uint8_t, 4>{10, 1, 0, 0});
  return message;
}

TEST(NetlinkRecords, only_unicast_routes_of_the_main_table_count) {
  auto wanted = route(RT_TABLE_MAIN, RTN_UNICAST, 16);
  wanted.put_u32(RTA_OIF, 4);
  const auto read = parse_route(raw(wanted));
  ASSERT_TRUE(read.ok() && read.value().has_value());
  EXPECT_EQ(read.value()->destination.to_string(), "10.1.0.0/16");
  EXPECT_EQ(read.value()->link, 4);
  EXPECT_FALSE(parse_route(raw(route(RT_TABLE_LOCAL, RTN_UNICAST, 16))).value().has_value());
  EXPECT_FALSE(parse_route(raw(route(RT_TABLE_MAIN, RTN_BROADCAST, 16))).value().has_value());
  EXPECT_FALSE(parse_route(raw(route(RT_TABLE_MAIN, RTN_UNICAST, 0))).value().has_value()) << "the default route";
}

TEST(NetlinkRecords, route_tells_the_hosts_own_address) {
  auto connected = route(RT_TABLE_MAIN, RTN_UNICAST, 16);
  EXPECT_FALSE(parse_route(raw(connected)).value()->source.has_value());
  connected.put(RTA_PREFSRC, std::array<std::uint8_t, 4>{10, 1, 0, 9});
  EXPECT_EQ(parse_route(raw(connected)).value()->source->to_string(), "10.1.0.9");
}

TEST(NetlinkRecords, second_names_and_the_mode_of_a_macvlan_are_read) {
  auto message = [](int nested) {
    Message macvlan(RTM_NEWLINK, 0);
    macvlan.header(ifinfomsg{}).nest(IFLA_LINKINFO, [](Message& info) {
      info.put(IFLA_INFO_KIND, "macvlan").nest(IFLA_INFO_DATA, [](Message& data) {
        data.put_u32(IFLA_MACVLAN_MODE, MACVLAN_MODE_PASSTHRU);
      });
    });
    macvlan.nest(IFLA_PROP_LIST | nested, [](Message& list) {
      list.put(IFLA_ALT_IFNAME, "bp00000001").put(IFLA_ALT_IFNAME, "a-longer-name-than-fits");
    });
    return parse_link(raw(macvlan)).value();
  };
  for (const int nested : {0, NLA_F_NESTED}) {
    EXPECT_EQ(message(nested).macvlan_mode, MACVLAN_MODE_PASSTHRU);
    EXPECT_EQ(message(nested).alt_names, (std::vector<std::string>{"bp00000001", "a-longer-name-than-fits"}));
  }
  EXPECT_FALSE(parse_link(raw(veth()))->macvlan_mode.has_value());
}

TEST(NetlinkRecords, error_of_an_answer_and_of_a_dump_is_found) {
  nlmsgerr refused{};
  refused.error = -EINVAL;
  Message answer(NLMSG_ERROR, 0);
  answer.header(refused);
  EXPECT_EQ(error_number(raw(answer)), EINVAL);
  Message done(NLMSG_DONE, 0);
  done.header(-EINVAL);
  EXPECT_EQ(error_number(raw(done)), EINVAL);
  Message fine(NLMSG_DONE, 0);
  fine.header(0);
  EXPECT_EQ(error_number(raw(fine)), 0);
  EXPECT_EQ(error_number(raw(veth())), 0);
}

TEST(NetlinkRecords, overflowing_request_says_so) {
  Message message(RTM_NEWLINK, 0);
  message.header(ifinfomsg{});
  EXPECT_TRUE(message.complete());
  message.put(IFLA_IFALIAS, std::string(100000, 'x'));
  EXPECT_FALSE(message.complete());
}

}  // namespace
}  // namespace bayplan::kernel
