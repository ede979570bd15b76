// Carries out `bayplan adopt`: looks at the engine's containers, decides (adopt.hpp), reserves, and moves.
//
// Called on connection threads, one call at a time. Blocks as long as the engine takes: about half a second a container
// that is moved. Moves are carried out in the order of the report; the first that fails is undone, those before it stay
// moved, and those behind it are left as they are.
#pragma once

#include <functional>

#include "control/adopt.hpp"
#include "control/driver.hpp"

namespace bayplan::control {

class Adopter {
 public:
  // The engine's networks that carry ours: what it has, and one that is made if there is none.
  struct Carriers {
    std::function<Result<std::optional<ports::EngineNetworkInfo>>(const model::Network&)> find;
    std::function<Result<ports::EngineNetworkInfo>(const model::Network&)> find_or_make;
  };
  // All must outlive it.
  Adopter(const Parts& parts, Carriers carriers) : parts_(parts), carriers_(std::move(carriers)) {}

  // `invalid` for a request that can't be meant, `not_found` for a network to move to that is not there; `unavailable`
  // and `timeout` while the engine does not answer. What is wrong with one container is said in its outcome.
  Result<AdoptReport> adopt(const AdoptRequest& request);

 private:
  Result<AdoptFacts> gather();
  Result<AdoptTerms> terms_for(const AdoptRequest& request, const AdoptFacts& facts);
  Result<AdoptPlan> plan(const AdoptRequest& request, const AdoptFacts& facts, const AdoptTerms& terms, bool keep);
  Result<AdoptReport> adopt_here(const AdoptRequest& request, const AdoptFacts& facts, AdoptTerms terms);

  Result<AdoptReport> move_all(AdoptPlan planned, const AdoptTerms& terms);
  Result<model::Reservation> move(const AdoptMove& move, const AdoptTerms& terms);
  Result<> move_by_engine(const AdoptMove& move, const model::Reservation& reserved);
  Result<> move_by_hand(const AdoptMove& move, const model::Reservation& reserved);
  void give_up(const model::Reservation& reserved);

  const Parts& parts_;
  Carriers carriers_;
};

}  // namespace bayplan::control
