#include "control/adopter.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "control/attacher.hpp"

namespace bayplan::control {
namespace {

using model::Network;
using model::PlanEdit;
using model::Reservation;
using Kind = AdoptOutcome::Kind;

constexpr std::chrono::milliseconds kListingBound{5000};

Result<> check(const AdoptRequest& request) {
  if (request.all == request.containers.empty()) return {};
  return fail(ErrorCode::invalid, "say which containers are to be adopted: their names, or all of them (--all)");
}

std::int64_t count(const AdoptReport& report, Kind kind) {
  return std::ranges::count(report.outcomes, kind, &AdoptOutcome::kind);
}

void say(const AdoptReport& report) {
  log::info("containers_adopted",
            {{"reservations", count(report, Kind::adopted)}, {"moved", count(report, Kind::moved)}});
}

// The engine may still do what it was asked for, and baypland goes on with it.
bool is_open(const Error& error) {
  return error.code == ErrorCode::timeout || error.code == ErrorCode::unavailable;
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
    facts.sandboxes.emplace(id, details->sandbox);
  }
  return facts;
}

Result<AdoptTerms> Adopter::terms_for(const AdoptRequest& request, const AdoptFacts& facts) {
  AdoptTerms terms;
  terms.defaults = parts_.defaults;
  terms.routes = TRY(parts_.host.routes());
  terms.in_use = addresses_in_use(facts);
  terms.host = parts_.host_name;
  terms.now = parts_.clock.now();
  if (!request.move_network) return terms;
  const auto target = TRY(parts_.planner.execute([&](PlanEdit& edit) -> Result<std::optional<Network>> {
    const Network* found = edit.plan().network(*request.move_network);
    return found ? std::optional(*found) : std::nullopt;
  }));
  const auto carrier = target ? TRY(carriers_.find(*target)) : std::nullopt;
  if (carrier) terms.carrier_range = carrier->range;
  return terms;
}

Result<AdoptPlan> Adopter::plan(const AdoptRequest& request, const AdoptFacts& facts, const AdoptTerms& terms,
                                bool keep) {
  return parts_.planner.execute([&](PlanEdit& edit) -> Result<AdoptPlan> {
    const std::size_t mark = edit.changes().size();
    AdoptPlan planned = TRY(plan_adoption(edit, request, facts, terms));
    if (!keep) edit.rollback(mark);
    return planned;
  });
}

Result<AdoptReport> Adopter::adopt(const AdoptRequest& request) {
  TRY(check(request));
  const AdoptFacts facts = TRY(gather());
  AdoptTerms terms = TRY(terms_for(request, facts));
  if (!request.move_network) return adopt_here(request, facts, std::move(terms));
  AdoptPlan planned = TRY(plan(request, facts, terms, false));
  if (request.dry_run) return std::move(planned.report);
  return move_all(std::move(planned), terms);
}

// As with an import, new networks are put to the datapath before anything is stored.
Result<AdoptReport> Adopter::adopt_here(const AdoptRequest& request, const AdoptFacts& facts, AdoptTerms terms) {
  const AdoptPlan tried = TRY(plan(request, facts, terms, false));
  for (const Network& network : tried.new_networks) {
    if (auto right = parts_.kernel.validate(network); !right) terms.refused.emplace(network.name, right.error());
  }
  AdoptReport report = TRY(plan(request, facts, terms, !request.dry_run)).report;
  if (!request.dry_run) say(report);
  return report;
}

// --- moving

Result<AdoptReport> Adopter::move_all(AdoptPlan planned, const AdoptTerms& terms) {
  AdoptReport& report = planned.report;
  std::string failed;
  for (const AdoptMove& each : planned.moves) {
    AdoptOutcome& outcome = report.outcomes[each.outcome];
    if (!failed.empty()) {
      outcome.kind = Kind::left;
      outcome.note = fmt::format("not tried, because '{}' could not be moved", failed);
      continue;
    }
    const auto moved = move(each, terms);
    if (moved) {
      outcome.address = model::with_prefix(moved->address, each.network.subnet);
      outcome.mac = moved->mac.to_string();
      continue;
    }
    failed = outcome.container;
    outcome.kind = Kind::refused;
    outcome.note = moved.error().message();
    log::warning("container_not_moved",
                 {{"container", failed}, {"network", each.network.name}, {"error", moved.error().message()}});
  }
  say(report);
  return std::move(report);
}

// Reserved first. What comes between the plan and now is seen: it is decided anew.
Result<Reservation> Adopter::move(const AdoptMove& move, const AdoptTerms& terms) {
  struct Reserved {
    Reservation reservation;
    bool fresh = false;
  };
  const auto [reserved, fresh] = TRY(parts_.planner.execute([&](PlanEdit& edit) -> Result<Reserved> {
    const bool is_known = edit.plan().reservation(move.network.name, move.reservation.identity) != nullptr;
    std::string note;
    return Reserved{TRY(reserve_for_move(edit, move.place, move.network, terms, note)), !is_known};
  }));
  auto moved = move.place.is_by_hand() ? move_by_hand(move, reserved) : move_by_engine(move, reserved);
  if (moved) return reserved;
  if (fresh && !is_open(moved.error())) give_up(reserved);
  return std::move(moved).error();
}

Result<> Adopter::move_by_engine(const AdoptMove& move, const Reservation& reserved) {
  const auto carrier = TRY(carriers_.find_or_make(move.network));
  // What the kernel can't do is refused before the container is touched.
  TRY(parts_.kernel.ensure_network(move.network));
  model::Repin repin;
  repin.container_id = move.place.container.id;
  repin.engine_network = carrier.id;
  repin.address = reserved.address;
  repin.from_network = move.place.engine_network.id;
  repin.from_settings = TRY(parts_.engine.endpoint_settings(repin.container_id, repin.from_network));
  repin.from_address = move.place.address;
  repin.settings = TRY(parts_.engine.portable_settings(repin.from_settings));
  return parts_.engine_keeper.move(repin);
}

// The old interface is only put aside until the new one is there.
Result<> Adopter::move_by_hand(const AdoptMove& move, const Reservation& reserved) {
  const AdoptPlace& place = move.place;
  AttachOrder order;
  order.target = place.container.id;
  order.network = move.network;
  order.address = reserved.address;
  order.interface = place.interface;
  ports::InsideAddress old{place.interface, *place.address, *place.subnet, place.mac, place.gateway};
  bool aside = false;
  order.make_way = [&]() -> Result<> {
    TRY(parts_.host.put_aside(place.sandbox, old));
    aside = true;
    return {};
  };
  auto attached = parts_.attacher.attach(order);
  if (attached) return aside ? parts_.host.remove_aside(place.sandbox, old) : Result<>{};
  if (aside) {
    TRY(parts_.host.put_back(place.sandbox, old)
            .in(fmt::format("{}; and {} back", attached.error().message(), place.interface)));
  }
  return std::move(attached).error();
}

void Adopter::give_up(const Reservation& reserved) {
  const auto done = parts_.planner.execute([&](PlanEdit& edit) -> Result<> {
    const Reservation* now = edit.plan().reservation(reserved.network, reserved.identity);
    const bool is_unused = now != nullptr && now->state == model::ReservationState::held &&
                           edit.plan().attachment(now->network, now->address) == nullptr;
    return is_unused ? edit.erase(Reservation(*now)) : Result<>{};
  });
  if (!done) log::warning("reservation_left", {{"identity", reserved.identity}, {"error", done.error().message()}});
}

}  // namespace bayplan::control
