// ARP announcements (RFC 5227, 2.3): a broadcast that tells every neighbour, and every switch on the way, which MAC an
// address has and where it is now.
//
// The socket belongs to the namespace of the thread that opened it and receives nothing. `send` may be called from any
// thread and does not block.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/address.hpp"

namespace bayplan::kernel {

class GratuitousArp {
 public:
  // `denied` without CAP_NET_RAW.
  static Result<GratuitousArp> open();

  // Out of the link of that index, as if `mac` itself had sent it. IPv4 only (`unsupported` otherwise); `kernel` when
  // the link is gone or down.
  // With a tag the frame has an 802.1Q header: for a link that is a trunk.
  [[nodiscard]] Result<> send(int link, const model::IpAddress& address, const model::MacAddress& mac,
                              std::optional<std::uint16_t> vlan = std::nullopt) const;

 private:
  explicit GratuitousArp(UniqueFd socket) : socket_(std::move(socket)) {}
  UniqueFd socket_;
};

}  // namespace bayplan::kernel
