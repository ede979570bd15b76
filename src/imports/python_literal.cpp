#include "imports/python_literal.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"

namespace bayplan::imports {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_name_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

std::optional<unsigned> digit_value(char c, unsigned base) {
  const unsigned value = is_digit(c)            ? static_cast<unsigned>(c - '0')
                         : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A') + 10
                                                : 99;
  return value < base ? std::optional(value) : std::nullopt;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  const auto follow = [&](unsigned shift) { add(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) return add(code);
  if (code < 0x800) {
    add(0xc0 | code >> 6);
    return follow(0);
  }
  if (code < 0x10000) {
    add(0xe0 | code >> 12);
    follow(6);
    return follow(0);
  }
  add(0xf0 | code >> 18);
  follow(12);
  follow(6);
  follow(0);
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<PythonValue> whole() {
    auto value = TRY(parse(0));
    skip_space();
    if (at_ < text_.size()) return wrong("nothing more is expected");
    return value;
  }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  void skip_space() {
    while (!at_end() && std::string_view(" \t\r\n\f").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool take(char c) {
    skip_space();
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  [[nodiscard]] Error wrong(std::string_view what) const {
    return fail(ErrorCode::invalid, "it is no Python literal: {} at character {}, before '{}'", what, at_ + 1,
                shown(text_.substr(std::min(at_, text_.size())), 20));
  }

  Result<PythonValue> parse(unsigned depth);
  Result<PythonValue> parse_word();
  Result<PythonValue> parse_number();
  Result<PythonValue> parse_string(bool unicode);
  Result<> parse_escape(std::string& out, bool unicode);
  Result<> parse_coded(std::string& out, char kind, bool unicode);
  Result<PythonValue> parse_items(char close, unsigned depth);
  Result<PythonValue> parse_dict(unsigned depth);

  std::string_view text_;
  std::size_t at_ = 0;
};

Result<PythonValue> Parser::parse(unsigned depth) {
  if (depth > kDepth) return wrong("it is nested too deep");
  skip_space();
  const char c = peek();
  if (c == '\'' || c == '"') return parse_string(false);
  if (take('{')) return parse_dict(depth + 1);
  if (take('[')) return parse_items(']', depth + 1);
  if (take('(')) return parse_items(')', depth + 1);
  if (is_digit(c) || c == '-' || c == '.') return parse_number();
  return parse_word();
}

// None, True, False, or the prefix of a string.
Result<PythonValue> Parser::parse_word() {
  const auto start = at_;
  while (is_name_character(peek())) ++at_;
  const auto word = text_.substr(start, at_ - start);
  if (peek() == '\'' || peek() == '"') {
    if (word == "u" || word == "U") return parse_string(true);
    if (word == "b" || word == "B") return parse_string(false);
  }
  if (word == "None") return PythonValue{};
  if (word == "True") return PythonValue{true};
  if (word == "False") return PythonValue{false};
  at_ = start;
  return wrong(at_end() ? "a value is missing" : "a value is expected");
}

Result<PythonValue> Parser::parse_number() {
  const auto start = at_;
  const auto digits = [&] {
    const auto first = at_;
    while (is_digit(peek())) ++at_;
    return at_ - first;
  };
  if (peek() == '-') ++at_;
  const auto whole_at = at_;
  const auto whole = digits();
  if (whole > 1 && text_[whole_at] == '0') return wrong("a number begins with 0");
  bool is_whole = true;
  std::size_t fraction = 0;
  if (peek() == '.') {
    ++at_;
    is_whole = false;
    fraction = digits();
  }
  if (whole + fraction == 0) return wrong("a number has no digits");
  if (peek() == 'e' || peek() == 'E') {
    ++at_;
    is_whole = false;
    if (peek() == '-' || peek() == '+') ++at_;
    if (digits() == 0) return wrong("an exponent has no digits");
  }
  std::string written(text_.substr(start, at_ - start));
  if (is_whole && peek() == 'L') ++at_;
  if (is_name_character(peek())) return wrong("a number goes on with a letter");
  return PythonValue{PythonNumber{std::move(written)}};
}

Result<PythonValue> Parser::parse_string(bool unicode) {
  const char quote = text_[at_++];
  std::string out;
  while (true) {
    if (at_end()) return wrong("a string does not end");
    const char c = text_[at_];
    if (c == '\n') return wrong("a string goes over the end of a line");
    ++at_;
    if (c == quote) break;
    if (c == '\\') {
      TRY(parse_escape(out, unicode));
    } else {
      out += c;
    }
  }
  skip_space();
  if (peek() == '\'' || peek() == '"') return wrong("a string stands beside a string");
  return PythonValue{std::move(out)};
}

// Behind the backslash. What Python does not know stays as it is, with the backslash.
Result<> Parser::parse_escape(std::string& out, bool unicode) {
  constexpr std::string_view kLetters = "\\'\"abfnrtv";
  constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
  if (at_end()) return wrong("a string ends in a backslash");
  const char c = text_[at_++];
  if (c == '\n') return {};
  if (const auto known = kLetters.find(c); known != std::string_view::npos) {
    out += kMeanings[known];
    return {};
  }
  if (c == 'x' || digit_value(c, 8)) return parse_coded(out, c, unicode);
  if ((c == 'u' || c == 'U') && unicode) return parse_coded(out, c, unicode);
  // Python 3 writes no prefix and means the character; Python 2 would have kept the backslash.
  if (c == 'u' || c == 'U') return parse_coded(out, c, true);
  out += '\\';
  out += c;
  return {};
}

// \xHH, \uHHHH, \UHHHHHHHH, and one to three octal digits.
Result<> Parser::parse_coded(std::string& out, char kind, bool unicode) {
  const bool octal = digit_value(kind, 8).has_value();
  if (octal) --at_;
  const unsigned base = octal ? 8 : 16;
  const std::size_t most = octal ? 3 : kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
  std::uint32_t code = 0;
  std::size_t count = 0;
  while (count < most) {
    const auto digit = digit_value(peek(), base);
    if (!digit) break;
    code = code * base + *digit;
    ++at_;
    ++count;
  }
  if (count < most && !octal) return wrong("an escape has too few digits");
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code > 0x10ffff || surrogate || (octal && code > 0xff)) return wrong("an escape is of no character");
  if (unicode) {
    append_utf8(out, code);
  } else {
    out += static_cast<char>(code);
  }
  return {};
}

Result<PythonValue> Parser::parse_items(char close, unsigned depth) {
  PythonList list;
  while (!take(close)) {
    auto item = TRY(parse(depth));
    list.items.push_back(std::move(item));
    const bool more = take(',');
    skip_space();
    if (!more && peek() != close) return wrong("a comma or a closing bracket is expected");
  }
  return PythonValue{std::move(list)};
}

Result<PythonValue> Parser::parse_dict(unsigned depth) {
  PythonDict dict;
  while (!take('}')) {
    auto key = TRY(parse(depth));
    if (!take(':')) return wrong("a colon is expected");
    auto value = TRY(parse(depth));
    dict.items.emplace_back(std::move(key), std::move(value));
    const bool more = take(',');
    skip_space();
    if (!more && peek() != '}') return wrong("a comma or '}' is expected");
  }
  return PythonValue{std::move(dict)};
}

}  // namespace

const PythonValue* PythonDict::find(std::string_view key) const {
  const PythonValue* found = nullptr;
  for (const auto& [name, value] : items) {
    const auto* text = std::get_if<std::string>(&name.value);
    if (text != nullptr && *text == key) found = &value;
  }
  return found;
}

bool operator==(const PythonValue& a, const PythonValue& b) {
  if (a.value.index() != b.value.index()) return false;
  if (const auto* list = std::get_if<PythonList>(&a.value)) {
    return list->items == std::get<PythonList>(b.value).items;
  }
  if (const auto* dict = std::get_if<PythonDict>(&a.value)) {
    return std::ranges::equal(dict->items, std::get<PythonDict>(b.value).items);
  }
  if (const auto* text = std::get_if<std::string>(&a.value)) return *text == std::get<std::string>(b.value);
  if (const auto* number = std::get_if<PythonNumber>(&a.value)) return *number == std::get<PythonNumber>(b.value);
  if (const auto* truth = std::get_if<bool>(&a.value)) return *truth == std::get<bool>(b.value);
  return true;
}

Result<PythonValue> parse_python_literal(std::string_view text) {
  if (text.size() > kLiteralSize) {
    return fail(ErrorCode::invalid, "it has {} bytes: at most {}", text.size(), kLiteralSize);
  }
  return Parser(text).whole();
}

}  // namespace bayplan::imports
