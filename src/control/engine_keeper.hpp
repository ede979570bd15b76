// Keeps the plan and the engine in step.
//
// Three kinds of threads: one listens to the engine's events, one runs `sync_engine` whenever something may have
// changed, and a few carry out what it found (pinning, starting what is owed, putting right), since each of these
// calls may take the engine tenths of a second. A container is worked on by one of them at a time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "control/backoff.hpp"
#include "control/engine_facts.hpp"
#include "control/engine_sync.hpp"
#include "control/planner.hpp"
#include "control/repinner.hpp"
#include "control/work_queue.hpp"

namespace bayplan::control {

struct EngineKeeperSettings {
  std::string host;                              // this host's name
  std::chrono::milliseconds resync{60000};       // a full pass at least this often
  std::chrono::milliseconds rest_exited{50};     // at rest this long: pinned
  std::chrono::milliseconds rest_created{250};   // `docker run` starts what it created sooner
  std::chrono::milliseconds answer_bound{2000};  // for a listing while the engine is known to answer
  std::chrono::milliseconds silence_bound{300};  // … while it is not
  std::chrono::milliseconds patience{10000};     // for a disconnect or connect whose asker was killed, to happen yet
  std::chrono::milliseconds network_lag{31000};  // a network not listed so long is gone: no plugin call takes longer
};

// Who wants to know. Any may be empty; all must return soon.
struct EngineHooks {
  std::function<void()> after_sync;               // sync thread, after every pass: the kernel side follows
  std::function<void(const AttachDue&)> started;  // watch thread: a container has just started
  // Sync thread: containers that lack an interface; gives after what time to look again.
  std::function<std::optional<std::chrono::milliseconds>(const std::vector<AttachDue>&)> attach_due;
};

class EngineKeeper {
 public:
  // All must outlive it.
  EngineKeeper(ports::Engine& engine, Planner& planner, const Clock& clock, EngineKeeperSettings settings,
               EngineHooks hooks = {});
  ~EngineKeeper();
  EngineKeeper(const EngineKeeper&) = delete;
  EngineKeeper& operator=(const EngineKeeper&) = delete;

  void start();
  // Ends the threads; a call to the engine that is under way is waited for, within its bound.
  void stop();

  // Something changed: run a pass soon. Any thread; returns at once.
  void poke();

  // Pokes, and waits until a pass that began afterwards and what it led to are done. `unavailable` when the engine does
  // not answer, or ceases to; `timeout` when the bound is over. Not from a plugin call.
  Result<> settle(std::chrono::milliseconds bound);

  // The event stream stands: the engine answers.
  [[nodiscard]] bool ready() const { return ready_; }
  // Since when it does not; none while it does.
  [[nodiscard]] std::optional<Timestamp> silent_since() const;
  // Why it does not; empty while it does.
  [[nodiscard]] std::string trouble() const;

  // Moves a container to another of the engine's networks (Mover), when nobody else works on it any more. Blocks; not
  // from a plugin call. `timeout` when it does not come free.
  Result<> move(const model::Repin& move);

  // For a plugin call: this container is to be given no interface (Mover).
  [[nodiscard]] bool is_hollow(const std::string& container_id) const { return repinner_.is_hollow(container_id); }

  // For a plugin call: the containers, with the names of the engine's networks, among them those of `needed` (ids).
  // Nothing if the engine does not answer within a short bound, as Docker while it boots.
  std::optional<EngineFacts> facts(const std::vector<std::string>& needed);
  // For a plugin call: one network with its endpoints, within the same bound.
  std::optional<ports::EngineNetworkInfo> network(const std::string& id);

  // The engine says who asks (Docker 29 on): nothing has to be pinned, nothing is guessed. Asked when it comes up; a
  // request with a name says so, too.
  void engine_names_askers() { names_askers_ = true; }
  [[nodiscard]] bool names_askers() const { return names_askers_; }

  // A network of another driver that takes its addresses from this subnet, as the engine lists it: its endpoints never
  // come to us, so nobody could say what is in use. Its name and driver, or nothing.
  [[nodiscard]] std::optional<std::string> foreign_user_of(const model::Subnet& subnet) const;

 private:
  struct SyncPass {
    SyncInput input;
    SyncOutcome outcome;
  };
  using Pass = std::shared_ptr<const SyncPass>;  // shared by the jobs that it leads to

  void watch_loop(const std::stop_token& stop);
  void sync_loop(const std::stop_token& stop);
  bool wait_for_work(const std::stop_token& stop);
  Result<> sync_once();
  void ask_whether_names_are_told();
  Result<EngineFacts> gather();
  void note_networks(const std::vector<ports::EngineNetworkInfo>& networks, EngineFacts& facts);
  Result<std::set<std::string>> live_endpoints(const EngineFacts& facts);
  std::set<std::string> rested(const EngineFacts& facts);
  std::set<std::string> busy() const;
  std::set<std::string> gone_networks() const;
  void note_unlisted(const std::set<std::string>& unlisted);
  void wake_within(std::chrono::milliseconds delay);
  void on_event(const ports::EngineEvent& event);
  std::chrono::milliseconds bound() const;
  void note_silence();
  std::map<std::string, std::string> names_of_networks(const std::vector<std::string>& needed);

  // Actions, on the hands' threads.
  void settle_starts(const Pass& pass);
  void dispatch_repins(const Pass& pass);
  bool claim_container(const std::string& id, Backoff& backoff);
  Result<> wait_for_container(const std::string& id);
  void free_container(const std::string& id);
  void repin(const RepinAction& action, const ports::Container& container);
  bool settle_owed(const SyncPass& pass, const std::string& container);
  void start_owed(const SyncPass& pass, const ports::ContainerDetails& details, const std::string& token);
  Result<> start_pinned(const SyncPass& pass, const std::string& container);
  Result<> forget_owed(const std::string& token);

  ports::Engine& engine_;
  Planner& planner_;
  const Clock& clock_;
  EngineKeeperSettings settings_;
  EngineHooks hooks_;
  Repinner repinner_;

  std::atomic<bool> ready_ = false;
  std::atomic<bool> names_askers_ = false;
  std::atomic<bool> came_back_ = false;  // the engine has: it may be another, and starts may have failed for want of us

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  bool work_ = false;
  std::uint64_t passes_begun_ = 0;
  std::uint64_t passes_done_ = 0;
  std::chrono::steady_clock::time_point due_;
  std::chrono::steady_clock::time_point settled_at_;  // the last event's listing is sure to be complete then
  std::string trouble_ = "not connected yet";
  Timestamp lost_at_;
  std::map<std::string, std::string> network_names_;
  std::chrono::steady_clock::time_point silent_until_;
  std::set<std::string> busy_;      // containers being worked on
  std::set<std::string> unlooked_;  // at rest when the engine came back, and not yet asked why
  Backoff repin_backoff_;           // by container
  Backoff start_backoff_;
  std::map<model::Subnet, std::string> foreign_users_;  // of pools of ours

  // Sync thread only.
  std::map<std::string, std::chrono::steady_clock::time_point> resting_since_;
  std::map<std::string, std::chrono::steady_clock::time_point> unlisted_since_;  // networks of the engine's
  bool names_asked_ = false;

  WorkQueue hands_{8};
  WorkQueue pinning_hands_{4};
  std::jthread sync_thread_;
  std::jthread watch_thread_;
};

}  // namespace bayplan::control
