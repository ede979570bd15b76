// `bayplan check`, asked and answered: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bayplan::control {

struct CheckRequest {
  std::optional<std::string> network;  // only this one
  bool repair = false;
  // "arp", "tcp:PORT" or "none", for all networks; or with "NETWORK=" before it, for that one.
  std::vector<std::string> probes;
  std::string progress;  // the name under which its progress can be asked for meanwhile; empty: it can't
};

// Each has a paragraph in docs/check.md. The names are part of the contract.
enum class FindingKind {
  engine_network_missing,
  engine_network_unknown,
  engine_network_differs,
  container_gone,
  container_not_running,
  container_not_connected,
  container_not_recorded,
  container_without_reservation,
  container_not_attached,
  state_differs,
  address_differs,
  mac_differs,
  network_device_missing,
  network_device_differs,
  network_device_down,
  network_gateway_missing,
  network_route_missing,
  network_uplink_missing,
  network_blocked,
  network_left_over,
  port_missing,
  port_misplaced,
  port_down,
  port_alias_differs,
  port_left_over,
  interface_differs,
  firewall_differs,
  probe_silent,
  probe_refused,
  probe_stolen,
  probe_foreign_mac,
  probe_duplicate,
};
std::string_view to_string(FindingKind kind);

// One difference between the plan and what is there.
struct Finding {
  FindingKind kind = FindingKind::state_differs;
  std::string network;   // empty: of none, or of all
  std::string identity;  // empty: of nobody
  std::string address;   // empty: none
  std::string object;    // what differs: a container, device, port or Docker network; empty: the reservation itself
  std::string found;     // may be empty
  std::string wanted;    // may be empty
  std::string message;   // a sentence for people: what, about whom, what to do
  bool repaired = false;

  // It is about the same thing, though it may have been found otherwise.
  [[nodiscard]] bool is_same(const Finding& other) const;
};

// What could not be looked at, and why.
struct Unchecked {
  std::string part;  // "Docker", "the ports", "the packet filter", "the wire"
  std::string why;
};

struct CheckReport {
  std::vector<Finding> findings;  // what was repaired is among them
  std::vector<Unchecked> unchecked;
  std::uint64_t reservations = 0;  // looked at
  std::uint64_t probed = 0;        // addresses asked for on the wire
};

struct CheckProgress {
  std::string step;  // "looking", "repairing", "probing"
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  std::uint64_t seconds = 0;  // of probing, at most
};

}  // namespace bayplan::control
