#include "control/joins.hpp"

#include "base/log.hpp"
#include "control/addresses.hpp"
#include "control/attach_rules.hpp"

namespace bayplan::control {
namespace {

using model::Attachment;
using model::IpAddress;
using model::PlanEdit;
using model::Reservation;
using model::ReservationState;

// The identity is attached by another container that is up: two containers with one `bayplan.identity`.
Result<> check_not_elsewhere(const PlanEdit& edit, const Reservation& own, const Attachment& attachment,
                             const JoinRequest& request) {
  const Attachment* other = edit.plan().attachment(own.network, own.address);
  const bool elsewhere = other && other->endpoint != attachment.endpoint && other->identity == own.identity &&
                         other->container_id != request.container->id && request.up.contains(other->container_id);
  if (!elsewhere) return {};
  return fail(ErrorCode::conflict,
              "'{}' is in use on {} by the container '{}': an identity is one container's at a time", own.identity,
              own.network, own.container_name);
}

Result<> record_attached(PlanEdit& edit, Reservation reservation, const ports::Container& container,
                         const std::string& host, Timestamp now) {
  reservation.state = ReservationState::attached;
  reservation.host = host;
  reservation.container_id = container.id;
  reservation.container_name = container.name;
  reservation.last_seen = now;
  return edit.put(std::move(reservation));
}

bool is_stale_pin(const PlanEdit& edit, const Attachment& attachment, const std::string& container) {
  const auto claim = edit.plan().claims().find({container, attachment.engine_network});
  return claim != edit.plan().claims().end() && claim->second.pinned_by_us &&
         claim->second.address == attachment.address;
}

// Reserved ahead, when the container was created: nobody relies on that address yet.
bool was_never_used(const Reservation& own, const ports::Container& container) {
  return own.state == ReservationState::held && own.container_id == container.id && own.host.empty();
}

// The address is nobody's: it becomes the container's own, unless that has another one which it did not ask to leave.
Result<> bind_free_address(PlanEdit& edit, const Attachment& attachment, const JoinRequest& request) {
  const ports::Container& container = *request.container;
  const model::Network* network = edit.plan().network(attachment.network);
  const Reservation* own = edit.plan().reservation(attachment.network, container.identity());
  if (own) {
    TRY(check_not_elsewhere(edit, *own, attachment, request));
    // Not asked for: given because several were starting. It is put right after the start (engine_sync).
    const bool wished = attachment.asked && !is_stale_pin(edit, attachment, container.id);
    if (!wished && !was_never_used(*own, container)) return {};
    log::info("reservation_readdressed", {{"network", own->network},
                                          {"identity", own->identity},
                                          {"from", own->address.to_string()},
                                          {"to", attachment.address.to_string()}});
  }
  Reservation fresh = make_reservation(*network, container.identity(), attachment.address, request.now);
  if (own) fresh.created = own->created;
  return record_attached(edit, std::move(fresh), container, request.host, request.now);
}

// A container has one address on a network, whichever of the engine's networks carry it.
Result<> check_not_twice(const PlanEdit& edit, const Attachment& attachment, const JoinRequest& request) {
  for (const Attachment* other : edit.plan().attachments(attachment.network)) {
    if (other->container_id != request.container->id || other->stage != Attachment::Stage::joined) continue;
    if (other->engine_network == attachment.engine_network) continue;
    if (other->is_by_hand()) {
      return fail(ErrorCode::conflict, "'{}' is attached to {} already, with {}: bayplan detach {} {} first",
                  request.container->name, attachment.network, other->address.to_string(), other->identity,
                  attachment.network);
    }
    return fail(ErrorCode::conflict,
                "'{}' is on {} already, with {}, through another of Docker's networks: leave out one of the two",
                request.container->name, attachment.network, other->address.to_string());
  }
  return {};
}

// The reservation is by name, and this is the container whose name it was: renamed, which the sync has not seen yet.
bool is_of_renamed(const Reservation& owner, const ports::Container& container) {
  return owner.container_id == container.id && owner.identity == owner.container_name;
}

// It takes its reservation along, unless the new name has one: then it is put right after the start.
Result<> bind_renamed(PlanEdit& edit, const Reservation& known, const JoinRequest& request) {
  const ports::Container& container = *request.container;
  if (edit.plan().reservation(known.network, container.identity())) return {};
  Reservation renamed = known;
  renamed.identity = container.identity();
  TRY(move_reservation(edit, Reservation(known), renamed));
  return record_attached(edit, std::move(renamed), container, request.host, request.now);
}

Result<> bind_to_container(PlanEdit& edit, const Attachment& attachment, const JoinRequest& request) {
  TRY(checked_identity(*request.container));
  TRY(check_not_twice(edit, attachment, request));
  const Reservation* owner = edit.plan().reservation_at(attachment.network, attachment.address);
  if (!owner) return bind_free_address(edit, attachment, request);
  if (owner->identity == request.container->identity()) {
    return record_attached(edit, *owner, *request.container, request.host, request.now);
  }
  if (is_of_renamed(*owner, *request.container)) return bind_renamed(edit, Reservation(*owner), request);
  return held_by(*owner, request.now);
}

// Nobody can say who it is: the one for whom the address was granted, until `verify_attachment`.
Result<> bind_presumed(PlanEdit& edit, const Attachment& attachment, const JoinRequest& request) {
  const Reservation* owner = edit.plan().reservation_at(attachment.network, attachment.address);
  if (!owner) return {};
  Reservation presumed = *owner;
  presumed.state = ReservationState::attached;
  presumed.host = request.host;
  presumed.last_seen = request.now;
  return edit.put(std::move(presumed));
}

// It was given another's address because it looked like the only one that could be asking.
bool was_guessed(const PlanEdit& edit, const Attachment& attachment) {
  return !attachment.asked && edit.plan().reservation_at(attachment.network, attachment.address);
}

// Our guess was wrong, or can't be verified: the start is refused, and made good by baypland.
Result<JoinOutcome> owe_join(PlanEdit& edit, const Attachment& attachment, const JoinRequest& request,
                             const std::string& why) {
  TRY(edit.put(model::OwedStart{.token = request.owed_token, .network = attachment.network, .since = request.now}));
  const std::string who = request.container ? "'" + request.container->name + "'" : "this container";
  return JoinOutcome{.attachment = {},
                     .owed = fail(ErrorCode::conflict, "{}; baypland starts {} itself, with its own address ({})", why,
                                  who, request.owed_token),
                     .mistaken = {}};
}

// A container that is up is only being connected: that is no start of ours to make good.
Result<JoinOutcome> refuse_guessed(PlanEdit& edit, const Attachment& attachment, const JoinRequest& request,
                                   const std::string& owner, const Error& why) {
  if (!request.up.contains(request.container->id)) return owe_join(edit, attachment, request, why.detail);
  return JoinOutcome{.attachment = {},
                     .owed = {},
                     .mistaken = fail(ErrorCode::conflict, "'{}' was taken for '{}' on {}: try again",
                                      request.container->name, owner, attachment.network)};
}

}  // namespace

Result<Attachment> bind_endpoint(PlanEdit& edit, const BindRequest& request) {
  const Attachment* granted = edit.plan().attachment(request.network, request.address);
  const bool reserved = edit.plan().reservation_at(request.network, request.address) != nullptr;
  if (!granted && reserved && !request.silent_since) {
    // Granted, and ended by the late release of somebody who had asked for the same before. Join says whose it is.
    Attachment again;
    again.network = request.network;
    again.address = request.address;
    again.asked = true;
    again.since = request.now;
    TRY(edit.put(again));
    granted = edit.plan().attachment(request.network, request.address);
  }
  if (!granted) {
    if (const model::Network* network = edit.plan().network(request.network)) {
      TRY(check_usable(*network, request.address));
    }
    return fail(ErrorCode::not_found,
                "{} on {} was not given by bayplan: make the network with --ipam-driver bayplan, too",
                request.address.to_string(), request.network);
  }
  Attachment bound = *granted;
  if (bound.endpoint == request.endpoint) return bound;  // asked again
  const bool set_back = bound.since > request.now + kClockWasSetBack;
  const bool lost = request.silent_since && (bound.since < *request.silent_since || set_back);
  if (!bound.endpoint.empty() && !lost) {
    return fail(ErrorCode::conflict, "{} on {} is already the endpoint {:.12}'s", request.address.to_string(),
                request.network, bound.endpoint);
  }
  bound.stage = Attachment::Stage::created;
  bound.engine_network = request.engine_network;
  bound.endpoint = request.endpoint;
  bound.verified = false;
  bound.published.clear();
  bound.since = request.now;
  TRY(edit.put(bound));
  return bound;
}

Result<JoinOutcome> join_endpoint(PlanEdit& edit, const JoinRequest& request) {
  const Attachment* created = edit.plan().attachment_of(request.endpoint);
  if (!created) return fail(ErrorCode::not_found, "there is no endpoint {:.64}", request.endpoint);
  Attachment joined = *created;
  joined.stage = Attachment::Stage::joined;
  joined.sandbox = request.sandbox;
  joined.since = request.now;
  if (request.container) {
    if (auto bound = bind_to_container(edit, joined, request); !bound) {
      const Reservation* owner = edit.plan().reservation_at(joined.network, joined.address);
      const bool mistaken = was_guessed(edit, joined) && owner->identity != request.container->identity();
      if (!mistaken) return std::move(bound).error();
      return refuse_guessed(edit, joined, request, std::string(owner->identity), bound.error());
    }
    joined.identity = request.container->identity();
    joined.container_id = request.container->id;
    joined.verified = true;
  } else if (was_guessed(edit, joined) && !request.names_askers) {
    return owe_join(edit, joined, request, "Docker does not say who joins");
  } else {
    TRY(bind_presumed(edit, joined, request));
  }
  TRY(edit.put(joined));
  return JoinOutcome{.attachment = joined, .owed = {}, .mistaken = {}};
}

Result<bool> verify_attachment(PlanEdit& edit, const Attachment& attachment, const ports::Container& container,
                               const std::string& host, Timestamp now) {
  JoinRequest request;
  request.host = host;
  request.container = container;
  request.now = now;
  const bool right = bind_to_container(edit, attachment, request).ok();
  if (!right) return false;
  Attachment verified = attachment;
  verified.identity = container.identity();
  verified.container_id = container.id;
  verified.verified = true;
  TRY(edit.put(std::move(verified)));
  return true;
}

Result<> unbind_endpoint(PlanEdit& edit, const std::string& endpoint) {
  const Attachment* bound = edit.plan().attachment_of(endpoint);
  if (!bound) return {};
  Attachment granted = *bound;
  granted.stage = Attachment::Stage::granted;
  granted.endpoint.clear();
  granted.sandbox.clear();
  granted.published.clear();
  return edit.put(std::move(granted));
}

Result<> end_attachment(PlanEdit& edit, const Attachment& attachment, Timestamp now) {
  const Attachment ended = attachment;
  TRY(edit.erase(ended));
  const Reservation* owner = edit.plan().reservation_at(ended.network, ended.address);
  if (!owner || owner->state != ReservationState::attached) return {};
  Reservation held = *owner;
  held.state = ReservationState::held;
  held.last_seen = now;
  return edit.put(std::move(held));
}

Result<> release_address(PlanEdit& edit, const std::string& network, const IpAddress& address, Timestamp now) {
  const Attachment* granted = edit.plan().attachment(network, address);
  // An endpoint that still stands keeps its address: a release that comes late is not its.
  if (!granted || !granted->endpoint.empty()) return {};
  return end_attachment(edit, *granted, now);
}

}  // namespace bayplan::control
