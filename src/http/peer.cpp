#include "http/peer.hpp"

#include <cerrno>

namespace bayplan::http {

std::string Peer::where() const {
  return unix_socket.empty() ? fmt::format("{} port {}", host, port) : unix_socket;
}

Error connect_error(const Peer& peer, int error_number) {
  if (error_number == EACCES || error_number == EPERM) {
    return fail(ErrorCode::denied, "you have no right to {}'s socket {}: be root (sudo), or in the group that owns it",
                peer.name, peer.where());
  }
  const auto why = error_number == ENOENT         ? "there is no such socket"
                   : error_number == ECONNREFUSED ? "nobody listens there"
                                                  : "it can't be connected to";
  return fail(ErrorCode::unavailable, "{} can't be reached at {}: {}", peer.name, peer.where(), why);
}

}  // namespace bayplan::http
