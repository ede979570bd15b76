// `bayplan`, all of it but main(): arguments in, text and exit status out.
#pragma once

#include <chrono>
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
  bool err_is_terminal = false;  // a progress bar may be drawn there
};

// How long `bayplan run` waits: Docker may have to fetch the image first. Longer than baypland does (14 minutes).
inline constexpr std::chrono::minutes kRunBound{15};

// How long `bayplan import` waits: for 100 000 reservations on a slow disk.
inline constexpr std::chrono::minutes kImportBound{10};

// How long `bayplan adopt` waits: a container takes about a second to be moved. Longer than baypland does.
inline constexpr std::chrono::minutes kAdoptBound{15};

// How long `bayplan check` waits: a probe of many addresses takes minutes. Longer than baypland does.
inline constexpr std::chrono::minutes kCheckBound{15};

// `args` without the program's name. Gives the exit status: 0 done; 1 refused or failed; 2 wrong usage; 3 the daemon
// can't be reached. Nothing is written to `out` unless what was asked for was done; an import that skipped records was
// done, and gives 1; a check that found something wrong was done, and gives 4.
int run_program(const std::vector<std::string>& args, const Surroundings& surroundings);

}  // namespace bayplan::cli
