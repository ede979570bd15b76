// The value notation of OVSDB (RFC 7047, 5.1) in JSON, read and written. Pure.
//
// A set is ["set", [...]], and a set of one may be its bare element; a map is ["map", [[key, value], ...]]; a UUID is
// ["uuid", "..."]. Readers are given whatever the server sent: what is not of that form is `corrupt`.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace bayplan::ovs {

namespace json = boost::json;
using Texts = std::map<std::string, std::string>;

// One row of a `select`, whose columns are read by name. The row must outlive it.
class Row {
 public:
  explicit Row(const json::object& row) : row_(&row) {}

  [[nodiscard]] Result<std::string> text(std::string_view column) const;
  [[nodiscard]] Result<std::string> uuid(std::string_view column) const;
  // Optional columns are sets of at most one element.
  [[nodiscard]] Result<std::optional<std::string>> optional_text(std::string_view column) const;
  [[nodiscard]] Result<std::optional<std::int64_t>> optional_number(std::string_view column) const;
  [[nodiscard]] Result<std::int64_t> number(std::string_view column) const;
  [[nodiscard]] Result<std::vector<std::int64_t>> numbers(std::string_view column) const;
  [[nodiscard]] Result<std::vector<std::string>> uuids(std::string_view column) const;
  [[nodiscard]] Result<std::vector<std::string>> strings(std::string_view column) const;
  [[nodiscard]] Result<Texts> texts(std::string_view column) const;

 private:
  [[nodiscard]] Result<const json::value*> find(std::string_view column) const;
  const json::object* row_;
};

// The elements of a set, or the bare element as the only one.
Result<std::vector<json::value>> set_elements(const json::value& value);

json::value uuid_value(std::string_view uuid);
json::value named_uuid(std::string_view name);
json::value set_value(json::array elements);
json::value map_value(const Texts& texts);

// A clause of a `where`: [column, function, value].
json::array clause(std::string_view column, std::string_view function, json::value value);

}  // namespace bayplan::ovs
