// Text from outside, made safe to show.
#pragma once

#include <string>
#include <string_view>

namespace bayplan {

// For messages: bytes that are not printable ASCII as \xNN, cut with an ellipsis after `limit` bytes. Never longer
// than 4 × limit + 3 bytes.
std::string shown(std::string_view text, std::size_t limit = 60);

}  // namespace bayplan
