// A peer on a unix socket that says exactly the bytes it is told, well-formed or not.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace bayplan::testing {

class RawPeer {
 public:
  explicit RawPeer(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.data(), std::min(path.size(), sizeof name.sun_path - 1));
    connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
  }
  [[nodiscard]] bool connected() const { return connected_; }

  bool send(std::string_view bytes) const {
    return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  void end_sending() const { ::shutdown(fd_.get(), SHUT_WR); }

  // Whether something comes, or the end, within `time`.
  [[nodiscard]] bool is_answered_within(std::chrono::milliseconds time) const {
    pollfd wait{fd_.get(), POLLIN, 0};
    return ::poll(&wait, 1, static_cast<int>(time.count())) == 1;
  }
  // Everything until the server closes; "…" is added when it has not within the deadline.
  [[nodiscard]] std::string read_to_end() const {
    return read_until([](const std::string&) { return false; });
  }
  // Until `text` has come.
  [[nodiscard]] std::string read_until_seen(std::string_view text) const {
    return read_until([&](const std::string& all) { return all.find(text) != std::string::npos; });
  }

 private:
  template <typename Enough>
  [[nodiscard]] std::string read_until(Enough enough) const {
    std::string all;
    char buffer[4096];
    while (!enough(all)) {
      pollfd wait{fd_.get(), POLLIN, 0};
      if (::poll(&wait, 1, 20'000) <= 0) return all + "…";
      const auto count = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (count <= 0) break;
      all.append(buffer, static_cast<std::size_t>(count));
    }
    return all;
  }

  UniqueFd fd_;
  bool connected_ = false;
};

}  // namespace bayplan::testing
