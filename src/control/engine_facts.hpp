// What the engine says of its containers, in the form the rules need. Values; gathered outside the planner thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/plan.hpp"
#include "ports/engine.hpp"

namespace bayplan::control {

struct EngineFacts {
  std::vector<ports::Container> containers;
  std::map<std::string, std::string> network_names;           // the engine's network id → its name
  std::map<std::string, model::AddressRange> network_ranges;  // of those that have an `--ip-range`, by id
  // Endpoints the engine has, those being joined included; none: not asked.
  std::optional<std::set<std::string>> live_endpoints;
  Timestamp listed_at{};  // when they were asked for
};

// What is dated this far ahead of a listing or a request was dated before the clock was set back: neither is used as
// long after it was made.
inline constexpr std::chrono::seconds kClockWasSetBack{60};

// The engine had the attachment's endpoint no more when it was asked: its end was never told. An endpoint is listed
// from Join on; one that is being made may not be yet. Of `bayplan attach` it has none.
bool is_lost(const model::Attachment& attachment, const EngineFacts& facts);

// The entry is of the engine's network with that id and name. The engine keys a container's networks by what the user
// wrote: a name, an id, or the beginning of one; before the first start there is no id beside it.
bool is_on(const ports::ContainerNetwork& entry, const std::string& id, const std::string& name);

// A container's place on one of the engine's networks that carries one of ours.
struct Membership {
  const ports::Container* container = nullptr;
  const ports::ContainerNetwork* entry = nullptr;
  std::string engine_network;  // id
  std::string network;         // ours
};

// All places of all containers on networks of ours; pointers into `facts`.
std::vector<Membership> memberships(const model::Plan& plan, const EngineFacts& facts);

// At rest: created or exited, so that it may be the one that is about to start. `restarting` counts: the engine starts
// it by itself.
bool may_be_starting(const ports::Container& container);

// The container's identity, checked: its name, or what stands in its label, which can be anything. `invalid` names
// both.
Result<std::string> checked_identity(const ports::Container& container);

const ports::Container* find_by_name(const EngineFacts& facts, const std::string& name);
const ports::Container* find_by_id(const EngineFacts& facts, const std::string& id);

}  // namespace bayplan::control
