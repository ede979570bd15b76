// Keeps attached interfaces as they should be, inside namespaces that others are root in.
//
// Used by the datapath thread only. What it mends is counted and logged with who and what. One who
// undoes it again and again is mended a few times at once and then ever more seldom, at most once a minute, until there
// is peace: he is reported, and costs nothing.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "control/kernel_wanted.hpp"
#include "control/repair_counts.hpp"

namespace bayplan::control {

class InsideKeeper {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  enum class Fate {
    right,  // as it should be, or only reported
    mended,
    gone,     // the namespace is not there any more
    put_off,  // it differs, but was mended too often: see `next_look`
  };

  // All must outlive it.
  InsideKeeper(ports::Datapath& datapath, ports::Namespaces& namespaces, const Clock& clock, RepairCounts& counts)
      : datapath_(datapath), namespaces_(namespaces), clock_(clock), counts_(counts) {}

  // Makes the port, whatever is there of it, and its inside; its network's device, too, where that is not there. True
  // if it was not. `not_found` when its namespace is not there.
  Result<bool> make(const KernelWanted::Port& port);
  // Looks at it, and puts right what differs.
  Result<Fate> keep(const KernelWanted::Port& port);
  // The link on the host is known to be gone.
  Result<Fate> make_again(const KernelWanted::Port& port);
  // It is not ours to keep any more.
  void forget(const std::string& host_name) { calm_.erase(host_name); }

  // There are no others: what is known of them is forgotten.
  void keep_only(const std::set<std::string>& host_names);
  // What was put off may be put right at once.
  void forgive() { calm_.clear(); }
  // The namespaces of those that were put off until now; each is told once.
  std::set<std::string> due();
  // When one that was put off is due.
  [[nodiscard]] std::optional<TimePoint> next_look() const;

 private:
  // How much patience is left with one.
  struct Calm {
    double left = 0;  // repairs that may be made at once
    TimePoint counted_at;
    std::chrono::milliseconds pause{};
    TimePoint until;                  // not before
    bool waits = false;               // it differs, and is put off
    std::string netns;                // where, then
    std::set<ports::Drift> reported;  // on a network that is only reported
  };
  std::string name_of(const KernelWanted::Port& port);
  Calm& calm_of(const std::string& host_name);
  bool may_mend(const KernelWanted::Port& port);
  Result<Fate> mend(const KernelWanted::Port& port, const std::vector<ports::Drift>& drifts);
  void report(const KernelWanted::Port& port, const std::vector<ports::Drift>& drifts);
  void count(const KernelWanted::Port& port, const std::vector<ports::Drift>& drifts, bool repaired);

  ports::Datapath& datapath_;
  ports::Namespaces& namespaces_;
  const Clock& clock_;
  RepairCounts& counts_;
  std::map<std::string, Calm> calm_;  // by host name
};

}  // namespace bayplan::control
