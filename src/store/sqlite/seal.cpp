#include "store/sqlite/seal.hpp"

#include <string>
#include <vector>

#include "base/text.hpp"

namespace bayplan::store {
namespace {

// -1: none. From the end, where it is unless a migration added columns.
int seal_column(const Statement& row) {
  int column = row.columns() - 1;
  while (column >= 0 && row.column_name(column) != "seal") --column;
  return column;
}

std::int64_t seal_of_row(const Statement& row, int seal_column) {
  Seal seal;
  for (int column = 0; column < row.columns(); ++column) {
    if (column == seal_column) continue;
    switch (row.type(column)) {
      case Statement::Type::integer:
        seal.integer(row.integer(column));
        break;
      case Statement::Type::text:
        seal.text(row.bytes(column));
        break;
      case Statement::Type::blob:
      case Statement::Type::real:  // no table has one: it can only be damage, and then any seal is wrong
        seal.blob(row.bytes(column));
        break;
      case Statement::Type::null:
        seal.null();
        break;
    }
  }
  return seal.value();
}

Result<std::vector<std::string>> tables_of(Database& database) {
  auto query =
      TRY(database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite^_%' "
                           "ESCAPE '^' ORDER BY name"));
  std::vector<std::string> names;
  while (TRY(query.step())) names.emplace_back(query.bytes(0));
  return names;
}

Result<> verify_table(Database& database, const std::string& table) {
  auto rows = TRY(database.prepare(fmt::format("SELECT * FROM \"{}\"", table)));
  while (TRY(rows.step())) {
    if (is_intact(rows)) continue;
    return fail(ErrorCode::corrupt, "table {}: the row that begins with '{}' '{}' is damaged", table,
                shown(rows.bytes(0)), shown(rows.bytes(1)));
  }
  return {};
}

Result<> renew_table(Database& database, const std::string& table) {
  auto rows = TRY(database.prepare(fmt::format("SELECT * FROM \"{}\" ORDER BY rowid", table)));
  auto ids = TRY(database.prepare(fmt::format("SELECT rowid FROM \"{}\" ORDER BY rowid", table)));
  const int column = seal_column(rows);
  std::vector<std::pair<std::int64_t, std::int64_t>> seals;  // first all are read: no row changes under its reader
  while (TRY(rows.step()) && TRY(ids.step())) seals.emplace_back(ids.integer(0), seal_of_row(rows, column));
  auto update = TRY(database.prepare(fmt::format("UPDATE \"{}\" SET seal = ?2 WHERE rowid = ?1", table)));
  for (const auto& [id, seal] : seals) {
    TRY(update.bind(1, id));
    TRY(update.bind(2, seal));
    TRY(update.run());
  }
  return {};
}

}  // namespace

void Seal::byte(unsigned char value) {
  hash_ = (hash_ ^ value) * 1099511628211U;
}

void Seal::number(std::uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) byte(static_cast<unsigned char>(value >> shift));
}

void Seal::sized(char tag, std::string_view value) {
  byte(static_cast<unsigned char>(tag));
  number(value.size());
  for (const char c : value) byte(static_cast<unsigned char>(c));
}

void Seal::integer(std::int64_t value) {
  byte('i');
  number(static_cast<std::uint64_t>(value));
}

void Seal::text(std::string_view value) {
  sized('t', value);
}

void Seal::blob(std::string_view value) {
  sized('b', value);
}

void Seal::null() {
  byte('n');
}

bool is_intact(const Statement& row) {
  const int column = seal_column(row);
  return column >= 0 && row.type(column) == Statement::Type::integer && row.integer(column) == seal_of_row(row, column);
}

Result<> verify_seals(Database& database) {
  for (const std::string& table : TRY(tables_of(database))) TRY(verify_table(database, table));
  return {};
}

Result<> renew_seals(Database& database) {
  for (const std::string& table : TRY(tables_of(database))) TRY(renew_table(database, table));
  return {};
}

}  // namespace bayplan::store
