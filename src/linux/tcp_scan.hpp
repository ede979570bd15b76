// Many TCP connections begun at a time, to see who takes them: nothing is sent on them.
//
// The sockets belong to the namespace of the calling thread. One owner, not thread-safe. A connection that stands is
// reset at once, so that it leaves no TIME_WAIT behind.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/address.hpp"

namespace bayplan::kernel {

class TcpScan {
 public:
  enum class Outcome { silent, accepted, refused };
  struct Ended {
    std::size_t id = 0;  // as `start` was given
    Outcome outcome = Outcome::silent;
  };

  static Result<TcpScan> open();

  // Begins a connection out of that device. `not_found` when there is no such device, `exhausted` when no descriptor is
  // left, `denied`, `kernel`.
  Result<> start(std::size_t id, const std::string& device, const model::IpAddress& address, std::uint16_t port);
  // Those that ended by now, or after at most `wait`; what is older than `lifetime` ends as silent.
  Result<std::vector<Ended>> wait(std::chrono::milliseconds wait, std::chrono::milliseconds lifetime);
  [[nodiscard]] std::size_t in_flight() const { return flights_.size(); }

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Flight {
    std::size_t id = 0;
    UniqueFd socket;
    Time since;
  };
  explicit TcpScan(UniqueFd epoll) : epoll_(std::move(epoll)) {}
  void end_old(std::chrono::milliseconds lifetime, std::vector<Ended>& ended);

  UniqueFd epoll_;
  std::map<int, Flight> flights_;  // by descriptor
  std::vector<Ended> at_once_;     // those that the kernel told at once
};

}  // namespace bayplan::kernel
