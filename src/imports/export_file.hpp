// What `bayplan export` has written, read back. Pure: text in, records out.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "imports/records.hpp"

namespace bayplan::imports {

// `invalid` when it is no export, `newer` when it is of a version that this program does not know. A network or
// reservation that can't be read is a broken record, keyed "networks[0]" or "reservations[0]"; the others are keyed by
// what they are: "network vlan100", "reservation vlan100 db". What was `attached` is `held`.
Result<Records> read_export(std::string_view text);

}  // namespace bayplan::imports
