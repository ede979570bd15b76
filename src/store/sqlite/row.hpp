// Writing and reading one row, value by value in the order of the table's columns, sealed (seal.hpp).
//
// Both keep their first problem and go on, so that the code for a table is a plain list of its columns; `finish` tells.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "model/address.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/seal.hpp"

namespace bayplan::store {

// Binds a statement's parameters, from the first on.
class RowWriter {
 public:
  explicit RowWriter(Statement& statement) : statement_(statement) {}

  void integer(std::int64_t value);
  void text(std::string_view value);
  void blob(std::span<const std::uint8_t> value);
  void null();
  void flag(bool value) { integer(value ? 1 : 0); }
  void time(Timestamp value) { integer(value.time_since_epoch().count()); }
  void address(const model::IpAddress& value) { blob(value.bytes()); }
  // A value that was made from a record and may not be: its error is the row's.
  void made_text(const Result<std::string>& value);

  // The last column of a put: the seal over all before it.
  void seal() { integer(seal_.value()); }
  [[nodiscard]] Result<> finish() const { return problem_; }

 private:
  void note(Result<> bound);

  Statement& statement_;
  Seal seal_;
  int parameter_ = 0;
  Result<> problem_;
};

// Reads a statement's current row, from the first column on.
class RowReader {
 public:
  RowReader(const Statement& statement, std::string_view table) : statement_(statement), table_(table) {}

  std::string text();
  std::int64_t integer(std::int64_t lowest, std::int64_t highest);
  template <typename N>
  N number() {
    return static_cast<N>(integer(std::numeric_limits<N>::min(), std::numeric_limits<N>::max()));
  }
  bool flag() { return integer(0, 1) != 0; }
  Timestamp time() { return Timestamp(std::chrono::milliseconds(number<std::int64_t>())); }
  model::IpAddress address();
  model::MacAddress mac();
  // Asks whether the next column is NULL, and if so passes it.
  bool skip_null();
  // A text that `parse` understands.
  template <typename Parse>
  auto parsed(Parse parse) {
    auto value = parse(text());
    if (!value.ok()) note(column_ - 1, value.error().detail);
    return value.ok() ? *std::move(value) : std::remove_cvref_t<decltype(*value)>{};
  }

  // After the last column: `corrupt`, with the table, the row's key and what is wrong, if anything is.
  [[nodiscard]] Result<> finish() const;

 private:
  bool expect(Statement::Type type);
  void note(int column, std::string_view what);

  const Statement& statement_;
  std::string_view table_;
  int column_ = 0;
  std::string problem_;
};

}  // namespace bayplan::store
