#include "datapath/common/veth_port.hpp"

namespace bayplan::datapath {

Result<VethPort> VethPort::of(const ports::PortSpec& port) {
  if (port.netns.empty()) return VethPort(port, std::nullopt);
  return VethPort(port, TRY(kernel::NetworkNamespace::open(port.netns)));
}

Result<> VethPort::create(kernel::NetlinkSocket& netlink, int master, std::uint32_t mtu) const {
  auto created = netlink.create_veth({.name = port_.host_name,
                                      .peer_name = port_.peer_name,
                                      .peer_mac = port_.mac,
                                      .master = master,
                                      .mtu = mtu,
                                      .peer_namespace = inside_ ? inside_->fd() : -1});
  const bool taken = !created.ok() && created.error().code == ErrorCode::exists;
  if (!inside_ || !taken || TRY(netlink.find_link(port_.host_name))) return created;
  return fail(ErrorCode::exists, "{} has an interface {} already, which is not Bayplan's", port_.netns,
              port_.peer_name);
}

Result<bool> VethPort::is_intact(kernel::NetlinkSocket& netlink, const kernel::Link& host_end,
                                 std::uint32_t mtu) const {
  if (host_end.mtu != mtu) return false;
  if (inside_) {
    if (host_end.lower_namespace != TRY(netlink.namespace_id(inside_->fd()))) return false;
    return inside_->run<bool>([&]() -> Result<bool> {
      auto there = TRY(kernel::NetlinkSocket::open());
      const auto far_end = TRY(there.find_link(port_.peer_name));
      return far_end && far_end->index == host_end.lower && far_end->mac == port_.mac;
    });
  }
  if (host_end.lower_elsewhere) return false;
  const auto far_end = TRY(netlink.find_link(port_.peer_name));
  return far_end && far_end->index == host_end.lower && far_end->mac == port_.mac && far_end->mtu == mtu;
}

}  // namespace bayplan::datapath
