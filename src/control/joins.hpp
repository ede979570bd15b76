// Rules for endpoints: an address that was granted becomes an endpoint, joins a container, leaves it. Pure functions
// on the plan; run on the planner thread; every one of them may be repeated.
#pragma once

#include <string>

#include "control/engine_facts.hpp"
#include "model/plan_edit.hpp"

namespace bayplan::control {

struct BindRequest {
  std::string network;  // ours
  model::IpAddress address;
  std::string engine_network;
  std::string endpoint;
  // Since when the engine has not answered: it boots, and an endpoint from before is one that it lost. None: it
  // answers.
  std::optional<Timestamp> silent_since;
  Timestamp now{};
};

// CreateEndpoint: the granted address gets its endpoint. `not_found` when it was never granted, `conflict` when it is
// another endpoint's.
Result<model::Attachment> bind_endpoint(model::PlanEdit& edit, const BindRequest& request);

struct JoinRequest {
  std::string endpoint;
  std::string sandbox;                        // path of the network namespace
  std::string host;                           // this host's name
  std::optional<ports::Container> container;  // who joins; none: the engine did not say
  std::set<std::string> up;                   // ids of the containers that are up now
  bool names_askers = false;                  // the engine says who asks: what was granted was no guess
  std::string owed_token;                     // for a refusal that is owed
  Timestamp now{};
};

// One of: the attachment; a refusal that must be stored (as owed) before it is given; a refusal because the container
// was taken for another when it asked, and nothing can make that good: its next request must not be guessed about.
struct JoinOutcome {
  std::optional<model::Attachment> attachment;
  std::optional<Error> owed;
  std::optional<Error> mistaken;
};

// Join: who it is, is known now (or is not, while the engine boots: then it is verified later by `verify`).
// `conflict` when the address is another's: the message names the owner.
Result<JoinOutcome> join_endpoint(model::PlanEdit& edit, const JoinRequest& request);

// The engine told afterwards who an unverified attachment is. True if it is right; false if the container must be
// taken off the address.
Result<bool> verify_attachment(model::PlanEdit& edit, const model::Attachment& attachment,
                               const ports::Container& container, const std::string& host, Timestamp now);

// Leave and DeleteEndpoint: the endpoint is gone, the address is still granted until it is released.
Result<> unbind_endpoint(model::PlanEdit& edit, const std::string& endpoint);

// ReleaseAddress: "stopped", never "free". The reservation is held.
Result<> release_address(model::PlanEdit& edit, const std::string& network, const model::IpAddress& address,
                         Timestamp now);

// Takes an attachment away, whatever its stage, and holds its reservation.
Result<> end_attachment(model::PlanEdit& edit, const model::Attachment& attachment, Timestamp now);

}  // namespace bayplan::control
