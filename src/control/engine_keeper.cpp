#include "control/engine_keeper.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace bayplan::control {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kDriverName = "bayplan";
constexpr milliseconds kMinimumGap{10};      // between two passes: a burst of events is one pass
constexpr milliseconds kReconnectFirst{50};  // to the engine; doubled up to kReconnectLast
constexpr milliseconds kReconnectLast{1000};
constexpr milliseconds kSettling{200};  // Docker tells an event before its listing shows it: looked at once more
constexpr milliseconds kOwedPoll{200};  // while a start is owed and the engine has not recorded its failure yet
constexpr milliseconds kRetry{1000};
constexpr milliseconds kSilence{1000};  // after an unanswered call the engine is not asked again for this long
constexpr std::chrono::seconds kOwedLifetime{10};
constexpr std::chrono::seconds kFreeBound{60};  // no disconnect and connect take longer

// The event has the container's labels beside its name.
AttachDue started_by(const ports::EngineEvent& event) {
  ports::Container container;
  container.labels = event.attributes;
  if (const auto name = event.attributes.find("name"); name != event.attributes.end()) container.name = name->second;
  return {event.id, container.identity(), container.name};
}

}  // namespace

EngineKeeper::EngineKeeper(ports::Engine& engine, Planner& planner, const Clock& clock, EngineKeeperSettings settings,
                           EngineHooks hooks)
    : engine_(engine),
      planner_(planner),
      clock_(clock),
      settings_(std::move(settings)),
      hooks_(std::move(hooks)),
      repinner_(engine, planner, clock, settings_.patience),
      due_(clock.steady()),
      lost_at_(clock.now()),
      repin_backoff_(kRetry, settings_.resync),
      start_backoff_(kRetry, settings_.resync) {
}

EngineKeeper::~EngineKeeper() {
  stop();
}

void EngineKeeper::start() {
  sync_thread_ = std::jthread([this](const std::stop_token& stop) { sync_loop(stop); });
  watch_thread_ = std::jthread([this](const std::stop_token& stop) { watch_loop(stop); });
}

void EngineKeeper::stop() {
  watch_thread_.request_stop();
  sync_thread_.request_stop();
  wake_.notify_all();
  if (watch_thread_.joinable()) watch_thread_.join();
  if (sync_thread_.joinable()) sync_thread_.join();
}

void EngineKeeper::poke() {
  {
    const std::scoped_lock lock(mutex_);
    work_ = true;
  }
  wake_.notify_all();
}

Result<> EngineKeeper::settle(milliseconds bound) {
  std::unique_lock lock(mutex_);
  const std::uint64_t wanted = passes_begun_ + 1;
  const auto is_done = [&] { return passes_done_ >= wanted && busy_.empty(); };
  work_ = true;
  wake_.notify_all();
  const bool ended = wake_.wait_for(lock, bound, [&] { return is_done() || !ready_; });
  if (is_done()) return {};
  if (ended) return fail(ErrorCode::unavailable, "Docker does not answer: {}", trouble_);
  return fail(ErrorCode::timeout, "what there is to do with containers is not done after {} s",
              std::chrono::duration_cast<std::chrono::seconds>(bound).count());
}

std::optional<Timestamp> EngineKeeper::silent_since() const {
  const std::scoped_lock lock(mutex_);
  return ready_ ? std::nullopt : std::optional(lost_at_);
}

std::string EngineKeeper::trouble() const {
  const std::scoped_lock lock(mutex_);
  return ready_ ? std::string{} : trouble_;
}

// --- listening

void EngineKeeper::watch_loop(const std::stop_token& stop) {
  milliseconds pause = kReconnectFirst;
  while (!stop.stop_requested()) {
    const auto on_ready = [&] {
      ready_ = true;
      came_back_ = true;
      pause = kReconnectFirst;
      log::info("engine_ready");
      poke();
    };
    auto ended = engine_.watch(stop, on_ready, [this](const ports::EngineEvent& event) { on_event(event); });
    const std::string why = ended.ok() ? "the event stream ended" : ended.error().message();
    const bool lost = ready_.exchange(false);
    if (lost && !stop.stop_requested()) log::warning("engine_lost", {{"error", why}});
    std::unique_lock lock(mutex_);
    if (lost) lost_at_ = clock_.now();
    trouble_ = why;
    wake_.notify_all();
    wake_.wait_for(lock, stop, pause, [] { return false; });
    pause = std::min(pause * 2, kReconnectLast);
  }
}

void EngineKeeper::on_event(const ports::EngineEvent& event) {
  log::debug("engine_event", {{"type", event.type}, {"action", event.action}, {"id", event.id}});
  if (hooks_.started && event.type == "container" && event.action == "start") {
    hooks_.started(started_by(event));
  }
  {
    const std::scoped_lock lock(mutex_);
    settled_at_ = clock_.steady() + kSettling;
  }
  poke();
}

milliseconds EngineKeeper::bound() const {
  return ready_ ? settings_.answer_bound : settings_.silence_bound;
}

void EngineKeeper::note_silence() {
  const std::scoped_lock lock(mutex_);
  if (!ready_) silent_until_ = clock_.steady() + kSilence;
}

std::optional<EngineFacts> EngineKeeper::facts(const std::vector<std::string>& needed) {
  {
    const std::scoped_lock lock(mutex_);
    if (!ready_ && clock_.steady() < silent_until_) return std::nullopt;
  }
  auto containers = engine_.containers(bound());
  if (!containers) {
    note_silence();
    return std::nullopt;
  }
  EngineFacts facts;
  facts.containers = std::move(*containers);
  facts.network_names = names_of_networks(needed);
  return facts;
}

// A name never changes, so the engine is asked only for one that is not known yet.
std::map<std::string, std::string> EngineKeeper::names_of_networks(const std::vector<std::string>& needed) {
  {
    const std::scoped_lock lock(mutex_);
    const auto known = [this](const std::string& id) { return network_names_.contains(id); };
    if (std::ranges::all_of(needed, known)) return network_names_;
  }
  const auto networks = engine_.networks(bound());
  const std::scoped_lock lock(mutex_);
  if (networks) {
    for (const auto& network : *networks) network_names_[network.id] = network.name;
  }
  return network_names_;
}

std::optional<ports::EngineNetworkInfo> EngineKeeper::network(const std::string& id) {
  {
    const std::scoped_lock lock(mutex_);
    if (!ready_ && clock_.steady() < silent_until_) return std::nullopt;
  }
  auto found = engine_.network(id, bound());
  if (found) return std::move(*found);
  if (found.error().code == ErrorCode::timeout || found.error().code == ErrorCode::unavailable) note_silence();
  return std::nullopt;
}

// --- syncing

void EngineKeeper::sync_loop(const std::stop_token& stop) {
  while (wait_for_work(stop)) {
    if (auto done = sync_once(); !done) {
      log::warning("sync_failed", {{"error", done.error().message()}});
      wake_within(kReconnectLast);
    }
    if (hooks_.after_sync) hooks_.after_sync();
    std::unique_lock lock(mutex_);
    passes_done_ = passes_begun_;
    wake_.notify_all();
    wake_.wait_for(lock, stop, kMinimumGap, [] { return false; });
  }
}

bool EngineKeeper::wait_for_work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const bool due = clock_.steady() >= due_;
    if (ready_ && (work_ || due)) {
      work_ = false;
      ++passes_begun_;
      const auto now = clock_.steady();
      due_ = now + settings_.resync;
      if (settled_at_ > now) due_ = std::min(due_, settled_at_);
      return true;
    }
    if (!ready_) {
      wake_.wait(lock, stop, [this] { return ready_.load(); });
    } else {
      wake_.wait_until(lock, stop, due_, [this] { return work_; });
    }
  }
  return false;
}

void EngineKeeper::wake_within(milliseconds delay) {
  const std::scoped_lock lock(mutex_);
  due_ = std::min(due_, clock_.steady() + delay);
}

// Where it can't be asked, a request with a name will tell.
void EngineKeeper::ask_whether_names_are_told() {
  if (names_asked_) return;
  const auto names = engine_.names_askers();
  if (!names) return;
  names_askers_ = *names;
  names_asked_ = true;
}

Result<EngineFacts> EngineKeeper::gather() {
  EngineFacts facts;
  facts.listed_at = clock_.now();
  facts.containers = TRY(engine_.containers(settings_.answer_bound));
  note_networks(TRY(engine_.networks(settings_.answer_bound)), facts);
  if (auto live = live_endpoints(facts)) facts.live_endpoints = std::move(*live);
  return facts;
}

void EngineKeeper::note_networks(const std::vector<ports::EngineNetworkInfo>& networks, EngineFacts& facts) {
  std::map<model::Subnet, std::string> foreign;
  for (const auto& network : networks) {
    facts.network_names[network.id] = network.name;
    if (network.range) facts.network_ranges.emplace(network.id, *network.range);
    if (network.ipam_driver != kDriverName || network.driver == kDriverName) continue;
    for (const model::Subnet& subnet : network.subnets) {
      foreign[subnet] = fmt::format("'{}' (driver {})", network.name, network.driver);
    }
  }
  const std::scoped_lock lock(mutex_);
  network_names_ = facts.network_names;
  foreign_users_ = std::move(foreign);
}

std::optional<std::string> EngineKeeper::foreign_user_of(const model::Subnet& subnet) const {
  const std::scoped_lock lock(mutex_);
  const auto user = foreign_users_.find(subnet);
  return user == foreign_users_.end() ? std::nullopt : std::optional(user->second);
}

Result<std::set<std::string>> EngineKeeper::live_endpoints(const EngineFacts& facts) {
  const auto doubtful = TRY(planner_.execute([&facts](model::PlanEdit& edit) -> Result<std::set<std::string>> {
    return networks_in_doubt(edit.plan(), facts);
  }));
  std::set<std::string> live;
  for (const auto& container : facts.containers) {
    for (const auto& entry : container.networks) live.insert(entry.endpoint);
  }
  for (const std::string& id : doubtful) {
    auto network = engine_.network(id, settings_.answer_bound);
    if (!network && network.error().code == ErrorCode::not_found) continue;
    const auto info = TRY(std::move(network));
    for (const auto& [endpoint, name] : info.endpoints) live.insert(endpoint);
  }
  return live;
}

// Containers that have been at rest long enough; the others get a pass of their own when they have.
std::set<std::string> EngineKeeper::rested(const EngineFacts& facts) {
  std::set<std::string> rested;
  std::map<std::string, std::chrono::steady_clock::time_point> resting;
  const auto now = clock_.steady();
  for (const auto& container : facts.containers) {
    const bool created = container.state == ports::ContainerState::created;
    if (!created && container.state != ports::ContainerState::exited) continue;
    const auto known = resting_since_.find(container.id);
    const auto since = known == resting_since_.end() ? now : known->second;
    resting[container.id] = since;
    const auto left = since + (created ? settings_.rest_created : settings_.rest_exited) - now;
    if (left <= left.zero()) {
      rested.insert(container.id);
    } else {
      wake_within(std::chrono::ceil<milliseconds>(left));
    }
  }
  resting_since_ = std::move(resting);
  return rested;
}

std::set<std::string> EngineKeeper::busy() const {
  const std::scoped_lock lock(mutex_);
  return busy_;
}

std::set<std::string> EngineKeeper::gone_networks() const {
  std::set<std::string> gone;
  for (const auto& [id, since] : unlisted_since_) {
    if (clock_.steady() - since >= settings_.network_lag) gone.insert(id);
  }
  return gone;
}

void EngineKeeper::note_unlisted(const std::set<std::string>& unlisted) {
  std::erase_if(unlisted_since_, [&](const auto& entry) { return !unlisted.contains(entry.first); });
  for (const std::string& id : unlisted) unlisted_since_.try_emplace(id, clock_.steady());
  if (!unlisted.empty()) wake_within(settings_.network_lag);
}

Result<> EngineKeeper::sync_once() {
  auto pass = std::make_shared<SyncPass>();
  const bool came_back = came_back_.exchange(false);
  if (came_back) names_asked_ = false;
  ask_whether_names_are_told();
  pass->input.busy = busy();
  auto gathered = gather();
  if (!gathered && came_back) came_back_ = true;
  pass->input.facts = TRY(std::move(gathered));
  pass->input.rested = rested(pass->input.facts);
  pass->input.gone_networks = gone_networks();
  pass->input.pins = !names_askers_;
  pass->input.host = settings_.host;
  pass->input.now = clock_.now();
  pass->outcome =
      TRY(planner_.execute([&input = pass->input](model::PlanEdit& edit) { return sync_engine(edit, input); }));
  note_unlisted(pass->outcome.unlisted);
  if (came_back) {
    const std::scoped_lock lock(mutex_);
    unlooked_.insert(pass->outcome.at_rest.begin(), pass->outcome.at_rest.end());
  }
  if (hooks_.attach_due) {
    if (const auto pause = hooks_.attach_due(pass->outcome.attach_due)) wake_within(*pause);
  }
  settle_starts(pass);
  dispatch_repins(pass);
  return {};
}

// --- acting

// Not while another works on it, and not before its pause is over.
bool EngineKeeper::claim_container(const std::string& id, Backoff& backoff) {
  const std::scoped_lock lock(mutex_);
  const auto due = backoff.due(id);
  if (clock_.steady() < due) {
    due_ = std::min(due_, due);
    return false;
  }
  return busy_.insert(id).second;
}

void EngineKeeper::free_container(const std::string& id) {
  {
    const std::scoped_lock lock(mutex_);
    busy_.erase(id);
  }
  wake_.notify_all();
}

Result<> EngineKeeper::wait_for_container(const std::string& id) {
  std::unique_lock lock(mutex_);
  const bool is_free = wake_.wait_for(lock, kFreeBound, [&] { return !busy_.contains(id); });
  if (!is_free) return fail(ErrorCode::timeout, "baypland is still at work on it: try again");
  busy_.insert(id);
  return {};
}

Result<> EngineKeeper::move(const model::Repin& move) {
  TRY(wait_for_container(move.container_id));
  auto moved = repinner_.move(move);
  free_container(move.container_id);
  poke();
  return moved;
}

// Which of those at rest had its start refused is known to the engine only.
void EngineKeeper::settle_starts(const Pass& pass) {
  const auto& owed = pass->outcome.owed;
  std::set<std::string> unlooked;
  {
    const std::scoped_lock lock(mutex_);
    const std::set<std::string> at_rest(pass->outcome.at_rest.begin(), pass->outcome.at_rest.end());
    std::erase_if(unlooked_, [&](const std::string& id) { return !at_rest.contains(id); });
    start_backoff_.tidy(clock_.steady());
    repin_backoff_.tidy(clock_.steady());
    unlooked = unlooked_;
  }
  for (const std::string& id : pass->outcome.at_rest) {
    const bool may_be_owed = !owed.empty() || unlooked.contains(id);
    if (!may_be_owed || !claim_container(id, start_backoff_)) continue;
    hands_.post([this, pass, id] {
      const bool acted = settle_owed(*pass, id);
      free_container(id);
      if (acted) poke();
    });
  }
  if (!owed.empty() || !unlooked.empty()) wake_within(kOwedPoll);
  for (const model::OwedStart& start : owed) {
    // No container failed with it: it was for a call that was no start, or somebody else started the container. An
    // engine that took long to boot has just been asked for the first time.
    const bool is_over = unlooked.empty() && has_passed(start.since, pass->input.now, kOwedLifetime);
    if (is_over) static_cast<void>(forget_owed(start.token));
  }
}

void EngineKeeper::dispatch_repins(const Pass& pass) {
  for (const RepinAction& action : pass->outcome.repins) {
    const bool is_busy = pass->input.busy.contains(action.container_id);
    if (is_busy || !claim_container(action.container_id, repin_backoff_)) continue;
    // A pin may have to wait while its container starts: not in the way of those that run with a wrong address.
    WorkQueue& queue = action.reason == RepinAction::Reason::pin ? pinning_hands_ : hands_;
    queue.post([this, pass, action] {
      const ports::Container* known = find_by_id(pass->input.facts, action.container_id);
      repin(action, known ? *known : ports::Container{});
      free_container(action.container_id);
      poke();
    });
  }
}

void EngineKeeper::repin(const RepinAction& action, const ports::Container& container) {
  const auto done = repinner_.carry_out(action, container);
  const bool full = !done.ok() && done.error().code == ErrorCode::exhausted;  // said when it starts, not before
  if (!done.ok() && !full) {
    log::warning("container_not_repinned", {{"reason", to_string(action.reason)},
                                            {"container", action.container_name},
                                            {"network", action.network},
                                            {"error", done.error().message()}});
  }
  const std::scoped_lock lock(mutex_);
  if (done.ok()) {
    repin_backoff_.succeeded(action.container_id, clock_.steady());
  } else if (full) {
    repin_backoff_.hopeless(action.container_id, clock_.steady());
  } else {
    repin_backoff_.failed(action.container_id, clock_.steady());
  }
}

// True if the container was started, or that was tried.
bool EngineKeeper::settle_owed(const SyncPass& pass, const std::string& container) {
  const auto details = engine_.inspect(container);
  if (!details && details.error().code != ErrorCode::not_found) return false;  // once more
  {
    const std::scoped_lock lock(mutex_);
    unlooked_.erase(container);
  }
  if (!details || details->running || details->last_error.empty()) return false;
  const auto says = [&](std::string_view word) { return details->last_error.find(word) != std::string::npos; };
  const auto named = std::ranges::find_if(pass.outcome.owed, [&](const auto& start) { return says(start.token); });
  const bool restarts = details->restart_policy == "always" || details->restart_policy == "unless-stopped";
  // The engine tried to start it while baypland was not there, or what was owed is no longer known.
  const bool for_want_of_us = restarts && ((says("bayplan") && says("plugin")) || says("(owed-"));
  if (named == pass.outcome.owed.end() && !for_want_of_us) return false;
  start_owed(pass, *details, named == pass.outcome.owed.end() ? std::string{} : named->token);
  return true;
}

// What is refused for good (somebody else's address, a full network) is not owed any more.
void EngineKeeper::start_owed(const SyncPass& pass, const ports::ContainerDetails& details, const std::string& token) {
  const auto started = start_pinned(pass, details.id);
  const bool for_good =
      !started && (started.error().code == ErrorCode::conflict || started.error().code == ErrorCode::exhausted);
  if (started || for_good) static_cast<void>(forget_owed(token));
  if (started) {
    log::info("owed_start_done", {{"container", details.name}});
  } else {
    log::error("owed_start_failed", {{"container", details.name}, {"error", started.error().message()}});
  }
  const std::scoped_lock lock(mutex_);
  if (started) {
    start_backoff_.succeeded(details.id, clock_.steady());
  } else {
    start_backoff_.failed(details.id, clock_.steady());
  }
}

Result<> EngineKeeper::start_pinned(const SyncPass& pass, const std::string& container) {
  if (!names_askers_) {
    const auto pins =
        TRY(planner_.execute([&](model::PlanEdit& edit) { return pins_before_start(edit, pass.input, container); }));
    const ports::Container* known = find_by_id(pass.input.facts, container);
    for (const RepinAction& pin : pins) TRY(repinner_.carry_out(pin, *known));
  }
  return engine_.start(container);
}

Result<> EngineKeeper::forget_owed(const std::string& token) {
  return planner_.execute([token](model::PlanEdit& edit) -> Result<> {
    const auto& owed = edit.plan().owed_starts();
    const auto found = owed.find(token);
    return found == owed.end() ? Result<>{} : edit.erase(model::OwedStart(found->second));
  });
}

}  // namespace bayplan::control
