#include "datapath/macvlan/macvlan_port.hpp"

#include <algorithm>

#include "datapath/common/delete_links.hpp"
#include "datapath/common/names.hpp"
#include "datapath/common/ownership.hpp"

namespace bayplan::datapath {

Result<MacvlanPort> MacvlanPort::of(const model::Network& network, const ports::PortSpec& port,
                                    const kernel::Link& shim) {
  if (port.netns.empty()) return MacvlanPort(network, port, shim, std::nullopt);
  return MacvlanPort(network, port, shim, TRY(kernel::NetworkNamespace::open(port.netns)));
}

// With a socket of the namespace that it is born in.
template <typename T>
Result<T> MacvlanPort::there(kernel::NetlinkSocket& netlink,
                             const std::function<Result<T>(kernel::NetlinkSocket&)>& work) const {
  if (!inside_) return work(netlink);
  return inside_->run<T>([&]() -> Result<T> {
    auto socket = TRY(kernel::NetlinkSocket::open());
    return work(socket);
  });
}

Result<> MacvlanPort::create(kernel::NetlinkSocket& netlink) const {
  // Numbered, so that the inventory sees it in there.
  if (inside_) TRY(netlink.namespace_id(inside_->fd()));
  TRY(netlink.create_macvlan({.name = port_.peer_name,
                              .parent = shim_.lower,
                              .mac = port_.mac,
                              .mtu = shim_.mtu,
                              .group = kMakingGroup,
                              .namespace_fd = inside_ ? inside_->fd() : -1}));
  return finish(netlink);
}

Result<> MacvlanPort::finish(kernel::NetlinkSocket& netlink) const {
  return there<void>(netlink, [this](kernel::NetlinkSocket& socket) -> Result<> {
    const auto link = TRY(socket.find_link(port_.peer_name));
    if (!link) return fail(ErrorCode::not_found, "{} went away while it was made", port_.peer_name);
    if (std::ranges::find(link->alt_names, port_.host_name) == link->alt_names.end()) {
      TRY(socket.add_alt_name(link->index, port_.host_name));
    }
    const std::string alias = to_string(Alias{network_, port_.identity});
    if (link->alias == alias && link->group == 0) return {};
    return socket.change_link(link->index, {.alias = alias, .group = 0});
  });
}

Result<std::optional<int>> MacvlanPort::home(kernel::NetlinkSocket& netlink) const {
  if (!inside_) return std::optional<int>();
  return std::optional(TRY(netlink.namespace_id(inside_->fd())));
}

Result<bool> MacvlanPort::is_intact(kernel::NetlinkSocket& netlink, const PlacedPort& found) const {
  const kernel::Link& link = found.link;
  return found.netns == TRY(home(netlink)) && link.name == port_.peer_name && link.mac == port_.mac &&
         link.mtu == shim_.mtu && link.lower == shim_.lower;
}

bool MacvlanPort::is_ours(const kernel::Link& link) const {
  if (link.kind != "macvlan" || is_shim(link)) return false;
  return is_half_made(link) || std::ranges::any_of(link.alt_names, is_port_name);
}

Result<bool> MacvlanPort::clear_name(kernel::NetlinkSocket& netlink) const {
  return there<bool>(netlink, [this](kernel::NetlinkSocket& socket) -> Result<bool> {
    const auto link = TRY(socket.find_link(port_.peer_name));
    if (!link) return true;
    if (!is_ours(*link)) return false;
    TRY(unless_gone(socket.delete_link(link->index)));
    return true;
  });
}

}  // namespace bayplan::datapath
