// Runs another program to its end: for iptables only, the one program that Bayplan has to call (docs/decisions/0003).
//
// No shell: the argument vector is passed as it is. The child has the calling thread's network namespace, the three
// standard descriptors and no other. Callable from any thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace bayplan::kernel {

struct ProcessResult {
  int status = 0;      // exit status; of a child ended by a signal 128 + its number
  std::string output;  // what it wrote to standard output
  std::string errors;  // what it wrote to standard error
};

// `arguments[0]` is looked up in PATH: `not_found` when it is not there. After `bound` the child is killed: `timeout`.
// A status other than 0 is no error here.
Result<ProcessResult> run_process(const std::vector<std::string>& arguments, std::string_view input,
                                  std::chrono::milliseconds bound);

}  // namespace bayplan::kernel
