#include "datapath/common/gateway.hpp"

#include <algorithm>

namespace bayplan::datapath {

model::MacAddress gateway_mac(const model::Network& network) {
  return model::mac_of(network.mac_salt, network.gateway);
}

Result<bool> ensure_gateway_address(kernel::NetlinkSocket& netlink, const model::Network& network, int device) {
  return ensure_host_address(netlink, network, network.gateway, device);
}

Result<bool> ensure_gateway_route(kernel::NetlinkSocket& netlink, const model::Network& network, int device) {
  return ensure_subnet_route(netlink, network, network.gateway, device);
}

Result<bool> ensure_host_address(kernel::NetlinkSocket& netlink, const model::Network& network,
                                 const model::IpAddress& host, int device) {
  const unsigned prefix = network.subnet.prefix_length();
  const auto addresses = TRY(netlink.addresses());
  const auto is_there = [&](const kernel::InterfaceAddress& address) {
    return address.link == device && address.address == host && address.prefix_length == prefix;
  };
  if (std::ranges::any_of(addresses, is_there)) return false;
  TRY(netlink.add_address(device, host, prefix));
  return true;
}

Result<bool> ensure_subnet_route(kernel::NetlinkSocket& netlink, const model::Network& network,
                                 const model::IpAddress& host, int device) {
  const auto& subnet = network.subnet;
  const bool has_route = subnet.prefix_length() < subnet.base().bits();
  // An address of the subnet that is not the host's own: that is by the loopback device.
  const auto probe = subnet.last_host() == host ? subnet.first_host() : subnet.last_host();
  if (!has_route || probe == host || TRY(netlink.route_link(probe)) == device) return false;
  auto added = netlink.add_route(subnet, device, host);
  if (!added.ok() && added.error().code == ErrorCode::exists) return false;
  TRY(std::move(added));
  return true;
}

}  // namespace bayplan::datapath
