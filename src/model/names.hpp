// Which names the plan accepts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace bayplan::model {

// A network's name: 1 to 63 of [a-zA-Z0-9_.-], the first a letter or digit. `invalid` says what is wrong.
Result<std::string> parse_network_name(std::string_view text);

// An identity: 1 to 255 printable ASCII characters without space; `/` only inside, for Kubernetes' namespace/pod,
// which `allow_slash` permits.
Result<std::string> parse_identity(std::string_view text, bool allow_slash = false);

// A VLAN tag, 1 to 4094 (IEEE 802.1Q: 0 is a priority tag, 4095 reserved), as decimal digits.
Result<std::uint16_t> parse_vlan(std::string_view text);

// An MTU: 68 (RFC 791) to 65535 bytes.
Result<std::uint32_t> parse_mtu(std::string_view text);

// A network interface's name as the kernel takes it (dev_valid_name): 1 to 15 bytes, no '/', ':' or white space.
Result<std::string> parse_interface_name(std::string_view text);

}  // namespace bayplan::model
