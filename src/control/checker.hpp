// Carries out `bayplan check`: looks at Docker, the kernel and, if asked, the wire; compares; and has the reconcilers
// repair, after which it looks again. It repairs nothing itself.
//
// A difference counts when two looks, a third of a second apart, agree on it: a single one may have caught a container
// on its way. Where all is right, one look is all it takes.
//
// Called on connection threads, several at a time. Blocks: a look takes what Docker's listing takes, a probe as long as
// ports::Prober::duration says at most.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "control/attacher.hpp"
#include "control/check_probe.hpp"
#include "control/engine_keeper.hpp"
#include "control/kernel_keeper.hpp"

namespace bayplan::control {

class Checker {
 public:
  // All must outlive it.
  struct Parts {
    Planner& planner;
    ports::Engine& engine;
    EngineKeeper& engine_keeper;
    KernelKeeper& kernel;
    Attacher& attacher;
    ports::Prober& prober;
    const Clock& clock;
    std::chrono::milliseconds second_look{300};  // after the first; Docker's listing is up to 200 ms behind its events
  };
  explicit Checker(Parts parts) : parts_(parts) {}

  // `not_found` for a network that is not there, `invalid` for a probe that can't be meant or would take too long,
  // `in_use` while another one probes, `conflict` when a check with that name for its progress is under way. What can't
  // be looked at, or what kept the reconcilers from repairing, is in the report.
  Result<CheckReport> check(const CheckRequest& request);
  // Of the check that was given this name and is under way; `not_found` when there is none.
  Result<CheckProgress> progress(const std::string& name) const;

 private:
  struct Terms {
    CheckScope scope;
    ProbeWishes probes;
    bool repair = false;
    std::string progress;
  };
  Result<Terms> terms_of(const CheckRequest& request);
  Result<CheckReport> check_on(const Terms& terms);
  Result<CheckReport> look_twice(const Terms& terms);
  Result<CheckReport> look(const Terms& terms);
  Result<EngineLook> look_at_engine();
  std::vector<Unchecked> repair();
  Result<ProbeSubjects> subjects_of(const Terms& terms);
  // Adds what the wire says to the report.
  Result<> probe(const Terms& terms, CheckReport& report);
  Result<> check_duration(const ProbeSubjects& subjects) const;
  Result<> begin(const Terms& terms);
  void tell(const Terms& terms, const CheckProgress& progress);

  Parts parts_;
  std::mutex wire_mutex_;  // held while the wire is asked: two at a time would be twice as much on it
  mutable std::mutex mutex_;
  std::map<std::string, CheckProgress> progress_;  // of the checks under way, by their names
};

}  // namespace bayplan::control
