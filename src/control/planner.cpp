#include "control/planner.hpp"

#include "base/log.hpp"

namespace bayplan::control {

Planner::Planner(ports::PlanStore& store, model::Plan plan, Committed committed)
    : store_(store), plan_(std::move(plan)), committed_(std::move(committed)), thread_([this] { loop(); }) {
}

Planner::~Planner() {
  stop();
}

void Planner::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Planner::enqueue(std::shared_ptr<Job> job) {
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return false;
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void Planner::loop() {
  while (true) {
    std::vector<std::shared_ptr<Job>> batch;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      batch.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.end()));
      queue_.clear();
    }
    run_batch(batch);
    for (const auto& job : batch) job->answer();
  }
}

void Planner::run_batch(const std::vector<std::shared_ptr<Job>>& batch) {
  auto stored = run_and_commit(batch);
  if (stored) return;
  log::warning("batch_not_stored", {{"requests", batch.size()}, {"error", stored.error().message()}});
  // One request's trouble is not the others': each again, alone. Those that only read see what is really stored. A
  // store that takes nothing is not asked once a request: each could wait for it.
  std::optional<Error> out_of_order;
  for (const auto& job : batch) {
    auto alone = out_of_order ? run_unstored(*job, *out_of_order) : run_and_commit({job});
    if (alone) continue;
    job->fail(alone.error());
    if (alone.error().code == ErrorCode::storage) out_of_order = alone.error();
  }
}

// For a store that is out of order: what would have to be stored fails.
Result<> Planner::run_unstored(Job& job, const Error& why) {
  model::PlanEdit edit(plan_);
  const bool done = job.run(edit);
  const bool changes = !edit.changes().empty();
  edit.rollback();
  if (done && changes) return why;
  return {};
}

Result<> Planner::run_and_commit(const std::vector<std::shared_ptr<Job>>& batch) {
  model::PlanEdit edit(plan_);
  for (const auto& job : batch) {
    const std::size_t mark = edit.changes().size();
    if (!job->run(edit)) edit.rollback(mark);
  }
  if (edit.changes().empty()) return {};
  if (auto stored = store_.commit(edit.changes()); !stored) {
    edit.rollback();
    return std::move(stored).in("store the plan");
  }
  if (committed_) committed_(edit.changes());
  return {};
}

}  // namespace bayplan::control
