#include "datapath/common/give_back.hpp"

#include <algorithm>

#include "datapath/common/ownership.hpp"

namespace bayplan::datapath {
namespace {

using kernel::Link;
using Links = std::vector<Link>;

bool stands_on(const Link& link, const Link& uplink) {
  // The "lower" of a veth is its other end.
  return link.lower == uplink.index && !link.lower_elsewhere && link.kind != "veth";
}

const Link* bridge_under(const Link& port, const Links& links) {
  const auto bridge = std::ranges::find(links, port.master, &Link::index);
  return port.master == 0 || bridge == links.end() ? nullptr : &*bridge;
}

// The device of another network of ours that uses the interface, too.
const Link* heir_of(const Link& uplink, const std::string& network, const Links& links) {
  const auto is_heir = [&](const Link& link) {
    return stands_on(link, uplink) && is_our_uplink_device(link) && !is_of_network(link, network);
  };
  if (const auto found = std::ranges::find_if(links, is_heir); found != links.end()) return &*found;
  const Link* bridge = bridge_under(uplink, links);
  return bridge && is_our_bridge(*bridge) && !is_of_network(*bridge, network) ? bridge : nullptr;
}

bool is_used_by_others(const Link& uplink, const std::string& network, const Links& links,
                       const std::vector<kernel::InterfaceAddress>& addresses) {
  const auto is_other = [&](const Link& link) { return stands_on(link, uplink) && !is_of_network(link, network); };
  const auto is_its = [&](const kernel::InterfaceAddress& address) {
    return address.link == uplink.index && !address.link_local;
  };
  const Link* bridge = bridge_under(uplink, links);
  return std::ranges::any_of(links, is_other) || std::ranges::any_of(addresses, is_its) ||
         (bridge && !is_of_network(*bridge, network));
}

}  // namespace

std::vector<LinkStep> give_back(const std::string& network, const Links& links,
                                const std::vector<kernel::InterfaceAddress>& addresses) {
  std::vector<LinkStep> steps;
  // `note`: where it is written that the interface was down.
  const auto put_down = [&](const Link& uplink, const Alias& note) {
    if (note.note != was_down_note(uplink.name)) return;
    if (const Link* heir = heir_of(uplink, network, links)) {
      const Alias left{parse_alias(heir->alias)->network, note.note};
      steps.push_back({heir->index, heir->name, {.alias = to_string(left)}});
    } else if (!is_used_by_others(uplink, network, links, addresses)) {
      steps.push_back({uplink.index, uplink.name, {.up = false}});
    }
  };
  for (const Link& link : links) {
    if (is_our_uplink_device(link) && is_of_network(link, network)) {
      const auto uplink = std::ranges::find(links, link.lower, &Link::index);
      if (uplink != links.end() && !link.lower_elsewhere) put_down(*uplink, *parse_alias(link.alias));
      continue;
    }
    const Link* bridge = bridge_under(link, links);
    if (!bridge || !is_our_bridge(*bridge) || !is_of_network(*bridge, network)) continue;
    if (is_our_port(link) || is_our_uplink_device(link) || is_half_made_uplink_device(link)) continue;
    steps.push_back({link.index, link.name, {.master = 0}});
    put_down(link, *parse_alias(bridge->alias));
  }
  return steps;
}

}  // namespace bayplan::datapath
