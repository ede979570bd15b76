#include "engine/docker/json_reader.hpp"

#include "base/text.hpp"

namespace bayplan::docker {

namespace {

const boost::json::object& no_object() {
  static const boost::json::object none;
  return none;
}

const boost::json::array& no_array() {
  static const boost::json::array none;
  return none;
}

}  // namespace

Result<boost::json::value> parse_json(std::string_view bytes, ErrorCode code, std::string_view what) {
  boost::system::error_code problem;
  try {
    auto value = boost::json::parse(bytes, problem);
    if (!problem) return value;
  } catch (const std::exception& thrown) {
    return fail(code, "{} can't be read: {}", what, thrown.what());
  }
  return fail(code, "{} is not JSON: {} in {:?}", what, problem.message(), shown(bytes, 80));
}

JsonReader::JsonReader(const boost::json::value& value, std::string path) : path_(std::move(path)) {
  object_ = value.if_object();
  if (object_ == nullptr) {
    object_ = &no_object();
    if (!value.is_null()) problem_ = fmt::format("{} is not an object", path_.empty() ? "the whole" : path_);
  }
}

const boost::json::value* JsonReader::find(std::string_view key) const {
  const auto* member = object_->if_contains(key);
  return member != nullptr && !member->is_null() ? member : nullptr;
}

void JsonReader::wrong(std::string_view key, std::string_view wanted) {
  if (!problem_.empty()) return;
  problem_ = fmt::format("{}{}{} is not {}", path_, path_.empty() ? "" : ".", key, wanted);
}

bool JsonReader::has(std::string_view key) const {
  return find(key) != nullptr;
}

std::string JsonReader::text(std::string_view key) {
  const auto* member = find(key);
  if (member == nullptr) return {};
  if (const auto* string = member->if_string()) return std::string(*string);
  wrong(key, "a string");
  return {};
}

bool JsonReader::flag(std::string_view key) {
  const auto* member = find(key);
  if (member == nullptr) return false;
  if (const auto* flag = member->if_bool()) return *flag;
  wrong(key, "true or false");
  return false;
}

std::int64_t JsonReader::number(std::string_view key, std::int64_t low, std::int64_t high) {
  const auto* member = find(key);
  if (member == nullptr) return 0;
  boost::system::error_code inexact;
  const auto number = member->is_number() ? member->to_number<std::int64_t>(inexact) : low - 1;
  if (!inexact && number >= low && number <= high) return number;
  wrong(key, fmt::format("a whole number from {} to {}", low, high));
  return 0;
}

std::map<std::string, std::string> JsonReader::texts(std::string_view key) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : object(key)) {
    if (const auto* string = value.if_string()) {
      out.emplace(std::string(name), std::string(*string));
    } else if (!value.is_null()) {
      wrong(key, "a map of strings");
    }
  }
  return out;
}

const boost::json::object& JsonReader::object(std::string_view key) {
  const auto* member = find(key);
  if (member == nullptr) return no_object();
  if (const auto* object = member->if_object()) return *object;
  wrong(key, "an object");
  return no_object();
}

const boost::json::array& JsonReader::array(std::string_view key) {
  const auto* member = find(key);
  if (member == nullptr) return no_array();
  if (const auto* array = member->if_array()) return *array;
  wrong(key, "a list");
  return no_array();
}

JsonReader JsonReader::inner(std::string_view key) {
  return {object(key), path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key)};
}

Result<> JsonReader::check(ErrorCode code, std::string_view what) const {
  if (problem_.empty()) return {};
  return fail(code, "{}: {}", what, problem_);
}

}  // namespace bayplan::docker
