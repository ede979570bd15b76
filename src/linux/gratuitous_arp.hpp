// ARP announcements (RFC 5227, 2.3): a broadcast that tells every neighbour, and every switch on the way, which MAC an
// address has and where it is now.
//
// The socket belongs to the namespace of the thread that opened it and receives nothing. `send` may be called from any
// thread and does not block.
#pragma once

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
  [[nodiscard]] Result<> send(int link, const model::IpAddress& address, const model::MacAddress& mac) const;

 private:
  explicit GratuitousArp(UniqueFd socket) : socket_(std::move(socket)) {}
  UniqueFd socket_;
};

}  // namespace bayplan::kernel
