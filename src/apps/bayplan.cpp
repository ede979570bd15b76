// The command line program: see apps/bayplan/program.hpp.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "apps/bayplan/program.hpp"

int main(int argc, char** argv) {
  try {
    const bayplan::SystemClock clock;
    const std::vector<std::string> args(argv + 1, argv + argc);
    const bool on_terminal = isatty(STDERR_FILENO) != 0;
    const int status = bayplan::cli::run_program(args, {BAYPLAN_VERSION, std::cout, std::cerr, clock, on_terminal});
    // `bayplan export > file` on a full disk must not look as if it had worked.
    errno = 0;
    if (!std::cout.flush()) {
      std::cerr << "bayplan: the output could not be written: " << std::strerror(errno) << "\n";
      return 1;
    }
    return status;
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "bayplan: %s\n", exception.what());
    return 1;
  }
}
