#include "control/checker.hpp"

#include <algorithm>
#include <thread>

#include "base/log.hpp"
#include "base/text.hpp"

namespace bayplan::control {
namespace {

using std::chrono::ceil;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr milliseconds kEngineBound{10000};  // ten thousand containers take Docker a while to list
constexpr seconds kSettleBound{60};
constexpr int kRepairPasses = 3;      // a port of nobody's takes two
constexpr minutes kLongestProbe{12};  // below what the control API waits for an answer

// By network, then by address, as a person looks for it.
void sort_findings(std::vector<Finding>& findings) {
  std::ranges::stable_sort(findings, [](const Finding& a, const Finding& b) {
    if (a.network != b.network) return a.network < b.network;
    const auto left = model::IpAddress::parse(a.address);
    const auto right = model::IpAddress::parse(b.address);
    return left.ok() && right.ok() ? *left < *right : !left.ok() && right.ok();
  });
}

}  // namespace

Result<CheckReport> Checker::check(const CheckRequest& request) {
  const Terms terms = TRY(terms_of(request));
  TRY(begin(terms));
  auto report = check_on(terms);
  const std::scoped_lock lock(mutex_);
  progress_.erase(terms.progress);
  return report;
}

Result<CheckProgress> Checker::progress(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = progress_.find(name);
  if (found == progress_.end()) return fail(ErrorCode::not_found, "no check '{}' is under way", shown(name));
  return found->second;
}

Result<Checker::Terms> Checker::terms_of(const CheckRequest& request) {
  return parts_.planner.execute([&](model::PlanEdit& edit) -> Result<Terms> {
    if (request.network && !edit.plan().network(*request.network)) {
      return fail(ErrorCode::not_found, "there is no network '{}': see `bayplan network ls`", shown(*request.network));
    }
    auto probes = TRY(parse_probes(request.probes, edit.plan()));
    return Terms{request.network, std::move(probes), request.repair, request.progress};
  });
}

Result<CheckReport> Checker::check_on(const Terms& terms) {
  std::unique_lock<std::mutex> wire;
  if (!terms.probes.empty()) {
    wire = std::unique_lock(wire_mutex_, std::try_to_lock);
    if (!wire) return fail(ErrorCode::in_use, "another check is just probing: wait until it is over");
    TRY(check_duration(TRY(subjects_of(terms))));
  }
  CheckReport report = TRY(look_twice(terms));
  if (terms.repair && !report.findings.empty()) {
    tell(terms, {.step = "repairing"});
    auto troubles = repair();
    CheckReport after = TRY(look_twice(terms));
    after.findings = after_repair(std::move(report.findings), std::move(after.findings), after.unchecked.empty());
    std::ranges::move(troubles, std::back_inserter(after.unchecked));
    report = std::move(after);
  }
  if (!terms.probes.empty()) TRY(probe(terms, report));
  sort_findings(report.findings);
  return report;
}

Result<CheckReport> Checker::look_twice(const Terms& terms) {
  auto first = TRY(look(terms));
  if (first.findings.empty()) return first;
  std::this_thread::sleep_for(parts_.second_look);
  auto second = TRY(look(terms));
  second.findings = confirmed(first.findings, std::move(second.findings));
  // What only one of them saw nobody has confirmed.
  for (Unchecked& part : first.unchecked) {
    const auto said = std::ranges::find(second.unchecked, part.part, &Unchecked::part);
    if (said == second.unchecked.end()) second.unchecked.push_back(std::move(part));
  }
  return second;
}

Result<EngineLook> Checker::look_at_engine() {
  EngineLook look;
  look.facts.listed_at = parts_.clock.now();
  look.facts.containers = TRY(parts_.engine.containers(kEngineBound));
  look.networks = TRY(parts_.engine.networks(kEngineBound));
  for (const auto& network : look.networks) look.facts.network_names[network.id] = network.name;
  return look;
}

Result<CheckReport> Checker::look(const Terms& terms) {
  CheckReport report;
  const auto engine = look_at_engine();
  KernelLook kernel = parts_.kernel.look(terms.scope);
  report.findings = TRY(parts_.planner.execute([&](model::PlanEdit& edit) -> Result<std::vector<Finding>> {
    const auto& plan = edit.plan();
    report.reservations = terms.scope ? plan.reservations(*terms.scope).size() : plan.reservations().size();
    return engine.ok() ? check_engine(plan, *engine, terms.scope, parts_.clock.now()) : std::vector<Finding>();
  }));
  if (!engine.ok()) report.unchecked.push_back({"Docker", engine.error().message()});
  std::ranges::move(kernel.unchecked, std::back_inserter(report.unchecked));
  std::ranges::move(check_kernel(kernel, terms.scope), std::back_inserter(report.findings));
  return report;
}

// The engine's side first: what it ends leaves ports to be removed.
std::vector<Unchecked> Checker::repair() {
  std::vector<Unchecked> troubles;
  parts_.attacher.forgive();
  auto settled = parts_.engine_keeper.settle(kSettleBound);
  if (settled.ok()) settled = parts_.attacher.settle(kSettleBound);
  if (!settled.ok()) troubles.push_back({"the repair by Docker", settled.error().message()});
  for (int pass = 0; pass < kRepairPasses; ++pass) {
    const auto mended = parts_.kernel.reconcile();
    if (!mended.ok()) {
      troubles.push_back({"the repair of devices", mended.error().message()});
      break;
    }
    if (!parts_.kernel.has_suspects()) break;
  }
  const auto kept = parts_.kernel.keep_inside_all();
  if (!kept.ok()) troubles.push_back({"the repair inside containers", kept.error().message()});
  return troubles;
}

Result<> Checker::check_duration(const ProbeSubjects& subjects) const {
  const auto longest = parts_.prober.duration(subjects.tasks);
  if (longest <= kLongestProbe) return {};
  return fail(
      ErrorCode::invalid,
      "asking for {} addresses can take {} minutes, and no more than {} are waited for: probe fewer networks at "
      "a time (--probe NETWORK=arp)",
      subjects.reservations.size(), ceil<minutes>(longest).count(), kLongestProbe.count());
}

Result<ProbeSubjects> Checker::subjects_of(const Terms& terms) {
  return parts_.planner.execute([&](model::PlanEdit& edit) -> Result<ProbeSubjects> {
    return probe_subjects(edit.plan(), terms.probes, terms.scope);
  });
}

Result<> Checker::probe(const Terms& terms, CheckReport& report) {
  const auto subjects = TRY(subjects_of(terms));
  CheckProgress progress{.step = "probing", .done = 0, .total = subjects.reservations.size(), .seconds = 0};
  progress.seconds = static_cast<std::uint64_t>(ceil<seconds>(parts_.prober.duration(subjects.tasks)).count());
  tell(terms, progress);
  auto probed = parts_.prober.probe(subjects.tasks, [&](std::size_t done) {
    if (done == progress.done) return;
    progress.done = done;
    tell(terms, progress);
  });
  if (!probed.ok()) {
    report.unchecked.push_back({"the wire", probed.error().message()});
    return {};
  }
  for (const auto& failure : probed->failures) {
    report.unchecked.push_back({"the wire of " + failure.network, failure.why});
  }
  report.probed = probed->answers.size();
  auto judged = TRY(parts_.planner.execute([&](model::PlanEdit& edit) -> Result<std::vector<Finding>> {
    return judge_answers(edit.plan(), subjects, probed->answers);
  }));
  std::ranges::move(judged, std::back_inserter(report.findings));
  return {};
}

Result<> Checker::begin(const Terms& terms) {
  if (terms.progress.empty()) return {};
  const std::scoped_lock lock(mutex_);
  if (progress_.try_emplace(terms.progress, CheckProgress{.step = "looking"}).second) return {};
  return fail(ErrorCode::conflict, "a check with the progress '{}' is under way: choose another name",
              shown(terms.progress));
}

void Checker::tell(const Terms& terms, const CheckProgress& progress) {
  if (terms.progress.empty()) return;
  const std::scoped_lock lock(mutex_);
  progress_[terms.progress] = progress;
}

}  // namespace bayplan::control
