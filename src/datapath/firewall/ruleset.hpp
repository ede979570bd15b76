// The packet filter's rules as nft(8) reads them, computed from what should stand. Pure.
//
// One table, `ip bayplan`, with base chains of its own. An accept in it is not final (the host's other tables still
// judge), a drop is: so it only ever says what must not be, and what addresses are rewritten.
//
//   guard        nobody reaches the host's 127.0.0.0/8 from a network (route_localnet is on where ports are published)
//   published    `docker run -p`: the host's port becomes the container's, for packets from anywhere and of the host
//   postrouting  egress of a NAT network is masqueraded; so is what would otherwise be answered past the host
//   input        a network reaches its own gateway address, not another network's
//   forward      no routing between networks, nor between them and Docker's; into a NAT network only answers and
//                published ports
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ports/firewall.hpp"

namespace bayplan::datapath {

inline constexpr std::string_view kTable = "bayplan";

// The host's device that carries a network's gateway address: its bridge.
using GatewayDevice = std::function<std::string(const model::Network&)>;

// `table ip bayplan { … }`. `lan_bridges` are bridges whose names look like those of Docker's (br-…) but are not.
// Networks of IPv6 and publications at an IPv6 address of the host are left out: the table is IPv4's.
std::string ruleset(const ports::FirewallRules& rules, const GatewayDevice& device_of,
                    const std::vector<std::string>& lan_bridges);

// Docker names its bridges "docker0", "docker_gwbridge" and "br-" with twelve hexadecimal digits.
bool is_engine_bridge(std::string_view name);
// Looks like one of Docker's and is not. A name with a '*' or '"' in it, which means something to nft(8), is none.
bool is_lan_bridge(std::string_view name);

}  // namespace bayplan::datapath
