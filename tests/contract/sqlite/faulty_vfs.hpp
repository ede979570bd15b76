// A disk that fails when a test says so: a layer over SQLite's own file access (sqlite.org/vfs.html), the default
// as long as the object lives.
//
// Every write, sync, truncation and deletion counts as one step. At the chosen step, and if so told at every one after
// it, the fault happens. One object at a time.
#pragma once

#include <cstddef>

namespace bayplan::testing {

class FaultyVfs {
 public:
  enum class Fault {
    full,        // writes fail as on a full disk; everything else works
    over_quota,  // writes fail as by a quota that is used up: no "full" of SQLite's own
    read_only,   // writes, truncations and deletions fail as when the file system turned read-only
    broken,      // the step fails with an input/output error
    half_write,  // the process is killed in the middle of the step: a write has written the first half
  };

  FaultyVfs();
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  // The step after the next `steps` ones fails. With `lasting`, all after it too.
  void fail_after(std::size_t steps, Fault fault, bool lasting = false);
  // No faults from now on.
  void heal();
  // Steps since the last call of this or of fail_after.
  std::size_t take_steps();
  // Syncs to disk since the last call of this or of fail_after.
  std::size_t take_syncs();
  // Whether the fault has happened.
  [[nodiscard]] bool happened() const;
};

}  // namespace bayplan::testing
