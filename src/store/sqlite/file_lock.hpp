// The lock that lets only one daemon use a plan: a file beside it, locked with flock(2) as long as the object lives.
//
// The kernel gives the lock up with the process, however it ends, so none is ever stale. The file itself stays:
// removing it would let a third process lock a file that the second no longer has under that name. It holds the
// owner's process id, for the message that the next one gets.
#pragma once

#include <filesystem>
#include <optional>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace bayplan::store {

class FileLock {
 public:
  // Locks `<file>.lock`, making it (0600) if it is missing. `in_use`, with the process that has it, when another has.
  static Result<FileLock> take(const std::filesystem::path& file);
  // The same, but makes and writes nothing, so that it works on a full or read-only disk. Nothing when there is no lock
  // file: then nobody ever used the plan.
  static Result<std::optional<FileLock>> take_existing(const std::filesystem::path& file);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace bayplan::store
