#include "store/sqlite/row.hpp"

#include "base/text.hpp"

namespace bayplan::store {
namespace {

std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// A value for people: an address as an address, anything else as text.
std::string shown_value(const Statement& row, int column) {
  if (row.type(column) == Statement::Type::blob) {
    if (const auto address = model::IpAddress::from_bytes(as_bytes(row.bytes(column))); address.ok()) {
      return address->to_string();
    }
  }
  return shown(row.bytes(column));
}

}  // namespace

void RowWriter::note(Result<> bound) {
  if (problem_.ok()) problem_ = std::move(bound);
}

void RowWriter::integer(std::int64_t value) {
  note(statement_.bind(++parameter_, value));
  seal_.integer(value);
}

void RowWriter::text(std::string_view value) {
  note(statement_.bind_text(++parameter_, value));
  seal_.text(value);
}

void RowWriter::blob(std::span<const std::uint8_t> value) {
  note(statement_.bind_blob(++parameter_, value));
  seal_.blob({reinterpret_cast<const char*>(value.data()), value.size()});
}

void RowWriter::null() {
  note(statement_.bind_null(++parameter_));
  seal_.null();
}

void RowWriter::made_text(const Result<std::string>& value) {
  if (!value.ok()) note(value.error());
  text(value.ok() ? std::string_view(*value) : "");
}

bool RowReader::expect(Statement::Type type) {
  const bool as_expected = column_ < statement_.columns() && statement_.type(column_) == type;
  if (!as_expected) note(column_, "a value of the wrong type");
  return as_expected;
}

void RowReader::note(int column, std::string_view what) {
  if (problem_.empty()) problem_ = fmt::format("column {}: {}", statement_.column_name(column), what);
}

std::string RowReader::text() {
  std::string value;
  if (expect(Statement::Type::text)) value = statement_.bytes(column_);
  ++column_;
  return value;
}

std::int64_t RowReader::integer(std::int64_t lowest, std::int64_t highest) {
  std::int64_t value = lowest;
  if (expect(Statement::Type::integer)) value = statement_.integer(column_);
  if (value < lowest || value > highest) {
    note(column_, fmt::format("{} is not from {} to {}", value, lowest, highest));
    value = lowest;
  }
  ++column_;
  return value;
}

model::IpAddress RowReader::address() {
  model::IpAddress value;
  if (expect(Statement::Type::blob)) {
    const auto read = model::IpAddress::from_bytes(as_bytes(statement_.bytes(column_)));
    if (read.ok()) value = *read;
    if (!read.ok()) note(column_, read.error().detail);
  }
  ++column_;
  return value;
}

model::MacAddress RowReader::mac() {
  model::MacAddress value;
  if (expect(Statement::Type::blob)) {
    const auto bytes = as_bytes(statement_.bytes(column_));
    if (bytes.size() == value.bytes.size()) std::ranges::copy(bytes, value.bytes.begin());
    if (bytes.size() != value.bytes.size()) note(column_, fmt::format("a MAC address of {} bytes", bytes.size()));
  }
  ++column_;
  return value;
}

bool RowReader::skip_null() {
  const bool null = column_ < statement_.columns() && statement_.type(column_) == Statement::Type::null;
  if (null) ++column_;
  return null;
}

Result<> RowReader::finish() const {
  std::string_view what = problem_;
  if (!is_intact(statement_)) what = "the row is damaged";
  if (what.empty()) return {};
  return fail(ErrorCode::corrupt, "table {}, row {} {}: {}", table_, shown_value(statement_, 0),
              shown_value(statement_, 1), what);
}

}  // namespace bayplan::store
