// Rules for reservations that are marked for attachment. Pure functions on the plan; run on the planner thread.
#pragma once

#include <string>
#include <vector>

#include "control/engine_facts.hpp"
#include "model/plan_edit.hpp"

namespace bayplan::control {

// A container that has just started, or that runs and lacks the interface that it is marked for. Identity and name are
// of one moment: by both a rename is seen later.
struct AttachDue {
  std::string container_id;
  std::string identity;
  std::string container_name;
  friend bool operator==(const AttachDue&, const AttachDue&) = default;
};

// Of the engine's listing: ends attachments whose container is not up any more, and gives the containers that lack
// theirs.
Result<std::vector<AttachDue>> sync_marks(model::PlanEdit& edit, const EngineFacts& facts, Timestamp now);

// The marks of a container, by its identity.
std::vector<model::AttachMark> marks_of_container(const model::Plan& plan, const std::string& identity);

// The identity's mark, if there is one, goes, and the reservation with it.
Result<> end_reservation(model::PlanEdit& edit, const model::Reservation& reservation);

// The reservation under another identity, and its mark with it.
Result<> move_reservation(model::PlanEdit& edit, const model::Reservation& known, const model::Reservation& renamed);

// Where marks for the same target have their interfaces.
std::vector<std::string> interfaces_marked(const model::Plan& plan, const model::AttachMark& like);

// "eth1", or the next that is not taken.
std::string next_interface(const std::vector<std::string>& taken, std::size_t first);

// 64 hex digits that nobody else has.
std::string make_endpoint_id();

// The path is of a process's own namespace: another process may have its number by tomorrow.
bool is_process_path(const std::string& netns);

}  // namespace bayplan::control
