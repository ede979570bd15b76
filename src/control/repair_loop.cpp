#include "control/repair_loop.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace bayplan::control {

namespace {

// What is inside namespaces is told by the kernel; a look at all of it is only for what was never told.
constexpr int kPassesBetweenRounds = 10;
constexpr int kShortestRest = 50;  // parts of the gap

}  // namespace

RepairLoop::RepairLoop(KernelKeeper& kernel, std::chrono::milliseconds gap, std::chrono::milliseconds resync,
                       std::function<void()> after_look)
    : kernel_(kernel),
      gap_(gap),
      resync_(resync),
      next_round_(std::chrono::steady_clock::now() + resync * kPassesBetweenRounds),
      after_look_(std::move(after_look)),
      thread_([this](const std::stop_token& stop) { loop(stop); }) {
}

void RepairLoop::poke() {
  {
    const std::scoped_lock lock(mutex_);
    poked_ = true;
  }
  wake_.notify_all();
}

void RepairLoop::loop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_until(lock, stop, next_pass(), [this] { return poked_; });
      if (stop.stop_requested()) return;
      poked_ = false;
    }
    const auto woken = std::chrono::steady_clock::now();
    if (woken >= next_round_) {
      kernel_.look_inside_all();
      next_round_ = woken + resync_ * kPassesBetweenRounds;
    }
    look_over();
    if (after_look_) after_look_();
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, rest(woken), [] { return false; });
  }
}

// After some quiet it is short again.
std::chrono::milliseconds RepairLoop::rest(std::chrono::steady_clock::time_point woken) {
  const auto shortest = gap_ / kShortestRest;
  rest_ = woken - rested_until_ > gap_ ? shortest : std::clamp(rest_ * 2, shortest, gap_);
  rested_until_ = std::chrono::steady_clock::now() + rest_;
  return rest_;
}

std::chrono::steady_clock::time_point RepairLoop::next_pass() const {
  const auto timed = std::chrono::steady_clock::now() + resync_;
  const auto wanted = kernel_.next_look();
  return wanted && *wanted < timed ? *wanted : timed;
}

void RepairLoop::look_over() {
  auto mended = kernel_.reconcile();
  if (!mended) {
    log::debug("reconcile_failed", {{"error", mended.error().message()}});
    return;
  }
  if (kernel_.has_suspects()) poke();
}

}  // namespace bayplan::control
