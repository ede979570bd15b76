// Reads JSON that others wrote: Docker's answers and its plugin calls. (wire/json.hpp reads our own API's, where a
// field that is missing or misspelt must be an error.)
//
// Go leaves fields out, writes null for an empty map or list, and adds fields with every version. So what is absent or
// null reads as empty, what is unknown is ignored, and only a value of the wrong type is an error: the reader remembers
// the first one, and `check` gives it once, after all fields were read.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace bayplan::docker {

// One JSON text, nested at most 32 deep. Errors carry `code` and name `what`, e.g. "the container list".
Result<boost::json::value> parse_json(std::string_view bytes, ErrorCode code, std::string_view what);

class JsonReader {
 public:
  // `value` must outlive the reader. `path` names it in errors: "NetworkSettings".
  JsonReader(const boost::json::value& value, std::string path);
  JsonReader(const boost::json::object& object, std::string path) : object_(&object), path_(std::move(path)) {}

  std::string text(std::string_view key);
  bool flag(std::string_view key);
  // A whole number from `low` to `high`; absent is 0.
  std::int64_t number(std::string_view key, std::int64_t low, std::int64_t high);
  // Members of a map of strings.
  std::map<std::string, std::string> texts(std::string_view key);
  const boost::json::object& object(std::string_view key);
  const boost::json::array& array(std::string_view key);
  [[nodiscard]] bool has(std::string_view key) const;

  // A reader of an inner object; its errors are not seen by this one.
  JsonReader inner(std::string_view key);

  // The first wrong type, as an error of that code: `what: NetworkSettings.Networks is not an object`.
  [[nodiscard]] Result<> check(ErrorCode code, std::string_view what) const;

 private:
  const boost::json::value* find(std::string_view key) const;
  void wrong(std::string_view key, std::string_view wanted);

  const boost::json::object* object_ = nullptr;
  std::string path_;
  std::string problem_;
};

}  // namespace bayplan::docker
