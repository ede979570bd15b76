// Python's literals, as `repr` and `str` of Python 2 and 3 write dictionaries: read, never evaluated.
//
// A real parser of the grammar's part that may stand in a record (docs.python.org, "Lexical analysis" and
// `ast.literal_eval`): None, True, False, numbers, strings ('…', "…", with the prefixes u and b, and escapes), lists,
// tuples and dictionaries. Refused, because no `repr` writes them: names, calls, operators, raw and triple-quoted
// strings, strings side by side, sets, comments. Pure; recursion is bounded by kDepth.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace bayplan::imports {

struct PythonValue;
struct PythonNumber {
  std::string digits;  // as written, without the L of Python 2
  friend bool operator==(const PythonNumber&, const PythonNumber&) = default;
};
struct PythonList {  // or tuple
  std::vector<PythonValue> items;
};
struct PythonDict {
  std::vector<std::pair<PythonValue, PythonValue>> items;  // in order; a key may stand there twice

  // The value of a text key, the last one as in Python; null when there is none.
  [[nodiscard]] const PythonValue* find(std::string_view key) const;
};
// monostate: None. A string has its bytes: \x and \u of a u'…' string in UTF-8, \x of any other as the byte.
struct PythonValue {
  std::variant<std::monostate, bool, PythonNumber, std::string, PythonList, PythonDict> value;
};
bool operator==(const PythonValue& a, const PythonValue& b);

inline constexpr std::size_t kLiteralSize = 64UL * 1024;  // bytes
inline constexpr unsigned kDepth = 8;

// One literal, with white space around it. `invalid` says what is wrong and at which character.
Result<PythonValue> parse_python_literal(std::string_view text);

}  // namespace bayplan::imports
