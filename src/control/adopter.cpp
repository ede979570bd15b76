#include "control/adopter.hpp"

#include "base/log.hpp"

namespace bayplan::control {
namespace {

constexpr std::chrono::milliseconds kListingBound{5000};

Result<> check(const AdoptRequest& request) {
  if (request.move_network && !request.dry_run) return fail(ErrorCode::unsupported, "nothing is moved yet");
  if (request.all == request.containers.empty()) return {};
  return fail(ErrorCode::invalid, "say which containers are to be adopted: their names, or all of them (--all)");
}

}  // namespace

Result<AdoptFacts> Adopter::gather() {
  AdoptFacts facts;
  facts.containers = TRY(parts_.engine.containers(kListingBound));
  facts.networks = TRY(parts_.engine.networks(kListingBound));
  for (const std::string& id : containers_to_look_into(facts.containers)) {
    const auto details = parts_.engine.inspect(id);
    if (!details || !details->running || details->sandbox.empty()) continue;
    facts.inside.emplace(id, parts_.host.addresses_inside(details->sandbox));
  }
  return facts;
}

Result<AdoptPlan> Adopter::plan(const AdoptRequest& request, const AdoptFacts& facts, const AdoptTerms& terms,
                                bool keep) {
  return parts_.planner.execute([&](model::PlanEdit& edit) -> Result<AdoptPlan> {
    const std::size_t mark = edit.changes().size();
    AdoptPlan planned = TRY(plan_adoption(edit, request, facts, terms));
    if (!keep) edit.rollback(mark);
    return planned;
  });
}

// As with an import, new networks are put to the datapath before anything is stored.
Result<AdoptReport> Adopter::adopt(const AdoptRequest& request) {
  TRY(check(request));
  const AdoptFacts facts = TRY(gather());
  AdoptTerms terms{parts_.defaults, TRY(parts_.host.routes()), {}, {}, parts_.host_name, parts_.clock.now()};
  const AdoptPlan tried = TRY(plan(request, facts, terms, false));
  for (const model::Network& network : tried.new_networks) {
    if (auto right = parts_.kernel.validate(network); !right) terms.refused.emplace(network.name, right.error());
  }
  AdoptReport report = TRY(plan(request, facts, terms, !request.dry_run)).report;
  if (request.dry_run) return report;
  const auto adopted = std::ranges::count(report.outcomes, AdoptOutcome::Kind::adopted, &AdoptOutcome::kind);
  log::info("containers_adopted", {{"reservations", adopted}, {"moved", 0}});
  return report;
}

}  // namespace bayplan::control
