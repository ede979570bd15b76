// How the Open vSwitch datapath names and marks what it makes, so that `ovs-vsctl show` and `ip link` explain
// themselves and nothing has to be remembered beside them. Pure.
//
//   gateway of a network   vlan<tag>           an internal port, ifalias `bayplan-ovs <network>`
//   port of a container    bp<8 hex digits>    an access port, ifalias `bayplan-ovs <network> <identity>`
//
// In OVSDB, external_ids:bayplan says what a row is; a row without it is somebody else's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "linux/netlink_records.hpp"
#include "model/records.hpp"

namespace bayplan::datapath::ovs {

inline constexpr const char* kMark = "bayplan";  // what the row is: one of these
inline constexpr const char* kIsBridge = "bridge";
inline constexpr const char* kIsGateway = "gateway";
inline constexpr const char* kIsPort = "port";
inline constexpr const char* kIsUplink = "uplink";
inline constexpr const char* kNetworkId = "bayplan-network";
inline constexpr const char* kIdentityId = "bayplan-identity";
inline constexpr const char* kWasDownId = "bayplan-was-down";  // an uplink that is to be put down again

// The device with the network's gateway address. The network has a tag.
std::string device_name(const model::Network& network);

struct Alias {
  std::string network;
  std::string identity;
};
std::string to_string(const Alias& alias);  // cut to what the kernel keeps
std::optional<Alias> parse_alias(std::string_view text);

// For people.
std::string tag_text(const std::optional<std::int64_t>& tag);

// A veth with our alias; or without any, but with a port's name: its making was cut short.
bool is_port(const kernel::Link& link);
bool is_gateway(const kernel::Link& link);

}  // namespace bayplan::datapath::ovs
