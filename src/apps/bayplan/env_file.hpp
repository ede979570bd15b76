// `--env-file FILE` among the docker options of `bayplan run`: read here, as the docker command does, by the user who
// gives the command: with his rights, from his folder, and not in the daemon, which has a /tmp of its own.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace bayplan::cli {

// The options with the lines of every --env-file as `--env KEY=VALUE` in its place, in front of all others, so that
// what
// --env says holds. Of the lines, empty ones and those that start with # are left out; one that is only a name takes
// its value from this process's environment, where it has one. `invalid` with the line for what is neither.
Result<std::vector<std::string>> with_env_files_read(const std::vector<std::string>& docker_options);

}  // namespace bayplan::cli
