#include "imports/texts.hpp"

#include "base/text.hpp"

namespace bayplan::imports {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  while (true) {
    const auto end = text.find(separator);
    pieces.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string shown_key(std::string_view key) {
  constexpr std::size_t kLimit = 300;
  return shown(key.substr(0, kLimit), kLimit);
}

Result<> read_address(std::string_view text, ReservationRecord& record) {
  text = trimmed(text);
  if (text.find('/') == std::string_view::npos) {
    record.address = TRY(model::IpAddress::parse(text));
    return {};
  }
  const auto [address, subnet] = TRY(model::parse_with_prefix(text));
  record.address = address;
  record.subnet = subnet;
  return {};
}

}  // namespace bayplan::imports
