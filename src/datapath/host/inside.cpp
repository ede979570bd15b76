#include "datapath/host/inside.hpp"

#include <sys/stat.h>

#include <map>

#include "linux/netlink.hpp"
#include "linux/netns.hpp"

namespace bayplan::datapath {
namespace {

using Found = std::vector<ports::InsideAddress>;

Result<bool> is_own(const kernel::NetworkNamespace& other) {
  const auto own = TRY(kernel::NetworkNamespace::of_this_thread());
  struct stat here{};
  struct stat there{};
  if (fstat(own.fd(), &here) != 0 || fstat(other.fd(), &there) != 0) {
    return fail_errno(ErrorCode::kernel, "tell network namespaces apart", errno);
  }
  return here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

// On a thread that is inside.
Result<Found> look() {
  auto netlink = TRY(kernel::NetlinkSocket::open());
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

}  // namespace

Result<Found> addresses_inside(const std::string& netns) {
  const auto place = TRY(kernel::NetworkNamespace::open(netns));
  if (TRY(is_own(place))) return fail(ErrorCode::invalid, "{} is the host's own network namespace", netns);
  return place.run<Found>(look);
}

}  // namespace bayplan::datapath
