// A small file, read at once.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.hpp"

namespace bayplan {

// All of it. Not through a stream: that takes a directory, or a disk that fails, for an empty file. Errors:
// `not_found`; `denied`; `invalid` when it is larger than `limit` bytes; `unavailable` for everything else (a
// directory, a failing disk). Blocks as long as a pipe's other end does.
Result<std::string> read_file(const std::string& path, std::size_t limit);

}  // namespace bayplan
