// Answers of the daemon, for people: aligned tables and blocks.
//
// They take the JSON as it came; a member that is absent or null is shown as "-", so that an older or newer daemon's
// answer can be shown too.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace bayplan::cli {

// Columns as wide as their widest cell, three spaces between them, no trailing spaces.
std::string table(const std::vector<std::vector<std::string>>& rows);
// "key:  value" lines, the values aligned.
std::string block(const std::vector<std::pair<std::string, std::string>>& lines);

std::string networks_table(const boost::json::value& networks);
std::string network_block(const boost::json::value& network);
// `now` is for "3 days ago".
std::string reservations_table(const boost::json::value& reservations, Timestamp now);
std::string reservation_block(const boost::json::value& reservation, Timestamp now);

// Only the key: "vlan100", or "vlan100 db", a line each; of one object or of an array.
std::string network_keys(const boost::json::value& networks);
std::string reservation_keys(const boost::json::value& reservations);

}  // namespace bayplan::cli
