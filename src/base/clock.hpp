// Time, as a seam: what is stored and shown is wall-clock time, what is waited for is steady time.
#pragma once

#include <chrono>
#include <string>

namespace bayplan {

// Wall-clock time, UTC, milliseconds: what the plan stores.
using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Timestamp now() const = 0;
  [[nodiscard]] virtual std::chrono::steady_clock::time_point steady() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::now();
  }
};

// RFC 3339 in UTC with milliseconds, e.g. "2026-03-02T14:59:59.120Z"; the epoch itself is "" (never).
std::string to_rfc3339(Timestamp time);

// "3 days", "5 minutes", "a moment": how long ago, for messages.
std::string age(Timestamp then, Timestamp now);

// `span` has passed since then; also when `since` lies as far ahead, for then the clock was set back, as after a power
// cut on a machine that keeps no time.
inline bool has_passed(Timestamp since, Timestamp now, std::chrono::milliseconds span) {
  return now - since > span || since - now > span;
}

}  // namespace bayplan
