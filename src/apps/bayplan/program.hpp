// `bayplan`, all of it but main(): arguments in, text and exit status out.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace bayplan::cli {

struct Surroundings {
  std::string version;
  std::ostream& out;
  std::ostream& err;
  const Clock& clock;
};

// `args` without the program's name. Gives the exit status: 0 done; 1 refused or failed; 2 wrong usage; 3 the daemon
// can't be reached. Nothing is written to `out` unless what was asked for was done.
int run_program(const std::vector<std::string>& args, const Surroundings& surroundings);

}  // namespace bayplan::cli
