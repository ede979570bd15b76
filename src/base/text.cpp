#include "base/text.hpp"

#include <fmt/format.h>

namespace bayplan {

std::string shown(std::string_view text, std::size_t limit) {
  std::string out;
  for (const char c : text.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return text.size() > limit ? out + "…" : out;
}

}  // namespace bayplan
