// SQLite's result codes as Errors, each a sentence that says what it means for the plan and what to do.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

struct sqlite3;

namespace bayplan::store {

// The connection's last failure; to be asked for right after the call that failed, before which errno was 0: it tells
// some failures apart. `storage`: disk full, read-only, input/output error, another process has the lock;
// `conflict`: a unique index or foreign key; `corrupt`; `internal`: anything that only a bug can cause.
[[nodiscard]] Error to_error(sqlite3* connection);
// The same, of a connection that could not open its file and so does not know its name.
[[nodiscard]] Error to_error(sqlite3* connection, std::string_view file);
[[nodiscard]] Error to_error(int extended_result_code, std::string_view sqlite_message, std::string_view file);

// `corrupt`, with what to do about it.
[[nodiscard]] Error corrupt_file(std::string_view file, std::string_view what);

// The file of a connection; "" of one in memory.
[[nodiscard]] std::string file_of(sqlite3* connection);

}  // namespace bayplan::store
