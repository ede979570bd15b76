// When the kernel side is looked over: at once when poked, but where pokes do not end ever more seldom, down to once a
// `gap`; and at least every `resync`.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

#include "control/kernel_keeper.hpp"

namespace bayplan::control {

class RepairLoop {
 public:
  // `kernel` must outlive it. Starts its thread; the destructor ends it.
  // `after_look` is called on its thread after every pass.
  RepairLoop(KernelKeeper& kernel, std::chrono::milliseconds gap, std::chrono::milliseconds resync,
             std::function<void()> after_look = {});
  // Any thread; returns at once.
  void poke();

 private:
  void loop(const std::stop_token& stop);
  // Until when it sleeps if nobody pokes.
  [[nodiscard]] std::chrono::steady_clock::time_point next_pass() const;
  // How long to rest after the pass that began then.
  std::chrono::milliseconds rest(std::chrono::steady_clock::time_point woken);
  // Passes until nothing is suspected any more: an orphan needs two.
  void look_over();

  KernelKeeper& kernel_;
  std::chrono::milliseconds gap_;
  std::chrono::milliseconds resync_;
  std::chrono::steady_clock::time_point next_round_;  // of looks into all namespaces
  std::function<void()> after_look_;
  std::chrono::milliseconds rest_{};  // the last one
  std::chrono::steady_clock::time_point rested_until_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool poked_ = false;
  std::jthread thread_;
};

}  // namespace bayplan::control
