#include "control/adopt.hpp"

#include <algorithm>
#include <ranges>

#include "base/text.hpp"
#include "control/addresses.hpp"
#include "control/engine_facts.hpp"
#include "model/names.hpp"

namespace bayplan::control {
namespace {

using model::Network;
using model::PlanEdit;
using model::Reservation;
using Kind = AdoptOutcome::Kind;

constexpr std::string_view kMtuOption = "com.docker.network.driver.mtu";
constexpr std::string_view kMasquerade = "com.docker.network.bridge.enable_ip_masquerade";

std::string option(const ports::EngineNetworkInfo& network, std::string_view name) {
  const auto found = network.options.find(std::string(name));
  return found == network.options.end() ? std::string{} : found->second;
}

// --- what a container is now

void describe_now(AdoptOutcome& outcome, const AdoptPlace& place) {
  outcome.engine_network = place.is_by_hand() ? fmt::format("{} ({})", place.engine_network.name, place.interface)
                                              : place.engine_network.name;
  outcome.driver = place.engine_network.driver;
  if (place.address) {
    outcome.address_now = place.subnet ? model::with_prefix(*place.address, *place.subnet) : place.address->to_string();
  }
  if (place.mac) outcome.mac_now = place.mac->to_string();
}

void describe(AdoptOutcome& outcome, const Network& network, const Reservation& reservation) {
  outcome.network = network.name;
  outcome.identity = reservation.identity;
  outcome.address = model::with_prefix(reservation.address, network.subnet);
  outcome.mac = reservation.mac.to_string();
}

// --- networks

// The network of ours that holds the address.
const Network* network_holding(const model::Plan& plan, const model::IpAddress& address) {
  for (const Network* network : plan.networks()) {
    if (network->subnet.contains(address)) return network;
  }
  return nullptr;
}

// The VLAN device that the host has as the subnet's gateway: "vlan100", as the old practice called it.
std::optional<std::string> vlan_at_gateway(const std::vector<ports::Route>& routes, const model::Subnet& subnet) {
  constexpr std::string_view kPrefix = "vlan";
  for (const ports::Route& route : routes) {
    if (route.destination != subnet || !route.device.starts_with(kPrefix)) continue;
    std::string tag = route.device.substr(kPrefix.size());
    if (!tag.empty() && std::ranges::all_of(tag, [](char c) { return c >= '0' && c <= '9'; })) return tag;
  }
  return std::nullopt;
}

void describe_by_hand(NetworkSpec& spec, const AdoptPlace& place, const AdoptTerms& terms) {
  spec.vlan = vlan_at_gateway(terms.routes, *place.subnet);
}

void describe_engine_network(NetworkSpec& spec, const ports::EngineNetworkInfo& network) {
  const bool is_name = model::parse_network_name(network.name).ok();
  if (is_name) spec.name = network.name;
  if (network.range) spec.ranges.push_back(network.range->to_string());
  for (const model::IpAddress& address : network.auxiliary) spec.exclusions.push_back(address.to_string());
  if (const auto mtu = option(network, kMtuOption); !mtu.empty()) spec.mtu = mtu;
  spec.nat = option(network, kMasquerade) != "false";
}

// A network as the container's is now. Its name is the engine's, unless one of ours has it already.
NetworkSpec spec_of(const model::Plan& plan, const AdoptPlace& place, const AdoptTerms& terms) {
  NetworkSpec spec;
  spec.subnet = place.subnet->to_string();
  if (place.gateway) spec.gateway = place.gateway->to_string();
  if (place.is_by_hand()) {
    describe_by_hand(spec, place, terms);
  } else {
    describe_engine_network(spec, place.engine_network);
  }
  if (plan.network(spec.name)) spec.name.clear();
  return spec;
}

// Its containers are on a wire, which is not ours to choose; and its gateway may be a router there, while a network of
// ours has this host as its gateway: two with one address.
Error needs_its_owner(const AdoptPlace& place) {
  return fail(
      ErrorCode::not_found,
      "no network of Bayplan's has {}, and none is made by itself for the driver {}: make it first, with its uplink "
      "and a gateway's address that no router there has (bayplan network create NAME --subnet {} --gateway IP)",
      place.address->to_string(), place.engine_network.driver, place.subnet->to_string());
}

Result<Network> build(const model::Plan& plan, const AdoptPlace& place, const AdoptTerms& terms) {
  if (!place.is_by_hand() && place.engine_network.driver != "bridge") return needs_its_owner(place);
  // The engine's own network, or the old practice's gateway, is there yet: what has exactly this subnet is replaced.
  Surroundings around{terms.routes, {}, {}};
  std::erase_if(around.routes, [&](const ports::Route& route) { return route.destination == *place.subnet; });
  const NetworkSpec spec = spec_of(plan, place, terms);
  auto built = build_network(plan, spec, terms.defaults, around, terms.now);
  if (built && !terms.refused.contains(built->name)) return built;
  const Error why = built ? terms.refused.at(built->name) : std::move(built).error();
  return fail(
      why.code,
      "no network of Bayplan's has {}, and none can be made by itself: {}. Make it first (bayplan network create "
      "NAME --subnet {}), then adopt again",
      place.address->to_string(), why.message(), place.subnet->to_string());
}

Result<Network> network_for(PlanEdit& edit, const AdoptPlace& place, const AdoptTerms& terms, AdoptPlan& plan) {
  if (const Network* known = network_holding(edit.plan(), *place.address)) return *known;
  if (!place.subnet) {
    return fail(ErrorCode::not_found, "no network of Bayplan's has {}: make one (bayplan network create)",
                place.address->to_string());
  }
  const Network network = TRY(build(edit.plan(), place, terms));
  TRY(edit.put(network));
  plan.new_networks.push_back(network);
  return network;
}

// --- reservations

Reservation with_container(Reservation reservation, const ports::Container& container, const std::string& host) {
  reservation.container_id = container.id;
  reservation.container_name = container.name;
  // It is in use here already, if not through us: not an address that may be exchanged at the first start.
  reservation.host = host;
  return reservation;
}

Error no_address(const ports::Container& container) {
  return fail(ErrorCode::not_found,
              "it is not running ({}), and Docker keeps no address for it: start it first, or move it (--move), or say "
              "which address it is to have (bayplan reserve)",
              to_string(container.state));
}

Result<> adopt_here(PlanEdit& edit, const AdoptPlace& place, const AdoptTerms& terms, AdoptOutcome& outcome,
                    AdoptPlan& plan) {
  outcome.identity = TRY(checked_identity(place.container));
  if (!place.address) return no_address(place.container);
  const std::size_t made = plan.new_networks.size();
  const Network network = TRY(network_for(edit, place, terms, plan));
  outcome.network = network.name;
  outcome.network_made = plan.new_networks.size() > made;
  const bool is_known = edit.plan().reservation(network.name, outcome.identity) != nullptr;
  const AddressWish wish{.address = place.address, .within = {}};
  Reservation reservation = TRY(reserve(edit, network, outcome.identity, wish, terms.now));
  describe(outcome, network, reservation);
  outcome.kind = is_known ? Kind::present : Kind::adopted;
  if (is_known) return {};
  return edit.put(with_container(std::move(reservation), place.container, terms.host));
}

void describe_ours(const model::Plan& plan, const AdoptPlace& place, AdoptOutcome& outcome) {
  outcome.kind = Kind::present;
  outcome.identity = place.container.identity();
  const auto* carried = plan.engine_network(place.engine_network.id);
  const Network* network = carried ? plan.network(carried->network) : nullptr;
  if (network == nullptr) return;
  outcome.network = network->name;
  const Reservation* own = plan.reservation(network->name, outcome.identity);
  if (own != nullptr) describe(outcome, *network, *own);
}

// An interface that `bayplan attach` put in.
const model::Attachment* attached_by_us(const model::Plan& plan, const AdoptPlace& place) {
  if (!place.is_by_hand()) return nullptr;
  for (const model::Attachment* attachment : plan.attachments()) {
    const bool is_it = attachment->container_id == place.container.id && attachment->address == place.address;
    if (is_it && attachment->is_by_hand()) return attachment;
  }
  return nullptr;
}

void describe_attached(const model::Plan& plan, const model::Attachment& attachment, AdoptOutcome& outcome) {
  outcome.kind = Kind::present;
  outcome.identity = attachment.identity;
  const Reservation* own = plan.reservation(attachment.network, attachment.identity);
  if (own != nullptr) describe(outcome, *plan.network(attachment.network), *own);
}

// --- moving

// A container has one address on a network of ours, so only one of its networks can become it.
Result<> check_movable(const model::Plan& plan, const AdoptCandidate& candidate, const Network& network) {
  for (const AdoptPlace& place : candidate.places) {
    const auto* carried = plan.engine_network(place.engine_network.id);
    if (!carried || carried->network != network.name) continue;
    return fail(ErrorCode::conflict, "it is on {} already, through Docker's network '{}'", network.name,
                place.engine_network.name);
  }
  if (candidate.places.size() == 1) return {};
  std::string names;
  for (const AdoptPlace& place : candidate.places) names += (names.empty() ? "" : ", ") + place.engine_network.name;
  return fail(ErrorCode::conflict, "it has several networks ({}): say which of them is to become {} (--from)", names,
              network.name);
}

std::string reason_for_another(const model::Plan& plan, const AdoptPlace& place, const Network& network,
                               Timestamp now) {
  if (!place.address) return "Docker keeps no address for it while it is stopped";
  if (!network.subnet.contains(*place.address)) {
    return fmt::format("{} is not in {}", place.address->to_string(), network.subnet.to_string());
  }
  auto is_free = check_free(plan, network, *place.address, now);
  return is_free ? std::string{} : std::move(is_free).error().detail;
}

// A new address: nobody's in the plan, and none that a container has now on a network of the engine's. That one may
// come to this network, too, or be on the same wire.
Result<model::IpAddress> choose_address(PlanEdit& edit, const Network& network, const AdoptTerms& terms) {
  const std::size_t mark = edit.changes().size();
  for (const model::IpAddress& address : terms.in_use) {
    if (!check_free(edit.plan(), network, address, terms.now)) continue;
    TRY(edit.put(make_reservation(network, "in-use-" + address.to_string(), address, terms.now)));
  }
  auto chosen = take_free_address(edit, network, terms.carrier_range);
  edit.rollback(mark);
  const auto address = TRY(std::move(chosen));
  // Where all are somebody's, it is that of a container that was removed: its reservation ends by this.
  if (const Reservation* removed = edit.plan().reservation_at(network.name, address)) {
    TRY(edit.erase(Reservation(*removed)));
  }
  return address;
}

Result<> plan_move(PlanEdit& edit, const AdoptPlace& place, const Network& network, const AdoptTerms& terms,
                   AdoptOutcome& outcome, AdoptPlan& plan) {
  outcome.network = network.name;
  outcome.identity = TRY(checked_identity(place.container));
  if (place.engine_network.swarm) {
    return fail(ErrorCode::unsupported, "'{}' is a swarm's network, which spans hosts: Bayplan's does not",
                place.engine_network.name);
  }
  AdoptMove move;
  move.outcome = plan.report.outcomes.size();
  move.place = place;
  move.network = network;
  move.reservation = TRY(reserve_for_move(edit, place, network, terms, outcome.note));
  describe(outcome, network, move.reservation);
  outcome.kind = Kind::moved;
  plan.moves.push_back(std::move(move));
  return {};
}

// --- one container

// What is wrong with one changes nothing, and the others go on.
class Planning {
 public:
  Planning(PlanEdit& edit, const AdoptTerms& terms, std::optional<Network> target)
      : edit_(edit), terms_(terms), target_(std::move(target)) {}

  void add(const AdoptCandidate& candidate) {
    if (candidate.places.empty()) return add_none(candidate);
    for (const AdoptPlace& place : candidate.places) {
      AdoptOutcome outcome = begin(candidate);
      describe_now(outcome, place);
      const std::size_t mark = edit_.changes().size();
      const std::size_t networks = plan_.new_networks.size();
      auto done = decide(candidate, place, outcome);
      if (!done) {
        edit_.rollback(mark);
        plan_.new_networks.resize(networks);
        outcome.kind = Kind::refused;
        outcome.note = done.error().detail;
        outcome.network_made = false;
      }
      plan_.report.outcomes.push_back(std::move(outcome));
    }
  }

  AdoptPlan result() { return std::move(plan_); }

 private:
  static AdoptOutcome begin(const AdoptCandidate& candidate) {
    AdoptOutcome outcome;
    outcome.container = candidate.container.name;
    if (!candidate.container.id.empty()) outcome.state = to_string(candidate.container.state);
    return outcome;
  }

  // Of one that was named it is an error.
  void add_none(const AdoptCandidate& candidate) {
    AdoptOutcome outcome = begin(candidate);
    outcome.kind = candidate.named ? Kind::refused : Kind::nothing;
    outcome.note = candidate.why_none;
    plan_.report.outcomes.push_back(std::move(outcome));
  }

  Result<> decide(const AdoptCandidate& candidate, const AdoptPlace& place, AdoptOutcome& outcome) {
    if (place.is_ours()) {
      describe_ours(edit_.plan(), place, outcome);
      return {};
    }
    if (const auto* attached = attached_by_us(edit_.plan(), place)) {
      describe_attached(edit_.plan(), *attached, outcome);
      return {};
    }
    if (!target_) {
      if (place.engine_network.swarm) {
        return fail(ErrorCode::unsupported, "'{}' is a swarm's network, which spans hosts: Bayplan's does not",
                    place.engine_network.name);
      }
      return adopt_here(edit_, place, terms_, outcome, plan_);
    }
    TRY(check_movable(edit_.plan(), candidate, *target_));
    return plan_move(edit_, place, *target_, terms_, outcome, plan_);
  }

  PlanEdit& edit_;
  const AdoptTerms& terms_;
  std::optional<Network> target_;
  AdoptPlan plan_;
};

}  // namespace

std::string_view to_string(AdoptOutcome::Kind kind) {
  switch (kind) {
    case Kind::adopted:
      return "adopted";
    case Kind::moved:
      return "moved";
    case Kind::present:
      return "present";
    case Kind::nothing:
      return "nothing";
    case Kind::refused:
      return "refused";
    case Kind::left:
      return "left";
  }
  return "refused";
}

Result<Reservation> reserve_for_move(PlanEdit& edit, const AdoptPlace& place, const Network& network,
                                     const AdoptTerms& terms, std::string& note) {
  const std::string identity = TRY(checked_identity(place.container));
  if (const Reservation* own = edit.plan().reservation(network.name, identity)) {
    const auto* attachment = edit.plan().attachment(network.name, own->address);
    if (attachment != nullptr && attachment->container_id != place.container.id) return held_by(*own, terms.now);
    if (own->address != place.address) note = "it has that address on " + network.name + " already";
    return *own;
  }
  const std::string why = reason_for_another(edit.plan(), place, network, terms.now);
  if (!why.empty()) note = why + ": it gets a new one";
  const AddressWish wish{.address = why.empty() ? *place.address : TRY(choose_address(edit, network, terms)),
                         .within = {}};
  Reservation reservation = with_container(TRY(reserve(edit, network, identity, wish, terms.now)), place.container, {});
  TRY(edit.put(reservation));
  return reservation;
}

Result<AdoptPlan> plan_adoption(PlanEdit& edit, const AdoptRequest& request, const AdoptFacts& facts,
                                const AdoptTerms& terms) {
  std::optional<Network> target;
  if (request.move_network) {
    const Network* found = edit.plan().network(*request.move_network);
    if (!found) {
      return fail(ErrorCode::not_found, "there is no network '{}': see `bayplan network ls`",
                  shown(*request.move_network));
    }
    target = *found;
    TRY(check_is_alone(edit.plan(), *target, terms.routes));
  }
  Planning planning(edit, terms, std::move(target));
  for (const AdoptCandidate& candidate : adopt_candidates(request, facts)) planning.add(candidate);
  AdoptPlan plan = planning.result();
  plan.report.dry_run = request.dry_run;
  return plan;
}

}  // namespace bayplan::control
