#include "datapath/host/inside.hpp"

#include <map>

#include "linux/netlink.hpp"
#include "linux/netns.hpp"

namespace bayplan::datapath {
namespace {

using Found = std::vector<ports::InsideAddress>;

Result<Found> look(kernel::NetlinkSocket& netlink) {
  std::map<int, kernel::Link> links;
  for (auto& link : TRY(netlink.links())) links.emplace(link.index, std::move(link));
  const auto routes = TRY(netlink.ipv4_routes()).defaults;
  Found found;
  for (const auto& each : TRY(netlink.addresses())) {
    const auto link = links.find(each.link);
    if (!each.address.is_v4() || each.link_local || link == links.end() || link->second.name == "lo") continue;
    ports::InsideAddress address{
        link->second.name, each.address, model::Subnet::around(each.address, each.prefix_length), link->second.mac, {}};
    for (const auto& route : routes) {
      if (route.link == each.link && route.gateway && !address.gateway) address.gateway = route.gateway;
    }
    found.push_back(std::move(address));
  }
  return found;
}

// The name that an interface goes by while it is aside: at most 15 bytes.
std::string name_aside(const std::string& interface) {
  return ("bpold-" + interface).substr(0, 15);
}

// One that is up can't be renamed on every kernel. Its addresses stay on it, its routes go.
Result<> rename(kernel::NetlinkSocket& netlink, const std::string& from, const std::string& to, bool up) {
  const auto link = TRY(netlink.find_link(from));
  if (!link) {
    if (TRY(netlink.find_link(to))) return {};
    return fail(ErrorCode::not_found, "there is no interface {} in the container", from);
  }
  TRY(netlink.change_link(link->index, {.up = false}));
  TRY(netlink.change_link(link->index, {.name = to}));
  return up ? netlink.change_link(link->index, {.up = true}) : Result<>{};
}

Result<> restore_default_route(kernel::NetlinkSocket& netlink, const ports::InsideAddress& interface) {
  if (!interface.gateway) return {};
  const auto link = TRY(netlink.find_link(interface.interface));
  auto added = netlink.add_default_route(*interface.gateway, link ? link->index : 0);
  return added.ok() || added.error().code == ErrorCode::exists ? Result<>{} : std::move(added);
}

Result<kernel::NetworkNamespace> open_foreign(const std::string& netns) {
  auto place = TRY(kernel::NetworkNamespace::open(netns));
  if (place.is_same(TRY(kernel::NetworkNamespace::of_this_thread()))) {
    return fail(ErrorCode::invalid, "{} is the host's own network namespace", netns);
  }
  return place;
}

Result<kernel::NetlinkSocket> socket_in(const std::string& netns) {
  return TRY(open_foreign(netns)).run<kernel::NetlinkSocket>(kernel::NetlinkSocket::open);
}

}  // namespace

Result<Found> addresses_inside(const std::string& netns) {
  auto netlink = TRY(socket_in(netns));
  return look(netlink);
}

Result<> put_aside(const std::string& netns, const ports::InsideAddress& interface) {
  auto netlink = TRY(socket_in(netns));
  return rename(netlink, interface.interface, name_aside(interface.interface), false);
}

Result<> put_back(const std::string& netns, const ports::InsideAddress& interface) {
  auto netlink = TRY(socket_in(netns));
  TRY(rename(netlink, name_aside(interface.interface), interface.interface, true));
  return restore_default_route(netlink, interface);
}

Result<> remove_aside(const std::string& netns, const ports::InsideAddress& interface) {
  auto netlink = TRY(socket_in(netns));
  const auto link = TRY(netlink.find_link(name_aside(interface.interface)));
  return link ? netlink.delete_link(link->index) : Result<>{};
}

}  // namespace bayplan::datapath
