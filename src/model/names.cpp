#include "model/names.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"

namespace bayplan::model {
namespace {

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool is_visible(char c) {
  return c > 0x20 && c < 0x7f;
}

// Decimal digits only, within the bounds, and without leading zeros: texts are compared and become part of names.
bool parse_number(std::string_view text, unsigned long lowest, unsigned long highest, unsigned long& number) {
  if (text.size() > 1 && text.front() == '0') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number >= lowest && number <= highest;
}

}  // namespace

Result<std::string> parse_network_name(std::string_view text) {
  const auto allowed = [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; };
  if (text.empty()) return fail(ErrorCode::invalid, "a network needs a name");
  if (text.size() > 63) {
    return fail(ErrorCode::invalid, "the network name '{}' has {} characters: at most 63", shown(text), text.size());
  }
  if (!is_alphanumeric(text.front()) || !std::ranges::all_of(text, allowed)) {
    return fail(
        ErrorCode::invalid,
        "'{}' can't be a network's name: use letters, digits, '_', '.' and '-', beginning with a letter or digit",
        shown(text));
  }
  return std::string(text);
}

Result<std::string> parse_identity(std::string_view text, bool allow_slash) {
  if (text.empty()) return fail(ErrorCode::invalid, "an identity can't be empty");
  if (text.size() > 255) {
    return fail(ErrorCode::invalid, "the identity '{}' has {} characters: at most 255", shown(text), text.size());
  }
  const bool slash_wrong = !allow_slash || text.front() == '/' || text.back() == '/';
  const auto allowed = [&](char c) { return is_visible(c) && (c != '/' || !slash_wrong); };
  if (!std::ranges::all_of(text, allowed)) {
    return fail(ErrorCode::invalid, "'{}' can't be an identity: use printable ASCII characters without space and '/'",
                shown(text));
  }
  return std::string(text);
}

Result<std::uint16_t> parse_vlan(std::string_view text) {
  unsigned long tag = 0;
  if (!parse_number(text, 1, 4094, tag)) {
    return fail(ErrorCode::invalid, "'{}' is not a VLAN: give a number from 1 to 4094", shown(text));
  }
  return static_cast<std::uint16_t>(tag);
}

Result<std::uint32_t> parse_mtu(std::string_view text) {
  unsigned long mtu = 0;
  if (!parse_number(text, 68, 65535, mtu)) {
    return fail(ErrorCode::invalid, "'{}' is not an MTU: give a number of bytes from 68 to 65535", shown(text));
  }
  return static_cast<std::uint32_t>(mtu);
}

Result<std::string> parse_interface_name(std::string_view text) {
  const auto allowed = [](char c) { return is_visible(c) && c != '/' && c != ':'; };
  if (text.empty() || text.size() > 15 || text == "." || text == ".." || !std::ranges::all_of(text, allowed)) {
    return fail(ErrorCode::invalid, "'{}' can't be an interface's name: see `ip link` for those that are there",
                shown(text));
  }
  return std::string(text);
}

}  // namespace bayplan::model
