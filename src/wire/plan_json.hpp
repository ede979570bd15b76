// Networks, reservations and the whole plan as the control API, `-o json` and `export` show them. docs/api.md tells
// every field.
//
// The order of members is fixed, times are RFC 3339 in UTC, null stands where something is unknown or not set.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/records.hpp"

namespace bayplan::wire {

// name, vlan, subnet, gateway, ranges, exclusions, datapath, uplink, host_address, mtu, nat, repair, created.
boost::json::object network_json(const model::Network& network);

// A reservation with what it takes from its network.
struct PlacedReservation {
  model::Reservation reservation;
  std::optional<std::uint16_t> vlan;
  model::Subnet subnet;
  std::optional<model::AttachMark> mark = std::nullopt;
};

// The contract of `bayplan ls -o json`: network, vlan, identity, address (with prefix length), mac, state, host,
// container (its name), created, last_seen. Only one that is marked for attachment has `attach`: target (null: the
// container), interface and default_route.
boost::json::object reservation_json(const PlacedReservation& placed);

// `attach` of such an object, without what else a mark has; nothing when it is absent or null.
Result<std::optional<model::AttachMark>> parse_attach(const boost::json::value& reservation);

// A mark's part of it.
boost::json::value attach_json(const std::optional<model::AttachMark>& mark);

// {"format": "bayplan-export", "version": 1, "networks", "reservations"}: networks by name, with their mac_salt;
// reservations by network, address and identity. The same plan is always the same bytes.
boost::json::object export_json(std::vector<model::Network> networks, std::vector<PlacedReservation> reservations);

// "2026-03-02T14:59:59.120Z", as to_rfc3339 (base/clock.hpp) writes it; `invalid` otherwise.
Result<Timestamp> parse_time(std::string_view text);

}  // namespace bayplan::wire
