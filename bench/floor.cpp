#include "floor.hpp"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace bench {
namespace {

[[noreturn]] void fail(std::string_view what, int error) {
  throw std::runtime_error(std::string(what) + ": " + std::strerror(error));
}

std::uint32_t to_network(std::uint32_t value) {
  return std::endian::native == std::endian::little ? __builtin_bswap32(value) : value;
}

// One request, built in place.
class Request {
 public:
  Request(std::uint16_t type, std::uint16_t flags) {
    auto* header = reinterpret_cast<nlmsghdr*>(bytes_.data());
    header->nlmsg_type = type;
    header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  }
  template <typename T>
  Request& add(const T& value) {
    std::memcpy(bytes_.data() + size_, &value, sizeof value);
    size_ += NLMSG_ALIGN(sizeof value);
    return *this;
  }
  Request& attribute(int type, const void* data, std::size_t size) {
    add(rtattr{static_cast<std::uint16_t>(RTA_LENGTH(size)), static_cast<std::uint16_t>(type)});
    std::memcpy(bytes_.data() + size_, data, size);
    size_ += RTA_ALIGN(size);
    return *this;
  }
  Request& attribute(int type, std::uint32_t value) { return attribute(type, &value, sizeof value); }
  Request& attribute(int type, std::string_view text) {
    return attribute(type, std::string(text).c_str(), text.size() + 1);
  }
  std::size_t open(int type) {
    const auto at = size_;
    add(rtattr{0, static_cast<std::uint16_t>(type)});
    return at;
  }
  void close(std::size_t at) {
    reinterpret_cast<rtattr*>(bytes_.data() + at)->rta_len = static_cast<std::uint16_t>(size_ - at);
  }
  void exchange(int socket, std::string_view what) {
    auto* header = reinterpret_cast<nlmsghdr*>(bytes_.data());
    header->nlmsg_len = static_cast<std::uint32_t>(size_);
    if (send(socket, bytes_.data(), size_, 0) < 0) fail(what, errno);
    std::array<char, 4096> answer{};
    const auto got = recv(socket, answer.data(), answer.size(), 0);
    if (got < 0) fail(what, errno);
    const auto* first = reinterpret_cast<const nlmsghdr*>(answer.data());
    const int error = first->nlmsg_type == NLMSG_ERROR ? static_cast<const nlmsgerr*>(NLMSG_DATA(first))->error : 0;
    if (error != 0) fail(what, -error);
  }

 private:
  alignas(nlmsghdr) std::array<char, 1024> bytes_{};
  std::size_t size_ = NLMSG_HDRLEN;
};

ifinfomsg link_header(int index, bool up) {
  ifinfomsg header{};
  header.ifi_index = index;
  if (up) header.ifi_flags = header.ifi_change = IFF_UP;
  return header;
}

// Without an IPv6 address of its own, which each new port would have all the others look for. Not in the same request as
// IFF_UP, which the kernel carries out first.
void set_up(int socket, int index) {
  Request quiet(RTM_NEWLINK, 0);
  quiet.add(link_header(index, false));
  const auto spec = quiet.open(IFLA_AF_SPEC);
  const auto inet6 = quiet.open(AF_INET6);
  const std::uint8_t none = IN6_ADDR_GEN_MODE_NONE;
  quiet.attribute(IFLA_INET6_ADDR_GEN_MODE, &none, sizeof none);
  quiet.close(inet6);
  quiet.close(spec);
  quiet.exchange(socket, "set a link's IPv6 mode");
  Request(RTM_NEWLINK, 0).add(link_header(index, true)).exchange(socket, "set a link up");
}

void add_address(int socket, int index, std::uint32_t address, unsigned prefix) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = static_cast<unsigned char>(prefix);
  header.ifa_index = static_cast<unsigned>(index);
  const auto bytes = to_network(address);
  Request request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  request.add(header).attribute(IFA_LOCAL, bytes).attribute(IFA_ADDRESS, bytes);
  request.exchange(socket, "add an address");
}

void add_default_route(int socket, std::uint32_t gateway) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_type = RTN_UNICAST;
  Request request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  request.add(header).attribute(RTA_GATEWAY, to_network(gateway));
  request.exchange(socket, "add a default route");
}

int open_netlink() {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) fail("open a netlink socket", errno);
  return fd;
}

// A socket of that namespace. A thread of its own goes in, as nobody's main thread should.
int open_netlink_in(int netns) {
  int opened = -1;
  std::thread([&] {
    if (setns(netns, CLONE_NEWNET) == 0) opened = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  }).join();
  if (opened < 0) fail("enter a namespace", errno);
  return opened;
}

// Indices of our choice, so that none need be looked up (the peer's counts only where the other's is given, too:
// drivers/net/veth.c).
void make_veth(int socket, const std::string& host_name, int bridge, int netns, int host_index, int inner_index) {
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  request.add(link_header(host_index, false)).attribute(IFLA_IFNAME, host_name);
  request.attribute(IFLA_MASTER, static_cast<std::uint32_t>(bridge));
  const auto info = request.open(IFLA_LINKINFO);
  request.attribute(IFLA_INFO_KIND, "veth");
  const auto data = request.open(IFLA_INFO_DATA);
  const auto peer = request.open(VETH_INFO_PEER);
  request.add(link_header(inner_index, false)).attribute(IFLA_IFNAME, "eth1");
  request.attribute(IFLA_NET_NS_FD, static_cast<std::uint32_t>(netns));
  request.close(peer);
  request.close(data);
  request.close(info);
  request.exchange(socket, "make a veth pair");
}

}  // namespace

int index_of(const std::string& link) {
  const auto index = if_nametoindex(link.c_str());
  if (index == 0) fail("find " + link, errno);
  return static_cast<int>(index);
}

Floor::Floor() : socket_(open_netlink()) {
}
Floor::~Floor() {
  close(socket_);
}

void Floor::attach(const std::string& host_name, int bridge, const std::string& netns, std::uint32_t address,
                   unsigned prefix, std::uint32_t gateway) {
  constexpr int kInner = 1000;
  const int outer = next_index_++;
  const int inside = ::open(netns.c_str(), O_RDONLY | O_CLOEXEC);
  if (inside < 0) fail("open " + netns, errno);
  make_veth(socket_, host_name, bridge, inside, outer, kInner);
  set_up(socket_, outer);
  const int there = open_netlink_in(inside);
  set_up(there, kInner);
  add_address(there, kInner, address, prefix);
  add_default_route(there, gateway);
  close(there);
  close(inside);
}

void Floor::detach(const std::string& host_name) {
  Request(RTM_DELLINK, 0).add(link_header(index_of(host_name), false)).exchange(socket_, "remove a link");
}

void Floor::make_bridge(const std::string& name, std::uint32_t address, unsigned prefix) {
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  request.add(link_header(0, false)).attribute(IFLA_IFNAME, name);
  const auto info = request.open(IFLA_LINKINFO);
  request.attribute(IFLA_INFO_KIND, "bridge");
  request.close(info);
  request.exchange(socket_, "make a bridge");
  add_address(socket_, index_of(name), address, prefix);
  set_up(socket_, index_of(name));
}

}  // namespace bench
