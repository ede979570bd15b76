// Request targets (RFC 9112, 3.2): "/v1/reservations?network=vlan100" to and from decoded path and query.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace bayplan::http {

struct Target {
  std::string path;
  std::map<std::string, std::string> query;  // of a key given twice, the last value
};

// Takes origin and absolute form. `invalid` when a percent sign is not followed by two hexadecimal digits.
Result<Target> parse_target(std::string_view text);

// Everything but unreserved characters (RFC 3986, 2.3) and the path's slashes is percent-encoded.
std::string format_target(std::string_view path, const std::map<std::string, std::string>& query);

}  // namespace bayplan::http
