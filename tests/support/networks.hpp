// Networks and ports as the tests use them: vlan<tag> is 172.16.<tag mod 256>.0/24 with its gateway first.
#pragma once

#include <string>

#include "model/records.hpp"
#include "ports/datapath.hpp"

namespace bayplan::test {

inline model::Network vlan_network(std::uint16_t tag) {
  model::Network network;
  network.name = fmt::format("vlan{}", tag);
  network.vlan = tag;
  network.subnet = model::Subnet::parse(fmt::format("172.16.{}.0/24", tag % 256)).value();
  network.gateway = network.subnet.first_host();
  network.mac_salt = 0x2a;
  return network;
}

// The port of the network's n-th address; names differ from network to network.
inline ports::PortSpec port_spec(const model::Network& network, unsigned n) {
  const auto address = *network.subnet.base().plus(n);
  // Of its subnet, so that untagged ones differ, too.
  const unsigned number = network.vlan.value_or(network.subnet.base().bytes()[2] + 5000U) * 1000U + n;
  return {fmt::format("bp{:08x}", number), fmt::format("bq{:08x}", number), model::mac_of(network.mac_salt, address),
          fmt::format("test{}", n)};
}

inline std::string nth_address(const model::Network& network, unsigned n) {
  return network.subnet.base().plus(n)->to_string();
}

}  // namespace bayplan::test
