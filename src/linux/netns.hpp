// Network namespaces, and the one way to do something inside another one.
//
// Nobody changes the namespace of a thread that goes on to do other work: `run` starts a thread for the purpose, which
// enters the namespace, does the one thing and ends. Sockets opened in there stay in that namespace and may be handed
// back. Thread-safe; the handle keeps the namespace alive.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace bayplan::kernel {

class NetworkNamespace {
 public:
  // A path such as /proc/PID/ns/net or /run/netns/NAME. `not_found`, `denied`, or `invalid` when the path is no network
  // namespace.
  static Result<NetworkNamespace> open(const std::string& path);
  static Result<NetworkNamespace> of_process(pid_t process);
  static Result<NetworkNamespace> of_this_thread();
  // A new, empty one, whose loopback interface is down; it goes when nothing refers to it any more.
  static Result<NetworkNamespace> create();

  // Runs `work` inside, on a thread of its own, and waits for it.
  template <typename T>
  Result<T> run(const std::function<Result<T>()>& work) const {
    Result<T> result = fail(ErrorCode::internal, "the work in the network namespace was not done");
    auto entered = run_there([&] { result = work(); });
    if (!entered.ok()) return std::move(entered).error();
    return result;
  }

  // Moves the calling thread itself: only for a thread that exists for this.
  [[nodiscard]] Result<> enter() const;

  [[nodiscard]] bool is_same(const NetworkNamespace& other) const;

  // Owned by this object; for IFLA_NET_NS_FD.
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  explicit NetworkNamespace(UniqueFd fd) : fd_(std::move(fd)) {}
  [[nodiscard]] Result<> run_there(const std::function<void()>& work) const;

  UniqueFd fd_;
};

// A thread that does things in one namespace after another, for who enters many: making a thread each time would cost
// more than what is done in there. It is back home after each, so that it keeps no namespace alive.
//
// One owner, not thread-safe: `run` waits for the work.
class NamespaceThread {
 public:
  // Home is the calling thread's namespace.
  static Result<std::unique_ptr<NamespaceThread>> start();
  ~NamespaceThread();
  NamespaceThread(const NamespaceThread&) = delete;
  NamespaceThread& operator=(const NamespaceThread&) = delete;

  template <typename T>
  Result<T> run(const NetworkNamespace& where, const std::function<Result<T>()>& work) {
    Result<T> result = fail(ErrorCode::internal, "the work in the network namespace was not done");
    auto entered = run_there(where, [&] { result = work(); });
    if (!entered.ok()) return std::move(entered).error();
    return result;
  }

 private:
  explicit NamespaceThread(NetworkNamespace home) : home_(std::move(home)), thread_([this] { loop(); }) {}
  void loop();
  Result<> run_there(const NetworkNamespace& where, const std::function<void()>& work);

  NetworkNamespace home_;
  std::mutex mutex_;
  std::condition_variable changed_;
  const NetworkNamespace* where_ = nullptr;  // set: there is work
  const std::function<void()>* work_ = nullptr;
  Result<> entered_;
  bool stopping_ = false;
  bool lost_ = false;   // it could not go home: it does nothing any more
  std::thread thread_;  // last: it uses the others
};

}  // namespace bayplan::kernel
