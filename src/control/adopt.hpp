// Rules for taking over containers of the engine's own networks: what becomes of each. Pure but for the plan; run on
// the planner thread.
//
// Without a network to move to, a container's address becomes a reservation on the network of ours that holds it; where
// there is none, one is made in the plan after the engine's. With one, the container is to be moved there, and keeps
// its address where that network has it and nobody else does. Nothing that is in the plan is changed, so that doing it
// again changes nothing.
#pragma once

#include <map>
#include <set>

#include "control/adopt_places.hpp"
#include "control/adopt_request.hpp"
#include "control/networks.hpp"
#include "model/plan_edit.hpp"

namespace bayplan::control {

// What it is judged by, beside the plan.
struct AdoptTerms {
  NetworkDefaults defaults;
  std::vector<ports::Route> routes;                  // the host's
  std::map<std::string, Error> refused;              // new networks that the datapath can't carry, by name
  std::optional<model::AddressRange> carrier_range;  // of the engine's network that carries the one to move to
  std::set<model::IpAddress> in_use;                 // what the engine's containers have now, wherever
  std::string host;
  Timestamp now{};
};

// A container to be moved. Its address is reserved before it is.
struct AdoptMove {
  std::size_t outcome = 0;  // its place in the report
  AdoptPlace place;
  model::Network network;          // where it goes
  model::Reservation reservation;  // there
};

struct AdoptPlan {
  AdoptReport report;
  std::vector<model::Network> new_networks;
  std::vector<AdoptMove> moves;
};

// Decides, and puts reservations and networks into the plan; what is to be moved is reserved, too, and is reported as
// moved. `not_found` or `conflict` when nothing can be moved to the network that the request names.
Result<AdoptPlan> plan_adoption(model::PlanEdit& edit, const AdoptRequest& request, const AdoptFacts& facts,
                                const AdoptTerms& terms);

// The reservation of a container that is to be moved to `network`: the one it has, or a new one with its address where
// that can be, else any. `note` says why it is another than now.
Result<model::Reservation> reserve_for_move(model::PlanEdit& edit, const AdoptPlace& place,
                                            const model::Network& network, const AdoptTerms& terms, std::string& note);

}  // namespace bayplan::control
