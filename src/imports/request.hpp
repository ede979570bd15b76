// Records as the body of `POST /v1/import` (docs/api.md).
#pragma once

#include <boost/json/object.hpp>

#include "imports/records.hpp"

namespace bayplan::imports {

boost::json::object to_request(const Records& records, bool dry_run);

}  // namespace bayplan::imports
