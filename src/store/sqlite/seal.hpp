// A row's seal: a checksum over all its other values, kept in its column `seal`.
//
// SQLite keeps no checksums of its pages, so a bit that flipped on the disk inside a MAC address would be read as
// another MAC address. With the seal it is read as what it is: a damaged row. 64-bit FNV-1a (draft-eastlake-fnv):
// every change of one byte changes it. It guards against accident, not against intent.
#pragma once

#include <cstdint>
#include <string_view>

#include "store/sqlite/database.hpp"

namespace bayplan::store {

// Goes over the values in the order of their columns.
class Seal {
 public:
  void integer(std::int64_t value);
  void text(std::string_view value);
  void blob(std::string_view value);
  void null();
  [[nodiscard]] std::int64_t value() const { return static_cast<std::int64_t>(hash_); }

 private:
  void byte(unsigned char value);
  void number(std::uint64_t value);
  void sized(char tag, std::string_view value);

  std::uint64_t hash_ = 14695981039346656037U;
};

// The statement's current row has the seal that it should have.
bool is_intact(const Statement& row);

// Every row of every table has the seal it should have; `corrupt` otherwise. Needs to know nothing of the schema.
Result<> verify_seals(Database& database);

// Gives every row the seal it should have, after a migration changed the tables.
Result<> renew_seals(Database& database);

}  // namespace bayplan::store
