// libFuzzer's entry for the parsers of an import. Build and run it with scripts/fuzz.
#include <cstddef>
#include <cstdint>

#include "fuzz/import_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bayplan::imports::import_target({reinterpret_cast<const char*>(data), size});
  return 0;
}
