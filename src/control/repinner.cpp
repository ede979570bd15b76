#include "control/repinner.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace bayplan::control {
namespace {

constexpr std::chrono::milliseconds kListingBound{2000};

}  // namespace

Result<> Repinner::carry_out(const RepinAction& action, const ports::Container& container) {
  using Reason = RepinAction::Reason;
  model::Repin repin{action.container_id, action.engine_network, {}, action.address};
  if (action.reason == Reason::resume) {
    const auto begun = TRY(begun_repin(repin));
    return begun.is_move() ? mover_.carry_out(begun) : resume(begun, action);
  }
  if (action.reason == Reason::put_right && !TRY(is_still_misplaced(action))) return {};
  const bool rests = action.reason == Reason::pin || action.reason == Reason::unpin;
  // Inspecting waits while the container starts; a running one is never unplugged for a pin.
  if (rests && TRY(engine_.inspect(action.container_id)).running) return {};
  if (action.reason == Reason::pin) {
    repin.address = TRY(planner_.execute(
        [&, now = clock_.now()](model::PlanEdit& edit) { return address_to_pin(edit, action, container, now); }));
  }
  repin.settings = TRY(engine_.endpoint_settings(action.container_id, action.engine_network));
  TRY(planner_.execute([&repin](model::PlanEdit& edit) { return edit.put(repin); }));
  // A start may have come between; once more, so that only the moment from here to the disconnect is left for it.
  if (rests && TRY(is_running(repin))) return forget(repin);
  if (auto gone = engine_.disconnect(action.container_id, action.engine_network); !gone) {
    // An answer that did not come in time says nothing: the next pass looks where it stands.
    const bool refused = gone.error().code != ErrorCode::timeout && gone.error().code != ErrorCode::unavailable;
    if (refused) TRY(forget(repin));
    return gone;
  }
  return reconnect(repin, action);
}

Result<> Repinner::move(const model::Repin& move) {
  TRY(planner_.execute([move](model::PlanEdit& edit) { return edit.put(move); }));
  return mover_.carry_out(move);
}

// It may have been restarted since, and got its own by that.
Result<bool> Repinner::is_still_misplaced(const RepinAction& action) {
  return planner_.execute([&action](model::PlanEdit& edit) -> Result<bool> {
    for (const model::Attachment* attachment : edit.plan().attachments(action.network)) {
      if (attachment->container_id != action.container_id) continue;
      const model::Reservation* own = edit.plan().reservation(action.network, attachment->identity);
      return own && own->address != attachment->address;
    }
    return false;
  });
}

// What was begun before a crash of ours, or could not be ended; `not_found` when it has been ended since.
Result<model::Repin> Repinner::begun_repin(const model::Repin& repin) {
  return planner_.execute([&repin](model::PlanEdit& edit) -> Result<model::Repin> {
    const auto& begun = edit.plan().repins();
    const auto found = begun.find({repin.container_id, repin.engine_network});
    if (found == begun.end()) return fail(ErrorCode::not_found, "ended already");
    return found->second;
  });
}

// The disconnect may never have been done, or the connect may have been, or either may still be under way, for Docker
// does what it was asked for when the asker is long gone. So the engine is asked anew, and a container that is still
// connected as it was before is looked at for a while before the repin is given up: its disconnect may be yet to come.
Result<> Repinner::resume(const model::Repin& repin, const RepinAction& action) {
  EngineFacts facts;
  facts.containers = TRY(engine_.containers(kListingBound));
  for (const auto& network : TRY(engine_.networks(kListingBound))) facts.network_names[network.id] = network.name;
  const bool patient = is_young(repin);
  const Standing standing = TRY(planner_.execute([&](model::PlanEdit& edit) -> Result<Standing> {
    const Standing found = standing_of(edit.plan(), facts, repin);
    if (found == Standing::off || (found == Standing::as_before && patient)) return found;
    TRY(edit.erase(repin));
    if (found == Standing::done && repin.address) TRY(edit.put(claim_of(edit.plan(), repin)));
    return Standing::done;
  }));
  if (standing == Standing::off) return reconnect(repin, action);
  if (standing == Standing::done) forget_age(repin);
  return {};
}

Repinner::Standing Repinner::standing_of(const model::Plan& plan, const EngineFacts& facts, const model::Repin& repin) {
  const ports::Container* container = find_by_id(facts, repin.container_id);
  if (!container) return Standing::gone;
  const auto places = memberships(plan, facts);
  const auto place = std::ranges::find_if(places, [&](const Membership& each) {
    return each.container == container && each.engine_network == repin.engine_network;
  });
  if (place == places.end()) return Standing::off;
  const bool has_it = !container->is_up() || !repin.address || place->entry->address == repin.address;
  return place->entry->configured == repin.address && has_it ? Standing::done : Standing::as_before;
}

bool Repinner::is_young(const model::Repin& repin) {
  const std::scoped_lock lock(mutex_);
  const auto [known, fresh] = resuming_since_.try_emplace({repin.container_id, repin.engine_network}, clock_.steady());
  return clock_.steady() - known->second < patience_;
}

void Repinner::forget_age(const model::Repin& repin) {
  const std::scoped_lock lock(mutex_);
  resuming_since_.erase({repin.container_id, repin.engine_network});
}

model::Claim Repinner::claim_of(const model::Plan& plan, const model::Repin& repin) {
  const model::EngineNetwork* carried = plan.engine_network(repin.engine_network);
  const auto* owner = carried ? plan.reservation_at(carried->network, *repin.address) : nullptr;
  return {repin.container_id, repin.engine_network, *repin.address, owner ? owner->identity : std::string{}, true};
}

Result<> Repinner::forget(const model::Repin& repin) {
  return planner_.execute([&repin](model::PlanEdit& edit) { return edit.erase(repin); });
}

// When nobody can say, the pin is left for another time.
Result<bool> Repinner::is_running(const model::Repin& repin) {
  auto details = engine_.inspect(repin.container_id);
  if (details) return details->running;
  TRY(forget(repin));
  return std::move(details).error();
}

// The reservation may have moved since the repin was begun: a start that came between had an address already.
Result<model::Repin> Repinner::with_address_of_now(const model::Repin& repin) {
  return planner_.execute([&repin](model::PlanEdit& edit) -> Result<model::Repin> {
    model::Repin current = repin;
    const model::EngineNetwork* carried = edit.plan().engine_network(repin.engine_network);
    if (!carried || !repin.address) return current;
    if (edit.plan().reservation_at(carried->network, *repin.address)) return current;
    for (const model::Reservation* known : edit.plan().reservations(carried->network)) {
      if (known->container_id == repin.container_id) current.address = known->address;
    }
    return current;
  });
}

Result<> Repinner::reconnect(const model::Repin& begun, const RepinAction& action) {
  const model::Repin repin = TRY(with_address_of_now(begun));
  auto connected = engine_.connect(repin.container_id, repin.engine_network, repin.settings, repin.address);
  if (!connected.ok() && connected.error().code == ErrorCode::invalid) {
    // Its aliases or links can't be had any more: better without them than off the network.
    connected = engine_.connect(repin.container_id, repin.engine_network, "{}", repin.address);
  }
  const bool pinned = connected.ok() && repin.address;
  if (!connected.ok() && connected.error().code == ErrorCode::conflict && repin.address) {
    // The address is not to be had now: better on the network with another one than not at all.
    connected = engine_.connect(repin.container_id, repin.engine_network, repin.settings, std::nullopt);
  }
  // `in_use` is Docker's word for a running container that is on the network already: it was started meanwhile.
  const auto code = connected.ok() ? ErrorCode::internal : connected.error().code;
  const bool over = connected.ok() || code == ErrorCode::not_found || code == ErrorCode::in_use;
  if (!over) return connected;  // the record stays: the next pass resumes it
  forget_age(repin);
  if (connected.ok()) {
    log::info("container_repinned", {{"reason", to_string(action.reason)},
                                     {"container", action.container_name},
                                     {"network", action.network},
                                     {"address", pinned ? repin.address->to_string() : ""}});
  }
  return planner_.execute([repin, pinned](model::PlanEdit& edit) -> Result<> {
    TRY(edit.erase(repin));
    return pinned ? edit.put(claim_of(edit.plan(), repin)) : Result<>{};
  });
}

}  // namespace bayplan::control
