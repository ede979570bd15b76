#include "datapath/common/gateway.hpp"

#include <algorithm>

namespace bayplan::datapath {
namespace {

Result<bool> has_address(kernel::NetlinkSocket& netlink, const model::Network& network, const model::IpAddress& host,
                         int device) {
  const unsigned prefix = network.subnet.prefix_length();
  const auto addresses = TRY(netlink.addresses());
  return std::ranges::any_of(addresses, [&](const kernel::InterfaceAddress& address) {
    return address.link == device && address.address == host && address.prefix_length == prefix;
  });
}

// The subnet has a route, and it does not lead to the device.
Result<bool> lacks_route(kernel::NetlinkSocket& netlink, const model::Network& network, const model::IpAddress& host,
                         int device) {
  const auto& subnet = network.subnet;
  const bool has_route = subnet.prefix_length() < subnet.base().bits();
  // An address of the subnet that is not the host's own: that is by the loopback device.
  const auto probe = subnet.last_host() == host ? subnet.first_host() : subnet.last_host();
  return has_route && probe != host && TRY(netlink.route_link(probe)) != device;
}

}  // namespace

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
  if (TRY(has_address(netlink, network, host, device))) return false;
  TRY(netlink.add_address(device, host, network.subnet.prefix_length()));
  return true;
}

Result<bool> ensure_subnet_route(kernel::NetlinkSocket& netlink, const model::Network& network,
                                 const model::IpAddress& host, int device) {
  if (!TRY(lacks_route(netlink, network, host, device))) return false;
  auto added = netlink.add_route(network.subnet, device, host);
  if (!added.ok() && added.error().code == ErrorCode::exists) return false;
  TRY(std::move(added));
  return true;
}

// A route of the host's that leads elsewhere on purpose stays; only a missing one is made.
Result<std::vector<ports::NetworkFault>> host_faults(kernel::NetlinkSocket& netlink, const model::Network& network,
                                                     const model::IpAddress& host, const kernel::Link& device) {
  using What = ports::NetworkFault::What;
  std::vector<ports::NetworkFault> faults;
  const bool addressed = TRY(has_address(netlink, network, host, device.index));
  if (!addressed) faults.push_back({What::gateway, device.name, {}, model::with_prefix(host, network.subnet)});
  if (!device.is_up()) faults.push_back({What::down, device.name, "down", "up"});
  if (!addressed || !device.is_up() || !TRY(lacks_route(netlink, network, host, device.index))) return faults;
  const auto routes = TRY(netlink.routes());
  const bool on_purpose =
      std::ranges::any_of(routes, [&](const kernel::RouteEntry& route) { return route.destination == network.subnet; });
  if (!on_purpose) faults.push_back({What::route, device.name, {}, network.subnet.to_string()});
  return faults;
}

bool is_obstacle(const Error& error) {
  using enum ErrorCode;
  return error.code == conflict || error.code == not_found || error.code == invalid || error.code == unsupported;
}

}  // namespace bayplan::datapath
