// baypland, wired: the only place that knows every part.
//
// What starts in which order, and why: the store (a second daemon ends here), the kernel side once (so that what the
// plan says stands before anybody asks), the engine's keeper, then the sockets: who can connect finds all of it ready.
// It stops in the opposite order, and leaves bridges, ports and rules as they are: a restart disturbs no packet.
#pragma once

#include <memory>
#include <string>

#include "apps/baypland/config.hpp"

namespace bayplan::daemon {

class Daemon {
 public:
  // Everything is up when it returns.
  static Result<std::unique_ptr<Daemon>> start(const Config& config, const std::string& version);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

 private:
  Daemon();
  Result<> open(const Config& config);
  Result<> serve(const Config& config, const std::string& version);

  struct Members;
  std::unique_ptr<Members> members_;
};

// Takes everything of ours out of the host, for good: bridges, ports, rules, and the sockets of a daemon that was
// killed. The plan is not even looked at: this works on a damaged one, a newer one, a full disk. `in_use` while a
// daemon runs. Goes on after a failure; the error tells of all of them.
Result<> tear_down(const Config& config);

}  // namespace bayplan::daemon
