// What `bayplan check` says: the daemon's report (docs/api.md), for people.
#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "base/result.hpp"

namespace bayplan::cli {

struct CheckVerdict {
  int status = 0;      // the exit status: 0, 1 or 4
  std::string notice;  // for standard error: what could not be looked at; may be empty
};
// `corrupt` when the answer is no report.
Result<CheckVerdict> check_verdict(const boost::json::value& report);

// A line each; "all right" when there is none.
Result<std::string> check_text(const boost::json::value& report);
// "vlan100 db port_missing", a line each that is not repaired.
Result<std::string> check_keys(const boost::json::value& report);

}  // namespace bayplan::cli
