// Which changes on the host may have undone something of ours. Pure.
#pragma once

#include "linux/monitor.hpp"

namespace bayplan::datapath {

// A link that is ours by name or alias is gone, down or off its bridge; or an address or a route, which do not tell
// whose they were. (Ours are made up with everything, so that making them calls for nothing.)
bool calls_for_look(const kernel::HostEvent& event);

}  // namespace bayplan::datapath
