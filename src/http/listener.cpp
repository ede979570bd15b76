#include "http/listener.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace bayplan::http {
namespace {

constexpr int kBacklog = 512;
constexpr mode_t kMode = 0660;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Result<SocketAddress> unix_address(const std::string& path) {
  SocketAddress address;
  sockaddr_un name{};
  if (path.empty() || path.size() >= sizeof name.sun_path) {
    return fail(ErrorCode::invalid, "the socket path '{}' must have 1 to {} characters", path,
                sizeof name.sun_path - 1);
  }
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  std::memcpy(&address.storage, &name, sizeof name);
  address.length = sizeof name;
  return address;
}

Result<SocketAddress> tcp_address(const std::string& text, std::uint16_t port) {
  SocketAddress address;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&address.storage, &v4, address.length = sizeof v4);
  } else if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&address.storage, &v6, address.length = sizeof v6);
  } else {
    return fail(ErrorCode::invalid, "'{}' is not an IP address to listen on", text);
  }
  return address;
}

Result<UniqueFd> open_socket(int family) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno(ErrorCode::unavailable, "open a socket", errno);
  return fd;
}

Result<> make_directories(const std::filesystem::path& directory, mode_t mode) {
  if (directory.has_relative_path()) TRY(make_directories(directory.parent_path(), mode));
  if (::mkdir(directory.c_str(), mode) == 0 || errno == EEXIST) return {};
  return fail_errno(ErrorCode::unavailable, "make the directory " + directory.string(), errno);
}

Result<UniqueFd> lock_parent(const std::string& path) {
  const auto parent = std::filesystem::absolute(path).parent_path();
  UniqueFd fd(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::flock(fd.get(), LOCK_EX) != 0) {
    return fail_errno(ErrorCode::unavailable, "lock the directory " + parent.string(), errno);
  }
  return fd;
}

// 0 when somebody listens there, else the errno that tells what is wrong.
Result<int> try_to_connect(const SocketAddress& address) {
  const auto probe = TRY(open_socket(AF_UNIX));
  if (::connect(probe.get(), address.get(), address.length) == 0 || errno == EAGAIN) return 0;
  return errno;
}

Error is_live(const std::string& path) {
  return fail(ErrorCode::in_use, "another baypland is listening on {}: stop it, or give this one another path", path);
}

// Leaves the path free, or says whose it is. Called with the directory locked.
Result<> clear_path(const std::string& path, const SocketAddress& address) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno(ErrorCode::unavailable, "look at " + path, errno);
  }
  if (!S_ISSOCK(found.st_mode)) {
    return fail(ErrorCode::in_use, "{} is there and is not a socket: move it away, or give another path", path);
  }
  const int refusal = TRY(try_to_connect(address));
  if (refusal == 0) return is_live(path);
  if (refusal == EPROTOTYPE) return fail(ErrorCode::in_use, "another program uses the socket {}", path);
  if (refusal != ECONNREFUSED) return fail_errno(ErrorCode::unavailable, "try the socket " + path, refusal);
  if (::unlink(path.c_str()) != 0) return fail_errno(ErrorCode::unavailable, "remove the dead socket " + path, errno);
  return {};
}

Result<> bind_and_listen(const UniqueFd& fd, const SocketAddress& address, const std::string& shown_address) {
  if (::bind(fd.get(), address.get(), address.length) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    const auto code = errno == EADDRINUSE ? ErrorCode::in_use : ErrorCode::unavailable;
    return fail_errno(code, "listen on " + shown_address, errno);
  }
  return {};
}

}  // namespace

Result<> remove_dead_socket(const std::string& path) {
  const auto address = TRY(unix_address(path));
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return {};
  const auto lock = TRY(lock_parent(path));
  const int refusal = TRY(try_to_connect(address));
  if (refusal == 0) return is_live(path);
  if (refusal != ECONNREFUSED || ::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return fail_errno(ErrorCode::unavailable, "remove the dead socket " + path, errno);
}

Result<Listener> Listener::on_path(const std::string& path, mode_t directory_mode) {
  const auto address = TRY(unix_address(path));
  TRY(make_directories(std::filesystem::absolute(path).lexically_normal().parent_path(), directory_mode));
  const auto lock = TRY(lock_parent(path));
  TRY(clear_path(path, address));
  Listener listener(TRY(open_socket(AF_UNIX)));
  // Before bind(), so that the socket is never there with wider rights; after it again, because bind() takes the
  // umask off.
  ::fchmod(listener.fd(), kMode);
  TRY(bind_and_listen(listener.fd_, address, path));
  struct stat made{};
  if (::chmod(path.c_str(), kMode) != 0 || ::lstat(path.c_str(), &made) != 0) {
    return fail_errno(ErrorCode::unavailable, "set the rights of " + path, errno);
  }
  listener.path_ = path;
  listener.device_ = made.st_dev;
  listener.inode_ = made.st_ino;
  return listener;
}

Result<Listener> Listener::on_tcp(const std::string& address_text, std::uint16_t port) {
  const auto address = TRY(tcp_address(address_text, port));
  Listener listener(TRY(open_socket(address.get()->sa_family)));
  const int on = 1;
  ::setsockopt(listener.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  TRY(bind_and_listen(listener.fd_, address, fmt::format("{} port {}", address_text, port)));
  SocketAddress bound;
  bound.length = sizeof bound.storage;
  if (::getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&bound.storage), &bound.length) != 0) {
    return fail_errno(ErrorCode::unavailable, "ask for the port", errno);
  }
  // The port is at the same place in both families' addresses.
  listener.port_ = ntohs(reinterpret_cast<const sockaddr_in*>(&bound.storage)->sin_port);
  return listener;
}

void Listener::remove_path() {
  struct stat found{};
  if (!path_.empty() && ::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
  path_.clear();
}

}  // namespace bayplan::http
