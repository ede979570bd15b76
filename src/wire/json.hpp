// JSON from outside, read without surprises (Boost.JSON underneath).
//
// Every failure is `invalid` and says which field is wrong and what it should be.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace bayplan::wire {

// Strict JSON (RFC 8259) in UTF-8, nested at most 32 deep.
Result<boost::json::value> parse_json(std::string_view text);

// Two spaces a level, a line a member, with a line feed at the end: for people, and for `diff`.
std::string pretty(const boost::json::value& value);

// null when empty.
boost::json::value text_or_null(std::string_view text);

// Reads the fields of one object, which must outlive it. A field that is absent or null is "not given".
class Fields {
 public:
  // `what` names the object in messages: "the request".
  static Result<Fields> of(const boost::json::value& value, std::string_view what);

  // A misspelt field must not be silently without effect.
  [[nodiscard]] Result<> only(std::initializer_list<std::string_view> known) const;
  [[nodiscard]] Result<std::string> text(std::string_view name) const;
  [[nodiscard]] Result<std::optional<std::string>> optional_text(std::string_view name) const;
  // A text, or a whole number, which becomes its digits: {"vlan": 100} as well as {"vlan": "100"}.
  [[nodiscard]] Result<std::optional<std::string>> optional_number_text(std::string_view name) const;
  [[nodiscard]] Result<bool> boolean(std::string_view name, bool otherwise) const;
  [[nodiscard]] Result<std::vector<std::string>> texts(std::string_view name) const;

 private:
  Fields(const boost::json::object& object, std::string_view what) : object_(&object), what_(what) {}
  // Nothing when not given.
  [[nodiscard]] const boost::json::value* find(std::string_view name) const;
  [[nodiscard]] Error wrong(std::string_view name, std::string_view wanted) const;

  const boost::json::object* object_;
  std::string what_;
};

}  // namespace bayplan::wire
