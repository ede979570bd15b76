// What a container's network namespace has: looked at, never changed.
//
// Each call enters it on a thread of its own (linux/netns.hpp). Any thread may call.
#pragma once

#include <string>
#include <vector>

#include "ports/host.hpp"

namespace bayplan::datapath {

// As ports::Host has it. The calling thread's namespace is the host's own.
Result<std::vector<ports::InsideAddress>> addresses_inside(const std::string& netns);

}  // namespace bayplan::datapath
