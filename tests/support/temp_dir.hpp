// A directory of a test's own, removed with everything in it when the test is over.
//
// `in_memory`: on a file system without a disk, for tests that write much and don't care where; syncing costs nothing
// there. Where the machine has none it is an ordinary one.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace bayplan::testing {

class TempDir {
 public:
  enum class Place { ordinary, in_memory };

  explicit TempDir(Place place = Place::ordinary) {
    std::string pattern = (base(place) / "bayplan-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory can be made");
    path_ = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  static std::filesystem::path base(Place place) {
    const std::filesystem::path memory = "/dev/shm";  // POSIX shared memory, a tmpfs: shm_overview(7)
    if (place == Place::in_memory && ::access(memory.c_str(), W_OK) == 0) return memory;
    return std::filesystem::temp_directory_path();
  }

  std::filesystem::path path_;
};

}  // namespace bayplan::testing
