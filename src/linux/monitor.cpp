#include "linux/monitor.hpp"

#include <fcntl.h>
#include <linux/if_bridge.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "linux/netlink_records.hpp"

namespace bayplan::kernel {
namespace {

constexpr int kReceiveBuffer = 4 << 20;  // bytes the kernel may keep for us; a message takes about 1 KiB of it
constexpr int kMostOfABurst = 4096;      // messages
constexpr int kGathering = 3;            // ms, from the first of a burst: what comes meanwhile is told together

Result<> set_option(int fd, int option, int value, std::string_view what) {
  if (setsockopt(fd, SOL_NETLINK, option, &value, sizeof value) == 0) return {};
  return fail_errno(ErrorCode::kernel, what, errno);
}

Result<UniqueFd> open_netlink() {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd) return fail_errno(ErrorCode::kernel, "open a netlink socket for events", errno);
  // With the right to it as much as is asked for, else as much as the system gives everybody.
  if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer) != 0) {
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  }
  // An unbound socket has the number 0, the kernel's own, which is left out of what the kernel tells.
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) {
    return fail_errno(ErrorCode::kernel, "bind a netlink socket", errno);
  }
  TRY(set_option(fd.get(), NETLINK_LISTEN_ALL_NSID, 1, "hear the events of other network namespaces"));
  for (const int group : {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE}) {
    TRY(set_option(fd.get(), NETLINK_ADD_MEMBERSHIP, group, "hear the kernel's events"));
  }
  return fd;
}

// The number of the namespace that a message is from; none: this one.
std::optional<int> namespace_of(msghdr& header) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr; control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_NETLINK || control->cmsg_type != NETLINK_LISTEN_ALL_NSID) continue;
    int id = 0;
    std::memcpy(&id, CMSG_DATA(control), sizeof id);
    return id;
  }
  return std::nullopt;
}

std::optional<HostEvent> link_event(const nlmsghdr* message, HostEvent::Kind kind) {
  const auto link = parse_link(message);
  if (!link.ok()) return std::nullopt;
  return HostEvent{kind, link->name, link->alias};
}

// ifi_change has the flags that just changed (net/core/rtnetlink.c, rtmsg_ifinfo).
bool went_down(const nlmsghdr* message) {
  if (nlmsg_valid_hdr(message, sizeof(ifinfomsg)) == 0) return false;
  const auto* header = static_cast<const ifinfomsg*>(nlmsg_data(message));
  // All of them where the message is for something else, as that a link is new.
  return header->ifi_change != ~0U && (header->ifi_change & IFF_UP) != 0 && (header->ifi_flags & IFF_UP) == 0;
}

// A port leaves its bridge by a message of the bridge's family (net/bridge/br_if.c, del_nbp).
bool is_of_bridge(const nlmsghdr* message) {
  if (nlmsg_valid_hdr(message, sizeof(ifinfomsg)) == 0) return false;
  return static_cast<const ifinfomsg*>(nlmsg_data(message))->ifi_family == AF_BRIDGE;
}

}  // namespace

std::optional<HostEvent> parse_host_event(const nlmsghdr* message) {
  using Kind = HostEvent::Kind;
  switch (message->nlmsg_type) {
    case RTM_DELLINK:
      return link_event(message, is_of_bridge(message) ? Kind::left_bridge : Kind::link_gone);
    case RTM_NEWLINK:
      return went_down(message) ? link_event(message, Kind::link_down) : std::nullopt;
    case RTM_DELADDR:
      return HostEvent{Kind::address_gone, {}, {}};
    case RTM_DELROUTE:
      return HostEvent{Kind::route_gone, {}, {}};
    default:
      return std::nullopt;
  }
}

Result<std::unique_ptr<Monitor>> Monitor::open(Handlers handlers) {
  auto netlink = TRY(open_netlink());
  UniqueFd mounts(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  if (!mounts) return fail_errno(ErrorCode::kernel, "open /proc/self/mountinfo", errno);
  UniqueFd stop(eventfd(0, EFD_CLOEXEC));
  if (!stop) return fail_errno(ErrorCode::kernel, "make an eventfd", errno);
  return std::unique_ptr<Monitor>(
      new Monitor(std::move(netlink), std::move(mounts), std::move(stop), std::move(handlers)));
}

Monitor::Monitor(UniqueFd netlink, UniqueFd mounts, UniqueFd stop, Handlers handlers)
    : netlink_(std::move(netlink)),
      mounts_(std::move(mounts)),
      stop_(std::move(stop)),
      handlers_(std::move(handlers)),
      thread_([this] { loop(); }) {
}

Monitor::~Monitor() {
  const std::uint64_t one = 1;
  static_cast<void>(!write(stop_.get(), &one, sizeof one));
  thread_.join();
}

void Monitor::loop() {
  std::array<pollfd, 3> waits{{{stop_.get(), POLLIN, 0}, {netlink_.get(), POLLIN, 0}, {mounts_.get(), POLLPRI, 0}}};
  while (true) {
    if (poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    if (waits[0].revents != 0) return;
    const bool netlink = waits[1].revents != 0;
    const bool mounts = waits[2].revents != 0;
    if (poll(waits.data(), 1, kGathering) > 0) return;
    if (netlink) tell(drain());
    if (mounts) handlers_.mounts();
  }
}

Monitor::Burst Monitor::drain() {
  Burst burst;
  alignas(nlmsghdr) std::array<char, 32 * 1024> buffer;
  for (int count = 0; count < kMostOfABurst; ++count) {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int)) * 2> control{};
    iovec part{buffer.data(), buffer.size()};
    sockaddr_nl from{};
    msghdr header{&from, sizeof from, &part, 1, control.data(), control.size(), 0};
    const ssize_t size = recvmsg(netlink_.get(), &header, 0);
    if (size < 0 && errno == ENOBUFS) burst.lost = true;
    if (size < 0 && (errno == ENOBUFS || errno == EINTR)) continue;
    if (size <= 0) break;
    if (from.nl_pid != 0) continue;  // not from the kernel
    if (const auto id = namespace_of(header)) {
      burst.namespaces.insert(*id);
      continue;
    }
    int left = static_cast<int>(size);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); nlmsg_ok(message, left) != 0;
         message = nlmsg_next(message, &left)) {
      if (auto event = parse_host_event(message)) burst.host.push_back(*std::move(event));
    }
  }
  return burst;
}

void Monitor::tell(const Burst& burst) {
  if (burst.lost) {
    handlers_.lost();
    return;
  }
  if (!burst.namespaces.empty()) handlers_.namespaces(burst.namespaces);
  if (!burst.host.empty()) handlers_.host(burst.host);
}

}  // namespace bayplan::kernel
