#include "datapath/macvlan/inventory.hpp"

#include <algorithm>
#include <iterator>

#include "datapath/common/names.hpp"
#include "datapath/common/ownership.hpp"

namespace bayplan::datapath {
namespace {

constexpr std::string_view kShimPrefix = "bp-";
constexpr std::size_t kFewNames = 4;  // so many questions cost no more than a listing

std::string second_name(const kernel::Link& link) {
  const auto found = std::ranges::find_if(link.alt_names, is_port_name);
  return found == link.alt_names.end() ? std::string{} : *found;
}

// One without a second name is told by its own only here: in a container that may be anything, "eth1".
std::optional<PlacedPort> port_from(const kernel::Link& link, std::optional<int> netns) {
  if (link.kind != "macvlan" || is_shim(link)) return std::nullopt;
  PlacedPort port{second_name(link), {}, {}, link, netns};
  const auto alias = parse_alias(link.alias);
  if (alias) port.network = alias->network, port.identity = alias->note;
  if (port.host_name.empty()) {
    if (netns || !is_half_made(link) || link.name.starts_with(kShimPrefix)) return std::nullopt;
    port.host_name = link.name;
  }
  return alias || is_half_made(link) ? std::optional(std::move(port)) : std::nullopt;
}

}  // namespace

bool is_shim(const kernel::Link& link) {
  return is_our_macvlan(link) && link.name.starts_with(kShimPrefix) && second_name(link).empty();
}

bool is_half_made(const kernel::Link& link) {
  return link.kind == "macvlan" && link.alias.empty() && link.group == kMakingGroup;
}

Result<Inventory> Inventory::look(kernel::NetlinkSocket& netlink) {
  return look_at_all(netlink, TRY(netlink.namespace_ids()), [&](int id) { return netlink.links_in(id); });
}

Result<Inventory> Inventory::look_for(kernel::NetlinkSocket& netlink, const std::vector<std::string>& host_names) {
  if (host_names.size() > kFewNames) return look(netlink);
  return look_at_all(netlink, TRY(netlink.namespace_ids()), [&](int id) -> Result<std::vector<kernel::Link>> {
    std::vector<kernel::Link> found;
    for (const auto& name : host_names) {
      if (auto link = TRY(netlink.find_link_in(id, name))) found.push_back(*std::move(link));
    }
    return found;
  });
}

Result<Inventory> Inventory::look_at(kernel::NetlinkSocket& netlink, std::optional<int> netns) {
  return look_at_all(netlink, netns ? std::vector<int>{*netns} : std::vector<int>{},
                     [&](int id) { return netlink.links_in(id); });
}

Result<Inventory> Inventory::look_at_all(kernel::NetlinkSocket& netlink, const std::vector<int>& namespaces,
                                         const LinksIn& links_in) {
  Inventory inventory;
  inventory.host_ = TRY(netlink.links());
  const auto add = [&](const std::vector<kernel::Link>& links, std::optional<int> netns) {
    for (const kernel::Link& link : links) {
      if (auto port = port_from(link, netns)) inventory.ports_.push_back(*std::move(port));
    }
  };
  add(inventory.host_, std::nullopt);
  for (const int id : namespaces) {
    auto links = links_in(id);
    if (!links.ok() && links.error().code == ErrorCode::not_found) continue;  // it ended meanwhile
    add(TRY(std::move(links)), id);
  }
  return inventory;
}

std::vector<PlacedPort> Inventory::ports_of(const std::string& network) const {
  std::vector<PlacedPort> found;
  std::ranges::copy_if(ports_, std::back_inserter(found),
                       [&](const PlacedPort& port) { return port.network == network; });
  return found;
}

std::vector<PlacedPort> Inventory::named(std::string_view host_name) const {
  std::vector<PlacedPort> found;
  std::ranges::copy_if(ports_, std::back_inserter(found),
                       [&](const PlacedPort& port) { return port.host_name == host_name; });
  return found;
}

bool Inventory::knows(std::string_view name) const {
  return std::ranges::any_of(host_, [&](const kernel::Link& link) {
    return link.name == name || std::ranges::find(link.alt_names, name) != link.alt_names.end();
  });
}

const kernel::Link* Inventory::shim_of(const std::string& network) const {
  const auto found = std::ranges::find_if(
      host_, [&](const kernel::Link& link) { return is_shim(link) && is_of_network(link, network); });
  return found == host_.end() ? nullptr : &*found;
}

}  // namespace bayplan::datapath
