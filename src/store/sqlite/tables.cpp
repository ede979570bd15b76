#include "store/sqlite/tables.hpp"

#include <fmt/ranges.h>

#include "base/text.hpp"

namespace bayplan::store {
namespace {

std::string list(const std::vector<std::string_view>& names, fmt::format_string<const std::string_view&> each,
                 std::string_view separator) {
  std::string text;
  for (const std::string_view& name : names) {
    text += text.empty() ? "" : separator;
    text += fmt::format(each, name);
  }
  return text;
}

std::vector<std::string_view> sealed(std::vector<std::string_view> columns) {
  columns.emplace_back("seal");
  return columns;
}

std::vector<std::string_view> all_columns(const Table& table) {
  auto columns = table.key;
  columns.insert(columns.end(), table.values.begin(), table.values.end());
  return sealed(std::move(columns));
}

}  // namespace

// Not INSERT OR REPLACE: that would silently delete another record that has the same address or VLAN.
std::string Table::put_sql() const {
  const auto columns = all_columns(*this);
  std::string sql = fmt::format("INSERT INTO {} (", name);
  sql += list(columns, "{}", ", ") + ") VALUES (";
  for (std::size_t i = 0; i < columns.size(); ++i) sql += i == 0 ? "?" : ", ?";
  sql += ") ON CONFLICT (" + list(key, "{}", ", ") + ") DO UPDATE SET ";
  return sql + list(sealed(values), "{0} = excluded.{0}", ", ");
}

std::string Table::erase_sql() const {
  return fmt::format("DELETE FROM {} WHERE ", name) + list(key, "{} = ?", " AND ");
}

std::string Table::select_sql() const {
  return fmt::format("SELECT {} FROM {}", list(all_columns(*this), "{}", ", "), name);
}

const Tables& tables() {
  static const Tables kTables{&network_table(), &reservation_table(), &attachment_table(), &engine_network_table(),
                              &claim_table(),   &owed_start_table(),  &repin_table(),      &attach_mark_table()};
  return kTables;
}

Result<> read_table(Database& database, const Table& table, std::vector<model::Record>& records) {
  auto rows = TRY(database.prepare(table.select_sql()));
  while (TRY(rows.step())) {
    RowReader row(rows, table.name);
    auto record = table.read(row);
    TRY(row.finish());
    records.push_back(std::move(record));
  }
  return {};
}

Result<std::vector<model::Record>> read_all(Database& database) {
  std::vector<model::Record> records;
  for (const Table* table : tables()) TRY(read_table(database, *table, records));
  return records;
}

std::string describe(const model::Record& record) {
  struct Describe {
    std::string operator()(const model::Network& r) const { return fmt::format("network '{}'", shown(r.name)); }
    std::string operator()(const model::Reservation& r) const {
      return fmt::format("reservation of {} for '{}' on {}", r.address.to_string(), shown(r.identity),
                         shown(r.network));
    }
    std::string operator()(const model::Attachment& r) const {
      return fmt::format("attachment of {} on {}", r.address.to_string(), shown(r.network));
    }
    std::string operator()(const model::EngineNetwork& r) const {
      return fmt::format("engine network {} of {}", shown(r.id), shown(r.network));
    }
    std::string operator()(const model::Claim& r) const {
      return fmt::format("claim of container {} to {}", shown(r.container_id), r.address.to_string());
    }
    std::string operator()(const model::OwedStart& r) const { return fmt::format("owed start {}", shown(r.token)); }
    std::string operator()(const model::Repin& r) const {
      return fmt::format("repin of container {}", shown(r.container_id));
    }
    std::string operator()(const model::AttachMark& r) const {
      return fmt::format("mark for attachment of '{}' on {}", shown(r.identity), shown(r.network));
    }
  };
  return std::visit(Describe{}, record);
}

}  // namespace bayplan::store
