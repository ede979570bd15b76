// The reconciler's engine side: what the engine's containers mean for the plan, and what has to be done about them.
//
// One level-triggered function: start-up, every engine event, a change of the plan and the resync timer all lead to
// it. Pure; runs on the planner thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "control/attach_rules.hpp"
#include "control/engine_facts.hpp"
#include "model/plan_edit.hpp"

namespace bayplan::control {

struct SyncInput {
  EngineFacts facts;
  std::set<std::string> rested;  // ids of containers that have been at rest long enough to be pinned
  // Ids of containers that were being worked on when the facts were gathered: what they have configured may be old.
  std::set<std::string> busy;
  // The engine's networks that it has not listed for a while. (One that is just being made is not listed yet.)
  std::set<std::string> gone_networks;
  bool pins = true;  // the engine does not say who asks, so containers at rest are pinned
  std::string host;
  Timestamp now{};
};

// A disconnect and connect on the engine.
struct RepinAction {
  enum class Reason {
    pin,        // at rest: so that the engine itself asks for its address at the next start
    unpin,      // at rest, with a pin of ours that is no longer its address, on an engine that needs none
    put_right,  // running with another address than its own
    eject,      // running with somebody else's address (started while the engine could not be asked)
    resume,     // begun before a crash of ours: the disconnect may be done, the connect not
  };
  Reason reason = Reason::pin;
  std::string container_id;
  std::string container_name;
  std::string engine_network;
  std::string network;
  std::optional<model::IpAddress> address;
  bool reserve = false;                                      // of `pin`: it has no address yet and gets one
  std::optional<model::AddressRange> within = std::nullopt;  // … of this range
};
std::string_view to_string(RepinAction::Reason reason);

struct SyncOutcome {
  std::vector<RepinAction> repins;
  std::vector<std::string> at_rest;    // ids of containers at rest on networks of ours
  std::vector<model::OwedStart> owed;  // starts that are owed: each to one of those at rest
  std::set<std::string> unlisted;      // the engine's networks in the plan that it does not list
  std::vector<AttachDue> attach_due;   // containers that run and lack an interface that they are marked for
};

// Brings the plan's view of containers up to date: states (attached, held, removed), renames, claims, networks the
// engine no longer has, attachments whose release never came, unverified joins.
Result<SyncOutcome> sync_engine(model::PlanEdit& edit, const SyncInput& input);

// These changes of the plan, whoever made them, may call for something on the engine.
bool calls_for_sync(const model::ChangeSet& changes);

// What has to be pinned before a container is started by us: its own address on each of its networks. `conflict` when
// its user configured an address that is another's.
Result<std::vector<RepinAction>> pins_before_start(model::PlanEdit& edit, const SyncInput& input,
                                                   const std::string& container_id);

// The address that a container is pinned to, decided at the last moment, when it is sure to be at rest: its own, or a
// new one where the action says so. None: it is to be unpinned.
Result<std::optional<model::IpAddress>> address_to_pin(model::PlanEdit& edit, const RepinAction& action,
                                                       const ports::Container& container, Timestamp now);

// The attachments that only the engine's own listing of endpoints can confirm or end: their networks' ids.
std::set<std::string> networks_in_doubt(const model::Plan& plan, const EngineFacts& facts);

}  // namespace bayplan::control
