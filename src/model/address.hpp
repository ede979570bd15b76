// IP addresses, subnets, ranges and MAC addresses: plain values, no I/O.
//
// Both families are the same type, so that the plan and the store need no change for IPv6; addresses order by family,
// then numerically.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace bayplan::model {

class IpAddress {
 public:
  IpAddress() = default;  // 0.0.0.0
  static IpAddress v4(std::uint32_t host_order);
  // 4 or 16 bytes in network order; anything else is `corrupt`.
  static Result<IpAddress> from_bytes(std::span<const std::uint8_t> bytes);
  // Dotted quad or RFC 4291 text; `invalid` otherwise. No host names, no prefix length.
  static Result<IpAddress> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const { return v4_; }
  [[nodiscard]] unsigned bits() const { return v4_ ? 32 : 128; }
  // Only of an IPv4 address: host byte order.
  [[nodiscard]] std::uint32_t to_v4() const;
  // 4 or 16 bytes, network order; valid as long as the address.
  [[nodiscard]] std::span<const std::uint8_t> bytes() const;
  [[nodiscard]] std::string to_string() const;
  // The address `count` further on; nothing when that passes the end of the address space.
  [[nodiscard]] std::optional<IpAddress> plus(std::uint64_t count) const;

  friend auto operator<=>(const IpAddress& a, const IpAddress& b) {
    if (const auto family = b.v4_ <=> a.v4_; family != 0) return family;
    return a.bytes_ <=> b.bytes_;
  }
  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  bool v4_ = true;
  std::array<std::uint8_t, 16> bytes_{};  // IPv4 in the first four
};

// A network prefix, its host bits zero.
class Subnet {
 public:
  Subnet() = default;
  // "172.16.1.0/24". `invalid` when malformed, or when host bits are set: the message then names the right subnet.
  static Result<Subnet> parse(std::string_view text);
  // The subnet of that length around an address.
  static Subnet around(const IpAddress& address, unsigned prefix_length);

  [[nodiscard]] const IpAddress& base() const { return base_; }
  [[nodiscard]] unsigned prefix_length() const { return prefix_length_; }
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] bool contains(const Subnet& other) const;
  [[nodiscard]] bool overlaps(const Subnet& other) const;
  // The last address; of an IPv4 subnet its broadcast address.
  [[nodiscard]] IpAddress last() const;
  // The first and last address that a host may have: IPv4 keeps the network and the broadcast address out (not in a
  // /31 or /32, RFC 3021), IPv6 the subnet-router anycast address (RFC 4291, 2.6.1).
  [[nodiscard]] IpAddress first_host() const;
  [[nodiscard]] IpAddress last_host() const;
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const Subnet&, const Subnet&) = default;
  friend bool operator==(const Subnet&, const Subnet&) = default;

 private:
  IpAddress base_;
  unsigned prefix_length_ = 0;
};

// From first to last, both included.
struct AddressRange {
  IpAddress first;
  IpAddress last;

  // "172.16.1.10-172.16.1.20", or one address; `invalid` when upside down or of mixed families.
  static Result<AddressRange> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const { return first <= address && address <= last; }
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

// "172.16.1.2/24": an address with the prefix length of its subnet, as interfaces carry it.
std::string with_prefix(const IpAddress& address, const Subnet& subnet);
// Reads "172.16.1.2/24"; gives the address and the subnet around it.
Result<std::pair<IpAddress, Subnet>> parse_with_prefix(std::string_view text);

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  // "02:2a:ac:10:01:02", any case; `invalid` otherwise.
  static Result<MacAddress> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  friend auto operator<=>(const MacAddress&, const MacAddress&) = default;
};

// The MAC of an address: 02 (locally administered, unicast), the network's salt, the four IPv4 bytes; of an IPv6
// address the last four bytes. An address always has the same MAC, so no neighbour's ARP cache goes stale whoever
// holds it.
MacAddress mac_of(std::uint8_t salt, const IpAddress& address);
// The IPv4 address that a MAC of mac_of has in it; nothing for one that begins otherwise. Whether it is that address's
// MAC, its network's salt says.
std::optional<IpAddress> address_of(const MacAddress& mac);

}  // namespace bayplan::model

template <>
struct std::hash<bayplan::model::IpAddress> {
  std::size_t operator()(const bayplan::model::IpAddress& address) const noexcept {
    const auto bytes = address.bytes();
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
};
