#include "control/repair_loop.hpp"

#include "base/log.hpp"

namespace bayplan::control {

RepairLoop::RepairLoop(KernelKeeper& kernel, std::chrono::milliseconds gap, std::chrono::milliseconds resync)
    : kernel_(kernel), gap_(gap), resync_(resync), thread_([this](const std::stop_token& stop) { loop(stop); }) {
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
      wake_.wait_for(lock, stop, resync_, [this] { return poked_; });
      if (stop.stop_requested()) return;
      poked_ = false;
    }
    look_over();
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, gap_, [] { return false; });
  }
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
