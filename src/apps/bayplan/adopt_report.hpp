// What `bayplan adopt` says: the daemon's report (docs/api.md), for people.
#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "base/result.hpp"

namespace bayplan::cli {

// "2 containers could not be adopted"; empty when all could. `corrupt` when the answer has no containers.
Result<std::string> what_was_not_adopted(const boost::json::value& report);

// A line each: what it is now and what it becomes; then the notes.
std::string adopt_text(const boost::json::value& report);
// "vlan100 db", a line a container that was adopted or moved.
std::string adopted_keys(const boost::json::value& report);

}  // namespace bayplan::cli
