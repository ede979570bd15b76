#include "model/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "base/text.hpp"

namespace bayplan::model {
namespace {

// Clears (or sets) every bit behind the prefix.
void fill_host_bits(std::span<std::uint8_t> bytes, unsigned prefix_length, bool ones) {
  for (unsigned bit = prefix_length; bit < bytes.size() * 8; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> (bit % 8));
    if (ones) {
      bytes[bit / 8] |= mask;
    } else {
      bytes[bit / 8] &= static_cast<std::uint8_t>(~mask);
    }
  }
}

IpAddress with_host_bits(const IpAddress& address, unsigned prefix_length, bool ones) {
  std::array<std::uint8_t, 16> bytes{};
  const auto from = address.bytes();
  std::ranges::copy(from, bytes.begin());
  fill_host_bits(std::span(bytes).first(from.size()), prefix_length, ones);
  return *IpAddress::from_bytes(std::span(bytes).first(from.size()));
}

Result<unsigned> parse_prefix_length(std::string_view text, unsigned bits, std::string_view whole) {
  unsigned length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc{} || end != text.data() + text.size() || length > bits) {
    return fail(ErrorCode::invalid, "'{}' is not a subnet: write it as 172.16.1.0/24", shown(whole));
  }
  return length;
}

}  // namespace

IpAddress IpAddress::v4(std::uint32_t host_order) {
  IpAddress address;
  for (unsigned i = 0; i < 4; ++i) address.bytes_[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return address;
}

Result<IpAddress> IpAddress::from_bytes(std::span<const std::uint8_t> bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) {
    return fail(ErrorCode::corrupt, "an address of {} bytes: it must have 4 or 16", bytes.size());
  }
  IpAddress address;
  address.v4_ = bytes.size() == 4;
  std::ranges::copy(bytes, address.bytes_.begin());
  return address;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string terminated(text);
  IpAddress address;
  if (terminated.size() == std::char_traits<char>::length(terminated.c_str())) {
    if (inet_pton(AF_INET, terminated.c_str(), address.bytes_.data()) == 1) return address;
    address.v4_ = false;
    if (inet_pton(AF_INET6, terminated.c_str(), address.bytes_.data()) == 1) return address;
  }
  return fail(ErrorCode::invalid, "'{}' is not an IP address", shown(text));
}

std::uint32_t IpAddress::to_v4() const {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) value = value << 8 | bytes_[i];
  return value;
}

std::span<const std::uint8_t> IpAddress::bytes() const {
  return std::span(bytes_).first(v4_ ? 4 : 16);
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), text.data(), text.size());
  return text.data();
}

std::optional<IpAddress> IpAddress::plus(std::uint64_t count) const {
  IpAddress sum = *this;
  for (std::size_t i = v4_ ? 4 : 16; i-- > 0 && count > 0;) {
    const std::uint64_t digit = sum.bytes_[i] + (count & 0xff);
    sum.bytes_[i] = static_cast<std::uint8_t>(digit);
    count = (count >> 8) + (digit >> 8);
  }
  return count == 0 ? std::optional(sum) : std::nullopt;
}

Result<Subnet> Subnet::parse(std::string_view text) {
  auto [address, subnet] = TRY(parse_with_prefix(text));
  if (subnet.base() != address) {
    return fail(ErrorCode::invalid, "'{}' has host bits set: the subnet is {}", shown(text), subnet.to_string());
  }
  return subnet;
}

Subnet Subnet::around(const IpAddress& address, unsigned prefix_length) {
  Subnet subnet;
  subnet.prefix_length_ = std::min(prefix_length, address.bits());
  subnet.base_ = with_host_bits(address, subnet.prefix_length_, false);
  return subnet;
}

bool Subnet::contains(const IpAddress& address) const {
  return address.is_v4() == base_.is_v4() && base_ <= address && address <= last();
}

bool Subnet::contains(const Subnet& other) const {
  return prefix_length_ <= other.prefix_length_ && contains(other.base_);
}

bool Subnet::overlaps(const Subnet& other) const {
  return contains(other) || other.contains(*this);
}

IpAddress Subnet::last() const {
  return with_host_bits(base_, prefix_length_, true);
}

IpAddress Subnet::first_host() const {
  const bool all_usable = prefix_length_ + 1 >= base_.bits();
  return all_usable ? base_ : *base_.plus(1);
}

IpAddress Subnet::last_host() const {
  if (!base_.is_v4() || prefix_length_ >= 31) return last();
  return IpAddress::v4(last().to_v4() - 1);
}

std::string Subnet::to_string() const {
  return fmt::format("{}/{}", base_.to_string(), prefix_length_);
}

Result<AddressRange> AddressRange::parse(std::string_view text) {
  const auto dash = text.find('-');
  const auto first = TRY(IpAddress::parse(text.substr(0, dash)));
  if (dash == std::string_view::npos) return AddressRange{first, first};
  const auto last = TRY(IpAddress::parse(text.substr(dash + 1)));
  if (first.is_v4() != last.is_v4()) {
    return fail(ErrorCode::invalid, "'{}' mixes IPv4 and IPv6: write a range as 172.16.1.10-172.16.1.20", shown(text));
  }
  if (last < first) {
    return fail(ErrorCode::invalid, "the range '{}' is upside down: write it as {}-{}", shown(text), last.to_string(),
                first.to_string());
  }
  return AddressRange{first, last};
}

std::string AddressRange::to_string() const {
  return first == last ? first.to_string() : fmt::format("{}-{}", first.to_string(), last.to_string());
}

std::string with_prefix(const IpAddress& address, const Subnet& subnet) {
  return fmt::format("{}/{}", address.to_string(), subnet.prefix_length());
}

Result<std::pair<IpAddress, Subnet>> parse_with_prefix(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) {
    return fail(ErrorCode::invalid, "'{}' has no prefix length: write it as 172.16.1.0/24", shown(text));
  }
  const auto address = TRY(IpAddress::parse(text.substr(0, slash)));
  const unsigned length = TRY(parse_prefix_length(text.substr(slash + 1), address.bits(), text));
  return std::pair{address, Subnet::around(address, length)};
}

Result<MacAddress> MacAddress::parse(std::string_view text) {
  MacAddress mac;
  if (text.size() == 17) {
    for (std::size_t i = 0; i < 6; ++i) {
      const char* digits = text.data() + 3 * i;
      const auto [end, error] = std::from_chars(digits, digits + 2, mac.bytes[i], 16);
      const bool separated = i == 5 || digits[2] == ':';
      if (error != std::errc{} || end != digits + 2 || !separated) break;
      if (i == 5) return mac;
    }
  }
  return fail(ErrorCode::invalid, "'{}' is not a MAC address: write it as 02:00:ac:10:01:02", shown(text));
}

std::string MacAddress::to_string() const {
  return fmt::format("{:02x}", fmt::join(bytes, ":"));
}

MacAddress mac_of(std::uint8_t salt, const IpAddress& address) {
  MacAddress mac;
  mac.bytes[0] = 0x02;
  mac.bytes[1] = salt;
  std::ranges::copy(address.bytes().last(4), mac.bytes.begin() + 2);
  return mac;
}

std::optional<IpAddress> address_of(const MacAddress& mac) {
  if (mac.bytes[0] != 0x02) return std::nullopt;
  return *IpAddress::from_bytes(std::span(mac.bytes).last(4));
}

}  // namespace bayplan::model
