// The seeds of the fuzzer (scripts/fuzz), through the same target, in every build.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "fuzz/import_target.hpp"

namespace bayplan::imports {
namespace {

TEST(FuzzSeeds, EveryOneAndEveryPieceOfItIsAnsweredOrRefused) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(BAYPLAN_FUZZ_SEEDS "/import")) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::stringstream content;
    content << file.rdbuf();
    const auto text = content.str();
    for (std::size_t length = 0; length <= text.size(); ++length)
      import_target(std::string_view(text).substr(0, length));
    for (std::size_t at = 1; at < text.size(); ++at) {
      auto changed = text;
      changed[at] = static_cast<char>(changed[at] ^ 0x15);
      import_target(changed);
    }
    ++count;
  }
  EXPECT_GE(count, 10U);
}

}  // namespace
}  // namespace bayplan::imports
