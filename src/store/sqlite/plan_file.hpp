// The file a plan is kept in, before it is opened for use: found, looked at, made.
//
// Nothing here changes a file that can't be used: one that is not ours, newer, or damaged stays byte for byte as it is,
// and no journal is made beside it.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>

#include "store/sqlite/schema.hpp"

namespace bayplan::store {

// The file's absolute path without links, so that two daemons with different names for one file meet at one lock.
// Makes missing directories on the way (0700). `invalid` for what can't be a file's path, `denied`, `storage`.
Result<std::filesystem::path> resolve(const std::filesystem::path& file);

// The same, making nothing: nothing where the directory is missing, or the file is a link to nowhere.
std::optional<std::filesystem::path> resolve_existing(const std::filesystem::path& file);

// Looks at the file's first bytes, without making even a lock: false when there is no file yet. `corrupt` when it is
// not a plan, `newer` when a later version wrote it, `invalid` when it is no regular file.
Result<bool> look_at(const std::filesystem::path& file, Migrations migrations);

// Makes an empty plan, all at once: a crash leaves no file or a whole one. So an empty file is never ours.
Result<> create(const std::filesystem::path& file, Migrations migrations);

// Reads all of the file: structure, indexes, schema, seals, references, and every record. `corrupt` with what is wrong.
Result<> verify(const std::filesystem::path& file, Migrations migrations, std::chrono::milliseconds busy);

}  // namespace bayplan::store
