// What the plan consists of: the records that a PlanStore keeps.
//
// Plain values without behaviour; model/plan.hpp holds them together and keeps their invariants, model/rules/ says
// what may be done with them. Strings that name something are validated (model/names.hpp) before they get here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "model/address.hpp"

namespace bayplan::model {

enum class DatapathKind { bridge, ovs, macvlan };
std::string_view to_string(DatapathKind kind);
Result<DatapathKind> parse_datapath_kind(std::string_view text);

// One layer-2 segment with its subnet. Key: name. Subnets of two networks never overlap, and a VLAN tag belongs to
// at most one network.
struct Network {
  std::string name;
  std::optional<std::uint16_t> vlan;  // 1..4094; none: untagged
  Subnet subnet;
  IpAddress gateway;
  std::vector<AddressRange> ranges;      // where addresses are given from; empty: the whole subnet
  std::vector<AddressRange> exclusions;  // never given
  DatapathKind datapath = DatapathKind::bridge;
  std::string uplink;                // the host's interface that leads outside; empty: none
  std::optional<std::uint32_t> mtu;  // bytes; none: the uplink's, or 1500
  // The host's own address there, where the gateway is a router on the wire (macvlan); none: the one that the uplink
  // has.
  std::optional<IpAddress> host_address;
  bool nat = true;     // egress is masqueraded
  bool repair = true;  // drift is put back; false: it is only reported
  std::uint8_t mac_salt = 0;
  Timestamp created{};
  friend bool operator==(const Network&, const Network&) = default;
};

enum class ReservationState {
  attached,  // in use now
  held,      // the container is stopped, or was never there: the address is kept
  removed,   // the container was deleted: kept, and given to another only when no address is free
};
std::string_view to_string(ReservationState state);
Result<ReservationState> parse_reservation_state(std::string_view text);

// (network, identity) ↔ address and MAC. Outlives the container. Key: network, identity, address family; the address
// is unique in its network. (A dual-stack identity will have a second reservation, of the other family.)
struct Reservation {
  std::string network;
  std::string identity;
  IpAddress address;
  MacAddress mac;
  ReservationState state = ReservationState::held;
  std::string host;            // where it was last attached
  std::string container_id;    // the engine's id of the container that has or last had it; empty: none yet
  std::string container_name;  // its name, which may differ from the identity
  Timestamp created{};
  Timestamp last_seen{};  // last moment it was known to be in use; of `removed`: since when
  friend bool operator==(const Reservation&, const Reservation&) = default;
};

// A container's port made reachable at the host: `docker run -p`.
struct PublishedPort {
  std::string protocol;    // "tcp", "udp" or "sctp"
  std::uint16_t port = 0;  // the container's
  IpAddress host_address;  // 0.0.0.0: any address of the host
  std::uint16_t host_port = 0;
  friend bool operator==(const PublishedPort&, const PublishedPort&) = default;
};

// An address in the hands of an engine: asked for, then made into an endpoint, then joined to a namespace. Key:
// network, address. Exists from the engine's RequestAddress to its ReleaseAddress, whoever turns out to ask, so that
// a crash in between can't give the address twice.
struct Attachment {
  enum class Stage { granted, created, joined };
  std::string network;
  IpAddress address;
  Stage stage = Stage::granted;
  bool asked = false;          // the engine asked for this very address (--ip, or pinned)
  std::string engine_network;  // the engine's network id; empty while only granted
  std::string endpoint;        // the engine's endpoint id; empty while only granted
  std::string sandbox;         // path of the network namespace; empty until joined
  std::string identity;        // whose it is as far as known; empty: not known yet
  std::string container_id;    // empty: not known yet
  bool verified = false;       // the engine has confirmed that `container_id` is who asked
  std::vector<PublishedPort> published;
  Timestamp since{};
  // Ours to make and to keep (`bayplan attach`): the engine knows nothing of it.
  [[nodiscard]] bool is_by_hand() const { return engine_network.empty() && !endpoint.empty(); }
  friend bool operator==(const Attachment&, const Attachment&) = default;
};
std::string_view to_string(Attachment::Stage stage);
Result<Attachment::Stage> parse_attachment_stage(std::string_view text);

// A network of the engine that is carried by one of ours. Key: id. Several may be the same Bayplan network.
struct EngineNetwork {
  std::string id;
  std::string network;
  friend bool operator==(const EngineNetwork&, const EngineNetwork&) = default;
};

// A container's wish for a fixed address, as the engine has it configured (`--ip`, or pinned by us): what it will ask
// for at its next start, known even while the engine is booting and can't be asked. Key: container_id, engine_network.
struct Claim {
  std::string container_id;
  std::string engine_network;
  IpAddress address;
  std::string identity;
  bool pinned_by_us = false;
  friend bool operator==(const Claim&, const Claim&) = default;
};

// A start that was refused because the engine could not be asked who starts; baypland does it when it can. Key: token,
// which stands in the refusal's text and so in the container's last error.
struct OwedStart {
  std::string token;
  std::string network;
  Timestamp since{};
  friend bool operator==(const OwedStart&, const OwedStart&) = default;
};

// A disconnect/connect on the engine that is being done: kept from before the first to after the last call, so that
// a crash in between can't leave the container without its network. Key: container_id, engine_network. With a
// `from_network` it is a move from that one (`bayplan adopt --move`).
struct Repin {
  std::string container_id;
  std::string engine_network;
  std::string settings;              // the endpoint's settings as the engine gave them (JSON), to be put back
  std::optional<IpAddress> address;  // to be pinned; none: unpinned
  // Of a move, for the way back:
  std::string from_network = {};                         // the engine's id of the network it comes from
  std::string from_settings = {};                        // its endpoint's settings there
  std::optional<IpAddress> from_address = std::nullopt;  // its address there
  [[nodiscard]] bool is_move() const { return !from_network.empty(); }
  friend bool operator==(const Repin&, const Repin&) = default;
};

// A reservation marked for attachment (`bayplan attach`): whenever its target is there, it is given the address by us,
// by an interface that the engine knows nothing of. Key: network, identity; the reservation stays while it is marked.
struct AttachMark {
  std::string network;
  std::string identity;
  // What it is put into: empty: the container with that identity, at every start; else the path of a network namespace.
  std::string target;
  std::string interface;       // its name in there, "eth1"
  bool default_route = false;  // asked for; false: only where there is none
  std::string endpoint;        // 64 hex digits, as an engine's: the interfaces' names on the host come from it
  friend bool operator==(const AttachMark&, const AttachMark&) = default;
};

using Record = std::variant<Network, Reservation, Attachment, EngineNetwork, Claim, OwedStart, Repin, AttachMark>;

// One change of the plan. `put` inserts or replaces the record with the same key; `erase` removes it (only the key
// fields count; erasing what is not there is no error).
struct Change {
  enum class Kind { put, erase };
  Kind kind = Kind::put;
  Record record;
  friend bool operator==(const Change&, const Change&) = default;
};
using ChangeSet = std::vector<Change>;

}  // namespace bayplan::model
