// A spreadsheet's plan: CSV of `network,identity,address,mac` (RFC 4180). Pure: text in, records out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "imports/records.hpp"

namespace bayplan::imports {

struct CsvRow {
  std::size_t line = 0;  // its first one, from 1
  std::vector<std::string> cells;
};

// RFC 4180: cells in double quotes may hold commas, line ends and doubled quotes. Taken as well: LF instead of CR LF, a
// byte order mark, no line end at the end. Empty lines are left out. A row that breaks the rules is a broken record; so
// is all behind a quote that is never closed.
std::vector<CsvRow> parse_csv(std::string_view text, std::vector<BrokenRecord>& broken);

// Reservations of networks that the plan must have. A header (`network,identity,address,mac`, in this order) may stand
// first; the mac may be empty or left out. Keys are "line N".
Records read_csv(std::string_view text);

}  // namespace bayplan::imports
