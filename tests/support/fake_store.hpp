// A PlanStore in memory, which refuses what the real one refuses.
//
// A FakeStore is a handle: copies share one state, so a test keeps a copy (or the state) while the daemon that owned
// another is thrown away, and hands the next daemon a third one:
//     FakeStore disk;
//     { Planner planner(std::make_unique<FakeStore>(disk)); … }   // the daemon dies
//     Planner again(std::make_unique<FakeStore>(disk));           // and comes back
// Thread-safe: the test looks while the planner's thread commits.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ports/plan_store.hpp"

namespace bayplan::testing {

class FakeStore final : public ports::PlanStore {
 public:
  Result<std::vector<model::Record>> load() override {
    const std::lock_guard lock(state_->mutex);
    std::vector<model::Record> records;
    for (const auto& [key, record] : state_->records) records.push_back(record);
    return records;
  }

  Result<> commit(const model::ChangeSet& changes) override {
    const std::lock_guard lock(state_->mutex);
    if (changes.empty()) return {};
    if (state_->failures > 0) {
      --state_->failures;
      return fail(state_->failure, "the fake store was told to fail: nothing was changed");
    }
    const Result<> done = state_->apply_all(changes);
    if (done.ok()) state_->committed.push_back(changes);
    return done;
  }

  // The next `count` commits fail with `code` and change nothing.
  void fail_next_commits(std::size_t count, ErrorCode code = ErrorCode::storage) {
    const std::lock_guard lock(state_->mutex);
    state_->failures = count;
    state_->failure = code;
  }

  // Every change set that was committed, oldest first.
  [[nodiscard]] std::vector<model::ChangeSet> committed() const {
    const std::lock_guard lock(state_->mutex);
    return state_->committed;
  }

  // All stored records of one type.
  template <typename R>
  [[nodiscard]] std::vector<R> all() const {
    const std::lock_guard lock(state_->mutex);
    std::vector<R> found;
    for (const auto& [key, record] : state_->records) {
      if (const auto* match = std::get_if<R>(&record)) found.push_back(*match);
    }
    return found;
  }

 private:
  using Key = std::vector<std::string>;  // the table first

  struct State {
    std::mutex mutex;
    std::map<Key, model::Record> records;
    std::map<Key, Key> unique;                 // value of a unique index → key of its record
    std::set<std::pair<std::string, Key>> in;  // (network, a record that stands in it)
    std::vector<model::ChangeSet> committed;
    std::size_t failures = 0;
    ErrorCode failure = ErrorCode::storage;

    Result<> apply_all(const model::ChangeSet& changes);
    Result<> apply(const model::Change& change, std::vector<std::pair<Key, model::Record>>& undo_puts,
                   std::set<Key>& touched);
    Result<> check_networks(const model::ChangeSet& changes) const;
    Result<> insert(const Key& key, const model::Record& record);
    void remove(const Key& key);
    [[nodiscard]] bool has_records(const std::string& network) const {
      const auto first = in.lower_bound({network, {}});
      return first != in.end() && first->first == network;
    }
  };

  static std::string bytes(const model::IpAddress& address) { return {address.bytes().begin(), address.bytes().end()}; }
  static Key key_of(const model::Record& record);
  static std::vector<Key> unique_of(const model::Record& record);
  // The network that must exist, if the record stands in one.
  static std::optional<std::string> network_of(const model::Record& record);

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

namespace detail {
template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
}  // namespace detail

inline FakeStore::Key FakeStore::key_of(const model::Record& record) {
  return std::visit(detail::Overloaded{
                        [](const model::Network& r) { return Key{"network", r.name}; },
                        [](const model::Reservation& r) {
                          return Key{"reservation", r.network, r.identity, r.address.is_v4() ? "4" : "6"};
                        },
                        [](const model::Attachment& r) { return Key{"attachment", r.network, bytes(r.address)}; },
                        [](const model::EngineNetwork& r) { return Key{"engine network", r.id}; },
                        [](const model::Claim& r) { return Key{"claim", r.container_id, r.engine_network}; },
                        [](const model::OwedStart& r) { return Key{"owed start", r.token}; },
                        [](const model::Repin& r) { return Key{"repin", r.container_id, r.engine_network}; },
                        [](const model::AttachMark& r) { return Key{"mark", r.network, r.identity}; },
                    },
                    record);
}

inline std::vector<FakeStore::Key> FakeStore::unique_of(const model::Record& record) {
  if (const auto* network = std::get_if<model::Network>(&record)) {
    std::vector<Key> keys{{"subnet", network->subnet.to_string()}};
    if (network->vlan) keys.push_back({"vlan", std::to_string(*network->vlan)});
    return keys;
  }
  if (const auto* reservation = std::get_if<model::Reservation>(&record)) {
    return {{"reserved address", reservation->network, bytes(reservation->address)}};
  }
  if (const auto* attachment = std::get_if<model::Attachment>(&record); attachment && !attachment->endpoint.empty()) {
    return {{"endpoint", attachment->endpoint}};
  }
  if (const auto* mark = std::get_if<model::AttachMark>(&record)) return {{"mark's endpoint", mark->endpoint}};
  return {};
}

inline std::optional<std::string> FakeStore::network_of(const model::Record& record) {
  if (const auto* reservation = std::get_if<model::Reservation>(&record)) return reservation->network;
  if (const auto* attachment = std::get_if<model::Attachment>(&record)) return attachment->network;
  if (const auto* engine = std::get_if<model::EngineNetwork>(&record)) return engine->network;
  if (const auto* mark = std::get_if<model::AttachMark>(&record)) return mark->network;
  return std::nullopt;
}

inline void FakeStore::State::remove(const Key& key) {
  const auto found = records.find(key);
  if (found == records.end()) return;
  for (const Key& value : unique_of(found->second)) unique.erase(value);
  if (const auto network = network_of(found->second)) in.erase({*network, key});
  records.erase(found);
}

inline Result<> FakeStore::State::insert(const Key& key, const model::Record& record) {
  for (const Key& value : unique_of(record)) {
    if (const auto taken = unique.find(value); taken != unique.end() && taken->second != key) {
      return fail(ErrorCode::conflict, "another record has the same {}: nothing was changed", value.front());
    }
  }
  remove(key);
  for (const Key& value : unique_of(record)) unique.emplace(value, key);
  if (const auto network = network_of(record)) in.insert({*network, key});
  records.emplace(key, record);
  return {};
}

inline Result<> FakeStore::State::apply(const model::Change& change,
                                        std::vector<std::pair<Key, model::Record>>& undo_puts, std::set<Key>& touched) {
  const Key key = key_of(change.record);
  if (touched.insert(key).second) {
    if (const auto before = records.find(key); before != records.end()) undo_puts.emplace_back(key, before->second);
  }
  if (change.kind == model::Change::Kind::put) return insert(key, change.record);
  remove(key);
  return {};
}

inline Result<> FakeStore::State::check_networks(const model::ChangeSet& changes) const {
  for (const model::Change& change : changes) {
    const Key key = key_of(change.record);
    const auto stored = records.find(key);
    const auto network = stored == records.end() ? std::nullopt : network_of(stored->second);
    if (network && !records.contains({"network", *network})) {
      return fail(ErrorCode::conflict, "there is no network '{}' for a {}: nothing was changed", *network, key.front());
    }
    if (key.front() == "network" && stored == records.end() && has_records(key.back())) {
      return fail(ErrorCode::conflict, "network '{}' still has records: nothing was changed", key.back());
    }
  }
  return {};
}

inline Result<> FakeStore::State::apply_all(const model::ChangeSet& changes) {
  std::vector<std::pair<Key, model::Record>> undo_puts;
  std::set<Key> touched;
  Result<> done;
  for (const model::Change& change : changes) {
    done = apply(change, undo_puts, touched);
    if (!done.ok()) break;
  }
  // Foreign keys are deferred: within a set the order does not matter to them, only its end.
  if (done.ok()) done = check_networks(changes);
  if (done.ok()) return done;
  for (const Key& key : touched) remove(key);
  for (const auto& [key, record] : undo_puts) (void)insert(key, record);
  return done;
}

}  // namespace bayplan::testing
