// A few threads that run queued jobs in order of arrival.
//
// The datapath thread is a WorkQueue of one: whatever touches the kernel runs there, one after the other.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace bayplan::control {

class WorkQueue {
 public:
  explicit WorkQueue(std::size_t threads);
  // Runs what is queued, then ends.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  // Returns at once. Jobs must not throw.
  void post(std::function<void()> job);

  // Runs the job and waits for its result. Never from a job of the same queue.
  template <typename Job>
  auto run(Job job) -> std::invoke_result_t<Job&> {
    auto task = std::make_shared<std::packaged_task<std::invoke_result_t<Job&>()>>(std::move(job));
    auto result = task->get_future();
    post([task] { (*task)(); });
    return result.get();
  }

 private:
  void loop();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace bayplan::control
