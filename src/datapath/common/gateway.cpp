#include "datapath/common/gateway.hpp"

#include <algorithm>

namespace bayplan::datapath {

model::MacAddress gateway_mac(const model::Network& network) {
  return model::mac_of(network.mac_salt, network.gateway);
}

Result<bool> ensure_gateway_address(kernel::NetlinkSocket& netlink, const model::Network& network, int device) {
  const unsigned prefix = network.subnet.prefix_length();
  const auto addresses = TRY(netlink.addresses());
  const auto is_there = [&](const kernel::InterfaceAddress& address) {
    return address.link == device && address.address == network.gateway && address.prefix_length == prefix;
  };
  if (std::ranges::any_of(addresses, is_there)) return false;
  TRY(netlink.add_address(device, network.gateway, prefix));
  return true;
}

Result<bool> ensure_gateway_route(kernel::NetlinkSocket& netlink, const model::Network& network, int device) {
  const auto& subnet = network.subnet;
  const bool has_route = subnet.prefix_length() < subnet.base().bits();
  if (!has_route || TRY(netlink.route_link(subnet.last_host())) == device) return false;
  if (subnet.last_host() == network.gateway) return false;  // its own address: by the loopback device
  auto added = netlink.add_route(subnet, device, network.gateway);
  if (!added.ok() && added.error().code == ErrorCode::exists) return false;
  TRY(std::move(added));
  return true;
}

}  // namespace bayplan::datapath
