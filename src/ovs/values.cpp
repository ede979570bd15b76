#include "ovs/values.hpp"

#include "base/text.hpp"

namespace bayplan::ovs {
namespace {

Error wrong(std::string_view column, std::string_view wanted) {
  return fail(ErrorCode::corrupt, "the database of Open vSwitch says no {} in the column {}", wanted, shown(column));
}

// The second element of ["tag", x].
const json::value* tagged(const json::value& value, std::string_view tag) {
  const json::array* pair = value.if_array();
  if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string()) return nullptr;
  return (*pair)[0].get_string() == tag ? &(*pair)[1] : nullptr;
}

Result<std::string> text_of(const json::value& value, std::string_view column) {
  if (const json::string* text = value.if_string()) return std::string(*text);
  return wrong(column, "text");
}

Result<std::int64_t> number_of(const json::value& value, std::string_view column) {
  if (const std::int64_t* number = value.if_int64()) return *number;
  return wrong(column, "whole number");
}

Result<std::string> uuid_of(const json::value& value, std::string_view column) {
  const json::value* inner = tagged(value, "uuid");
  if (inner == nullptr) return wrong(column, "UUID");
  return text_of(*inner, column);
}

template <typename T>
Result<std::vector<T>> each(const json::value& set, std::string_view column,
                            Result<T> (*read)(const json::value&, std::string_view)) {
  std::vector<T> all;
  for (const json::value& element : TRY(set_elements(set))) all.push_back(TRY(read(element, column)));
  return all;
}

template <typename T>
Result<std::optional<T>> at_most_one(Result<std::vector<T>> all, std::string_view column) {
  auto elements = TRY(std::move(all));
  if (elements.empty()) return std::optional<T>();
  if (elements.size() > 1) return wrong(column, "single value");
  return std::optional<T>(std::move(elements.front()));
}

}  // namespace

Result<std::vector<json::value>> set_elements(const json::value& value) {
  const json::value* inner = tagged(value, "set");
  if (inner == nullptr) return std::vector<json::value>{value};
  const json::array* elements = inner->if_array();
  if (elements == nullptr) return fail(ErrorCode::corrupt, "the database of Open vSwitch sent a set that is none");
  return std::vector<json::value>(elements->begin(), elements->end());
}

Result<const json::value*> Row::find(std::string_view column) const {
  if (const json::value* value = row_->if_contains(column)) return value;
  return fail(ErrorCode::corrupt, "the database of Open vSwitch left out the column {}", shown(column));
}

Result<std::string> Row::text(std::string_view column) const {
  return text_of(*TRY(find(column)), column);
}
Result<std::string> Row::uuid(std::string_view column) const {
  return uuid_of(*TRY(find(column)), column);
}
Result<std::int64_t> Row::number(std::string_view column) const {
  return number_of(*TRY(find(column)), column);
}
Result<std::vector<std::int64_t>> Row::numbers(std::string_view column) const {
  return each<std::int64_t>(*TRY(find(column)), column, number_of);
}
Result<std::vector<std::string>> Row::uuids(std::string_view column) const {
  return each<std::string>(*TRY(find(column)), column, uuid_of);
}
Result<std::vector<std::string>> Row::strings(std::string_view column) const {
  return each<std::string>(*TRY(find(column)), column, text_of);
}
Result<std::optional<std::string>> Row::optional_text(std::string_view column) const {
  return at_most_one(strings(column), column);
}
Result<std::optional<std::int64_t>> Row::optional_number(std::string_view column) const {
  return at_most_one(numbers(column), column);
}

Result<Texts> Row::texts(std::string_view column) const {
  const json::value* inner = tagged(*TRY(find(column)), "map");
  const json::array* pairs = inner == nullptr ? nullptr : inner->if_array();
  if (pairs == nullptr) return wrong(column, "map");
  Texts texts;
  for (const json::value& element : *pairs) {
    const json::array* pair = element.if_array();
    if (pair == nullptr || pair->size() != 2) return wrong(column, "map");
    texts[TRY(text_of((*pair)[0], column))] = TRY(text_of((*pair)[1], column));
  }
  return texts;
}

json::value uuid_value(std::string_view uuid) {
  return json::array{"uuid", uuid};
}
json::value named_uuid(std::string_view name) {
  return json::array{"named-uuid", name};
}
json::value set_value(json::array elements) {
  return json::array{"set", std::move(elements)};
}
json::value map_value(const Texts& texts) {
  json::array pairs;
  for (const auto& [key, value] : texts) pairs.push_back(json::array{key, value});
  return json::array{"map", std::move(pairs)};
}
json::array clause(std::string_view column, std::string_view function, json::value value) {
  return json::array{column, function, std::move(value)};
}

}  // namespace bayplan::ovs
