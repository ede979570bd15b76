#include "linux/netlink.hpp"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "linux/link_message.hpp"

namespace bayplan::kernel {
namespace {

constexpr timeval kLongestWait{5, 0};
constexpr int kDumpAttempts = 20;
constexpr std::size_t kReceiveBuffer = 64 * 1024;  // the kernel fills dumps up to 32 KiB a message

Error from_libnl(std::string_view what, int error) {
  const int number = std::abs(error);
  if (number == NLE_AGAIN) return fail(ErrorCode::timeout, "{}: the kernel does not answer", what);
  const bool denied = number == NLE_PERM || number == NLE_NOACCESS;
  return fail(denied ? ErrorCode::denied : ErrorCode::kernel, "{}: {}", what, nl_geterror(number));
}

ErrorCode code_of(int error_number) {
  switch (error_number) {
    case EPERM:
    case EACCES:
      return ErrorCode::denied;
    case EEXIST:
      return ErrorCode::exists;
    case ENODEV:
    case ESRCH:  // routes
    case ENXIO:
    case EADDRNOTAVAIL:
    case ENETUNREACH:
    case EHOSTUNREACH:
      return ErrorCode::not_found;
    case EBUSY:
      return ErrorCode::in_use;
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
      return ErrorCode::unsupported;
    default:
      return ErrorCode::kernel;
  }
}

Error refusal(int error_number, const std::string& words = {}) {
  return fail(code_of(error_number), "{}{}", std::generic_category().message(error_number), words);
}

// The sentence that newer kernels add to an error (NETLINK_EXT_ACK); empty if there is none.
std::string kernel_words(const nlmsghdr* message) {
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  const auto* answer = static_cast<const nlmsgerr*>(nlmsg_data(message));
  std::size_t offset = sizeof(nlmsgerr);
  const std::size_t echoed = answer->msg.nlmsg_len;
  if ((message->nlmsg_flags & NLM_F_CAPPED) == 0 && echoed > sizeof(nlmsghdr)) offset += echoed - sizeof(nlmsghdr);
  const auto size = static_cast<std::size_t>(nlmsg_datalen(message));
  if (offset >= size) return {};
  auto* first = reinterpret_cast<nlattr*>(static_cast<char*>(nlmsg_data(message)) + offset);
  const nlattr* words = nla_find(first, static_cast<int>(size - offset), NLMSGERR_ATTR_MSG);
  return words == nullptr ? std::string{} : fmt::format(" ({})", nla_get_string(words));
}

// An ACK is an error message with the number 0; kernel errors are negative.
Result<> read_answer(const nlmsghdr* message) {
  if (nlmsg_datalen(message) < static_cast<int>(sizeof(nlmsgerr))) {
    return fail(ErrorCode::corrupt, "the kernel's answer is malformed");
  }
  const int number = -static_cast<const nlmsgerr*>(nlmsg_data(message))->error;
  if (number == 0) return {};
  return refusal(number, kernel_words(message));
}

// How a lookup answers where the route found is a blackhole, prohibit, unreachable or throw one.
bool leads_nowhere(int error_number) {
  return error_number == EINVAL || error_number == EACCES || error_number == EHOSTUNREACH || error_number == EAGAIN ||
         error_number == ENETUNREACH;
}

// A dump that fails ends in NLMSG_DONE with the error's number.
Result<> read_done(const nlmsghdr* message) {
  if (nlmsg_datalen(message) < static_cast<int>(sizeof(int))) return {};
  const int number = -*static_cast<const int*>(nlmsg_data(message));
  if (number <= 0) return {};
  return refusal(number);
}

Message link_listing() {
  Message message(RTM_GETLINK, NLM_F_DUMP);
  message.header(link_header()).put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return message;
}

template <typename Header>
Message listing(int type) {
  Message message(type, NLM_F_DUMP);
  message.header(Header{});
  return message;
}

void put_bridge(Message& message, bool no_stp, bool no_forward_delay) {
  message.nest(IFLA_LINKINFO, [&](Message& info) {
    info.put(IFLA_INFO_KIND, "bridge").nest(IFLA_INFO_DATA, [&](Message& data) {
      if (no_stp) data.put_u32(IFLA_BR_STP_STATE, 0);
      if (no_forward_delay) data.put_u32(IFLA_BR_FORWARD_DELAY, 0);
    });
  });
}

void put_no_ipv6_autoconf(Message& message) {
  message.nest(IFLA_AF_SPEC, [](Message& spec) {
    spec.nest(AF_INET6, [](Message& inet6) { inet6.put_u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE); });
  });
}

ifinfomsg change_header(int index, const LinkChange& change) {
  ifinfomsg header = link_header(index);
  if (change.up) {
    header.ifi_change = IFF_UP;
    header.ifi_flags = *change.up ? IFF_UP : 0;
  }
  return header;
}

void put_changes(Message& message, const LinkChange& change) {
  if (change.alias) message.put(IFLA_IFALIAS, *change.alias);
  if (change.master) message.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(*change.master));
  if (change.mtu) message.put_u32(IFLA_MTU, *change.mtu);
  if (change.group) message.put_u32(IFLA_GROUP, *change.group);
  if (change.mac) message.put(IFLA_ADDRESS, change.mac->bytes);
  if (change.namespace_fd) message.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(*change.namespace_fd));
  if (change.no_stp || change.no_forward_delay) put_bridge(message, change.no_stp, change.no_forward_delay);
  if (change.no_ipv6_autoconf) put_no_ipv6_autoconf(message);
}

Message address_request(int type, int flags, int index, const model::IpAddress& address, unsigned prefix_length) {
  ifaddrmsg header{};
  header.ifa_family = address.is_v4() ? AF_INET : AF_INET6;
  header.ifa_prefixlen = static_cast<unsigned char>(prefix_length);
  header.ifa_index = static_cast<unsigned>(index);
  Message message(type, flags);
  message.header(header).put(IFA_LOCAL, address.bytes()).put(IFA_ADDRESS, address.bytes());
  return message;
}

rtmsg route_header(const model::IpAddress& address, unsigned prefix_length) {
  rtmsg header{};
  header.rtm_family = address.is_v4() ? AF_INET : AF_INET6;
  header.rtm_dst_len = static_cast<unsigned char>(prefix_length);
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_type = RTN_UNICAST;
  return header;
}

}  // namespace

void NetlinkSocket::Close::operator()(nl_sock* socket) const {
  nl_socket_free(socket);
}

NetlinkSocket::NetlinkSocket(nl_sock* socket) : socket_(socket) {
}
NetlinkSocket::NetlinkSocket(NetlinkSocket&&) noexcept = default;
NetlinkSocket& NetlinkSocket::operator=(NetlinkSocket&&) noexcept = default;
NetlinkSocket::~NetlinkSocket() = default;

Result<NetlinkSocket> NetlinkSocket::open() {
  NetlinkSocket opened(nl_socket_alloc());
  nl_sock* socket = opened.socket_.get();
  if (socket == nullptr) return fail(ErrorCode::kernel, "open a netlink socket: out of memory");
  if (const int error = nl_connect(socket, NETLINK_ROUTE); error < 0) {
    return from_libnl("open a netlink socket", error);
  }
  // A fixed buffer spares the extra system call by which libnl would ask for each message's size.
  nl_socket_set_msg_buf_size(socket, kReceiveBuffer);
  const int fd = nl_socket_get_fd(socket);
  const int one = 1;
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof one);  // more words in errors; older kernels lack it
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kLongestWait, sizeof kLongestWait) != 0) {
    return fail_errno(ErrorCode::kernel, "bound the netlink socket's waits", errno);
  }
  return opened;
}

Result<unsigned> NetlinkSocket::send(Message& message) {
  if (!message.complete()) return fail(ErrorCode::internal, "a netlink request outgrew its buffer");
  if (const int error = nl_send_auto(socket_.get(), message.get()); error < 0) {
    return from_libnl("send to the kernel", error);
  }
  return nlmsg_hdr(message.get())->nlmsg_seq;
}

// One datagram of the answer. Messages of another sequence are late ones of a request that timed out.
Result<NetlinkSocket::Progress> NetlinkSocket::receive(unsigned sequence, const Handler& handler) {
  sockaddr_nl from{};
  unsigned char* raw = nullptr;
  int remaining = nl_recv(socket_.get(), &from, &raw, nullptr);
  const std::unique_ptr<unsigned char, decltype(&std::free)> buffer(raw, &std::free);
  if (remaining <= 0) return from_libnl("receive from the kernel", remaining == 0 ? -NLE_AGAIN : remaining);
  bool interrupted = false;
  for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.get()); nlmsg_ok(message, remaining) != 0;
       message = nlmsg_next(message, &remaining)) {
    if (message->nlmsg_seq != sequence || from.nl_pid != 0) continue;
    interrupted = interrupted || (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    if (handler) TRY(handler(message));
    if (message->nlmsg_type == NLMSG_ERROR) {
      TRY(read_answer(message));
      return Progress::finished;
    }
    if (message->nlmsg_type == NLMSG_DONE) {
      TRY(read_done(message));
      return interrupted ? Progress::interrupted : Progress::finished;
    }
    if (message->nlmsg_type == NLMSG_OVERRUN) return fail(ErrorCode::kernel, "the kernel's answer was cut off");
  }
  return interrupted ? Progress::interrupted : Progress::more;
}

// An interrupted dump is read to its end all the same, so that the next answer starts clean.
Result<NetlinkSocket::Progress> NetlinkSocket::exchange_once(Message& message, const Handler& handler) {
  const unsigned sequence = TRY(send(message));
  const bool dump = (nlmsg_hdr(message.get())->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  bool interrupted = false;
  while (true) {
    const auto progress = TRY(receive(sequence, handler));
    interrupted = interrupted || progress == Progress::interrupted;
    if (progress == Progress::finished) return interrupted ? Progress::interrupted : Progress::finished;
    if (progress == Progress::interrupted && !dump) return progress;
  }
}

Result<> NetlinkSocket::exchange(Message&& message, const Handler& handler) {
  TRY(exchange_once(message, handler));
  return {};
}

Result<> NetlinkSocket::dump(const std::function<Message()>& request, const std::function<void()>& restart,
                             const Handler& handler) {
  for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
    restart();
    Message message = request();
    if (TRY(exchange_once(message, handler)) == Progress::finished) return {};
  }
  return fail(ErrorCode::kernel, "what was to be listed changed {} times while it was listed", kDumpAttempts);
}

Result<std::vector<Link>> NetlinkSocket::links() {
  std::vector<Link> found;
  const auto add = [&](const nlmsghdr* message) -> Result<> {
    if (message->nlmsg_type == RTM_NEWLINK) found.push_back(TRY(parse_link(message)));
    return {};
  };
  TRY(dump(link_listing, [&] { found.clear(); }, add).in("list links"));
  return found;
}

Result<std::optional<Link>> NetlinkSocket::find_link(const std::string& name) {
  std::optional<Link> found;
  Message message(RTM_GETLINK, 0);
  message.header(link_header()).put(IFLA_IFNAME, name).put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  auto done = exchange(std::move(message), [&](const nlmsghdr* answer) -> Result<> {
    if (answer->nlmsg_type == RTM_NEWLINK) found = TRY(parse_link(answer));
    return {};
  });
  if (!done.ok() && done.error().code == ErrorCode::not_found) return std::optional<Link>{};
  TRY(std::move(done).in(fmt::format("look up {}", name)));
  return found;
}

Result<std::vector<InterfaceAddress>> NetlinkSocket::addresses() {
  std::vector<InterfaceAddress> found;
  const auto add = [&](const nlmsghdr* message) -> Result<> {
    if (message->nlmsg_type == RTM_NEWADDR) found.push_back(TRY(parse_address(message)));
    return {};
  };
  TRY(dump([] { return listing<ifaddrmsg>(RTM_GETADDR); }, [&] { found.clear(); }, add).in("list addresses"));
  return found;
}

Result<std::vector<RouteEntry>> NetlinkSocket::routes() {
  std::vector<RouteEntry> found;
  const auto add = [&](const nlmsghdr* message) -> Result<> {
    if (message->nlmsg_type != RTM_NEWROUTE) return {};
    if (auto route = TRY(parse_route(message))) found.push_back(*route);
    return {};
  };
  TRY(dump([] { return listing<rtmsg>(RTM_GETROUTE); }, [&] { found.clear(); }, add).in("list routes"));
  return found;
}

Result<> NetlinkSocket::create_bridge(const std::string& name, const model::MacAddress& mac) {
  Message message = new_link(name);
  message.put(IFLA_ADDRESS, mac.bytes);
  put_bridge(message, true, true);
  return exchange(std::move(message)).in(fmt::format("create bridge {}", name));
}

Result<> NetlinkSocket::create_veth(const VethSettings& veth) {
  Message message = new_link(veth.name);
  if (veth.master != 0) message.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(veth.master));
  if (veth.mtu != 0) message.put_u32(IFLA_MTU, veth.mtu);
  const auto peer = [&](Message& far) {
    far.header(link_header()).put(IFLA_IFNAME, veth.peer_name).put(IFLA_ADDRESS, veth.peer_mac.bytes);
    if (veth.mtu != 0) far.put_u32(IFLA_MTU, veth.mtu);
    if (veth.peer_namespace >= 0) far.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(veth.peer_namespace));
  };
  message.nest(IFLA_LINKINFO, [&](Message& info) {
    info.put(IFLA_INFO_KIND, "veth").nest(IFLA_INFO_DATA, [&](Message& data) { data.nest(VETH_INFO_PEER, peer); });
  });
  return exchange(std::move(message)).in(fmt::format("create veth {}", veth.name));
}

Result<> NetlinkSocket::change_link(int index, const LinkChange& change) {
  Message message(RTM_NEWLINK, 0);
  message.header(change_header(index, change));
  if (change.name) message.put(IFLA_IFNAME, *change.name);
  put_changes(message, change);
  return exchange(std::move(message)).in("change the link");
}

Result<> NetlinkSocket::change_link(const std::string& name, const LinkChange& change) {
  Message message(RTM_NEWLINK, 0);
  message.header(change_header(0, change)).put(IFLA_IFNAME, name);
  put_changes(message, change);
  return exchange(std::move(message)).in(fmt::format("change {}", name));
}

Result<> NetlinkSocket::delete_link(int index) {
  Message message(RTM_DELLINK, 0);
  message.header(link_header(index));
  return exchange(std::move(message)).in("delete the link");
}

Result<> NetlinkSocket::delete_group(std::uint32_t group) {
  Message message(RTM_DELLINK, 0);
  message.header(link_header()).put_u32(IFLA_GROUP, group);
  return exchange(std::move(message)).in("delete several links");
}

Result<> NetlinkSocket::add_address(int index, const model::IpAddress& address, unsigned prefix_length) {
  Message message = address_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, address, prefix_length);
  if (address.is_v4() && prefix_length < 31) {
    message.put(IFA_BROADCAST, model::Subnet::around(address, prefix_length).last().bytes());
  }
  return exchange(std::move(message)).in(fmt::format("add address {}", address.to_string()));
}

Result<> NetlinkSocket::remove_address(int index, const model::IpAddress& address, unsigned prefix_length) {
  return exchange(address_request(RTM_DELADDR, 0, index, address, prefix_length))
      .in(fmt::format("remove address {}", address.to_string()));
}

Result<> NetlinkSocket::forget_neighbour(int index, const model::IpAddress& address) {
  ndmsg header{};
  header.ndm_family = address.is_v4() ? AF_INET : AF_INET6;
  header.ndm_ifindex = index;
  const auto request = [&](std::uint16_t type) {
    Message message(type, 0);
    message.header(header).put(NDA_DST, address.bytes());
    return message;
  };
  bool is_kept = false;
  auto done = exchange(request(RTM_GETNEIGH), [&](const nlmsghdr* message) -> Result<> {
    if (message->nlmsg_type == RTM_NEWNEIGH) is_kept = TRY(parse_is_permanent(message));
    return {};
  });
  if (done.ok() && !is_kept) done = exchange(request(RTM_DELNEIGH));
  if (!done.ok() && done.error().code == ErrorCode::not_found) return {};
  return std::move(done).in(fmt::format("forget the neighbour {}", address.to_string()));
}

Result<int> NetlinkSocket::route_link(const model::IpAddress& address) {
  int link = 0;
  bool nowhere = false;
  rtmsg header{};
  header.rtm_family = address.is_v4() ? AF_INET : AF_INET6;
  header.rtm_dst_len = static_cast<unsigned char>(address.bits());
  Message message(RTM_GETROUTE, 0);
  message.header(header).put(RTA_DST, address.bytes());
  auto done = exchange(std::move(message), [&](const nlmsghdr* answer) -> Result<> {
    if (answer->nlmsg_type == RTM_NEWROUTE) link = TRY(parse_route_link(answer));
    nowhere = leads_nowhere(error_number(answer));
    return {};
  });
  if (nowhere) return 0;
  TRY(std::move(done).in(fmt::format("look up the route to {}", address.to_string())));
  return link;
}

Result<> NetlinkSocket::add_route(const model::Subnet& destination, int index, const model::IpAddress& source) {
  rtmsg header = route_header(destination.base(), destination.prefix_length());
  header.rtm_scope = RT_SCOPE_LINK;
  header.rtm_protocol = RTPROT_KERNEL;
  Message message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  message.header(header).put(RTA_DST, destination.base().bytes()).put(RTA_PREFSRC, source.bytes());
  message.put_u32(RTA_OIF, static_cast<std::uint32_t>(index));
  return exchange(std::move(message)).in(fmt::format("add route {}", destination.to_string()));
}

Result<> NetlinkSocket::remove_route(const model::Subnet& destination, int index) {
  rtmsg header = route_header(destination.base(), destination.prefix_length());
  header.rtm_scope = RT_SCOPE_NOWHERE;  // whatever it is
  Message message(RTM_DELROUTE, 0);
  message.header(header).put(RTA_DST, destination.base().bytes());
  message.put_u32(RTA_OIF, static_cast<std::uint32_t>(index));
  return exchange(std::move(message)).in(fmt::format("remove route {}", destination.to_string()));
}

Result<> NetlinkSocket::add_default_route(const model::IpAddress& gateway, int index) {
  rtmsg header = route_header(gateway, 0);
  header.rtm_protocol = RTPROT_STATIC;
  Message message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  message.header(header).put(RTA_GATEWAY, gateway.bytes());
  if (index != 0) message.put_u32(RTA_OIF, static_cast<std::uint32_t>(index));
  return exchange(std::move(message)).in(fmt::format("add default route via {}", gateway.to_string()));
}

Result<Ipv4Routes> NetlinkSocket::ipv4_routes() {
  Ipv4Routes found;
  const auto request = [] {
    rtmsg header{};
    header.rtm_family = AF_INET;
    Message message(RTM_GETROUTE, NLM_F_DUMP);
    message.header(header);
    return message;
  };
  const auto add = [&](const nlmsghdr* message) -> Result<> {
    if (message->nlmsg_type != RTM_NEWROUTE) return {};
    if (auto route = TRY(parse_route(message))) found.subnets.push_back(*route);
    if (auto route = TRY(parse_default_route(message))) found.defaults.push_back(*std::move(route));
    found.refuses_default = found.refuses_default || TRY(parse_is_refusal(message));
    return {};
  };
  TRY(dump(request, [&] { found = {}; }, add).in("list routes"));
  return found;
}

Result<> NetlinkSocket::remove_default_route(const DefaultRoute& route) {
  Message message(RTM_DELROUTE, 0);
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_scope = RT_SCOPE_NOWHERE;  // whatever it is
  message.header(header).put_u32(RTA_OIF, static_cast<std::uint32_t>(route.link)).put_u32(RTA_PRIORITY, route.metric);
  if (route.gateway) message.put(RTA_GATEWAY, route.gateway->bytes());
  return exchange(std::move(message)).in("remove the default route");
}

}  // namespace bayplan::kernel
