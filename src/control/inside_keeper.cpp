#include "control/inside_keeper.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/log.hpp"
#include "control/attach_rules.hpp"

namespace bayplan::control {
namespace {

using ports::Drift;
using std::chrono::milliseconds;

constexpr double kAtOnce = 20;             // repairs of one interface in a row …
constexpr milliseconds kRegained{1000};    // … and how soon there is one more
constexpr milliseconds kFirstPause{1000};  // doubled each time up to kLongestPause
constexpr milliseconds kLongestPause{60000};

bool is_gone(const Error& error) {
  return error.code == ErrorCode::not_found || error.code == ErrorCode::invalid;
}

std::string words_of(const std::vector<Drift>& drifts) {
  std::vector<std::string_view> words;
  for (const Drift drift : drifts) words.push_back(ports::to_string(drift));
  return fmt::format("{}", fmt::join(words, " "));
}

}  // namespace

Result<bool> InsideKeeper::make(const KernelWanted::Port& port) {
  bool made_network = false;
  auto added = datapath_.add_port(port.inside->network, port.spec);
  if (!added.ok() && added.error().code == ErrorCode::not_found) {
    TRY(namespaces_.check(port.inside->netns));
    made_network = TRY(datapath_.ensure_network(port.inside->network));
    added = datapath_.add_port(port.inside->network, port.spec);
  }
  TRY(std::move(added));
  TRY(namespaces_.finish(*port.inside));
  return made_network;
}

Result<InsideKeeper::Fate> InsideKeeper::keep(const KernelWanted::Port& port) {
  auto compared = namespaces_.compare(*port.inside);
  if (!compared.ok()) return is_gone(compared.error()) ? Result<Fate>(Fate::gone) : compared.error();
  if (port.by_engine && !compared->empty() && compared->front() == Drift::link) {
    report(port, {Drift::link});  // only the engine makes it anew
    return Fate::right;
  }
  if (compared->empty()) {
    const auto calm = calm_.find(port.spec.host_name);
    if (calm != calm_.end()) calm->second.waits = false, calm->second.reported.clear();
    return Fate::right;
  }
  return mend(port, *compared);
}

Result<InsideKeeper::Fate> InsideKeeper::make_again(const KernelWanted::Port& port) {
  if (auto there = namespaces_.check(port.inside->netns); !there.ok()) {
    return is_gone(there.error()) ? Result<Fate>(Fate::gone) : there.error();
  }
  return mend(port, {Drift::link});
}

Result<InsideKeeper::Fate> InsideKeeper::mend(const KernelWanted::Port& port, const std::vector<Drift>& drifts) {
  const bool remake = drifts.front() == Drift::link;
  // Good only while the port's two ends are together.
  if (remake && is_process_path(port.inside->netns)) return Fate::gone;
  if (!port.inside->network.repair) {
    report(port, drifts);
    return Fate::right;
  }
  if (!may_mend(port)) return Fate::put_off;
  if (remake) {
    TRY(make(port));
  } else {
    TRY(namespaces_.furnish(*port.inside));
  }
  count(port, drifts, true);
  log::info("drift_repaired", {{"network", port.network},
                               {"identity", port.spec.identity},
                               {"interface", name_of(port)},
                               {"address", port.inside->address.to_string()},
                               {"what", words_of(drifts)}});
  return Fate::mended;
}

std::string InsideKeeper::name_of(const KernelWanted::Port& port) {
  if (!port.by_engine) return port.inside->interface;
  const auto name = namespaces_.interface_name(*port.inside);
  return name.ok() ? *name : std::string();
}

InsideKeeper::Calm& InsideKeeper::calm_of(const std::string& host_name) {
  const auto now = clock_.steady();
  Calm& calm = calm_
                   .try_emplace(host_name, Calm{.left = kAtOnce,
                                                .counted_at = now,
                                                .pause = {},
                                                .until = {},
                                                .waits = {},
                                                .netns = {},
                                                .reported = {}})
                   .first->second;
  const auto regained = std::chrono::duration<double>(now - calm.counted_at) / kRegained;
  calm.left = std::min(kAtOnce, calm.left + regained);
  calm.counted_at = now;
  // Peace for as long as the longest pause.
  if (now - calm.until >= kLongestPause) calm.pause = {};
  return calm;
}

bool InsideKeeper::may_mend(const KernelWanted::Port& port) {
  const auto now = clock_.steady();
  Calm& calm = calm_of(port.spec.host_name);
  if (now < calm.until) {
    calm.waits = true;
    calm.netns = port.inside->netns;
    return false;
  }
  calm.waits = false;
  calm.left -= 1;
  if (calm.left >= 0) return true;
  calm.left = 0;
  calm.pause = calm.pause == calm.pause.zero() ? kFirstPause : std::min(calm.pause * 2, kLongestPause);
  calm.until = now + calm.pause;
  log::warning("drift_fought", {{"network", port.network},
                                {"identity", port.spec.identity},
                                {"interface", name_of(port)},
                                {"address", port.inside->address.to_string()},
                                {"pause_ms", calm.pause.count()}});
  return true;
}

// Said once, until it changes.
void InsideKeeper::report(const KernelWanted::Port& port, const std::vector<Drift>& drifts) {
  Calm& calm = calm_of(port.spec.host_name);
  calm.waits = false;
  const std::set<Drift> now(drifts.begin(), drifts.end());
  if (calm.reported == now) return;
  calm.reported = now;
  count(port, drifts, false);
  log::warning("drift_found", {{"network", port.network},
                               {"identity", port.spec.identity},
                               {"interface", name_of(port)},
                               {"address", port.inside->address.to_string()},
                               {"what", words_of(drifts)}});
}

void InsideKeeper::count(const KernelWanted::Port& port, const std::vector<Drift>& drifts, bool repaired) {
  for (const Drift drift : drifts) counts_.note(port.network, ports::to_string(drift), repaired);
}

std::set<std::string> InsideKeeper::due() {
  std::set<std::string> found;
  for (auto& [name, calm] : calm_) {
    if (!calm.waits || clock_.steady() < calm.until) continue;
    calm.waits = false;
    found.insert(calm.netns);
  }
  return found;
}

void InsideKeeper::keep_only(const std::set<std::string>& host_names) {
  std::erase_if(calm_, [&](const auto& entry) { return !host_names.contains(entry.first); });
}

std::optional<InsideKeeper::TimePoint> InsideKeeper::next_look() const {
  std::optional<TimePoint> next;
  for (const auto& [name, calm] : calm_) {
    if (calm.waits && (!next || calm.until < *next)) next = calm.until;
  }
  return next;
}

}  // namespace bayplan::control
