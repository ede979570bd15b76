#include "http/target.hpp"

#include <charconv>

#include "base/text.hpp"

namespace bayplan::http {
namespace {

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~").find(c) != std::string_view::npos;
}

std::string encode(std::string_view text, std::string_view kept = {}) {
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c) || kept.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Result<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const auto digits = text.substr(i + 1, 2);
      unsigned byte = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
      if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2) {
        return fail(ErrorCode::invalid, "'{}' in the request's target is no percent encoding",
                    shown(text.substr(i, 3)));
      }
      out += static_cast<char>(byte);
      i += 2;
    }
  }
  return out;
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
  if (const auto scheme = text.find("://"); !text.starts_with('/') && scheme != std::string_view::npos) {
    const auto path = text.find('/', scheme + 3);
    text = path == std::string_view::npos ? "/" : text.substr(path);
  }
  const auto question = text.find('?');
  Target target;
  target.path = TRY(decode(text.substr(0, question), false));
  if (question == std::string_view::npos) return target;
  for (auto rest = text.substr(question + 1); !rest.empty();) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    const auto value = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    target.query[TRY(decode(pair.substr(0, equals), true))] = TRY(decode(value, true));
  }
  return target;
}

std::string format_target(std::string_view path, const std::map<std::string, std::string>& query) {
  std::string out = encode(path, "/");
  char separator = '?';
  for (const auto& [key, value] : query) {
    out += separator + encode(key) + "=" + encode(value);
    separator = '&';
  }
  return out;
}

}  // namespace bayplan::http
