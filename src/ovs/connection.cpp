#include "ovs/connection.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace bayplan::ovs {
namespace {

constexpr std::size_t kDepth = 32;

Error broken(int number) {
  return fail_errno(ErrorCode::unavailable, "the connection to Open vSwitch's database broke", number);
}

// Milliseconds for poll(2), rounded up, so that it is not called again and again in the last one.
int milliseconds_left(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  constexpr std::int64_t kLongest = 3'600'000;
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, kLongest));
}

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

Connection::Connection(UniqueFd fd)
    : fd_(std::move(fd)),
      parser_(std::make_unique<boost::json::stream_parser>(boost::json::storage_ptr{},
                                                           boost::json::parse_options{.max_depth = kDepth})) {
}

// Connecting to a unix socket never waits with O_NONBLOCK: a server whose queue is full is EAGAIN.
Result<Connection> Connection::open(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof name.sun_path) {
    return fail(ErrorCode::invalid, "{}: this is too long for the path of a socket", path);
  }
  std::memcpy(name.sun_path, path.data(), path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno(ErrorCode::kernel, "make a socket", errno);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) return Connection(std::move(fd));
  const auto what = fmt::format(
      "Open vSwitch's database can't be reached at {} (is ovsdb-server running? `systemctl status "
      "openvswitch-switch`)",
      path);
  return fail_errno(ErrorCode::unavailable, what, errno);
}

Result<Connection::Ready> Connection::wait(short events, Deadline deadline, int wake) {
  while (true) {
    std::array<pollfd, 2> watched{pollfd{fd_.get(), events, 0}, pollfd{wake, POLLIN, 0}};
    const int left = milliseconds_left(deadline);
    const int count = ::poll(watched.data(), watched.size(), left);  // a negative descriptor is ignored
    if (count < 0 && errno != EINTR) return broken(errno);
    if (count > 0 && watched[1].revents != 0) return Ready::woken;
    if (count > 0) return Ready::yes;
    if (count == 0 && left == 0) {
      return fail(ErrorCode::timeout, "Open vSwitch's database (ovsdb-server) does not answer");
    }
  }
}

Result<> Connection::send(const boost::json::object& message, Deadline deadline) {
  const std::string text = boost::json::serialize(message);
  std::size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t count = ::send(fd_.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (count >= 0) {
      sent += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      TRY(wait(POLLOUT, deadline, -1));
    } else if (errno != EINTR) {
      return broken(errno);
    }
  }
  return {};
}

Result<std::optional<boost::json::object>> Connection::receive(Deadline deadline, int wake) {
  while (true) {
    if (auto message = TRY(parse())) return message;
    if (TRY(wait(POLLIN, deadline, wake)) == Ready::woken) return std::optional<boost::json::object>();
    TRY(read_more());
  }
}

Result<> Connection::read_more() {
  std::array<char, 65536> buffer;  // NOLINT: filled by recv
  const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (count == 0) return fail(ErrorCode::unavailable, "Open vSwitch's database (ovsdb-server) closed the connection");
  if (count < 0 && errno != EAGAIN && errno != EINTR) return broken(errno);
  if (count > 0) unread_.append(buffer.data(), static_cast<std::size_t>(count));
  return {};
}

Result<std::optional<boost::json::object>> Connection::parse() {
  if (size_ == 0)
    unread_.erase(0, static_cast<std::size_t>(std::ranges::find_if_not(unread_, is_space) - unread_.begin()));
  if (unread_.empty()) return std::optional<boost::json::object>();
  boost::json::error_code wrong;
  const std::size_t taken = parser_->write_some(unread_.data(), unread_.size(), wrong);
  if (wrong) return fail(ErrorCode::corrupt, "what Open vSwitch's database sent is no JSON: {}", wrong.message());
  size_ += taken;
  unread_.erase(0, taken);
  if (size_ > kMessageLimit) {
    return fail(ErrorCode::corrupt, "Open vSwitch's database sent a message of more than {} bytes", kMessageLimit);
  }
  if (!parser_->done()) return std::optional<boost::json::object>();
  boost::json::value message = parser_->release();
  parser_->reset();
  size_ = 0;
  if (!message.is_object()) return fail(ErrorCode::corrupt, "Open vSwitch's database sent a message that is no object");
  return std::optional(std::move(message.get_object()));
}

}  // namespace bayplan::ovs
