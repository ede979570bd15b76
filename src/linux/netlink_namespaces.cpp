// The part of NetlinkSocket that deals with other namespaces by their numbers.
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include <cerrno>

#include "linux/link_message.hpp"
#include "linux/netlink.hpp"

namespace bayplan::kernel {
namespace {

// How requests that are meant for a namespace are answered where there is none with that number, or it is just ending
// and still listed.
constexpr int kNoNamespace = EINVAL;

Error no_namespace(int namespace_id) {
  return fail(ErrorCode::not_found, "there is no network namespace with the number {} any more", namespace_id);
}

}  // namespace

Result<int> NetlinkSocket::namespace_id(int namespace_fd) {
  const auto request = [&](int type) {
    Message message(type, 0);
    message.header(rtgenmsg{}).put_u32(NETNSA_FD, static_cast<std::uint32_t>(namespace_fd));
    return message;
  };
  int id = NETNSA_NSID_NOT_ASSIGNED;
  const auto read = [&](const nlmsghdr* answer) -> Result<> {
    if (answer->nlmsg_type == RTM_NEWNSID) id = TRY(parse_namespace_id(answer));
    return {};
  };
  TRY(exchange(request(RTM_GETNSID), read).in("look up a namespace's number"));
  if (id != NETNSA_NSID_NOT_ASSIGNED) return id;
  Message assign = request(RTM_NEWNSID);
  assign.put_u32(NETNSA_NSID, static_cast<std::uint32_t>(NETNSA_NSID_NOT_ASSIGNED));
  // Somebody else, or the kernel itself, may have done it in between.
  auto assigned = exchange(std::move(assign));
  if (!assigned.ok() && assigned.error().code != ErrorCode::exists) {
    return std::move(assigned).in("number a namespace").error();
  }
  TRY(exchange(request(RTM_GETNSID), read).in("look up a namespace's number"));
  return id;
}

Result<std::vector<int>> NetlinkSocket::namespace_ids() {
  const auto request = [] {
    Message message(RTM_GETNSID, NLM_F_DUMP);
    message.header(rtgenmsg{});
    return message;
  };
  std::vector<int> found;
  const auto add = [&](const nlmsghdr* message) -> Result<> {
    if (message->nlmsg_type == RTM_NEWNSID) found.push_back(TRY(parse_namespace_id(message)));
    return {};
  };
  TRY(dump(request, [&] { found.clear(); }, add).in("list namespaces"));
  return found;
}

Result<std::vector<Link>> NetlinkSocket::links_in(int namespace_id) {
  const auto request = [namespace_id] {
    Message message(RTM_GETLINK, NLM_F_DUMP);
    message.header(link_header()).put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    message.put_u32(IFLA_TARGET_NETNSID, static_cast<std::uint32_t>(namespace_id));
    return message;
  };
  std::vector<Link> found;
  bool gone = false;
  const auto add = [&](const nlmsghdr* message) -> Result<> {
    gone = gone || error_number(message) == kNoNamespace;
    if (message->nlmsg_type == RTM_NEWLINK) found.push_back(TRY(parse_link(message)));
    return {};
  };
  auto listed = dump(request, [&] { found.clear(); }, add).in(fmt::format("list links of namespace {}", namespace_id));
  if (gone) return no_namespace(namespace_id);
  TRY(std::move(listed));
  return found;
}

Result<std::optional<Link>> NetlinkSocket::find_link_in(int namespace_id, const std::string& name) {
  Message message(RTM_GETLINK, 0);
  message.header(link_header()).put(IFLA_IFNAME, name).put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  message.put_u32(IFLA_TARGET_NETNSID, static_cast<std::uint32_t>(namespace_id));
  std::optional<Link> found;
  bool gone = false;
  auto done = exchange(std::move(message), [&](const nlmsghdr* answer) -> Result<> {
    gone = error_number(answer) == kNoNamespace;
    if (answer->nlmsg_type == RTM_NEWLINK) found = TRY(parse_link(answer));
    return {};
  });
  if (gone) return no_namespace(namespace_id);
  if (!done.ok() && done.error().code == ErrorCode::not_found) return std::optional<Link>{};
  TRY(std::move(done).in(fmt::format("look up {} in namespace {}", name, namespace_id)));
  return found;
}

Result<> NetlinkSocket::delete_link_in(int namespace_id, int index) {
  Message message(RTM_DELLINK, 0);
  message.header(link_header(index)).put_u32(IFLA_TARGET_NETNSID, static_cast<std::uint32_t>(namespace_id));
  bool gone = false;
  auto deleted = exchange(std::move(message), [&](const nlmsghdr* answer) -> Result<> {
    gone = error_number(answer) == kNoNamespace;
    return {};
  });
  if (gone) return no_namespace(namespace_id);
  return std::move(deleted).in("delete the link in its namespace");
}

}  // namespace bayplan::kernel
