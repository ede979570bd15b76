// Just enough TCP to see whether a connection gets through and who it seems to come from.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "base/unique_fd.hpp"
#include "linux/netns.hpp"
#include "support/private_network.hpp"

namespace bayplan::test {

inline sockaddr_in socket_address(const std::string& address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  inet_pton(AF_INET, address.c_str(), &result.sin_addr);
  return result;
}

// A listener at every address of that namespace; the kernel completes connections by itself.
class Listener {
 public:
  Listener(const kernel::NetworkNamespace& where, std::uint16_t port)
      : socket_(must(where.run<UniqueFd>([port]() -> Result<UniqueFd> {
          UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
          const auto at = socket_address("0.0.0.0", port);
          if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 || listen(fd.get(), 16) != 0) {
            return fail_errno(ErrorCode::kernel, "listen", errno);
          }
          return fd;
        }))) {}

  // The address that the next connection comes from; empty when none comes within a second.
  [[nodiscard]] std::string next_peer() const {
    pollfd ready{socket_.get(), POLLIN, 0};
    if (poll(&ready, 1, 1000) != 1) return {};
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    const UniqueFd connection(accept4(socket_.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC));
    std::array<char, INET_ADDRSTRLEN> text{};
    return inet_ntop(AF_INET, &peer.sin_addr, text.data(), text.size());
  }

 private:
  UniqueFd socket_;
};

// Whether a connection from that namespace stands within 1.5 s, long enough for a second attempt.
inline bool connects(const kernel::NetworkNamespace& from, const std::string& address, std::uint16_t port) {
  return must(from.run<bool>([&]() -> Result<bool> {
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto to = socket_address(address, port);
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return true;
    pollfd ready{fd.get(), POLLOUT, 0};
    if (errno != EINPROGRESS || poll(&ready, 1, 1500) != 1) return false;
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0;
  }));
}

}  // namespace bayplan::test
