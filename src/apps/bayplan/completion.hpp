// Completion scripts, made from the command line's own description, so that they can't fall behind it.
#pragma once

#include <string>
#include <string_view>

namespace bayplan::cli {

// `shell` is bash, zsh or fish. Names of networks are asked of the daemon when they are wanted.
std::string completion_script(std::string_view shell);

}  // namespace bayplan::cli
