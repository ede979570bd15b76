// ARP requests out of any link of a namespace, and what comes back: one packet socket for a whole scan.
//
// Requests are ARP probes (RFC 5227, 2.1.1): their sender address is 0.0.0.0, so that no neighbour learns anything from
// them. The socket belongs to the namespace of the thread that opened it; one owner, not thread-safe; nothing blocks.
#pragma once

#include <optional>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/address.hpp"

namespace bayplan::kernel {

struct ArpReply {
  int link = 0;
  model::IpAddress address;  // the sender's
  model::MacAddress mac;
};

class ArpSocket {
 public:
  // `denied` without CAP_NET_RAW.
  static Result<ArpSocket> open();

  // Asks who has the address; `sender` is the link's MAC. False when the link's queue is full: try again. IPv4 only.
  [[nodiscard]] Result<bool> ask(int link, const model::MacAddress& sender, const model::IpAddress& address) const;
  // The next reply of somebody else's; nothing when there is none now.
  [[nodiscard]] Result<std::optional<ArpReply>> receive() const;
  // Readable when there is one.
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  explicit ArpSocket(UniqueFd socket) : socket_(std::move(socket)) {}
  UniqueFd socket_;
};

}  // namespace bayplan::kernel
