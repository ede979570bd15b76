// How requests about links begin. Part of NetlinkSocket, which is in several files.
#pragma once

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <string>

#include "linux/netlink_message.hpp"

namespace bayplan::kernel {

inline ifinfomsg link_header(int index = 0) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = index;
  return header;
}

inline Message new_link(const std::string& name) {
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  message.header(link_header()).put(IFLA_IFNAME, name);
  return message;
}

}  // namespace bayplan::kernel
