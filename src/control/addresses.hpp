// Rules for addresses: what is free, what is given, who asks. Pure functions on the plan; run on the planner thread.
//
// The heart of it is `grant`. An engine that does not say which container asks (Docker before 29) is answered so that
// nobody is ever given an address that is another's; see docs/docker.md for the cases.
#pragma once

#include <optional>
#include <string>

#include "control/engine_facts.hpp"
#include "model/plan_edit.hpp"

namespace bayplan::control {

// An endpoint's request for an address.
struct GrantRequest {
  std::string network;                        // ours
  std::optional<model::IpAddress> address;    // the one asked for; none: any
  std::optional<model::AddressRange> within;  // `--ip-range` of the engine's network
  std::string container_name;                 // told by the engine (Docker 29 on); empty: not told
  std::optional<EngineFacts> facts;           // none: the engine does not answer
  std::string owed_token;                     // for a refusal that is owed: fresh, unique
  bool may_guess = true;                      // who asks may be found by elimination
  bool may_wait = false;                      // the outcome may be `undecided`
  Timestamp now{};
};

// One of: an address; a refusal that must be stored (as owed) before it is given; or nothing yet: the only one that
// could be asking has an address, but a container at rest is listed nowhere while it is being pinned, and could be the
// one. Its pin ends in a moment, unless it is the one: its start then has it locked. So the request is to be made
// again.
struct GrantOutcome {
  std::optional<model::IpAddress> address = {};
  std::optional<Error> owed = {};
  bool undecided = false;
};

// Decides and records the grant as an Attachment. Errors change nothing: `conflict` (somebody else's, in use),
// `exhausted`, `invalid` (outside the subnet, the gateway …), `not_found` (no such network).
Result<GrantOutcome> grant(model::PlanEdit& edit, const GrantRequest& request);

// The request is for an excluded address that no container wants: Docker keeps the `--aux-address`es of a further
// network of its own on this one. It may have it; nothing is to be recorded.
bool is_auxiliary(const model::Network& network, const GrantRequest& request);

// A free address of the network: the lowest that is nobody's, else that of the longest-removed reservation, which
// ends by it; but not if a container of `facts` has its identity: it is back, and the plan has not been told yet.
Result<model::IpAddress> take_free_address(model::PlanEdit& edit, const model::Network& network,
                                           const std::optional<model::AddressRange>& within,
                                           const EngineFacts* facts = nullptr);

// An address that a user named, checked against the network alone: `invalid` outside the subnet, for the network,
// broadcast and gateway address and for exclusions.
Result<> check_usable(const model::Network& network, const model::IpAddress& address);

// Which address a new reservation is to have; neither: any.
struct AddressWish {
  std::optional<model::IpAddress> address;    // this one
  std::optional<model::AddressRange> within;  // one of these
};

// The reservation for an identity: the one it has, or a new one as wished. `conflict` when the address is another's or
// the identity has a different one.
Result<model::Reservation> reserve(model::PlanEdit& edit, const model::Network& network, const std::string& identity,
                                   const AddressWish& wish, Timestamp now);

// Whether the identity, which has no reservation there, may have the address. Errors as check_usable's, and `conflict`
// when it is another's, with its owner's name.
Result<> check_free(const model::Plan& plan, const model::Network& network, const model::IpAddress& address,
                    Timestamp now);

// A new reservation, held, with the network's MAC for the address.
model::Reservation make_reservation(const model::Network& network, const std::string& identity,
                                    const model::IpAddress& address, Timestamp now);

// "172.16.1.5 is held for 'db' on vlan100 (stopped 3 days ago). To give it up: bayplan release vlan100 db"
Error held_by(const model::Reservation& owner, Timestamp now);

}  // namespace bayplan::control
