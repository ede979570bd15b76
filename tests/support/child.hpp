// A child process of a test: forked, running a function of the test, killed and reaped at the latest when the object
// goes. The test binary is single-threaded when it forks.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>

#include "base/unique_fd.hpp"

namespace bayplan::testing {

class Child {
 public:
  // `body` runs in the child, with the write end of a pipe whose other end `read_line` and `read_all` read.
  explicit Child(const std::function<void(int pipe)>& body) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("no fork");
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // also when the test itself is killed
      ::close(ends[0]);
      body(ends[1]);
      ::_exit(0);
    }
    ::close(ends[1]);
    from_ = UniqueFd(ends[0]);
  }
  ~Child() { kill(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  // kill -9, and waits until it is gone.
  void kill() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    reap();
  }
  // Waits for its end; the wait status of waitpid(2).
  int reap() {
    if (pid_ > 0) ::waitpid(pid_, &status_, 0);
    pid_ = -1;
    return status_;
  }

  // The next line the child writes, without its newline; "" at the end, or after `bound`.
  std::string read_line(std::chrono::milliseconds bound = std::chrono::seconds(60)) {
    std::string line;
    char c = 0;
    while (readable(bound) && ::read(from_.get(), &c, 1) == 1 && c != '\n') line += c;
    return line;
  }
  // Everything up to its end.
  std::string read_all(std::chrono::milliseconds bound = std::chrono::seconds(60)) {
    std::string text;
    std::array<char, 4096> buffer{};
    while (readable(bound)) {
      const ssize_t size = ::read(from_.get(), buffer.data(), buffer.size());
      if (size <= 0) break;
      text.append(buffer.data(), static_cast<std::size_t>(size));
    }
    return text;
  }

  static void write(int pipe, const std::string& text) {
    if (::write(pipe, text.data(), text.size()) != static_cast<ssize_t>(text.size())) ::_exit(9);
  }

 private:
  [[nodiscard]] bool readable(std::chrono::milliseconds bound) const {
    pollfd poll{from_.get(), POLLIN, 0};
    return ::poll(&poll, 1, static_cast<int>(bound.count())) == 1;
  }

  pid_t pid_ = -1;
  int status_ = 0;
  UniqueFd from_;
};

// Runs `body` in a child, e.g. with other rights or mounts; gives what it returned: "" when all was right.
inline std::string in_child(const std::function<std::string()>& body) {
  Child child([&](int pipe) { Child::write(pipe, body()); });
  std::string answer = child.read_all();
  const int status = child.reap();
  if (status != 0) answer += " (the child ended with wait status " + std::to_string(status) + ")";
  return answer;
}

}  // namespace bayplan::testing
