// Carries out `bayplan adopt`: looks at the engine's containers, decides (adopt.hpp), reserves, and moves.
//
// Called on connection threads, one call at a time. Blocks as long as the engine takes: about a second a container that
// is moved.
#pragma once

#include "control/adopt.hpp"
#include "control/driver.hpp"

namespace bayplan::control {

class Adopter {
 public:
  // All must outlive it.
  explicit Adopter(const Parts& parts) : parts_(parts) {}

  // `invalid` for a request that can't be meant, `not_found` for a network to move to that is not there; `unavailable`
  // and `timeout` while the engine does not answer. What is wrong with one container is said in its outcome.
  Result<AdoptReport> adopt(const AdoptRequest& request);

 private:
  Result<AdoptFacts> gather();
  Result<AdoptPlan> plan(const AdoptRequest& request, const AdoptFacts& facts, const AdoptTerms& terms, bool keep);

  const Parts& parts_;
};

}  // namespace bayplan::control
