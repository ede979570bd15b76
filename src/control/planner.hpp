// The one owner of the plan.
//
// A planner thread drains a queue of requests, runs each against the plan in memory, commits the whole batch in one
// store transaction and only then answers. So two requests can never be given the same address, a hundred requests
// at once cost a few commits, and what could not be stored was not granted: it is taken back and its callers get the
// store's error.
//
// `execute` may be called from any thread but the planner's own; it blocks until the answer is stored.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include "model/plan_edit.hpp"
#include "ports/plan_store.hpp"

namespace bayplan::control {

class Planner {
 public:
  // Called on the planner thread after every stored batch; must not block and must not call `execute`.
  using Committed = std::function<void(const model::ChangeSet&)>;

  // `store` must outlive the planner.
  Planner(ports::PlanStore& store, model::Plan plan, Committed committed = {});
  ~Planner();
  Planner(const Planner&) = delete;
  Planner& operator=(const Planner&) = delete;

  // Runs `request`, a `Result<T>(model::PlanEdit&)`, on the planner thread. An error from it changes nothing. It may
  // run twice (when the batch that it was in could not be stored it is tried alone), so it must be a function of the
  // plan and of what it captured by value.
  template <typename Request>
  auto execute(Request request) -> std::invoke_result_t<Request&, model::PlanEdit&>;

  // Ends the thread after what is queued has been answered; later calls get `unavailable`.
  void stop();

 private:
  // One queued request: `run` keeps its answer until `answer` gives it out.
  struct Job {
    virtual ~Job() = default;
    virtual bool run(model::PlanEdit& edit) = 0;  // false: it failed, nothing may be left of it
    virtual void fail(const Error& error) = 0;    // replaces the answer
    virtual void answer() = 0;
  };
  template <typename Request, typename Answer>
  struct TypedJob;

  bool enqueue(std::shared_ptr<Job> job);
  void loop();
  void run_batch(const std::vector<std::shared_ptr<Job>>& batch);
  Result<> run_and_commit(const std::vector<std::shared_ptr<Job>>& batch);
  Result<> run_unstored(Job& job, const Error& why);

  ports::PlanStore& store_;
  model::Plan plan_;
  Committed committed_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Job>> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

template <typename Request, typename Answer>
struct Planner::TypedJob final : Job {
  explicit TypedJob(Request work) : request(std::move(work)) {}
  bool run(model::PlanEdit& edit) override {
    result = request(edit);
    return result->ok();
  }
  void fail(const Error& error) override { result = Answer(error); }
  void answer() override { promise.set_value(std::move(*result)); }

  Request request;
  std::optional<Answer> result;
  std::promise<Answer> promise;
};

template <typename Request>
auto Planner::execute(Request request) -> std::invoke_result_t<Request&, model::PlanEdit&> {
  using Answer = std::invoke_result_t<Request&, model::PlanEdit&>;
  auto job = std::make_shared<TypedJob<Request, Answer>>(std::move(request));
  auto answer = job->promise.get_future();
  if (!enqueue(job)) return bayplan::fail(ErrorCode::unavailable, "baypland is stopping");
  return answer.get();
}

}  // namespace bayplan::control
