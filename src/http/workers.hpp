// Threads that run blocking work: as many as are busy at once, up to a bound; more work waits in the order it came.
//
// A thread, once started, stays until the end: a burst of starts is likely to be followed by another.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace bayplan::http {

class Workers {
 public:
  explicit Workers(std::size_t bound) : bound_(bound) {}
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  // Runs what was submitted to its end.
  ~Workers();

  // Thread-safe. The work must not throw.
  void submit(std::move_only_function<void()> work);

 private:
  void run();

  const std::size_t bound_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::move_only_function<void()>> queue_;
  std::size_t idle_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace bayplan::http
