// Rules for networks: what may be made, and where the next one goes. Pure.
#pragma once

#include <string>
#include <vector>

#include "control/control_api.hpp"
#include "model/plan.hpp"
#include "ports/host.hpp"
#include "ports/network_driver.hpp"

namespace bayplan::control {

// [networks] of the configuration.
struct NetworkDefaults {
  model::Subnet supernet = model::Subnet::around(model::IpAddress::v4(0xac100000), 12);  // 172.16.0.0/12
  unsigned prefix_length = 24;
  model::DatapathKind datapath = model::DatapathKind::bridge;
};

// What a new subnet must keep clear of, beside the plan's networks.
struct Surroundings {
  std::vector<ports::Route> routes;           // the host's
  std::vector<model::Subnet> engine_subnets;  // of the engine's other networks
  std::string engine_trouble;                 // why they are not known; empty: they are
};

// A network as asked for, checked in every respect, not yet in the plan. Errors: `invalid`, `conflict` (overlap with
// a network, a route; VLAN taken), `exists`, `exhausted` (no subnet left), `unavailable` (one is to be chosen, but the
// engine's are not known).
Result<model::Network> build_network(const model::Plan& plan, const NetworkSpec& spec, const NetworkDefaults& defaults,
                                     const Surroundings& surroundings, Timestamp now);

// `invalid` for what no network of containers can be in: this host's own addresses (127.0.0.0/8), 0.0.0.0/8, multicast
// and reserved ones; `unsupported` for IPv6.
Result<> check_kind(const model::Subnet& subnet);

// The first subnet of the supernet that overlaps nothing. The very first is VLAN 1's while that has no network yet.
// `exhausted`; `unavailable` while the engine's networks are not known.
Result<model::Subnet> next_free_subnet(const model::Plan& plan, std::optional<std::uint16_t> vlan,
                                       const NetworkDefaults& defaults, const Surroundings& surroundings);

// `conflict` when the subnet overlaps a route of the host that is not on a device of ours, nor on the wire that the
// network with that subnet shares with the host.
Result<> check_routes(const model::Plan& plan, const model::Subnet& subnet, const std::vector<ports::Route>& routes);

// Something on this host uses it: one of the engine's networks, or an address.
bool is_in_use(const model::Plan& plan, const std::string& network);

// `conflict` when what had the network's subnet before Bayplan (an engine's network of its own, the old practice's
// gateway) is still there: both at once can't be reached. Success for a network that is in use here.
Result<> check_is_alone(const model::Plan& plan, const model::Network& network,
                        const std::vector<ports::Route>& routes);

// Such a network would stand on that interface as the host does (macvlan without a tag): the host's address and route
// there are no obstacle.
bool shares_wire(const NetworkSpec& spec, const NetworkDefaults& defaults, const std::string& device);

// What `docker network create -o …` asks for, as a NetworkSpec; `invalid` for an option nobody knows. The name may be
// empty: none was given.
Result<NetworkSpec> spec_from_engine(const ports::NetworkRequest& request);

// The existing network that the request means (by name, VLAN or subnet), or none. `conflict` when what is asked
// contradicts it, with both sides in the message.
Result<const model::Network*> matching_network(const model::Plan& plan, const NetworkSpec& spec);

// The name for a network that was given none: `vlan100`, or `net-172.16.1.0-24`.
std::string default_network_name(const NetworkSpec& spec);

// "on": drift is put back; "report": it is only said.
Result<bool> parse_repair(const std::string& text);

NetworkView view_of(const model::Plan& plan, const model::Network& network);
ReservationView view_of(const model::Plan& plan, const model::Reservation& reservation);

}  // namespace bayplan::control
