#include "base/clock.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace bayplan {

std::string to_rfc3339(Timestamp time) {
  if (time == Timestamp{}) return {};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

std::string age(Timestamp then, Timestamp now) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - then).count();
  constexpr std::array<std::pair<long, const char*>, 4> units{
      {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}}};
  for (const auto& [length, name] : units) {
    const long count = seconds / length;
    if (count >= 1) return fmt::format("{} {}{}", count, name, count == 1 ? "" : "s");
  }
  return "a moment";
}

}  // namespace bayplan
