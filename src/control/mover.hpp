// Moves a container from one of the engine's networks to one that carries a network of ours, so that no crash of ours
// in between leaves it without a network.
//
// What is about to be done is in the plan (a model::Repin with a `from_network`) from before the first call to the
// engine until after the last. Each time it is looked where the container stands, and gone on from there. Where it
// can't be had on the new network it is put back on the old one, with its settings and address of before.
//
// A container that runs is connected to the new network before it leaves the old one, so that it is never without;
// unless the two overlap, when the engine can't have both in one container, or the old one is "none".
//
// Callable from several threads, for one container by one of them at a time. Blocks as long as the engine takes.
#pragma once

#include <mutex>
#include <set>
#include <string>

#include "control/engine_facts.hpp"
#include "control/planner.hpp"

namespace bayplan::control {

class Mover {
 public:
  // Both must outlive it.
  Mover(ports::Engine& engine, Planner& planner) : engine_(engine), planner_(planner) {}

  // The move must be in the plan. After success, and after an error that left the container where it was, it is there
  // no more; after any other (`unavailable`, `timeout`, or not even the way back could be gone) it stands, and is to be
  // carried out again.
  Result<> carry_out(const model::Repin& move);

  // The container is being connected only to be disconnected again: it is to be given no interface. For the plugin's
  // calls, any thread.
  [[nodiscard]] bool is_hollow(const std::string& container_id) const;

 private:
  struct Standing {
    bool is_there = false;  // the container is
    bool is_up = false;
    bool on_old = false;
    bool on_new = false;
    bool must_leave_first = false;
  };
  Result<Standing> look(const model::Repin& move);
  Result<> enter_and_leave(const model::Repin& move, bool is_up);
  Result<> leave_and_enter(const model::Repin& move, bool is_up);
  Result<> enter(const model::Repin& move, bool is_up);
  Result<> leave_old(const model::Repin& move);
  // A running container could not be connected: the engine keeps that it was to be, and would do it at the next start.
  // It forgets only what it has connected and disconnected; so that is done, without an interface.
  void clear_entry(const model::Repin& move);
  Result<> connect_hollow(const model::Repin& move);
  // Each gives `why`, unless the way back is not to be had either.
  Result<> stay(const model::Repin& move, Error why);
  Result<> go_back(const model::Repin& move, Error why);
  Result<> conclude(const model::Repin& move);
  Result<> forget(const model::Repin& move);

  ports::Engine& engine_;
  Planner& planner_;
  mutable std::mutex mutex_;
  std::set<std::string> hollow_;  // ids of containers
};

}  // namespace bayplan::control
