// Carries out a disconnect and connect on the engine so that no crash of ours in between loses a container its network.
//
// What is about to be done is in the plan (a Repin) from before the disconnect until after the connect. Callable from
// several threads, for one container by one of them at a time. Blocks as long as the engine takes, within its bounds.
#pragma once

#include <map>
#include <mutex>

#include "control/engine_facts.hpp"
#include "control/engine_sync.hpp"
#include "control/mover.hpp"
#include "control/planner.hpp"

namespace bayplan::control {

class Repinner {
 public:
  // All must outlive it. `patience`: how long the engine may take to do what an asker who is gone has asked for.
  Repinner(ports::Engine& engine, Planner& planner, const Clock& clock, std::chrono::milliseconds patience)
      : engine_(engine), planner_(planner), clock_(clock), patience_(patience), mover_(engine, planner) {}

  // `container` as the engine listed it; not needed for `resume`. Success also when there is nothing to do any more
  // (the container started meanwhile). After an error of the connect, the Repin stands and is to be resumed.
  Result<> carry_out(const RepinAction& action, const ports::Container& container);
  // The container is being connected without an interface (Mover).
  [[nodiscard]] bool is_hollow(const std::string& container_id) const { return mover_.is_hollow(container_id); }
  // A move that is not begun yet: it is stored, then carried out. Errors as Mover's.
  Result<> move(const model::Repin& move);

 private:
  // How a repin that was begun stands, as the engine shows it.
  enum class Standing {
    gone,       // the container is
    off,        // disconnected
    as_before,  // not disconnected (yet)
    done,       // connected again
  };
  static Standing standing_of(const model::Plan& plan, const EngineFacts& facts, const model::Repin& repin);
  static model::Claim claim_of(const model::Plan& plan, const model::Repin& repin);
  bool is_young(const model::Repin& repin);
  void forget_age(const model::Repin& repin);

  Result<bool> is_still_misplaced(const RepinAction& action);
  Result<model::Repin> begun_repin(const model::Repin& repin);
  Result<model::Repin> with_address_of_now(const model::Repin& repin);
  Result<bool> is_running(const model::Repin& repin);
  Result<> forget(const model::Repin& repin);
  Result<> resume(const model::Repin& repin, const RepinAction& action);
  Result<> reconnect(const model::Repin& begun, const RepinAction& action);

  ports::Engine& engine_;
  Planner& planner_;
  const Clock& clock_;
  std::chrono::milliseconds patience_;
  Mover mover_;
  std::mutex mutex_;
  std::map<model::Plan::PairKey, std::chrono::steady_clock::time_point> resuming_since_;  // as_before
};

}  // namespace bayplan::control
