// One request's changes to the plan: applied as they are made, recorded for the store, taken back as a whole.
#pragma once

#include <utility>

#include "model/plan.hpp"

namespace bayplan::model {

class PlanEdit {
 public:
  explicit PlanEdit(Plan& plan) : plan_(plan) {}
  PlanEdit(const PlanEdit&) = delete;
  PlanEdit& operator=(const PlanEdit&) = delete;

  [[nodiscard]] const Plan& plan() const { return plan_; }
  // For the pool's look-ups, which move its frontier but change nothing that can be seen.
  [[nodiscard]] Pool* pool(std::string_view network) { return plan_.pool(network); }

  // `conflict` or `in_use` where the plan's invariants would break; nothing is changed then.
  Result<> put(Record record) { return change({Change::Kind::put, std::move(record)}); }
  Result<> erase(Record record) { return change({Change::Kind::erase, std::move(record)}); }

  [[nodiscard]] const ChangeSet& changes() const { return changes_; }
  // Takes back everything since `mark` (a former size of changes()).
  void rollback(std::size_t mark = 0);

 private:
  Result<> change(Change wanted);

  Plan& plan_;
  ChangeSet changes_;
  ChangeSet inverses_;
};

}  // namespace bayplan::model
