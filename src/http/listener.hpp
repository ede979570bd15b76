// Listening sockets, on a path or a TCP port: the part of the server that is plain POSIX.
//
// A unix socket's path is taken over from a process that is dead, never from one that lives: whether somebody listens
// is found by connecting. Two processes that start at the same moment are kept apart by a lock on the directory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace bayplan::http {

// Removes a socket that a process left behind when it died. `in_use` when somebody listens there; what is no socket, or
// not there, is left as it is.
Result<> remove_dead_socket(const std::string& path);

// Move-only. Closing it also removes the socket from the file system, if it is still the one that was made.
class Listener {
 public:
  // Makes missing parent directories (with `directory_mode`) and the socket (0660). `in_use` when somebody listens
  // there, or something else than a socket has the name; `denied`, `invalid` (path too long) or `unavailable`
  // otherwise.
  static Result<Listener> on_path(const std::string& path, mode_t directory_mode = 0755);
  // `address` is an IP address; port 0 lets the kernel choose.
  static Result<Listener> on_tcp(const std::string& address, std::uint16_t port);

  Listener(Listener&& other) noexcept = default;
  Listener& operator=(Listener&& other) = delete;
  ~Listener() { close(); }

  // Non-blocking, close-on-exec.
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] int release_fd() { return fd_.release(); }
  // Of a TCP listener: the port, chosen or given.
  [[nodiscard]] std::uint16_t port() const { return port_; }
  // Takes the path out of the file system; the descriptor stays.
  void remove_path();
  void close() {
    remove_path();
    fd_.reset();
  }

 private:
  explicit Listener(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
  std::uint16_t port_ = 0;
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace bayplan::http
