// Rules for an import: which records fit the plan. Pure but for the plan; run on the planner thread.
//
// An import keeps what it is given as it was: addresses, gateways, and whether a reservation is held or removed. It
// makes nothing `attached`: only a container that has the address does that. What is in the plan is never changed by
// it, so that doing it again changes nothing.
#pragma once

#include <map>

#include "control/import_request.hpp"
#include "control/networks.hpp"
#include "model/plan_edit.hpp"

namespace bayplan::control {

// What the records are judged by, beside the plan.
struct ImportTerms {
  NetworkDefaults defaults;
  Surroundings surroundings;
  std::map<std::string, Error> refused;  // new networks that the datapath can't carry, by their records' keys
  Timestamp now{};
};

struct Imported {
  ImportReport report;
  std::map<std::string, model::Network> new_networks;  // by their records' keys
};

// Puts into the plan what fits it, networks first. Takes time in proportion to the number of records.
Imported import_records(model::PlanEdit& edit, const ImportRequest& request, const ImportTerms& terms);

}  // namespace bayplan::control
