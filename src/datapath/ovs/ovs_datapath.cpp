#include "datapath/ovs/ovs_datapath.hpp"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <system_error>

#include "base/text.hpp"
#include "datapath/common/gateway.hpp"
#include "datapath/ovs/errors.hpp"
#include "datapath/ovs/names.hpp"
#include "datapath/ovs/uplink.hpp"
#include "linux/generic_netlink.hpp"

namespace bayplan::datapath {

using ovs::Changes;
using ovs::PortRow;
using ovs::Snapshot;

namespace {

constexpr std::uint32_t kDefaultMtu = 1500;

std::uint32_t wanted_mtu(const model::Network& network, const std::optional<kernel::Link>& uplink) {
  if (network.mtu) return *network.mtu;
  return uplink ? uplink->mtu : kDefaultMtu;
}

ovs::WantedPort gateway_port(const model::Network& network, const std::optional<kernel::Link>& uplink) {
  ovs::WantedPort wanted;
  wanted.name = ovs_device_name(network);
  wanted.tag = *network.vlan;
  wanted.type = "internal";
  wanted.mac = gateway_mac(network).to_string();
  wanted.mtu = wanted_mtu(network, uplink);
  wanted.ids = {{ovs::kMark, ovs::kIsGateway}, {ovs::kNetworkId, network.name}};
  return wanted;
}

// Rows of the network's ports whose link is gone, as after a reboot.
std::vector<const PortRow*> dead_ports(const Snapshot& now, const std::string& network,
                                       const std::set<std::string>& links) {
  std::vector<const PortRow*> dead;
  for (const auto& [name, port] : now.ports) {
    if (!port.is(ovs::kIsPort) || port.id(ovs::kNetworkId) != network) continue;
    if (!links.contains(name)) dead.push_back(&port);
  }
  return dead;
}

// We made the bridge, and of the ports that are left only its own is on it.
bool is_left_alone(const ovs::BridgeRow& bridge, const Snapshot& now, const std::set<std::string>& left) {
  const auto mark = bridge.ids.find(ovs::kMark);
  if (mark == bridge.ids.end() || mark->second != ovs::kIsBridge) return false;
  return std::ranges::none_of(
      left, [&](const std::string& name) { return name != bridge.name && now.bridge_of(*now.port(name)) == &bridge; });
}

}  // namespace

Result<OvsKind> parse_ovs_kind(std::string_view text) {
  if (text == "auto") return OvsKind::automatic;
  if (text == "system") return OvsKind::system;
  if (text == "netdev") return OvsKind::netdev;
  return fail(ErrorCode::invalid, "'{}' is no datapath of Open vSwitch: there are auto, system and netdev",
              shown(text));
}

std::string ovs_device_name(const model::Network& network) {
  return ovs::device_name(network);
}

OvsDatapath::OvsDatapath(OvsSettings settings, kernel::NetlinkSocket netlink, kernel::GratuitousArp arp,
                         std::chrono::milliseconds interval)
    : settings_(std::move(settings)),
      database_(settings_.socket),
      netlink_(std::move(netlink)),
      announcer_(std::move(arp), interval) {
}

Result<std::unique_ptr<OvsDatapath>> OvsDatapath::open(OvsSettings settings,
                                                       std::chrono::milliseconds announce_interval) {
  auto netlink = TRY(kernel::NetlinkSocket::open());
  auto arp = TRY(kernel::GratuitousArp::open());
  try {
    return std::unique_ptr<OvsDatapath>(
        new OvsDatapath(std::move(settings), std::move(netlink), std::move(arp), announce_interval));
  } catch (const std::system_error& error) {
    return fail_errno(ErrorCode::kernel, "start the thread that announces addresses", error.code().value());
  }
}

Result<> OvsDatapath::check_reachable() {
  if (::access(settings_.socket.c_str(), F_OK) != 0) return {};
  TRY(database_.look({settings_.bridge}, ovs::Patience::ample));
  return {};
}

Result<std::string> OvsDatapath::datapath_type() const {
  if (settings_.kind == OvsKind::system) return std::string("system");
  if (settings_.kind == OvsKind::netdev) return std::string("netdev");
  return TRY(kernel::has_generic_family("ovs_datapath")) ? std::string("system") : std::string("netdev");
}

Result<OvsDatapath::Look> OvsDatapath::look(ovs::Patience patience) {
  Look look{TRY(database_.look({}, patience)), {}};
  for (auto& link : TRY(netlink_.links())) look.links.insert(std::move(link.name));
  return look;
}

Result<OvsDatapath::Plan> OvsDatapath::plan(const model::Network& network, const Look& look) {
  const Snapshot& now = look.now;
  TRY(ovs::check_tag(network));
  Plan plan{TRY(ovs::look_at_uplink(netlink_, network, now, settings_.bridge)), {}};
  TRY(refuse_foreign_devices(network, now));
  Changes changes(now, settings_.bridge);
  changes.want_bridge(now.bridge(settings_.bridge) != nullptr ? "" : TRY(datapath_type()));
  TRY(changes.want_port(gateway_port(network, plan.uplink)));
  if (plan.uplink) TRY(ovs::want_uplink(changes, now, network, *plan.uplink));
  for (const PortRow* dead : dead_ports(now, network.name, look.links)) changes.drop_port(*dead);
  plan.operations = changes.operations();
  return plan;
}

// Devices of the host that have a name we need and are not Open vSwitch's.
Result<> OvsDatapath::refuse_foreign_devices(const model::Network& network, const Snapshot& now) {
  const std::string name = ovs_device_name(network);
  const PortRow* port = now.port(name);
  const std::string owner = port != nullptr && port->is_ours() ? port->id(ovs::kNetworkId) : std::string{};
  if (!owner.empty() && owner != network.name) {
    return fail(ErrorCode::conflict, "{}, the gateway of network {}, is that of network {} already: rename one of them",
                name, network.name, owner);
  }
  const auto device = port != nullptr ? std::nullopt : TRY(netlink_.find_link(name));
  if (device && !ovs::is_gateway(*device)) return ovs::foreign(name, "Bayplan's");
  const bool has_bridge = now.bridge(settings_.bridge) != nullptr;
  const auto bridge = has_bridge ? std::nullopt : TRY(netlink_.find_link(settings_.bridge));
  // What ovs-vswitchd itself left, when its database was emptied, it takes up again.
  if (bridge && bridge->kind != "tun" && bridge->kind != "openvswitch") {
    return ovs::foreign(settings_.bridge, "a bridge of Open vSwitch's");
  }
  return {};
}

Result<> OvsDatapath::validate(const model::Network& network) {
  TRY(ovs::check_tag(network));
  TRY(plan(network, TRY(look(ovs::Patience::ample))));
  return {};
}

Result<bool> OvsDatapath::ensure_network(const model::Network& network) {
  TRY(ovs::check_tag(network));
  const Look now = TRY(look());
  return make(network, now, TRY(plan(network, now)));
}

// One look for all. It is as good for the last as for the first, but for what was changed here meanwhile: then another.
std::vector<Result<bool>> OvsDatapath::ensure_networks(const std::vector<model::Network>& networks) {
  std::vector<Result<bool>> done;
  std::optional<Look> now;
  for (const auto& network : networks) {
    done.push_back([&]() -> Result<bool> {
      if (!now) now = TRY(look());
      const Plan what = TRY(plan(network, *now));
      auto made = make(network, *now, what);
      if (!made.ok() || *made) now.reset();
      return made;
    }());
  }
  return done;
}

Result<bool> OvsDatapath::make(const model::Network& network, const Look& look, const Plan& plan) {
  const bool is_new = look.now.port(ovs_device_name(network)) == nullptr;
  auto done = carry_out(network, plan);
  if (!done.ok() && is_new) static_cast<void>(remove_network(network.name).ok());  // the first error counts
  return std::move(done).in(fmt::format("network {}", network.name));
}

Result<bool> OvsDatapath::carry_out(const model::Network& network, const Plan& plan) {
  const bool differs = !plan.operations.empty();
  if (differs) TRY(database_.change(plan.operations));
  const bool lift = plan.uplink && !plan.uplink->is_up();
  if (lift) TRY(netlink_.change_link(plan.uplink->index, {.up = true}).in("bring up uplink " + network.uplink));
  const bool mended = TRY(mend_device(network, TRY(device(network))));
  return differs || lift || mended;
}

// The gateway's device, which ovs-vswitchd makes; again, if somebody deleted it behind its back.
Result<kernel::Link> OvsDatapath::device(const model::Network& network) {
  const std::string name = ovs_device_name(network);
  for (const bool again : {false, true}) {
    if (auto link = TRY(netlink_.find_link(name))) return *std::move(link);
    if (!again) TRY(remake_device(name));
  }
  const Snapshot now = TRY(database_.look({name}));
  const auto interface = now.interfaces.find(name);
  const bool said = interface != now.interfaces.end() && interface->second.error;
  return fail(ErrorCode::kernel, "Open vSwitch did not make {}: {}", name,
              said ? *interface->second.error : "its log (/var/log/openvswitch) says why");
}

Result<> OvsDatapath::remake_device(const std::string& name) {
  const Snapshot now = TRY(database_.look({name}));
  const PortRow* port = now.port(name);
  const auto interface = now.interfaces.find(name);
  if (port == nullptr || interface == now.interfaces.end()) return database_.change({});
  Changes away(now, settings_.bridge);
  away.drop_port(*port);
  TRY(database_.change(away.operations()));
  const Snapshot without = TRY(database_.look({name}));
  Changes back(without, settings_.bridge);
  TRY(back.want_port({.name = name,
                      .tag = port->tag,
                      .trunks = {},
                      .type = interface->second.type,
                      .mac = interface->second.mac,
                      .mtu = interface->second.mtu_request,
                      .ids = port->ids}));
  return database_.change(back.operations());
}

Result<bool> OvsDatapath::mend_device(const model::Network& network, const kernel::Link& device) {
  kernel::LinkChange change;
  const std::string alias = ovs::to_string({network.name, {}});
  if (device.alias != alias) change.alias = alias;
  change.no_ipv6_autoconf = change.alias.has_value();
  if (change.alias) TRY(netlink_.change_link(device.index, change).in(device.name));
  // The address before it comes up, so that it is never up without; then the kernel makes the route.
  const bool addressed = TRY(ensure_gateway_address(netlink_, network, device.index).in(device.name));
  if (!device.is_up()) TRY(netlink_.change_link(device.index, {.up = true}).in("bring up " + device.name));
  const bool routed = TRY(ensure_gateway_route(netlink_, network, device.index).in(device.name));
  return change.alias || addressed || routed || !device.is_up();
}

Result<std::vector<std::string>> OvsDatapath::list_networks() {
  std::set<std::string> names;
  for (const auto& link : TRY(netlink_.links())) {
    if (ovs::is_gateway(link)) names.insert(ovs::parse_alias(link.alias)->network);
  }
  const auto now = database_.look();  // whatever is wrong with it: other datapaths' listings hang on this one
  for (const auto& [name, port] : now.ok() ? now->ports : std::map<std::string, PortRow>{}) {
    if (port.is_ours() && !port.id(ovs::kNetworkId).empty()) names.insert(port.id(ovs::kNetworkId));
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Result<> OvsDatapath::remove_network(const std::string& network) {
  const auto context = fmt::format("remove network {}", network);
  auto rows = remove_rows(network);
  std::vector<int> doomed;
  for (const auto& link : TRY(netlink_.links())) {
    const auto alias = ovs::parse_alias(link.alias);
    // A gateway that outlived its row: ovs-vswitchd was not there to remove it.
    if (alias && alias->network == network && (ovs::is_port(link) || rows.ok())) doomed.push_back(link.index);
  }
  TRY(delete_links(doomed).in(context));
  return std::move(rows).in(context);
}

Result<> OvsDatapath::remove_rows(const std::string& network) {
  const Snapshot now = TRY(database_.look());
  Changes changes(now, settings_.bridge);
  std::vector<std::string> down;
  std::set<std::string> left;  // ports
  for (const auto& [name, port] : now.ports) left.insert(name);
  for (const auto& [name, port] : now.ports) {
    if (!port.is_ours() || port.id(ovs::kNetworkId) != network) continue;
    changes.drop_port(port);
    left.erase(name);
    if (!port.is(ovs::kIsGateway) || !port.tag) continue;
    const auto released = ovs::release_uplinks(changes, now, *port.tag);
    for (const auto& uplink : released.gone) left.erase(uplink);
    down.insert(down.end(), released.down.begin(), released.down.end());
  }
  const auto* bridge = now.bridge(settings_.bridge);
  if (bridge != nullptr && is_left_alone(*bridge, now, left)) changes.drop_bridge(*bridge);
  if (!changes.empty()) TRY(database_.change(changes.operations()));
  for (const auto& name : down) TRY(ovs::unless_gone(netlink_.change_link(name, {.up = false})));
  return {};
}

Result<> OvsDatapath::announce(const model::Network& network, const model::IpAddress& address,
                               const model::MacAddress& mac) {
  const auto device = TRY(netlink_.find_link(ovs_device_name(network)));
  if (!device || !ovs::is_gateway(*device)) {
    return fail(ErrorCode::not_found, "the gateway {} of network {} is not there", ovs_device_name(network),
                network.name);
  }
  // Out of the uplink, past the bridge: what came in by the gateway's port would have the bridge learn that the MAC is
  // there, and the container cut off until it sends something. On the bridge nobody needs it: an address always has the
  // same MAC, and what Open vSwitch learned of a port goes with the port.
  const auto uplink = network.uplink.empty() ? std::nullopt : TRY(netlink_.find_link(network.uplink));
  return uplink ? announcer_.announce(uplink->index, address, mac, network.vlan) : Result<>{};
}

}  // namespace bayplan::datapath
