// Logging: one line an event, `event key=value …`, each event explained in docs/messages.md.
//
// Only control/, api/ and apps/ log above debug: below them an error is returned, not logged.
// Thread-safe. Values with spaces or quotes are quoted, control characters escaped, so that a line stays a line
// whatever a container is called.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

namespace bayplan::log {

enum class Level { debug, info, warning, error };

struct Field {
  template <typename T>
  Field(std::string_view field_key, const T& field_value) : key(field_key), value(fmt::format("{}", field_value)) {}
  std::string_view key;
  std::string value;
};

using Fields = std::vector<Field>;

// Sends everything from `level` up to standard error; with `journal`, with the priority prefixes of sd-daemon(3)
// and without time stamps, which the journal adds itself. Call once, before threads are started.
void start(Level level, bool journal);

void write(Level level, std::string_view event, const Fields& fields = {});

inline void debug(std::string_view event, const Fields& fields = {}) {
  write(Level::debug, event, fields);
}
inline void info(std::string_view event, const Fields& fields = {}) {
  write(Level::info, event, fields);
}
inline void warning(std::string_view event, const Fields& fields = {}) {
  write(Level::warning, event, fields);
}
inline void error(std::string_view event, const Fields& fields = {}) {
  write(Level::error, event, fields);
}

// The line as `write` prints it, without time and level; for tests.
std::string line(std::string_view event, const Fields& fields);

}  // namespace bayplan::log
