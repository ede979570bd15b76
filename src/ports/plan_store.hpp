// Where the plan is kept: the seam between the planner and SQLite or etcd.
//
// One owner: only the planner thread calls it. Blocking; every wait inside is bounded.
//
// Besides each record's key (model/records.hpp) a store keeps these unique, as a second line of defence behind the
// planner: a network's subnet and its VLAN tag; (network, address) of reservations; an attachment's endpoint, where it
// is not empty. Each change of a set is checked against the ones before it, so what frees a value comes before what
// takes it. And the network of a reservation, attachment or engine network must exist once the whole set is applied.
// What `commit` has answered with success survives a crash of the process and of the machine; what it answered with
// an error has not happened, not even in part.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "model/records.hpp"

namespace bayplan::ports {

class PlanStore {
 public:
  virtual ~PlanStore() = default;

  // Everything stored, in no particular order. `corrupt` when a record can't be read: nothing is guessed.
  virtual Result<std::vector<model::Record>> load() = 0;

  // All of the changes, in their order, or none. Errors: `storage` (disk full, read-only, input/output error),
  // `conflict` (what the planner should not have asked for: two records of one network with the same address, a
  // reservation without its network), `corrupt`.
  virtual Result<> commit(const model::ChangeSet& changes) = 0;
};

}  // namespace bayplan::ports
