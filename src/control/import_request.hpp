// `bayplan import`: what is to be put into the plan, and what became of it.
//
// Like NetworkSpec, records are texts as they came, judged one by one by the planner: one that is wrong is skipped, and
// the report says so under its key.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "control/network_spec.hpp"
#include "model/records.hpp"

namespace bayplan::control {

struct ImportNetwork {
  std::string key;
  NetworkSpec spec;                      // without name: the network of its VLAN, or a new one named after it
  std::optional<std::uint8_t> mac_salt;  // given: the record tells all of the network, as an export does
  std::optional<Timestamp> created;
};

struct ImportReservation {
  std::string key;
  std::optional<std::string> network;  // by name, else
  std::optional<std::string> vlan;     // by VLAN
  std::string identity;
  std::string address;                 // with a prefix length: its network's must be the same
  std::optional<std::string> gateway;  // given: its network's must be the same
  std::optional<std::string> mac;      // a network gives its own; another is noted
  model::ReservationState state = model::ReservationState::held;  // `attached` becomes `held`
  std::string host;
  std::string container;
  std::optional<Timestamp> created;    // none: now
  std::optional<Timestamp> last_seen;  // none: now
  std::optional<model::AttachMark> attach =
      std::nullopt;  // marked for attachment; network, identity, endpoint are ours
};

struct ImportRequest {
  std::vector<ImportNetwork> networks;
  std::vector<ImportReservation> reservations;
  bool dry_run = false;  // say what would be, and change nothing
};

struct ImportOutcome {
  enum class Kind {
    imported,  // it was not in the plan, and is now
    present,   // it was there already
    skipped,   // `note` says why
  };
  std::string key;
  Kind kind = Kind::skipped;
  std::string note;  // also of what was imported, where there is something to be known about it
  // What it is in the plan; of what was skipped as far as known.
  std::string network;
  std::string identity;  // of a reservation
  std::string address;   // a reservation's address, with prefix length; a network's subnet
  std::string state;     // of a reservation
};
std::string_view to_string(ImportOutcome::Kind kind);

// One outcome a record, in the order of the request.
struct ImportReport {
  bool dry_run = false;
  std::vector<ImportOutcome> networks;
  std::vector<ImportOutcome> reservations;
};

}  // namespace bayplan::control
