#include "linux/gratuitous_arp.hpp"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

namespace bayplan::kernel {
namespace {

struct Frame {
  ether_header ethernet;
  ether_arp arp;
};
static_assert(sizeof(Frame) == 42);

Frame announcement(const model::IpAddress& address, const model::MacAddress& mac) {
  Frame frame{};
  std::ranges::fill(frame.ethernet.ether_dhost, std::uint8_t{0xff});
  std::ranges::copy(mac.bytes, frame.ethernet.ether_shost);
  frame.ethernet.ether_type = htons(ETHERTYPE_ARP);
  frame.arp.arp_hrd = htons(ARPHRD_ETHER);
  frame.arp.arp_pro = htons(ETHERTYPE_IP);
  frame.arp.arp_hln = ETHER_ADDR_LEN;
  frame.arp.arp_pln = 4;
  frame.arp.arp_op = htons(ARPOP_REQUEST);
  std::ranges::copy(mac.bytes, frame.arp.arp_sha);
  std::ranges::copy(address.bytes(), frame.arp.arp_spa);
  std::ranges::copy(address.bytes(), frame.arp.arp_tpa);
  return frame;
}

// The frame's bytes, with the 802.1Q header between the addresses and the type.
std::vector<std::uint8_t> bytes_of(const Frame& frame, std::optional<std::uint16_t> vlan) {
  const auto* start = reinterpret_cast<const std::uint8_t*>(&frame);
  std::vector<std::uint8_t> bytes(start, start + sizeof frame);
  if (!vlan) return bytes;
  const std::array<std::uint8_t, 4> tag{ETHERTYPE_VLAN >> 8, ETHERTYPE_VLAN & 0xff,
                                        static_cast<std::uint8_t>(*vlan >> 8), static_cast<std::uint8_t>(*vlan & 0xff)};
  bytes.insert(bytes.begin() + 2 * ETHER_ADDR_LEN, tag.begin(), tag.end());
  return bytes;
}

}  // namespace

Result<GratuitousArp> GratuitousArp::open() {
  UniqueFd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno(ErrorCode::kernel, "open a packet socket", errno);
  return GratuitousArp(std::move(socket));
}

Result<> GratuitousArp::send(int link, const model::IpAddress& address, const model::MacAddress& mac,
                             std::optional<std::uint16_t> vlan) const {
  if (!address.is_v4())
    return fail(ErrorCode::unsupported, "{} is no IPv4 address: ARP is not for it", address.to_string());
  const Frame frame = announcement(address, mac);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = link;
  to.sll_protocol = htons(vlan ? ETHERTYPE_VLAN : ETHERTYPE_ARP);
  to.sll_halen = ETHER_ADDR_LEN;
  std::ranges::copy(frame.ethernet.ether_dhost, to.sll_addr);
  const auto bytes = bytes_of(frame, vlan);
  if (sendto(socket_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0) {
    return fail_errno(ErrorCode::kernel, fmt::format("announce {}", address.to_string()), errno);
  }
  return {};
}

}  // namespace bayplan::kernel
