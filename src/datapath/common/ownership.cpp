#include "datapath/common/ownership.hpp"

#include <algorithm>
#include <set>

namespace bayplan::datapath {

bool is_our_bridge(const kernel::Link& link) {
  return link.kind == "bridge" && parse_alias(link.alias).has_value();
}

bool is_our_port(const kernel::Link& link) {
  return link.kind == "veth" && (parse_alias(link.alias) || (link.alias.empty() && is_port_name(link.name)));
}

bool is_our_uplink_device(const kernel::Link& link) {
  const bool stacked = link.kind != "bridge" && link.kind != "veth" && link.lower != 0;
  return stacked && parse_alias(link.alias).has_value();
}

bool is_our_macvlan(const kernel::Link& link) {
  // One that is a bridge's port is its uplink.
  return link.kind == "macvlan" && link.master == 0 && is_our_uplink_device(link);
}

bool is_half_made_uplink_device(const kernel::Link& link) {
  return link.kind == "vlan" && link.alias.empty() && link.group == kMakingGroup;
}

bool is_of_network(const kernel::Link& link, const std::string& network) {
  const auto alias = parse_alias(link.alias);
  return alias && alias->network == network;
}

bool is_vlan_device_of(const kernel::Link& device, const kernel::Link& uplink, const model::Network& network) {
  const bool as_made = device.lower == uplink.index && !device.lower_elsewhere && device.vlan == network.vlan;
  return as_made && (is_of_network(device, network.name) || is_half_made_uplink_device(device));
}

std::vector<int> links_of_network(const std::string& network, const std::vector<kernel::Link>& links) {
  std::vector<int> found;
  std::set<int> bridges;
  for (const auto& link : links) {
    if (!is_our_bridge(link) || !is_of_network(link, network)) continue;
    bridges.insert(link.index);
    found.push_back(link.index);
  }
  for (const auto& link : links) {
    const bool nameless = is_half_made_uplink_device(link) || (link.alias.empty() && is_our_port(link));
    const bool ours = is_our_port(link) || is_our_uplink_device(link);
    if ((nameless && bridges.contains(link.master)) || (ours && is_of_network(link, network))) {
      found.push_back(link.index);
    }
  }
  return found;
}

std::vector<std::string> networks_of(const std::vector<kernel::Link>& links) {
  std::set<std::string> names;
  for (const auto& link : links) {
    const auto stands_here = [&](const kernel::Link& other) {
      return is_our_macvlan(other) && other.lower == link.index;
    };
    const bool of_macvlan = is_our_macvlan(link) || std::ranges::any_of(links, stands_here);
    if (is_our_bridge(link) || (is_our_uplink_device(link) && !of_macvlan)) {
      names.insert(parse_alias(link.alias)->network);
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace bayplan::datapath
