#include "control/import.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "control/addresses.hpp"
#include "control/attach_rules.hpp"
#include "model/names.hpp"

namespace bayplan::control {
namespace {

using model::Network;
using model::PlanEdit;
using model::Reservation;
using model::ReservationState;
using Kind = ImportOutcome::Kind;

// --- networks

// An export tells more of a network than a request for one does: all of it must be what the plan has.
Result<> check_complete(const ImportNetwork& record, const Network& wanted, const Network& has) {
  const auto differs = [&](std::string_view what) {
    return fail(ErrorCode::conflict, "the network '{}' is there already with {}", has.name, what);
  };
  if (wanted.mac_salt != has.mac_salt) {
    return differs(
        fmt::format("the MAC salt {}, not {}: its containers have other MACs", has.mac_salt, *record.mac_salt));
  }
  if (wanted.vlan != has.vlan) return differs("another VLAN");
  if (wanted.ranges != has.ranges) return differs("other ranges");
  if (wanted.exclusions != has.exclusions) return differs("other exclusions");
  if (wanted.uplink != has.uplink) return differs("another uplink");
  if (wanted.host_address != has.host_address) return differs("another address of the host's");
  if (wanted.mtu != has.mtu) return differs("another MTU");
  if (wanted.nat != has.nat) return differs(has.nat ? "NAT" : "no NAT");
  return {};
}

// What only an export tells: also that the host had no address of its own there.
Network as_recorded(Network network, const ImportNetwork& record) {
  if (!record.mac_salt) return network;
  network.mac_salt = *record.mac_salt;
  if (!record.spec.host_address) network.host_address.reset();
  return network;
}

// What a new network would be. The old practice may still be in place on this very host, and its gateway have the
// subnet: a route to exactly it is noted, any other overlap refused.
Result<Network> build(const model::Plan& plan, const ImportNetwork& record, const ImportTerms& terms,
                      std::string& note) {
  const auto subnet = TRY(model::Subnet::parse(record.spec.subnet.value_or("")));
  Surroundings around = terms.surroundings;
  std::erase_if(around.routes, [&](const ports::Route& route) {
    if (route.destination != subnet || shares_wire(record.spec, terms.defaults, route.device)) return false;
    if (auto free = check_routes(plan, subnet, {route}); !free) {
      note = fmt::format("{} is still at {} on this host: take it down before a container starts on it",
                         subnet.to_string(), route.device);
    }
    return true;
  });
  auto network = TRY(build_network(plan, record.spec, terms.defaults, around, record.created.value_or(terms.now)));
  return as_recorded(std::move(network), record);
}

// The network that a complete record describes, were there no plan.
Result<Network> described(const ImportNetwork& record, const ImportTerms& terms) {
  return as_recorded(TRY(build_network(model::Plan(), record.spec, terms.defaults, {}, terms.now)), record);
}

void describe(ImportOutcome& outcome, const Network& network) {
  outcome.network = network.name;
  outcome.address = network.subnet.to_string();
}

Result<> import_network(PlanEdit& edit, const ImportNetwork& record, const ImportTerms& terms, ImportOutcome& outcome,
                        Imported& imported) {
  if (const Network* has = TRY(matching_network(edit.plan(), record.spec))) {
    if (record.mac_salt) TRY(check_complete(record, TRY(described(record, terms)), *has));
    outcome.kind = Kind::present;
    describe(outcome, *has);
    return {};
  }
  if (const auto refused = terms.refused.find(record.key); refused != terms.refused.end()) return refused->second;
  const Network network = TRY(build(edit.plan(), record, terms, outcome.note));
  TRY(edit.put(network));
  imported.new_networks.emplace(record.key, network);
  outcome.kind = Kind::imported;
  describe(outcome, network);
  return {};
}

// --- reservations

Result<const Network*> network_of(const model::Plan& plan, const ImportReservation& record) {
  if (record.network) {
    if (const Network* found = plan.network(*record.network)) return found;
    return fail(ErrorCode::not_found, "there is no network '{}': make it first (bayplan network create)",
                shown(*record.network));
  }
  const auto vlan = TRY(model::parse_vlan(record.vlan.value_or("")));
  if (const Network* found = plan.network_of_vlan(vlan)) return found;
  return fail(ErrorCode::not_found, "there is no network of VLAN {}: its gateway was not imported", vlan);
}

// The record's address, if its prefix and gateway are those of the network.
Result<model::IpAddress> address_in(const Network& network, const ImportReservation& record) {
  const bool alone = record.address.find('/') == std::string::npos;
  const auto address =
      alone ? TRY(model::IpAddress::parse(record.address)) : TRY(model::parse_with_prefix(record.address)).first;
  if (!alone && TRY(model::parse_with_prefix(record.address)).second != network.subnet) {
    return fail(ErrorCode::conflict, "{} is not of {}, whose subnet is {}", shown(record.address), network.name,
                network.subnet.to_string());
  }
  if (record.gateway && TRY(model::IpAddress::parse(*record.gateway)) != network.gateway) {
    return fail(ErrorCode::conflict, "its gateway is {}, and that of {} is {}", shown(*record.gateway), network.name,
                network.gateway.to_string());
  }
  return address;
}

Reservation make(const Network& network, const ImportReservation& record, const model::IpAddress& address,
                 Timestamp now) {
  auto fresh = make_reservation(network, record.identity, address, now);
  if (record.state == ReservationState::removed) fresh.state = ReservationState::removed;
  fresh.host = record.host;
  fresh.container_name = record.container;
  fresh.created = record.created.value_or(now);
  fresh.last_seen = record.last_seen.value_or(now);
  return fresh;
}

void describe(ImportOutcome& outcome, const Network& network, const Reservation& reservation) {
  outcome.network = network.name;
  outcome.address = model::with_prefix(reservation.address, network.subnet);
  outcome.state = to_string(reservation.state);
}

// MACs are made from addresses: another one can't be kept.
std::string mac_note(const ImportReservation& record, const Reservation& reservation) {
  const auto mac = record.mac ? model::MacAddress::parse(*record.mac) : Result<model::MacAddress>(reservation.mac);
  if (mac && *mac == reservation.mac) return {};
  return fmt::format("its MAC is {} here, not {}", reservation.mac.to_string(), shown(record.mac.value_or("")));
}

Result<> import_reservation(PlanEdit& edit, const ImportReservation& record, const ImportTerms& terms,
                            ImportOutcome& outcome) {
  TRY(model::parse_identity(record.identity, true));
  const Network& network = *TRY(network_of(edit.plan(), record));
  outcome.network = network.name;
  const auto address = TRY(address_in(network, record));
  if (const Reservation* own = edit.plan().reservation(network.name, record.identity)) {
    if (own->address != address) {
      return fail(ErrorCode::conflict, "'{}' has {} on {}, not {}. To give that up: bayplan release {} {}",
                  record.identity, own->address.to_string(), network.name, address.to_string(), network.name,
                  record.identity);
    }
    outcome.kind = Kind::present;
    describe(outcome, network, *own);
    return {};
  }
  TRY(check_free(edit.plan(), network, address, terms.now));
  const Reservation fresh = make(network, record, address, terms.now);
  TRY(edit.put(fresh));
  if (record.attach) {
    model::AttachMark mark = *record.attach;
    mark.network = network.name;
    mark.identity = record.identity;
    mark.endpoint = make_endpoint_id();
    TRY(edit.put(std::move(mark)));
  }
  outcome.kind = Kind::imported;
  outcome.note = mac_note(record, fresh);
  describe(outcome, network, fresh);
  return {};
}

ImportOutcome begin(const std::string& key, std::string network, std::string address) {
  ImportOutcome outcome;
  outcome.key = key;
  outcome.network = std::move(network);
  outcome.address = std::move(address);
  return outcome;
}

void conclude(ImportOutcome& outcome, const Result<>& done) {
  if (done) return;
  outcome.kind = Kind::skipped;
  outcome.note = done.error().message();
}

}  // namespace

std::string_view to_string(ImportOutcome::Kind kind) {
  switch (kind) {
    case Kind::imported:
      return "imported";
    case Kind::present:
      return "present";
    case Kind::skipped:
      return "skipped";
  }
  return "";
}

Imported import_records(PlanEdit& edit, const ImportRequest& request, const ImportTerms& terms) {
  Imported imported;
  imported.report.dry_run = request.dry_run;
  for (const auto& record : request.networks) {
    auto outcome = begin(record.key, default_network_name(record.spec), record.spec.subnet.value_or(""));
    conclude(outcome, import_network(edit, record, terms, outcome, imported));
    imported.report.networks.push_back(std::move(outcome));
  }
  for (const auto& record : request.reservations) {
    auto outcome = begin(record.key, record.network.value_or("vlan" + record.vlan.value_or("")), record.address);
    outcome.identity = record.identity;
    conclude(outcome, import_reservation(edit, record, terms, outcome));
    imported.report.reservations.push_back(std::move(outcome));
  }
  return imported;
}

}  // namespace bayplan::control
