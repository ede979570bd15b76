// What failed is left alone for a while, twice as long each time in a row. Not thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <string>

namespace bayplan::control {

class Backoff {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds longest) : first_(first), longest_(longest) {}

  // From when on it may be tried again; in the past where nothing stands against it.
  [[nodiscard]] TimePoint due(const std::string& what) const {
    const auto held = held_.find(what);
    return held == held_.end() ? TimePoint{} : held->second.until;
  }
  void failed(const std::string& what, TimePoint now) {
    Held& held = held_[what];
    held.pause = held.pause == held.pause.zero() ? first_ : std::min(held.pause * 2, longest_);
    held.until = now + held.pause;
  }
  // It won't do before long: the longest pause at once.
  void hopeless(const std::string& what, TimePoint now) { held_[what] = {longest_, now + longest_}; }
  // Not again before the first pause is over: what would be done over and over is a fault somewhere else, and must not
  // become a storm.
  void succeeded(const std::string& what, TimePoint now) { held_[what] = {{}, now + first_}; }
  void clear() { held_.clear(); }
  // Forgets what is over.
  void tidy(TimePoint now) {
    std::erase_if(held_, [&](const auto& entry) { return entry.second.until + longest_ < now; });
  }

 private:
  struct Held {
    std::chrono::milliseconds pause{};
    TimePoint until{};
  };
  std::chrono::milliseconds first_;
  std::chrono::milliseconds longest_;
  std::map<std::string, Held> held_;
};

}  // namespace bayplan::control
