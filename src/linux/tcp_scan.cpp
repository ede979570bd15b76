#include "linux/tcp_scan.hpp"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace bayplan::kernel {
namespace {

Result<UniqueFd> open_socket(const std::string& device) {
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) {
    const bool full = errno == EMFILE || errno == ENFILE;
    return fail_errno(full ? ErrorCode::exhausted : ErrorCode::kernel, "open a TCP socket", errno);
  }
  const linger reset{1, 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  const auto size = static_cast<socklen_t>(device.size());
  if (setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, device.c_str(), size) != 0) {
    return fail_errno(errno == ENODEV ? ErrorCode::not_found : ErrorCode::kernel, "bind to " + device, errno);
  }
  return socket;
}

TcpScan::Outcome outcome_of(int error) {
  if (error == 0) return TcpScan::Outcome::accepted;
  return error == ECONNREFUSED ? TcpScan::Outcome::refused : TcpScan::Outcome::silent;
}

TcpScan::Outcome outcome_of(const UniqueFd& socket) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return TcpScan::Outcome::silent;
  return outcome_of(error);
}

}  // namespace

Result<TcpScan> TcpScan::open() {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail_errno(ErrorCode::kernel, "make an epoll", errno);
  return TcpScan(std::move(epoll));
}

Result<> TcpScan::start(std::size_t id, const std::string& device, const model::IpAddress& address,
                        std::uint16_t port) {
  UniqueFd socket = TRY(open_socket(device));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  std::ranges::copy(address.bytes(), reinterpret_cast<std::uint8_t*>(&to.sin_addr));
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS) {
    at_once_.push_back({id, outcome_of(errno)});
    return {};
  }
  epoll_event event{};
  event.events = EPOLLOUT;
  event.data.fd = socket.get();
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.get(), &event) != 0) {
    return fail_errno(ErrorCode::kernel, "watch a TCP socket", errno);
  }
  const int fd = socket.get();
  flights_[fd] = {id, std::move(socket), std::chrono::steady_clock::now()};
  return {};
}

Result<std::vector<TcpScan::Ended>> TcpScan::wait(std::chrono::milliseconds wait, std::chrono::milliseconds lifetime) {
  std::vector<Ended> ended = std::exchange(at_once_, {});
  if (!ended.empty()) wait = std::chrono::milliseconds(0);
  std::array<epoll_event, 64> events{};
  const int count =
      epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), static_cast<int>(wait.count()));
  if (count < 0 && errno != EINTR) return fail_errno(ErrorCode::kernel, "wait for TCP connections", errno);
  for (int i = 0; i < count; ++i) {
    const auto flight = flights_.find(events.at(static_cast<std::size_t>(i)).data.fd);
    if (flight == flights_.end()) continue;
    ended.push_back({flight->second.id, outcome_of(flight->second.socket)});
    flights_.erase(flight);
  }
  end_old(lifetime, ended);
  return ended;
}

void TcpScan::end_old(std::chrono::milliseconds lifetime, std::vector<Ended>& ended) {
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(flights_, [&](const auto& entry) {
    const bool old = now - entry.second.since >= lifetime;
    if (old) ended.push_back({entry.second.id, Outcome::silent});
    return old;
  });
}

}  // namespace bayplan::kernel
