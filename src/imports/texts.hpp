// What the import's sources have in common.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "imports/records.hpp"

namespace bayplan::imports {

// The pieces between `separator`s; of "" one, empty. They point into `text`.
std::vector<std::string_view> split(std::string_view text, char separator);

// Without white space around it.
std::string_view trimmed(std::string_view text);

// A key as it may stand in a message: printable ASCII, cut after 300 bytes.
std::string shown_key(std::string_view key);

// "172.16.1.2/24" or "172.16.1.2", into `record.address` and `record.subnet`.
Result<> read_address(std::string_view text, ReservationRecord& record);

}  // namespace bayplan::imports
