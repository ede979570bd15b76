// What a container's network namespace has: looked at, and an interface in it put aside for another.
//
// Each call enters it on a thread of its own (linux/netns.hpp). Any thread may call.
#pragma once

#include <string>
#include <vector>

#include "ports/host.hpp"

namespace bayplan::datapath {

// As ports::Host has it. The calling thread's namespace is the host's own.
Result<std::vector<ports::InsideAddress>> addresses_inside(const std::string& netns);

Result<> put_aside(const std::string& netns, const ports::InsideAddress& interface);
Result<> put_back(const std::string& netns, const ports::InsideAddress& interface);
Result<> remove_aside(const std::string& netns, const ports::InsideAddress& interface);

}  // namespace bayplan::datapath
