#include "http/message.hpp"

#include <algorithm>

namespace bayplan::http {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

std::string_view Headers::get(std::string_view name) const {
  for (const auto& [candidate, value] : fields_) {
    if (same_name(candidate, name)) return value;
  }
  return {};
}

}  // namespace bayplan::http
