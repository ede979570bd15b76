#include "linux/arp_socket.hpp"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace bayplan::kernel {
namespace {

constexpr int kReceiveBuffer = 4 * 1024 * 1024;  // bytes: thousands of replies may come at once

// Only replies wake anybody: on a busy host most of ARP is requests.
Result<> take_only_replies(const UniqueFd& socket) {
  std::array<sock_filter, 4> code{{
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(arphdr, ar_op)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARPOP_REPLY, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  }};
  const sock_fprog program{code.size(), code.data()};
  if (setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
    return fail_errno(ErrorCode::kernel, "filter ARP replies", errno);
  }
  return {};
}

ether_arp probe_for(const model::MacAddress& sender, const model::IpAddress& address) {
  ether_arp arp{};
  arp.arp_hrd = htons(ARPHRD_ETHER);
  arp.arp_pro = htons(ETHERTYPE_IP);
  arp.arp_hln = ETHER_ADDR_LEN;
  arp.arp_pln = 4;
  arp.arp_op = htons(ARPOP_REQUEST);
  std::ranges::copy(sender.bytes, arp.arp_sha);
  std::ranges::copy(address.bytes(), arp.arp_tpa);
  return arp;
}

bool is_reply(const ether_arp& arp) {
  return arp.arp_op == htons(ARPOP_REPLY) && arp.arp_pro == htons(ETHERTYPE_IP) && arp.arp_hln == ETHER_ADDR_LEN &&
         arp.arp_pln == 4;
}

}  // namespace

// SOCK_DGRAM: the kernel writes the Ethernet header.
Result<ArpSocket> ArpSocket::open() {
  // Without a protocol until the filter stands, so that nothing else gets in before it.
  UniqueFd socket(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno(ErrorCode::kernel, "open a packet socket", errno);
  TRY(take_only_replies(socket));
  // More than net.core.rmem_max allows needs CAP_NET_ADMIN; what it gives will do.
  if (setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer) != 0) {
    setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  }
  sockaddr_ll all{};
  all.sll_family = AF_PACKET;
  all.sll_protocol = htons(ETHERTYPE_ARP);
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&all), sizeof all) != 0) {
    return fail_errno(ErrorCode::kernel, "listen to ARP", errno);
  }
  return ArpSocket(std::move(socket));
}

Result<bool> ArpSocket::ask(int link, const model::MacAddress& sender, const model::IpAddress& address) const {
  if (!address.is_v4())
    return fail(ErrorCode::unsupported, "{} is no IPv4 address: ARP is not for it", address.to_string());
  const ether_arp arp = probe_for(sender, address);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = link;
  to.sll_protocol = htons(ETHERTYPE_ARP);
  to.sll_halen = ETHER_ADDR_LEN;
  std::fill_n(to.sll_addr, ETHER_ADDR_LEN, std::uint8_t{0xff});
  if (sendto(socket_.get(), &arp, sizeof arp, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) >= 0) return true;
  if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR) return false;
  return fail_errno(ErrorCode::kernel, fmt::format("ask for {}", address.to_string()), errno);
}

Result<std::optional<ArpReply>> ArpSocket::receive() const {
  for (;;) {
    ether_arp arp{};
    sockaddr_ll from{};
    socklen_t length = sizeof from;
    const auto size = recvfrom(socket_.get(), &arp, sizeof arp, 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (size < 0 && errno == EAGAIN) return std::optional<ArpReply>();
    // A link that went down says so once on every socket that has sent by it.
    if (size < 0 && (errno == EINTR || errno == ENETDOWN)) continue;
    if (size < 0) return fail_errno(ErrorCode::kernel, "receive ARP", errno);
    if (static_cast<std::size_t>(size) < sizeof arp || from.sll_pkttype == PACKET_OUTGOING || !is_reply(arp)) continue;
    ArpReply reply;
    reply.link = from.sll_ifindex;
    std::ranges::copy(arp.arp_sha, reply.mac.bytes.begin());
    reply.address = model::IpAddress::v4((std::uint32_t{arp.arp_spa[0]} << 24) | (std::uint32_t{arp.arp_spa[1]} << 16) |
                                         (std::uint32_t{arp.arp_spa[2]} << 8) | std::uint32_t{arp.arp_spa[3]});
    return std::optional(reply);
  }
}

}  // namespace bayplan::kernel
