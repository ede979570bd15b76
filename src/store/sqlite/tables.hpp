// How each record type stands in its table. The tables themselves are made in schema.cpp; a column is added in both.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/records.hpp"
#include "store/sqlite/row.hpp"

namespace bayplan::store {

// The columns of a table are, in this order: its key, its values, and the row's seal. The functions go through them in
// that order, and are called only with records of the table's type.
struct Table {
  std::string_view name;
  std::vector<std::string_view> key;
  std::vector<std::string_view> values;
  void (*write_key)(RowWriter& row, const model::Record& record);
  void (*write_values)(RowWriter& row, const model::Record& record);
  model::Record (*read)(RowReader& row);

  [[nodiscard]] std::string put_sql() const;
  [[nodiscard]] std::string erase_sql() const;
  [[nodiscard]] std::string select_sql() const;
};

const Table& network_table();
const Table& reservation_table();
const Table& attachment_table();
const Table& engine_network_table();
const Table& claim_table();
const Table& owed_start_table();
const Table& repin_table();
const Table& attach_mark_table();

// In the order of model::Record's alternatives: `tables()[record.index()]`.
using Tables = std::array<const Table*, std::variant_size_v<model::Record>>;
const Tables& tables();

// Appends all records of the table; `corrupt` with table and key when one can't be read.
Result<> read_table(Database& database, const Table& table, std::vector<model::Record>& records);
// All records of all tables.
Result<std::vector<model::Record>> read_all(Database& database);

// For messages: "reservation 'web' of vlan100".
std::string describe(const model::Record& record);

}  // namespace bayplan::store
