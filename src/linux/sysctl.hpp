// Kernel settings under /proc/sys. Those of net/ are the ones of the calling thread's network namespace.
//
// Callable from any thread. `not_found` where this kernel has no such setting.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace bayplan::kernel {

// `name` as a path: "net/ipv4/ip_forward" (dots would be ambiguous in interface names). Without the line's end.
Result<std::string> read_sysctl(const std::string& name);

// True if it had another value before.
Result<bool> ensure_sysctl(const std::string& name, std::string_view value);

}  // namespace bayplan::kernel
