// Whether this kernel speaks a family of generic netlink, such as Open vSwitch's "ovs_datapath".
#pragma once

#include <string>

#include "base/result.hpp"

namespace bayplan::kernel {

// The kernel loads the family's module where there is one. One request and its answer; no wait is longer than 5 s.
Result<bool> has_generic_family(const std::string& name);

}  // namespace bayplan::kernel
