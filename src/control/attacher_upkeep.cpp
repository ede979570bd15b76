// What is attached by itself: marks whose container has started or whose namespace has come.
#include <algorithm>

#include "base/log.hpp"
#include "control/attacher.hpp"

namespace bayplan::control {

using model::AttachMark;
using model::PlanEdit;
using model::Reservation;
using std::chrono::milliseconds;

namespace {

// What was just begun is looked at again by then: it may have failed.
constexpr milliseconds kRecheck{1000};

}  // namespace

bool Attacher::claim(const std::string& what) {
  const std::scoped_lock lock(mutex_);
  return parts_.clock.steady() >= backoff_.due(what) && busy_.insert(what).second;
}

void Attacher::let_go(const std::string& what) {
  const std::scoped_lock lock(mutex_);
  busy_.erase(what);
  backoff_.tidy(parts_.clock.steady());
}

void Attacher::begin(std::function<void()> work) {
  {
    const std::scoped_lock lock(mutex_);
    ++begun_;
  }
  hands_.post([this, work = std::move(work)] {
    work();
    const std::scoped_lock lock(mutex_);
    --begun_;
    done_.notify_all();
  });
}

void Attacher::forgive() {
  const std::scoped_lock lock(mutex_);
  backoff_.clear();
}

Result<> Attacher::settle(milliseconds bound) {
  std::unique_lock lock(mutex_);
  if (done_.wait_for(lock, bound, [this] { return begun_ == 0; })) return {};
  return fail(ErrorCode::timeout, "{} containers are still being attached", begun_);
}

void Attacher::container_started(const AttachDue& container) {
  {
    const std::scoped_lock lock(mutex_);
    if (!queued_.insert(container.container_id).second) return;
  }
  begin([this, container] {
    {
      const std::scoped_lock lock(mutex_);
      queued_.erase(container.container_id);
    }
    serve_container(container);
  });
}

std::optional<milliseconds> Attacher::containers_due(const std::vector<AttachDue>& due) {
  std::optional<milliseconds> again;
  const auto within = [&again](milliseconds pause) { again = std::min(again.value_or(pause), pause); };
  const auto now = parts_.clock.steady();
  for (const AttachDue& container : due) {
    const auto from = [&] {
      const std::scoped_lock lock(mutex_);
      return backoff_.due(container.container_id);
    }();
    if (from <= now) {
      container_started(container);
      within(kRecheck);
    } else {
      within(std::chrono::ceil<milliseconds>(from - now));
    }
  }
  return again;
}

void Attacher::serve_container(const AttachDue& container) {
  const auto marks = parts_.planner.execute([&](PlanEdit& edit) -> Result<std::vector<AttachMark>> {
    return marks_of_container(edit.plan(), container.identity);
  });
  if (!marks.ok() || marks->empty() || !claim(container.container_id)) return;
  auto netns = [&]() -> Result<std::string> { return netns_of(TRY(parts_.engine.inspect(container.container_id))); }();
  // One that has ended again by now is none to be attached.
  if (netns.ok()) {
    Place place;
    place.netns = *std::move(netns);
    place.container_id = container.container_id;
    place.container_name = container.container_name;
    place.identity = container.identity;
    for (const AttachMark& mark : *marks) realise_again(mark, place);
  } else if (netns.error().code != ErrorCode::not_found) {
    log::warning("attach_failed", {{"identity", container.identity}, {"error", netns.error().message()}});
    const std::scoped_lock lock(mutex_);
    backoff_.failed(container.container_id, parts_.clock.steady());
  }
  let_go(container.container_id);
}

void Attacher::realise_again(const AttachMark& mark, const Place& place) {
  const std::string& what = place.container_id.empty() ? place.netns : place.container_id;
  const auto done = realise(mark, place);
  if (!done.ok()) {
    log::warning("attach_failed",
                 {{"network", mark.network}, {"identity", mark.identity}, {"error", done.error().message()}});
    const std::scoped_lock lock(mutex_);
    backoff_.failed(what, parts_.clock.steady());
  }
}

void Attacher::look_for_namespaces() {
  {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(looking_, true)) return;
  }
  begin([this] {
    {
      const std::scoped_lock lock(mutex_);
      looking_ = false;
    }
    const auto marks = parts_.planner.execute([](PlanEdit& edit) -> Result<std::vector<AttachMark>> {
      std::vector<AttachMark> open;
      for (const AttachMark* mark : edit.plan().marks()) {
        const Reservation* owner = edit.plan().reservation(mark->network, mark->identity);
        const bool waits = !mark->target.empty() && !is_process_path(mark->target) && owner &&
                           !edit.plan().attachment(mark->network, owner->address);
        if (waits) open.push_back(*mark);
      }
      return open;
    });
    for (const AttachMark& mark : marks.ok() ? *marks : std::vector<AttachMark>{}) {
      if (!parts_.kernel.check_namespace(mark.target).ok() || !claim(mark.target)) continue;
      Place place;
      place.netns = mark.target;
      place.identity = mark.identity;
      realise_again(mark, place);
      let_go(mark.target);
    }
  });
}

}  // namespace bayplan::control
