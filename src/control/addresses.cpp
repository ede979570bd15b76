#include "control/addresses.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "control/attach_rules.hpp"
#include "model/names.hpp"

namespace bayplan::control {
namespace {

using model::Attachment;
using model::IpAddress;
using model::Network;
using model::PlanEdit;
using model::Reservation;
using model::ReservationState;

// An address that was granted but never became an endpoint is nobody's after this long: the engine's own bound for
// starting a container is far below.
constexpr std::chrono::seconds kGrantLifetime{60};

Error full(const PlanEdit& edit, const Network& network) {
  std::size_t attached = 0;
  std::size_t held = 0;
  for (const Reservation* reservation : edit.plan().reservations(network.name)) {
    attached += reservation->state == ReservationState::attached ? 1 : 0;
    held += reservation->state == ReservationState::held ? 1 : 0;
  }
  return fail(ErrorCode::exhausted,
              "{} ({}) has no free address: {} attached, {} held. To free one: bayplan release {} NAME", network.name,
              network.subnet.to_string(), attached, held, network.name);
}

// An attachment that the engine no longer knows: its release never came.
bool is_stale(const Attachment& attachment, const GrantRequest& request) {
  if (attachment.endpoint.empty()) return has_passed(attachment.since, request.now, kGrantLifetime);
  return request.facts && is_lost(attachment, *request.facts);
}

// The same request once more: that start failed before it joined, and nobody told us (a crash of ours). Should two
// containers of one identity be starting, only one of them gets through CreateEndpoint and Join.
bool is_repeated(const Attachment& current, const GrantRequest& request, const std::string& identity) {
  if (current.stage == Attachment::Stage::joined || current.identity != identity) return false;
  return !identity.empty() || (current.stage == Attachment::Stage::granted && current.asked && request.address);
}

// Makes way for a new grant of the address to `identity` (empty: not known). `conflict` while somebody has it.
Result<> clear_attachment(PlanEdit& edit, const GrantRequest& request, const IpAddress& address,
                          const std::string& identity) {
  const Attachment* current = edit.plan().attachment(request.network, address);
  if (!current) return {};
  if (!is_stale(*current, request) && !is_repeated(*current, request, identity)) {
    const std::string who = current->identity.empty() ? "a container that is starting" : "'" + current->identity + "'";
    return fail(ErrorCode::conflict, "{} is in use by {} on {}", address.to_string(), who, request.network);
  }
  return edit.erase(Attachment(*current));
}

Result<GrantOutcome> record_grant(PlanEdit& edit, const GrantRequest& request, const IpAddress& address,
                                  const std::string& identity) {
  Attachment attachment;
  attachment.network = request.network;
  attachment.address = address;
  attachment.asked = request.address.has_value();
  attachment.identity = identity;
  attachment.since = request.now;
  TRY(edit.put(attachment));
  return GrantOutcome{.address = address};
}

Result<GrantOutcome> owe(PlanEdit& edit, const GrantRequest& request, std::string_view why) {
  TRY(edit.put(model::OwedStart{.token = request.owed_token, .network = request.network, .since = request.now}));
  return GrantOutcome{.owed = fail(ErrorCode::unavailable,
                                   "{}, so baypland can't tell whose address to give on {}; it starts this container "
                                   "itself as soon as it can ({})",
                                   why, request.network, request.owed_token)};
}

const EngineFacts* facts_of(const GrantRequest& request) {
  return request.facts ? &*request.facts : nullptr;
}

// While the engine boots, what looks like an endpoint of this identity is one from before (bind_endpoint replaces it),
// and nobody can say whether that of another still stands.
Result<GrantOutcome> grant_own(PlanEdit& edit, const GrantRequest& request, IpAddress address,
                               const std::string& identity) {
  const Attachment* current = edit.plan().attachment(request.network, address);
  if (current && !request.facts && current->identity == identity) return GrantOutcome{.address = address};
  auto cleared = clear_attachment(edit, request, address, identity);
  if (!cleared && !request.facts) return owe(edit, request, cleared.error().detail + ", and Docker does not answer");
  TRY(std::move(cleared));
  return record_grant(edit, request, address, identity);
}

// The container is known: its own address, or the one it asks for if that is nobody else's.
Result<GrantOutcome> grant_known(PlanEdit& edit, const GrantRequest& request, const Network& network,
                                 const std::string& identity) {
  const Reservation* own = edit.plan().reservation(network.name, identity);
  if (request.address) {
    const Reservation* owner = edit.plan().reservation_at(network.name, *request.address);
    if (owner && owner->identity != identity) return held_by(*owner, request.now);
    return grant_own(edit, request, *request.address, identity);
  }
  if (own) return grant_own(edit, request, own->address, identity);
  const IpAddress address = TRY(take_free_address(edit, network, request.within, facts_of(request)));
  return record_grant(edit, request, address, identity);
}

Result<std::string> identity_told(const PlanEdit& edit, const GrantRequest& request) {
  if (request.facts) {
    if (const auto* container = find_by_name(*request.facts, request.container_name))
      return checked_identity(*container);
  }
  if (edit.plan().reservation(request.network, request.container_name)) return request.container_name;
  // By a label, then: of the container that was there last.
  const Reservation* latest = nullptr;
  const auto rank = [](const Reservation& known) {
    return std::pair(known.state != ReservationState::removed, known.last_seen);
  };
  for (const Reservation* known : edit.plan().reservations(request.network)) {
    if (known->container_name != request.container_name) continue;
    if (!latest || rank(*latest) < rank(*known)) latest = known;
  }
  return latest ? latest->identity : request.container_name;
}

// While the engine boots, the asker of an address is known only by who has it configured.
struct Claimants {
  bool owner = false;    // the owner has it configured
  bool another = false;  // somebody else has
};

Claimants claimants_of(const PlanEdit& edit, const GrantRequest& request, const std::string& owner) {
  Claimants found;
  for (const auto& [key, claim] : edit.plan().claims()) {
    const auto* carried = edit.plan().engine_network(claim.engine_network);
    if (!carried || carried->network != request.network || claim.address != *request.address) continue;
    (claim.identity == owner ? found.owner : found.another) = true;
  }
  return found;
}

Result<GrantOutcome> grant_asked_silent(PlanEdit& edit, const GrantRequest& request) {
  const Reservation* owner = edit.plan().reservation_at(request.network, *request.address);
  const Attachment* current = edit.plan().attachment(request.network, *request.address);
  const Claimants claimants = claimants_of(edit, request, owner ? owner->identity : std::string{});
  // A booting engine also asks again for what its endpoints had, before it clears them away.
  const bool clear = owner ? !claimants.another && (claimants.owner || current) : true;
  if (!clear) return owe(edit, request, "Docker does not answer");
  if (current) return GrantOutcome{.address = request.address};
  return record_grant(edit, request, *request.address, owner ? owner->identity : std::string{});
}

// Ids of the containers whose endpoint on the network is there already: they don't ask.
std::set<std::string> placed_containers(const PlanEdit& edit, const GrantRequest& request) {
  std::set<std::string> placed;
  for (const Attachment* attachment : edit.plan().attachments(request.network)) {
    const bool has_endpoint = attachment->verified && !attachment->endpoint.empty();
    if (has_endpoint && !is_stale(*attachment, request)) placed.insert(attachment->container_id);
  }
  return placed;
}

// The containers at rest that may be asking. With `configured`, those that have this address configured; without,
// those that have none.
std::vector<Membership> candidates(const PlanEdit& edit, const GrantRequest& request,
                                   const std::optional<IpAddress>& configured) {
  std::vector<Membership> found = memberships(edit.plan(), *request.facts);
  const auto placed = placed_containers(edit, request);
  std::erase_if(found, [&](const Membership& place) {
    return place.network != request.network || !may_be_starting(*place.container) ||
           place.entry->configured != configured || placed.contains(place.container->id);
  });
  return found;
}

// Owners that run and are not on the network: they may just be being connected, by their user or by a Repin of ours.
std::vector<const Reservation*> unplugged_owners(const PlanEdit& edit, const GrantRequest& request) {
  const auto placed = placed_containers(edit, request);
  std::vector<const Reservation*> owners;
  for (const ports::Container& container : request.facts->containers) {
    if (!container.is_up() || placed.contains(container.id)) continue;
    const Reservation* own = edit.plan().reservation(request.network, container.identity());
    if (own) owners.push_back(own);
  }
  return owners;
}

bool is_being_connected(const PlanEdit& edit, const GrantRequest& request, const Reservation& owner) {
  return std::ranges::any_of(unplugged_owners(edit, request),
                             [&](const Reservation* other) { return other->identity == owner.identity; });
}

// Refused here only when the owner can't be the one that asks; whose it is gets verified at Join.
Result<GrantOutcome> grant_asked(PlanEdit& edit, const GrantRequest& request) {
  const Reservation* owner = edit.plan().reservation_at(request.network, *request.address);
  if (owner && !is_being_connected(edit, request, *owner)) {
    const auto askers = candidates(edit, request, request.address);
    // By its id where it has just been renamed.
    const auto is_owner = [&](const Membership& place) {
      return place.container->identity() == owner->identity || place.container->id == owner->container_id;
    };
    if (!askers.empty() && std::ranges::none_of(askers, is_owner)) return held_by(*owner, request.now);
  }
  const std::string identity = owner ? owner->identity : std::string{};
  TRY(clear_attachment(edit, request, *request.address, identity));
  return record_grant(edit, request, *request.address, identity);
}

std::optional<IpAddress> lowest_free(PlanEdit& edit, const Network& network,
                                     const std::optional<model::AddressRange>& within) {
  model::Pool* pool = edit.pool(network.name);
  return within ? pool->lowest_free(*within) : pool->lowest_free();
}

// Several may be asking: an address that is nobody's; who it was is known at Join. Where one of them has an address
// already, nobody's removed reservation is ended only to tell them apart.
Result<GrantOutcome> grant_nobodys(PlanEdit& edit, const GrantRequest& request, const Network& network,
                                   const std::vector<Membership>& askers) {
  const bool some_reserved = std::ranges::any_of(askers, [&](const Membership& place) {
    return edit.plan().reservation(network.name, place.container->identity()) != nullptr;
  });
  const bool full = !lowest_free(edit, network, request.within);
  if (some_reserved && full) {
    return owe(edit, request, "several containers are starting and no address is free to tell them apart");
  }
  if (full && askers.empty() && request.may_guess) {
    const auto owners = unplugged_owners(edit, request);
    if (owners.size() == 1) return grant_own(edit, request, owners.front()->address, owners.front()->identity);
  }
  const IpAddress address = TRY(take_free_address(edit, network, request.within, facts_of(request)));
  return record_grant(edit, request, address, {});
}

// A container at rest that is between the disconnect and the connect of its pinning: listed nowhere, it could be the
// one.
bool is_somebody_unlisted(const PlanEdit& edit, const GrantRequest& request) {
  return std::ranges::any_of(edit.plan().repins(), [&](const auto& entry) {
    const auto* carried = edit.plan().engine_network(entry.second.engine_network);
    const auto* container = find_by_id(*request.facts, entry.second.container_id);
    return carried && carried->network == request.network && container && may_be_starting(*container);
  });
}

// Nobody told who asks for whatever address: found by elimination, where that is sure.
Result<GrantOutcome> grant_by_elimination(PlanEdit& edit, const GrantRequest& request, const Network& network) {
  const auto askers = candidates(edit, request, std::nullopt);
  const bool sole = askers.size() == 1 && request.may_guess && checked_identity(*askers.front().container);
  if (!sole) return grant_nobodys(edit, request, network, askers);
  const std::string identity = askers.front().container->identity();
  if (!is_somebody_unlisted(edit, request)) return grant_known(edit, request, network, identity);
  const bool has_address = edit.plan().reservation(network.name, identity) != nullptr;
  if (has_address && request.may_wait) return GrantOutcome{.undecided = true};
  return grant_nobodys(edit, request, network, askers);
}

}  // namespace

Result<GrantOutcome> grant(PlanEdit& edit, const GrantRequest& request) {
  const Network* network = edit.plan().network(request.network);
  if (!network) return fail(ErrorCode::not_found, "there is no network '{}'", request.network);
  if (request.address) TRY(check_usable(*network, *request.address));
  if (!request.container_name.empty()) {
    return grant_known(edit, request, *network, TRY(identity_told(edit, request)));
  }
  if (request.address) return request.facts ? grant_asked(edit, request) : grant_asked_silent(edit, request);
  if (!request.facts) return owe(edit, request, "Docker does not answer");
  return grant_by_elimination(edit, request, *network);
}

bool is_auxiliary(const Network& network, const GrantRequest& request) {
  if (!request.address || !request.facts || !request.container_name.empty()) return false;
  const auto holds = [&](const model::AddressRange& range) { return range.contains(*request.address); };
  const auto wants = [&](const ports::Container& container) {
    return std::ranges::find(container.networks, request.address, &ports::ContainerNetwork::configured) !=
           container.networks.end();
  };
  return std::ranges::any_of(network.exclusions, holds) && std::ranges::none_of(request.facts->containers, wants);
}

Result<IpAddress> take_free_address(PlanEdit& edit, const Network& network,
                                    const std::optional<model::AddressRange>& within, const EngineFacts* facts) {
  if (const auto free = lowest_free(edit, network, within)) return *free;
  const model::Pool* pool = edit.plan().pool(network.name);
  std::set<std::string> present;
  if (facts) {
    for (const ports::Container& container : facts->containers) present.insert(container.identity());
  }
  for (const Reservation* removed : edit.plan().reclaimable(network.name)) {
    const bool outside = (within && !within->contains(removed->address)) || !pool->contains(removed->address);
    if (outside || present.contains(removed->identity)) continue;
    const Reservation ended = *removed;
    TRY(end_reservation(edit, ended));
    log::info("removed_reservation_reused", {{"network", ended.network},
                                             {"identity", ended.identity},
                                             {"address", ended.address.to_string()},
                                             {"removed", to_rfc3339(ended.last_seen)}});
    return ended.address;
  }
  return full(edit, network);
}

Result<> check_usable(const Network& network, const IpAddress& address) {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::invalid, "{} can't be given on {}: it is {} {}", address.to_string(), network.name, why,
                network.subnet.to_string());
  };
  if (!network.subnet.contains(address)) return refuse("outside the subnet");
  if (address < network.subnet.first_host()) return refuse("the network address of");
  if (network.subnet.last_host() < address) return refuse("the broadcast address of");
  if (address == network.gateway) return refuse("the gateway of");
  if (address == network.host_address) return refuse("the host's own in");
  const auto holds = [&](const model::AddressRange& range) { return range.contains(address); };
  if (std::ranges::any_of(network.exclusions, holds)) return refuse("excluded from");
  return {};
}

Result<> check_free(const model::Plan& plan, const Network& network, const IpAddress& address, Timestamp now) {
  TRY(check_usable(network, address));
  if (const Reservation* owner = plan.reservation_at(network.name, address)) return held_by(*owner, now);
  if (plan.attachment(network.name, address)) {
    return fail(ErrorCode::conflict, "{} is just being given to a container that is starting on {}",
                address.to_string(), network.name);
  }
  return {};
}

Result<Reservation> reserve(PlanEdit& edit, const Network& network, const std::string& identity,
                            const AddressWish& wish, Timestamp now) {
  const auto& address = wish.address;
  TRY(model::parse_identity(identity, true));
  if (const Reservation* own = edit.plan().reservation(network.name, identity)) {
    if (!address || own->address == *address) return *own;
    return fail(ErrorCode::conflict, "'{}' has {} on {}, not {}. To give that up: bayplan release {} {}", identity,
                own->address.to_string(), network.name, address->to_string(), network.name, identity);
  }
  if (address) TRY(check_free(edit.plan(), network, *address, now));
  const IpAddress chosen = address ? *address : TRY(take_free_address(edit, network, wish.within));
  Reservation fresh = make_reservation(network, identity, chosen, now);
  TRY(edit.put(fresh));
  return fresh;
}

Reservation make_reservation(const Network& network, const std::string& identity, const IpAddress& address,
                             Timestamp now) {
  Reservation fresh;
  fresh.network = network.name;
  fresh.identity = identity;
  fresh.address = address;
  fresh.mac = model::mac_of(network.mac_salt, address);
  fresh.created = now;
  fresh.last_seen = now;
  return fresh;
}

Error held_by(const Reservation& owner, Timestamp now) {
  const std::string address = owner.address.to_string();
  if (owner.state == ReservationState::attached) {
    return fail(ErrorCode::conflict, "{} is in use by '{}' on {}: choose another address", address, owner.identity,
                owner.network);
  }
  const std::string_view what = owner.state == ReservationState::removed ? "removed"
                                : owner.container_id.empty()             ? "reserved"
                                                                         : "stopped";
  return fail(ErrorCode::conflict, "{} is held for '{}' on {} ({} {} ago). To give it up: bayplan release {} {}",
              address, owner.identity, owner.network, what, age(owner.last_seen, now), owner.network, owner.identity);
}

}  // namespace bayplan::control
