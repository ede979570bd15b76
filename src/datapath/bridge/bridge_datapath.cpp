#include "datapath/bridge/bridge_datapath.hpp"

#include <algorithm>
#include <map>
#include <system_error>

#include "datapath/bridge/uplink.hpp"
#include "datapath/common/delete_links.hpp"
#include "datapath/common/gateway.hpp"
#include "datapath/common/give_back.hpp"
#include "datapath/common/names.hpp"
#include "datapath/common/ownership.hpp"
#include "datapath/common/veth_port.hpp"

namespace bayplan::datapath {
namespace {

constexpr std::uint32_t kDefaultMtu = 1500;

std::uint32_t wanted_mtu(const model::Network& network, const Uplink& uplink) {
  if (network.mtu) return *network.mtu;
  return uplink.mtu() != 0 ? uplink.mtu() : kDefaultMtu;
}

// The uplink's note stands on the VLAN device where there is one.
std::string bridge_alias(const model::Network& network, const Uplink& uplink) {
  return to_string(Alias{network.name, network.vlan ? std::string{} : uplink.note()});
}

// What of the bridge itself is to be changed.
kernel::LinkChange change_of(const model::Network& network, const kernel::Link& now, const Uplink& uplink) {
  kernel::LinkChange change;
  if (now.alias.empty()) change.alias = bridge_alias(network, uplink);
  change.no_ipv6_autoconf = change.alias.has_value();
  if (now.mac != gateway_mac(network)) change.mac = gateway_mac(network);
  if (now.mtu != wanted_mtu(network, uplink)) change.mtu = wanted_mtu(network, uplink);
  change.no_forward_delay = now.bridge != kernel::BridgeState{};
  return change;
}

// The same for people.
std::vector<ports::NetworkFault> settings_faults(const kernel::Link& now, const kernel::LinkChange& change) {
  using enum ports::NetworkFault::What;
  std::vector<ports::NetworkFault> faults;
  if (change.alias) faults.push_back({settings, now.name, "no alias", "alias " + *change.alias});
  if (change.mac) {
    const std::string has = now.mac ? now.mac->to_string() : "none";
    faults.push_back({settings, now.name, "MAC " + has, "MAC " + change.mac->to_string()});
  }
  if (change.mtu) {
    faults.push_back({settings, now.name, fmt::format("MTU {}", now.mtu), fmt::format("MTU {}", *change.mtu)});
  }
  if (change.no_forward_delay) faults.push_back({settings, now.name, "spanning tree", "no spanning tree"});
  return faults;
}

std::string alias_of(const model::Network& network, const ports::PortSpec& port) {
  return to_string(Alias{network.name, port.identity});
}

Error foreign(const std::string& name, const std::string& what) {
  return fail(ErrorCode::conflict, "{} exists and is not {}: remove it (ip link delete {}) or rename it", name, what,
              name);
}

// What ports are on, and belong on.
class Bridges {
 public:
  explicit Bridges(const std::vector<kernel::Link>& links) {
    for (const auto& link : links) {
      names_[link.index] = link.name;
      if (!is_our_bridge(link)) continue;
      networks_[link.index] = parse_alias(link.alias)->network;
      homes_[networks_[link.index]] = link.name;
    }
  }
  // Whose bridge that link is; empty: none of ours.
  [[nodiscard]] std::string network_at(int master) const {
    const auto at = networks_.find(master);
    return at == networks_.end() ? std::string{} : at->second;
  }
  [[nodiscard]] std::string text_at(int master) const {
    const auto at = names_.find(master);
    return at == names_.end() ? "no bridge" : "bridge " + at->second;
  }
  [[nodiscard]] std::string text_of(const std::string& network) const {
    const auto at = homes_.find(network);
    return at == homes_.end() ? "the bridge of " + network : "bridge " + at->second;
  }

 private:
  std::map<int, std::string> names_;
  std::map<int, std::string> networks_;
  std::map<std::string, std::string> homes_;
};

}  // namespace

BridgeDatapath::BridgeDatapath(kernel::NetlinkSocket netlink, kernel::GratuitousArp arp,
                               std::chrono::milliseconds interval)
    : netlink_(std::move(netlink)), announcer_(std::move(arp), interval) {
}

Result<std::unique_ptr<BridgeDatapath>> BridgeDatapath::open(std::chrono::milliseconds announce_interval) {
  auto netlink = TRY(kernel::NetlinkSocket::open());
  auto arp = TRY(kernel::GratuitousArp::open());
  try {
    return std::unique_ptr<BridgeDatapath>(new BridgeDatapath(std::move(netlink), std::move(arp), announce_interval));
  } catch (const std::system_error& error) {
    return fail_errno(ErrorCode::kernel, "start the thread that announces addresses", error.code().value());
  }
}

// Nothing when there is none; `conflict` when the name is another's. A bridge without an alias but with the MAC that
// only we would give it is one whose making was cut short.
Result<std::optional<kernel::Link>> BridgeDatapath::find_bridge(const model::Network& network) {
  auto link = TRY(netlink_.find_link(bridge_name(network)));
  if (!link || is_of_network(*link, network.name)) {
    if (link && link->kind != "bridge") return foreign(link->name, "a bridge");
    return link;
  }
  if (const auto other = parse_alias(link->alias); other && link->kind == "bridge") {
    return fail(ErrorCode::conflict, "{}, the bridge of network {}, is that of network {} already: rename one of them",
                link->name, network.name, other->network);
  }
  const bool half_made = link->kind == "bridge" && link->alias.empty() && link->mac == gateway_mac(network);
  if (!half_made) return foreign(link->name, "Bayplan's");
  return link;
}

Result<kernel::Link> BridgeDatapath::bridge_of(const model::Network& network) {
  auto bridge = TRY(find_bridge(network));
  if (!bridge) {
    return fail(ErrorCode::not_found, "the bridge {} of network {} is not there", bridge_name(network), network.name);
  }
  return *std::move(bridge);
}

Result<> BridgeDatapath::validate(const model::Network& network) {
  const auto bridge = TRY(find_bridge(network));
  TRY(Uplink::look(netlink_, network, bridge ? bridge->index : 0));
  return {};
}

Result<bool> BridgeDatapath::ensure_network(const model::Network& network) {
  const auto found = TRY(find_bridge(network));
  auto uplink = TRY(Uplink::look(netlink_, network, found ? found->index : 0));
  const auto bridge = found ? *found : TRY(create_bridge(network, uplink));
  auto mended = mend_bridge(network, bridge, uplink);
  if (!mended.ok() && !found) static_cast<void>(remove_network(network.name).ok());  // the first error counts
  return found ? std::move(mended) : mended.ok() ? Result<bool>(true) : std::move(mended);
}

Result<kernel::Link> BridgeDatapath::create_bridge(const model::Network& network, const Uplink& uplink) {
  const std::string name = bridge_name(network);
  TRY(netlink_.create_bridge(name, gateway_mac(network)));
  TRY(netlink_.change_link(name, {.alias = bridge_alias(network, uplink), .no_ipv6_autoconf = true}));
  return bridge_of(network);
}

// The uplink goes first: a port's MTU may change the bridge's.
Result<bool> BridgeDatapath::mend_bridge(const model::Network& network, const kernel::Link& bridge, Uplink& uplink) {
  const bool attached = TRY(uplink.attach(netlink_, bridge.index));
  const auto now = attached ? TRY(bridge_of(network)) : bridge;
  const kernel::LinkChange change = change_of(network, now, uplink);
  if (change.no_forward_delay) TRY(netlink_.change_link(now.index, {.no_stp = true}).in("mend bridge " + now.name));
  const bool differs = change.alias || change.mac || change.mtu || change.no_forward_delay;
  if (differs) TRY(netlink_.change_link(now.index, change).in(fmt::format("mend bridge {}", now.name)));
  // The address before it comes up, so that it is never up without; then the kernel makes the route.
  const bool addressed = TRY(ensure_gateway_address(netlink_, network, now.index).in(now.name));
  if (!now.is_up()) TRY(netlink_.change_link(now.index, {.up = true}).in(fmt::format("bring {} up", now.name)));
  const bool routed = TRY(ensure_gateway_route(netlink_, network, now.index).in(now.name));
  return attached || differs || addressed || routed || !now.is_up();
}

Result<std::vector<ports::NetworkFault>> BridgeDatapath::inspect_network(const model::Network& network) {
  using What = ports::NetworkFault::What;
  const std::string name = bridge_name(network);
  const auto blocked_by = [&](const Error& error) -> Result<std::vector<ports::NetworkFault>> {
    if (!is_obstacle(error)) return error;
    std::vector<ports::NetworkFault> faults;
    faults.push_back({What::blocked, name, {}, error.message()});
    return faults;
  };
  const auto found = find_bridge(network);
  if (!found.ok()) return blocked_by(found.error());
  const auto& bridge = *found;
  auto uplink = Uplink::look(netlink_, network, bridge ? bridge->index : 0);
  std::vector<ports::NetworkFault> faults;
  if (!uplink.ok()) faults = TRY(blocked_by(uplink.error()));
  if (!bridge) faults.push_back({What::device, name, {}, {}});
  if (!bridge || !uplink.ok()) return faults;
  faults = settings_faults(*bridge, change_of(network, *bridge, *uplink));
  if (!uplink->is_attached(bridge->index)) faults.push_back({What::uplink, name, {}, network.uplink});
  for (auto& fault : TRY(host_faults(netlink_, network, network.gateway, *bridge))) faults.push_back(std::move(fault));
  return faults;
}

Result<> BridgeDatapath::remove_network(const std::string& network) {
  const auto context = fmt::format("remove network {}", network);
  const auto links = TRY(netlink_.links());
  for (const auto& [link, name, change] : give_back(network, links, TRY(netlink_.addresses()))) {
    TRY(unless_gone(netlink_.change_link(link, change)).in("give back " + name).in(context));
  }
  return delete_links(netlink_, links_of_network(network, links)).in(context);
}

Result<std::vector<std::string>> BridgeDatapath::list_networks() {
  return networks_of(TRY(netlink_.links()));
}

Result<> BridgeDatapath::add_port(const model::Network& network, const ports::PortSpec& port) {
  const auto bridge = TRY(bridge_of(network));
  const auto veth = TRY(VethPort::of(port));
  auto created = veth.create(netlink_, bridge.index, bridge.mtu);
  if (!created.ok() && created.error().code == ErrorCode::exists) {
    const auto link = TRY(netlink_.find_link(port.host_name));
    const bool intact = link && is_our_port(*link) && TRY(veth.is_intact(netlink_, *link, bridge.mtu));
    if (intact) return mend_port(network, port);
    TRY(clear_names(port));
    created = veth.create(netlink_, bridge.index, bridge.mtu);
  }
  TRY(std::move(created));
  auto finished = netlink_.change_link(port.host_name, {.alias = alias_of(network, port), .no_ipv6_autoconf = true});
  if (finished.ok()) finished = netlink_.change_link(port.host_name, {.up = true});
  if (!finished.ok()) static_cast<void>(remove_ports({port.host_name}).ok());  // the first error counts
  return finished;
}

// What has one of the port's two names goes, if it is ours: a port, or the container's end of one.
Result<> BridgeDatapath::clear_names(const ports::PortSpec& port) {
  TRY(remove_ports({port.host_name}));
  if (!port.netns.empty()) return {};
  const auto peer = TRY(netlink_.find_link(port.peer_name));
  if (!peer) return {};
  const auto links = TRY(netlink_.links());
  const bool is_ours = std::ranges::any_of(links, [&](const kernel::Link& link) {
    return is_our_port(link) && !link.lower_elsewhere && link.lower == peer->index;
  });
  if (!is_ours) return foreign(port.peer_name, "Bayplan's");
  return unless_gone(netlink_.delete_link(peer->index));
}

Result<> BridgeDatapath::mend_port(const model::Network& network, const ports::PortSpec& port) {
  const auto bridge = TRY(bridge_of(network));
  const auto link = TRY(netlink_.find_link(port.host_name));
  if (!link) return fail(ErrorCode::not_found, "the port {} of network {} is gone", port.host_name, network.name);
  if (!is_our_port(*link)) return foreign(port.host_name, "a port of Bayplan's");
  kernel::LinkChange change;
  if (link->alias != alias_of(network, port)) change.alias = alias_of(network, port);
  if (link->master != bridge.index) change.master = bridge.index;
  if (!link->is_up()) change.up = true;
  if (!change.alias && !change.master && !change.up) return {};
  return netlink_.change_link(link->index, change).in(fmt::format("mend port {}", port.host_name));
}

Result<> BridgeDatapath::remove_ports(const std::vector<std::string>& host_names) {
  std::vector<int> doomed;
  std::optional<Error> refused;
  for (const auto& name : host_names) {
    const auto link = TRY(netlink_.find_link(name));
    if (link && is_our_port(*link)) doomed.push_back(link->index);
    if (link && !is_our_port(*link)) refused = foreign(name, "a port of Bayplan's");
  }
  TRY(delete_links(netlink_, doomed));
  if (refused) return *std::move(refused);
  return {};
}

Result<std::vector<ports::FoundPort>> BridgeDatapath::list_ports() {
  const auto links = TRY(netlink_.links());
  const Bridges bridges(links);
  std::vector<ports::FoundPort> found;
  for (const auto& link : links) {
    if (!is_our_port(link)) continue;
    const std::string at = bridges.network_at(link.master);
    if (link.alias.empty() && at.empty()) continue;
    const Alias alias = parse_alias(link.alias).value_or(Alias{at, {}});
    const bool at_home = !at.empty() && at == alias.network;
    found.push_back({.host_name = link.name,
                     .network = alias.network,
                     .identity = alias.note,
                     .in_place = at_home && link.is_up(),
                     .up = link.is_up(),
                     .place = at_home ? "" : bridges.text_at(link.master),
                     .wanted_place = at_home ? "" : bridges.text_of(alias.network)});
  }
  return found;
}

Result<> BridgeDatapath::announce(const model::Network& network, const model::IpAddress& address,
                                  const model::MacAddress& mac) {
  return announcer_.announce(TRY(bridge_of(network)).index, address, mac);
}

}  // namespace bayplan::datapath
