#include "control/mover.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace bayplan::control {
namespace {

constexpr std::chrono::milliseconds kListingBound{5000};

// The engine may still do what it was asked for.
bool is_open(const Error& error) {
  return error.code == ErrorCode::timeout || error.code == ErrorCode::unavailable;
}

bool is_on_network(const ports::Container& container, const ports::EngineNetworkInfo& network) {
  return std::ranges::any_of(
      container.networks, [&](const ports::ContainerNetwork& entry) { return is_on(entry, network.id, network.name); });
}

bool overlap(const ports::EngineNetworkInfo& a, const ports::EngineNetworkInfo& b) {
  return std::ranges::any_of(a.subnets, [&](const model::Subnet& one) {
    return std::ranges::any_of(b.subnets, [&](const model::Subnet& other) { return one.overlaps(other); });
  });
}

}  // namespace

Result<> Mover::carry_out(const model::Repin& move) {
  const Standing standing = TRY(look(move));
  if (!standing.is_there) {
    TRY(forget(move));
    return fail(ErrorCode::not_found, "the container is gone");
  }
  if (standing.on_new) return standing.on_old ? leave_old(move) : conclude(move);
  if (!standing.on_old) {
    auto entered = enter(move, standing.is_up);
    return entered ? conclude(move) : go_back(move, entered.error());
  }
  return standing.must_leave_first ? leave_and_enter(move, standing.is_up) : enter_and_leave(move, standing.is_up);
}

// The old network may have been removed since: then the container is not on it.
Result<Mover::Standing> Mover::look(const model::Repin& move) {
  Standing standing;
  EngineFacts facts;
  facts.containers = TRY(engine_.containers(kListingBound));
  const auto* container = find_by_id(facts, move.container_id);
  if (container == nullptr) return standing;
  standing.is_there = true;
  standing.is_up = container->is_up();
  const auto networks = TRY(engine_.networks(kListingBound));
  const auto from = std::ranges::find(networks, move.from_network, &ports::EngineNetworkInfo::id);
  const auto to = std::ranges::find(networks, move.engine_network, &ports::EngineNetworkInfo::id);
  standing.on_old = from != networks.end() && is_on_network(*container, *from);
  standing.on_new = to != networks.end() && is_on_network(*container, *to);
  if (from != networks.end() && to != networks.end()) {
    standing.must_leave_first = from->driver == "null" || (standing.is_up && overlap(*from, *to));
  }
  return standing;
}

Result<> Mover::enter(const model::Repin& move, bool is_up) {
  auto entered = engine_.connect(move.container_id, move.engine_network, move.settings, move.address);
  if (entered.ok() || entered.error().code == ErrorCode::in_use) return {};  // or it is on it
  if (is_up && !is_open(entered.error())) clear_entry(move);
  return entered;
}

bool Mover::is_hollow(const std::string& container_id) const {
  const std::scoped_lock lock(mutex_);
  return hollow_.contains(container_id);
}

void Mover::clear_entry(const model::Repin& move) {
  {
    const std::scoped_lock lock(mutex_);
    hollow_.insert(move.container_id);
  }
  const auto cleared = connect_hollow(move);
  {
    const std::scoped_lock lock(mutex_);
    hollow_.erase(move.container_id);
  }
  if (cleared.ok()) return;
  log::warning("connection_left",
               {{"container", move.container_id.substr(0, 12)}, {"error", cleared.error().message()}});
}

// Its address may be why it could not be connected.
Result<> Mover::connect_hollow(const model::Repin& move) {
  auto connected = engine_.connect(move.container_id, move.engine_network, "{}", move.address);
  if (!connected.ok()) connected = engine_.connect(move.container_id, move.engine_network, "{}", std::nullopt);
  TRY(std::move(connected));
  return engine_.disconnect(move.container_id, move.engine_network);
}

Result<> Mover::enter_and_leave(const model::Repin& move, bool is_up) {
  auto entered = enter(move, is_up);
  return entered ? leave_old(move) : stay(move, entered.error());
}

// It is on both. "Not there" is what was wanted.
Result<> Mover::leave_old(const model::Repin& move) {
  auto left = engine_.disconnect(move.container_id, move.from_network);
  if (left || left.error().code == ErrorCode::not_found) return conclude(move);
  if (is_open(left.error())) return left;
  auto undone = engine_.disconnect(move.container_id, move.engine_network);
  return undone ? stay(move, left.error()) : std::move(undone);
}

Result<> Mover::leave_and_enter(const model::Repin& move, bool is_up) {
  auto left = engine_.disconnect(move.container_id, move.from_network);
  if (!left && left.error().code != ErrorCode::not_found) return stay(move, left.error());
  auto entered = enter(move, is_up);
  return entered ? conclude(move) : go_back(move, entered.error());
}

Result<> Mover::stay(const model::Repin& move, Error why) {
  if (!is_open(why)) TRY(forget(move));
  return why;
}

// With its address of before; where that is not to be had any more, with another: better than on no network.
Result<> Mover::go_back(const model::Repin& move, Error why) {
  if (is_open(why)) return why;
  auto back = engine_.connect(move.container_id, move.from_network, move.from_settings, move.from_address);
  const bool refused =
      !back.ok() && (back.error().code == ErrorCode::invalid || back.error().code == ErrorCode::conflict);
  if (refused && move.from_address) {
    back = engine_.connect(move.container_id, move.from_network, move.from_settings, std::nullopt);
  }
  if (!back.ok() && back.error().code != ErrorCode::in_use) {
    return std::move(back).in(fmt::format("{}; and back to where it was", why.message()));
  }
  TRY(forget(move));
  return why;
}

Result<> Mover::conclude(const model::Repin& move) {
  const auto to = TRY(planner_.execute([move](model::PlanEdit& edit) -> Result<std::string> {
    TRY(edit.erase(move));
    const auto* carried = edit.plan().engine_network(move.engine_network);
    const auto* owner = carried ? edit.plan().reservation_at(carried->network, *move.address) : nullptr;
    TRY(edit.put(model::Claim{move.container_id, move.engine_network, *move.address,
                              owner ? owner->identity : std::string{}, true}));
    return carried ? carried->network : std::string{};
  }));
  log::info("container_moved",
            {{"container", move.container_id.substr(0, 12)}, {"network", to}, {"address", move.address->to_string()}});
  return {};
}

Result<> Mover::forget(const model::Repin& move) {
  return planner_.execute([move](model::PlanEdit& edit) { return edit.erase(move); });
}

}  // namespace bayplan::control
