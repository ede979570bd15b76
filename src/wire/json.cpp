#include "wire/json.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.hpp"

namespace bayplan::wire {
namespace {

namespace json = boost::json;

void append(std::string& out, const json::value& value, std::size_t depth);

// The lines between a pair of brackets; `member(i)` writes the i-th.
template <typename Member>
void append_lines(std::string& out, char open, char close, std::size_t count, std::size_t depth, Member member) {
  out += open;
  for (std::size_t i = 0; i < count; ++i) {
    out += i == 0 ? "\n" : ",\n";
    out.append((depth + 1) * 2, ' ');
    member(i);
  }
  if (count != 0) {
    out += '\n';
    out.append(depth * 2, ' ');
  }
  out += close;
}

void append(std::string& out, const json::value& value, std::size_t depth) {
  if (const auto* object = value.if_object()) {
    append_lines(out, '{', '}', object->size(), depth, [&](std::size_t i) {
      const auto& [key, member] = *(object->begin() + i);
      out += json::serialize(json::string(key)) + ": ";
      append(out, member, depth + 1);
    });
  } else if (const auto* array = value.if_array()) {
    append_lines(out, '[', ']', array->size(), depth, [&](std::size_t i) { append(out, (*array)[i], depth + 1); });
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

Result<json::value> parse_json(std::string_view text) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return fail(ErrorCode::invalid, "nothing was sent where JSON is expected");
  }
  boost::system::error_code error;
  auto value = json::parse(text, error);
  if (error) return fail(ErrorCode::invalid, "what was sent is not JSON ({}): '{}'", error.message(), shown(text));
  return value;
}

std::string pretty(const json::value& value) {
  std::string out;
  append(out, value, 0);
  return out + "\n";
}

json::value text_or_null(std::string_view text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

Result<Fields> Fields::of(const json::value& value, std::string_view what) {
  const auto* object = value.if_object();
  if (object == nullptr) return fail(ErrorCode::invalid, "{} must be a JSON object", what);
  return Fields(*object, what);
}

const json::value* Fields::find(std::string_view name) const {
  const auto* value = object_->if_contains(name);
  return value != nullptr && !value->is_null() ? value : nullptr;
}

Error Fields::wrong(std::string_view name, std::string_view wanted) const {
  return fail(ErrorCode::invalid, "'{}' of {} must be {}", name, what_, wanted);
}

Result<> Fields::only(std::initializer_list<std::string_view> known) const {
  for (const auto& member : *object_) {
    if (std::ranges::find(known, std::string_view(member.key())) == known.end()) {
      return fail(ErrorCode::invalid, "{} has no field '{}': its fields are {}", what_, shown(member.key()),
                  fmt::join(known, ", "));
    }
  }
  return {};
}

Result<std::optional<std::string>> Fields::optional_text(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::optional<std::string>{};
  if (!value->is_string()) return wrong(name, "a text");
  return std::optional(std::string(value->get_string()));
}

Result<std::string> Fields::text(std::string_view name) const {
  auto value = TRY(optional_text(name));
  if (!value) return wrong(name, "given");
  return *std::move(value);
}

Result<std::optional<std::string>> Fields::optional_number_text(std::string_view name) const {
  const auto* value = find(name);
  if (value != nullptr && (value->is_int64() || value->is_uint64())) return std::optional(json::serialize(*value));
  if (value != nullptr && !value->is_string()) return wrong(name, "a whole number");
  return optional_text(name);
}

Result<bool> Fields::boolean(std::string_view name, bool otherwise) const {
  const auto* value = find(name);
  if (value == nullptr) return otherwise;
  if (!value->is_bool()) return wrong(name, "true or false");
  return value->get_bool();
}

Result<std::vector<std::string>> Fields::texts(std::string_view name) const {
  std::vector<std::string> out;
  const auto* value = find(name);
  if (value == nullptr) return out;
  if (!value->is_array()) return wrong(name, "an array of texts");
  for (const auto& element : value->get_array()) {
    if (!element.is_string()) return wrong(name, "an array of texts");
    out.emplace_back(element.get_string());
  }
  return out;
}

}  // namespace bayplan::wire
