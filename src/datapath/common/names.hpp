// How the bridge and macvlan datapaths name what they make, so that `ip link` explains itself and nothing has to be
// remembered: whose a device is stands in its ifalias. Pure.
//
//   bridge or shim           bp-<vlan>, or bp-<network>    bayplan <network>
//   port of a container      bp<8 hex digits>              bayplan <network> <identity>
//   VLAN device on an uplink <uplink>.<vlan>               bayplan <network>
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/records.hpp"

namespace bayplan::datapath {

// Of a network's bridge, or on macvlan its shim. At most 15 bytes. A network without a tag has its own name in it,
// shortened and with a checksum where it is too long or could be taken for a tag. Two such names may still meet: the
// ifalias tells.
std::string bridge_name(const model::Network& network);

// "<uplink>.<vlan>" where that fits, "bpu-<vlan>" otherwise.
std::string vlan_device_name(const std::string& uplink, std::uint16_t vlan);

// "bp" and 8 hexadecimal digits.
bool is_port_name(std::string_view name);

struct Alias {
  std::string network;
  std::string note;  // of a port the identity, cut to what the kernel keeps; of a bridge what to know when it goes
  friend bool operator==(const Alias&, const Alias&) = default;
};
std::string to_string(const Alias& alias);
// Nothing for an alias that is not ours.
std::optional<Alias> parse_alias(std::string_view text);

// The note on a bridge (or VLAN device) whose uplink was down before it was made ours, so that it is put down again.
std::string was_down_note(const std::string& uplink);

}  // namespace bayplan::datapath
