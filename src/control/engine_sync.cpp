#include "control/engine_sync.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "control/addresses.hpp"
#include "control/attach_rules.hpp"
#include "control/joins.hpp"

namespace bayplan::control {
namespace {

using model::Attachment;
using model::PlanEdit;
using model::Reservation;
using model::ReservationState;
using Reason = RepinAction::Reason;

constexpr std::chrono::seconds kGrantLifetime{60};

template <typename T>
std::vector<T> copies(const std::vector<const T*>& pointers) {
  std::vector<T> out;
  out.reserve(pointers.size());
  for (const T* pointer : pointers) out.push_back(*pointer);
  return out;
}

// compose names a container that it is about to replace `<its short id>_<name>` (version 1), or so the one that is to
// come into its place until the old one is gone (version 2, with a label): the name's reservation is for the one that
// stays.
bool is_put_aside(const ports::Container& container) {
  constexpr std::size_t kShortId = 12;
  if (container.name.starts_with(container.id.substr(0, kShortId) + "_")) return true;
  const bool is_hex = container.name.find_first_not_of("0123456789abcdef") == kShortId;
  return container.labels.contains("com.docker.compose.replace") && is_hex && container.name[kShortId] == '_';
}

Result<Reservation> reserve_at_rest(PlanEdit& edit, const std::string& network, const ports::Container& container,
                                    const AddressWish& wish, Timestamp now) {
  const model::Network* on = edit.plan().network(network);
  if (!on) return fail(ErrorCode::not_found, "the network '{}' is gone", network);
  Reservation fresh = TRY(reserve(edit, *on, container.identity(), wish, now));
  fresh.container_id = container.id;
  fresh.container_name = container.name;
  TRY(edit.put(fresh));
  return fresh;
}

// One pass of the reconciler, a step a method.
class Sync {
 public:
  Sync(PlanEdit& edit, const SyncInput& input) : edit_(edit), input_(input) {
    for (const ports::Container& container : input.facts.containers) by_id_[container.id] = &container;
  }

  Result<SyncOutcome> run() {
    TRY(forget_engine_networks());
    places_ = memberships(edit_.plan(), input_.facts);
    TRY(follow_renames());
    TRY(end_lost_attachments());
    TRY(verify_attachments());
    outcome_.attach_due = TRY(sync_marks(edit_, input_.facts, input_.now));
    TRY(update_states());
    TRY(update_claims());
    find_misplaced();
    TRY(pin_at_rest());
    resume_repins();
    for (const auto& [token, owed] : edit_.plan().owed_starts()) outcome_.owed.push_back(owed);
    return std::move(outcome_);
  }

  Result<std::vector<RepinAction>> pins_for(const std::string& container_id) {
    places_ = memberships(edit_.plan(), input_.facts);
    for (const Membership& place : places_) {
      if (place.container->id != container_id) continue;
      const std::size_t before = outcome_.repins.size();
      TRY(pin(place, true));
      if (outcome_.repins.size() == before) TRY(check_users_choice(place));
    }
    return std::move(outcome_.repins);
  }

 private:
  // Networks that the engine dropped while nobody told us.
  Result<> forget_engine_networks() {
    const auto known = edit_.plan().engine_networks();
    for (const auto& [id, carried] : known) {
      if (input_.facts.network_names.contains(id)) continue;
      if (input_.gone_networks.contains(id)) {
        TRY(edit_.erase(carried));
      } else {
        outcome_.unlisted.insert(id);
      }
    }
    return {};
  }

  // The reservation goes with a container that gets another name, unless it is only put aside or the new name has a
  // reservation itself.
  Result<> follow_renames() {
    for (const Reservation& known : copies(edit_.plan().reservations())) {
      const ports::Container* container = by_id(known.container_id);
      if (!container || container->name == known.container_name || known.container_name.empty()) continue;
      if (is_put_aside(*container) || container->name.empty() || !checked_identity(*container)) continue;
      TRY(rename(known, *container));
    }
    return {};
  }

  Result<> rename(const Reservation& known, const ports::Container& container) {
    Reservation renamed = known;
    renamed.container_name = container.name;
    const bool by_name = known.identity == known.container_name;
    if (by_name && edit_.plan().reservation(known.network, container.identity())) return {};
    if (by_name) {
      renamed.identity = container.identity();
      log::info("reservation_renamed", {{"network", known.network},
                                        {"from", known.identity},
                                        {"to", renamed.identity},
                                        {"address", known.address.to_string()}});
    }
    TRY(by_name ? move_reservation(edit_, known, renamed) : edit_.put(renamed));
    const Attachment* attachment = edit_.plan().attachment(known.network, known.address);
    if (!attachment || attachment->identity != known.identity) return {};
    Attachment moved = *attachment;
    moved.identity = renamed.identity;
    return edit_.put(std::move(moved));
  }

  // Attachments whose end nobody told us: a grant that never became an endpoint, an endpoint the engine has not.
  Result<> end_lost_attachments() {
    for (const Attachment& attachment : copies(edit_.plan().attachments())) {
      const bool lost = attachment.endpoint.empty() ? has_passed(attachment.since, input_.now, kGrantLifetime)
                                                    : is_lost(attachment, input_.facts);
      if (!lost) continue;
      log::info("lost_attachment_ended", {{"network", attachment.network},
                                          {"address", attachment.address.to_string()},
                                          {"identity", attachment.identity}});
      TRY(end_attachment(edit_, attachment, input_.now));
    }
    return {};
  }

  // Joins that nobody could verify while the engine booted; and containers whose reservation was released while they
  // ran with another address, waiting to be put right: what they have is theirs now.
  Result<> verify_attachments() {
    for (const Membership& place : places_) {
      const Attachment* attachment = edit_.plan().attachment_of(place.entry->endpoint);
      if (place.entry->endpoint.empty() || !attachment || attachment->stage != Attachment::Stage::joined) continue;
      if (attachment->verified && edit_.plan().reservation(place.network, attachment->identity)) continue;
      if (TRY(verify_attachment(edit_, Attachment(*attachment), *place.container, input_.host, input_.now))) continue;
      const Reservation* own = edit_.plan().reservation(place.network, place.container->identity());
      add(Reason::eject, place, own ? std::optional(own->address) : std::nullopt);
    }
    return {};
  }

  Result<> update_states() {
    std::set<std::string> present;  // identities of all containers there are
    for (const ports::Container& container : input_.facts.containers) {
      if (!is_going(container)) present.insert(container.identity());
    }
    for (Reservation& known : copies(edit_.plan().reservations())) {
      const ports::Container* user = by_id(known.container_id);
      const bool there = present.contains(known.identity) || (user && !is_going(*user) && !has_left(known, *user));
      TRY(update_state(known, there));
    }
    return {};
  }

  static bool is_going(const ports::Container& container) {
    return container.state == ports::ContainerState::removing || container.state == ports::ContainerState::dead;
  }

  // The container that used the reservation last goes by another name now, which has one itself.
  bool has_left(const Reservation& known, const ports::Container& user) {
    return user.identity() != known.identity && edit_.plan().reservation(known.network, user.identity());
  }

  Result<> update_state(Reservation& known, bool there) {
    const Attachment* attachment = edit_.plan().attachment(known.network, known.address);
    if (attachment && attachment->stage != Attachment::Stage::granted) return {};
    const bool by_hand = known.container_id.empty() && known.state == ReservationState::held;
    const auto state = there || by_hand ? ReservationState::held : ReservationState::removed;
    if (state == known.state) return {};
    known.state = state;
    known.last_seen = input_.now;
    log::debug("reservation_state",
               {{"network", known.network}, {"identity", known.identity}, {"state", to_string(state)}});
    return edit_.put(known);
  }

  Result<> update_claims() {
    std::map<model::Plan::PairKey, model::Claim> wanted;
    for (const Membership& place : places_) {
      if (!place.entry->configured || input_.busy.contains(place.container->id)) continue;
      const model::Plan::PairKey key{place.container->id, place.engine_network};
      const auto known = edit_.plan().claims().find(key);
      const auto label = place.container->labels.find(std::string(ports::kPinnedLabel));
      const bool by_run =
          label != place.container->labels.end() && label->second == place.entry->configured->to_string();
      const bool known_ours = known != edit_.plan().claims().end() && known->second.pinned_by_us &&
                              known->second.address == *place.entry->configured;
      // Done by us, but not noted: a crash came between.
      const auto repin = edit_.plan().repins().find(key);
      const bool ours = by_run || known_ours ||
                        (repin != edit_.plan().repins().end() && repin->second.address == place.entry->configured);
      wanted[key] = {key.first, key.second, *place.entry->configured, place.container->identity(), ours};
    }
    const auto current = edit_.plan().claims();
    for (const auto& [key, claim] : current) {
      if (!wanted.contains(key) && !input_.busy.contains(key.first)) TRY(edit_.erase(claim));
    }
    for (const auto& [key, claim] : wanted) {
      const auto known = current.find(key);
      if (known == current.end() || known->second != claim) TRY(edit_.put(claim));
    }
    return {};
  }

  // Containers that run with another address than their own: given because nobody could tell who asked.
  void find_misplaced() {
    for (const Membership& place : places_) {
      const Attachment* attachment = edit_.plan().attachment_of(place.entry->endpoint);
      if (place.entry->endpoint.empty() || !place.container->is_up() || !attachment || !attachment->verified) continue;
      const Reservation* own = edit_.plan().reservation(place.network, attachment->identity);
      if (!own || own->address == attachment->address) continue;
      // Unplugged only when its own address is there to be had.
      const Attachment* in_the_way = edit_.plan().attachment(place.network, own->address);
      if (!in_the_way || in_the_way->endpoint.empty()) add(Reason::put_right, place, own->address);
    }
  }

  Result<> pin_at_rest() {
    for (const Membership& place : places_) {
      using enum ports::ContainerState;
      const auto state = place.container->state;
      if (state != created && state != exited) continue;
      outcome_.at_rest.push_back(place.container->id);
      if (!input_.rested.contains(place.container->id) || is_put_aside(*place.container)) continue;
      if (input_.pins) {
        TRY(pin(place, state == created));
      } else {
        take_back_stale_pin(place);
      }
    }
    return {};
  }

  // The engine says who asks, from now on: a pin that was made before only does harm once it is wrong.
  void take_back_stale_pin(const Membership& place) {
    const auto claim = edit_.plan().claims().find({place.container->id, place.engine_network});
    const bool ours = claim != edit_.plan().claims().end() && claim->second.pinned_by_us;
    const Reservation* own = edit_.plan().reservation(place.network, place.container->identity());
    if (ours && (!own || own->address != claim->second.address)) add(Reason::unpin, place, std::nullopt);
  }

  // A container that was never started gets its address when it is pinned; one that was and has none had it released.
  Result<> pin(const Membership& place, bool reserving) {
    if (!checked_identity(*place.container)) return {};  // said when it starts
    const auto& configured = place.entry->configured;
    const auto claim = edit_.plan().claims().find({place.container->id, place.engine_network});
    const bool by_user = configured && (claim == edit_.plan().claims().end() || !claim->second.pinned_by_us);
    const Reservation* own = edit_.plan().reservation(place.network, place.container->identity());
    if (by_user) return reserving && !own ? protect_users_choice(place) : Result<>{};
    const auto wanted = own ? std::optional(own->address) : std::nullopt;
    if (configured == wanted && (own || !reserving)) return {};
    RepinAction* const added = add(Reason::pin, place, wanted);
    if (!added) return {};
    added->reserve = reserving && !own;
    const auto range = input_.facts.network_ranges.find(place.engine_network);
    if (range != input_.facts.network_ranges.end()) added->within = range->second;
    return {};
  }

  // `--ip` of a container that was never started: the address is kept for it from now on, if it is free. Where it is
  // not, that is said when the container starts, not before.
  Result<> protect_users_choice(const Membership& place) {
    const std::size_t mark = edit_.changes().size();
    auto reserved = reserve_at_rest(edit_, place.network, *place.container,
                                    {.address = place.entry->configured, .within = {}}, input_.now);
    if (!reserved) edit_.rollback(mark);
    return {};
  }

  // `--ip` of somebody else's: refused here, so that the attempt is not in the owner's way.
  Result<> check_users_choice(const Membership& place) {
    if (!place.entry->configured) return {};
    const Reservation* owner = edit_.plan().reservation_at(place.network, *place.entry->configured);
    if (!owner || owner->identity == place.container->identity()) return {};
    return held_by(*owner, input_.now);
  }

  void resume_repins() {
    for (const auto& [key, repin] : edit_.plan().repins()) {
      const auto* carried = edit_.plan().engine_network(repin.engine_network);
      const auto* container = by_id(repin.container_id);
      outcome_.repins.push_back({Reason::resume, repin.container_id, container ? container->name : "",
                                 repin.engine_network, carried ? carried->network : "", repin.address});
    }
  }

  // One that was begun goes before: it is resumed, and what is to be done then, shows then. Null: it does.
  RepinAction* add(Reason reason, const Membership& place, std::optional<model::IpAddress> address) {
    if (edit_.plan().repins().contains({place.container->id, place.engine_network})) return nullptr;
    outcome_.repins.push_back(
        {reason, place.container->id, place.container->name, place.engine_network, place.network, std::move(address)});
    return &outcome_.repins.back();
  }

  [[nodiscard]] const ports::Container* by_id(const std::string& id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
  }

  PlanEdit& edit_;
  const SyncInput& input_;
  std::unordered_map<std::string_view, const ports::Container*> by_id_;
  std::vector<Membership> places_;
  SyncOutcome outcome_;
};

}  // namespace

std::string_view to_string(RepinAction::Reason reason) {
  switch (reason) {
    case Reason::pin:
      return "pin";
    case Reason::unpin:
      return "unpin";
    case Reason::put_right:
      return "put_right";
    case Reason::eject:
      return "eject";
    case Reason::resume:
      return "resume";
  }
  return "pin";
}

Result<SyncOutcome> sync_engine(PlanEdit& edit, const SyncInput& input) {
  return Sync(edit, input).run();
}

bool calls_for_sync(const model::ChangeSet& changes) {
  // Reservations that came into use by our own attaching: nothing on the engine follows from that.
  std::set<std::pair<std::string, model::IpAddress>> attached;
  for (const model::Change& change : changes) {
    const auto* attachment = std::get_if<Attachment>(&change.record);
    const bool is_put = change.kind == model::Change::Kind::put;
    if (is_put && attachment && attachment->is_by_hand()) attached.emplace(attachment->network, attachment->address);
  }
  return std::ranges::any_of(changes, [&](const model::Change& change) {
    const auto* reservation = std::get_if<Reservation>(&change.record);
    if (reservation) return !attached.contains({reservation->network, reservation->address});
    return std::holds_alternative<model::OwedStart>(change.record) ||
           std::holds_alternative<model::Network>(change.record);
  });
}

Result<std::vector<RepinAction>> pins_before_start(PlanEdit& edit, const SyncInput& input,
                                                   const std::string& container_id) {
  return Sync(edit, input).pins_for(container_id);
}

Result<std::optional<model::IpAddress>> address_to_pin(PlanEdit& edit, const RepinAction& action,
                                                       const ports::Container& container, Timestamp now) {
  const Reservation* own = edit.plan().reservation(action.network, container.identity());
  if (own) return own->address;
  if (!action.reserve) return std::nullopt;
  return TRY(reserve_at_rest(edit, action.network, container, {.address = {}, .within = action.within}, now)).address;
}

std::set<std::string> networks_in_doubt(const model::Plan& plan, const EngineFacts& facts) {
  std::set<std::string> listed;
  for (const ports::Container& container : facts.containers) {
    for (const ports::ContainerNetwork& entry : container.networks) listed.insert(entry.endpoint);
  }
  std::set<std::string> ids;
  for (const Attachment* attachment : plan.attachments()) {
    const bool of_the_engine = !attachment->endpoint.empty() && !attachment->is_by_hand();
    if (of_the_engine && !listed.contains(attachment->endpoint)) ids.insert(attachment->engine_network);
  }
  return ids;
}

}  // namespace bayplan::control
