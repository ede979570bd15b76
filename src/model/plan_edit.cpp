#include "model/plan_edit.hpp"

namespace bayplan::model {

Result<> PlanEdit::change(Change wanted) {
  inverses_.push_back(TRY(plan_.apply(wanted)));
  changes_.push_back(std::move(wanted));
  return {};
}

void PlanEdit::rollback(std::size_t mark) {
  while (changes_.size() > mark) {
    // An inverse restores a state that stood a moment ago: it can't be refused.
    static_cast<void>(plan_.apply(inverses_.back()));
    inverses_.pop_back();
    changes_.pop_back();
  }
}

}  // namespace bayplan::model
