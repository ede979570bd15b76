// The database's schema: its versions, and how one becomes the next.
//
// The file's `application_id` says that it is ours, its `user_version` which schema it has. Both stand in the file's
// header; migrations run without a write-ahead log, so that the header in the file itself is never behind it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "store/sqlite/database.hpp"

namespace bayplan::store {

inline constexpr std::int32_t kApplicationId = 0x42617950;  // "BayP"

// SQL scripts; the n-th (counted from 1) makes version n out of version n-1. One that was ever released is never
// changed again: a new version is a new script. Every table ends with, or has somewhere, the column `seal` (seal.hpp);
// a migration leaves the seals alone, they are made anew after it.
using Migrations = std::span<const std::string_view>;

// This program's: their number is the schema version it knows.
Migrations migrations();

// Brings a database from the version it has to the last one, each version in a transaction of its own: after a
// failure it has the version of the last that succeeded. Not to be called in WAL mode or with foreign keys on.
Result<> migrate(Database& database, Migrations migrations);

// The schema that a database of that version has when nobody tampered with it: what `schema_text` then gives.
Result<std::string> expected_schema(Migrations migrations, std::int64_t version);
Result<std::string> schema_text(Database& database);

// Every row that refers to another finds it; `corrupt` otherwise.
Result<> check_references(Database& database);

}  // namespace bayplan::store
