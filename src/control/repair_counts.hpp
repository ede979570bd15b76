// How often something was found to differ on a network since the daemon started, and how often it was put right.
// Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace bayplan::control {

struct RepairCount {
  std::string network;
  std::string what;  // "network" (its device), "port" (the host's end of one), or a word of ports::Drift
  std::uint64_t found = 0;
  std::uint64_t repaired = 0;
};

class RepairCounts {
 public:
  void note(const std::string& network, std::string_view what, bool repaired) {
    const std::scoped_lock lock(mutex_);
    RepairCount& count = counts_[{network, std::string(what)}];
    count.network = network;
    count.what = what;
    ++count.found;
    count.repaired += repaired ? 1 : 0;
  }
  [[nodiscard]] std::vector<RepairCount> all() const {
    const std::scoped_lock lock(mutex_);
    std::vector<RepairCount> all;
    for (const auto& [key, count] : counts_) all.push_back(count);
    return all;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, RepairCount> counts_;  // by network and what
};

}  // namespace bayplan::control
