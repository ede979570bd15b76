// What `bayplan import` says: the daemon's report, with what was read but could not even be sent.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "apps/bayplan/import_source.hpp"

namespace bayplan::cli {

// `-o json`: {"source", "from", "dry_run", "imported", "present", "skipped", "ignored", "records"}; docs/cli.md tells
// every field. `corrupt` when the answer has no records.
Result<boost::json::object> import_report(const ImportSource& source, boost::json::value answer);

std::size_t skipped_in(const boost::json::object& report);

// For people: how many of each, then each record that was skipped or has a note; of a dry run every record.
std::string import_text(const boost::json::object& report);
// "vlan100 db", a line a reservation that was imported.
std::string imported_keys(const boost::json::object& report);

}  // namespace bayplan::cli
