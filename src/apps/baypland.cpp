// The daemon's program: arguments, signals, readiness. See apps/baypland/daemon.hpp for what it does.
#include <signal.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "apps/baypland/daemon.hpp"
#include "base/log.hpp"

namespace {

using bayplan::Result;

struct Arguments {
  std::optional<std::string> config;
  std::string log_level = "info";
  bool tear_down = false;
};

bayplan::log::Level level_of(const std::string& name) {
  using enum bayplan::log::Level;
  if (name == "debug") return debug;
  if (name == "warning") return warning;
  return name == "error" ? error : info;
}

// Signals are taken by sigwait in main(), so they are blocked before any thread is started.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

Result<> run(const Arguments& arguments, const sigset_t& signals) {
  const auto config = TRY(bayplan::daemon::load_config(arguments.config));
  if (arguments.tear_down) return bayplan::daemon::tear_down(config);
  const auto daemon = TRY(bayplan::daemon::Daemon::start(config, BAYPLAN_VERSION));
  sd_notify(0, "READY=1");
  bayplan::log::info("started", {{"version", BAYPLAN_VERSION}, {"store", config.store_url}});
  int signal = 0;
  sigwait(&signals, &signal);
  sd_notify(0, "STOPPING=1");
  bayplan::log::info("stopping", {{"signal", signal}});
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{"baypland keeps containers' addresses: Docker network plugin and control API."};
  app.add_option("--config", arguments.config, "configuration file (default: /etc/bayplan/bayplan.toml)");
  app.add_option("--log-level", arguments.log_level, "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  app.add_flag("--tear-down", arguments.tear_down,
               "remove all bridges, ports and packet filter rules of Bayplan and end; the plan is kept");
  app.set_version_flag("--version", BAYPLAN_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EXIT_SUCCESS : 2;
  }
  const sigset_t signals = block_signals();
  ::signal(SIGPIPE, SIG_IGN);
  bayplan::log::start(level_of(arguments.log_level), std::getenv("JOURNAL_STREAM") != nullptr);
  if (auto done = run(arguments, signals); !done) {
    std::cerr << "baypland: " << done.error().message() << '\n';
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
