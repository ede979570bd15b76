// A Prober without a wire: whoever a test says has an address answers for it.
//
// Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "ports/prober.hpp"

namespace bayplan::test {

class FakeProber final : public ports::Prober {
 public:
  void put(const model::IpAddress& address, std::vector<model::MacAddress> macs) {
    const std::lock_guard lock(mutex_);
    owners_[address] = std::move(macs);
  }
  void take_long(std::chrono::milliseconds duration) {
    const std::lock_guard lock(mutex_);
    duration_ = duration;
  }
  void unplug(const std::string& network) {
    const std::lock_guard lock(mutex_);
    unplugged_ = network;
  }
  // Called while it probes.
  void on_probe(std::function<void()> meanwhile) {
    const std::lock_guard lock(mutex_);
    meanwhile_ = std::move(meanwhile);
  }

  [[nodiscard]] std::chrono::milliseconds duration(const std::vector<ports::ProbeTask>&) const override {
    const std::lock_guard lock(mutex_);
    return duration_;
  }
  Result<ports::ProbeReport> probe(const std::vector<ports::ProbeTask>& tasks,
                                   const std::function<void(std::size_t)>& done) override {
    const auto meanwhile = [this] {
      const std::lock_guard lock(mutex_);
      return meanwhile_;
    }();
    if (meanwhile) meanwhile();
    const std::lock_guard lock(mutex_);
    ports::ProbeReport report;
    for (const auto& task : tasks) {
      if (task.network.name == unplugged_) report.failures.push_back({unplugged_, "it is down"});
      if (task.network.name == unplugged_) continue;
      for (const auto& address : task.addresses) report.answers.push_back(answer(task, address));
    }
    done(report.answers.size());
    return report;
  }

 private:
  [[nodiscard]] ports::ProbeAnswer answer(const ports::ProbeTask& task, const model::IpAddress& address) const {
    ports::ProbeAnswer made{task.network.name, address, ports::ProbeAnswer::Kind::silent, {}};
    const auto owner = owners_.find(address);
    if (owner == owners_.end()) return made;
    made.kind = ports::ProbeAnswer::Kind::answered;
    if (task.tcp_port == 0) made.macs = owner->second;
    return made;
  }

  mutable std::mutex mutex_;
  std::map<model::IpAddress, std::vector<model::MacAddress>> owners_;
  std::chrono::milliseconds duration_{1000};
  std::string unplugged_;
  std::function<void()> meanwhile_;
};

}  // namespace bayplan::test
