// Containers' ports: the part of OvsDatapath that makes, mends, lists and removes them.
#include <algorithm>

#include "datapath/common/veth_port.hpp"
#include "datapath/ovs/errors.hpp"
#include "datapath/ovs/names.hpp"
#include "datapath/ovs/ovs_datapath.hpp"

namespace bayplan::datapath {

using ovs::Changes;
using ovs::PortRow;
using ovs::Snapshot;

namespace {

struct Place {  // for people; both empty: it is where it belongs
  std::string found;
  std::string wanted;
};

class Places {
 public:
  Places(const Snapshot& now, const std::string& bridge) : now_(now), bridge_(bridge) {
    for (const auto& [name, port] : now.ports) {
      if (port.is(ovs::kIsGateway)) gateways_[port.id(ovs::kNetworkId)] = name;
    }
  }
  [[nodiscard]] Place of(const std::string& host_name, const std::string& network) const {
    const PortRow* port = now_.port(host_name);
    const auto* bridge = port == nullptr ? nullptr : now_.bridge_of(*port);
    if (bridge == nullptr) return {"no bridge", "bridge " + bridge_};
    if (bridge->name != bridge_) return {"bridge " + bridge->name, "bridge " + bridge_};
    if (port->vlan_mode) return {"VLAN mode " + *port->vlan_mode, wanted(network)};
    if (!port->trunks.empty()) return {fmt::format("trunks {}", fmt::join(port->trunks, " ")), wanted(network)};
    if (!port->tag || fmt::format("vlan{}", *port->tag) != gateway(network)) {
      return {ovs::tag_text(port->tag), wanted(network)};
    }
    if (const auto named = port->id(ovs::kNetworkId); named != network) {
      return {fmt::format("external_ids of {}", named.empty() ? "no network" : named), "external_ids of " + network};
    }
    return {};
  }

 private:
  // By its name and not by its own tag, which somebody may have changed.
  [[nodiscard]] std::string gateway(const std::string& network) const {
    const auto at = gateways_.find(network);
    return at == gateways_.end() ? std::string{} : at->second;
  }
  [[nodiscard]] std::string wanted(const std::string& network) const {
    const std::string name = gateway(network);
    return name.empty() ? "the tag of " + network : "tag " + name.substr(std::string_view("vlan").size());
  }

  const Snapshot& now_;
  const std::string& bridge_;
  std::map<std::string, std::string> gateways_;  // of networks, by name
};

}  // namespace

Result<kernel::Link> OvsDatapath::device_of(const model::Network& network, const Snapshot& now) {
  const std::string name = ovs_device_name(network);
  const PortRow* port = now.port(name);
  auto link = TRY(netlink_.find_link(name));
  if (port == nullptr || !link) {
    return fail(ErrorCode::not_found, "the gateway {} of network {} is not there", name, network.name);
  }
  return *std::move(link);
}

Result<> OvsDatapath::add_port(const model::Network& network, const ports::PortSpec& port) {
  TRY(ovs::check_tag(network));
  const Snapshot now = TRY(database_.look({ovs_device_name(network), port.host_name}, ovs::Patience::ample));
  const auto device = TRY(device_of(network, now));
  TRY(make_veth(network, port, device));
  auto connected = connect(network, port, now);
  if (!connected.ok()) static_cast<void>(remove_ports({port.host_name}).ok());  // the first error counts
  return connected;
}

Result<> OvsDatapath::make_veth(const model::Network& network, const ports::PortSpec& port,
                                const kernel::Link& device) {
  const auto veth = TRY(VethPort::of(port));
  auto created = veth.create(netlink_, 0, device.mtu);
  if (!created.ok() && created.error().code == ErrorCode::exists) {
    const auto link = TRY(netlink_.find_link(port.host_name));
    if (link && ovs::is_port(*link) && TRY(veth.is_intact(netlink_, *link, device.mtu))) return {};
    TRY(clear_names(port));
    created = veth.create(netlink_, 0, device.mtu);
  }
  TRY(std::move(created));
  const std::string alias = ovs::to_string({network.name, port.identity});
  auto named = netlink_.change_link(port.host_name, {.alias = alias, .no_ipv6_autoconf = true});
  if (!named.ok()) static_cast<void>(remove_ports({port.host_name}).ok());  // the first error counts
  return named;
}

// The link up and with its alias, its row in OVSDB, and ovs-vswitchd has taken it.
Result<> OvsDatapath::connect(const model::Network& network, const ports::PortSpec& port, const Snapshot& now) {
  const auto link = TRY(netlink_.find_link(port.host_name));
  if (!link) return fail(ErrorCode::not_found, "the port {} of network {} is gone", port.host_name, network.name);
  kernel::LinkChange change;
  const std::string alias = ovs::to_string({network.name, port.identity});
  if (link->alias != alias) change.alias = alias;
  if (!link->is_up()) change.up = true;
  if (change.alias || change.up) TRY(netlink_.change_link(link->index, change).in("port " + port.host_name));
  ovs::WantedPort wanted;
  wanted.name = port.host_name;
  wanted.tag = *network.vlan;
  wanted.ids = {{ovs::kMark, ovs::kIsPort}, {ovs::kNetworkId, network.name}};
  if (!port.identity.empty()) wanted.ids[ovs::kIdentityId] = port.identity;
  Changes changes(now, settings_.bridge);
  TRY(changes.want_port(wanted));
  if (changes.empty()) return {};
  TRY(database_.change(changes.operations()));
  const Snapshot after = TRY(database_.look({port.host_name}));
  const auto interface = after.interfaces.find(port.host_name);
  if (interface == after.interfaces.end() || !interface->second.error) return {};
  return fail(ErrorCode::kernel, "Open vSwitch can't take the port {}: {}", port.host_name, *interface->second.error);
}

// What has one of the port's two names goes, if it is ours: a port, or the container's end of one.
Result<> OvsDatapath::clear_names(const ports::PortSpec& port) {
  TRY(remove_ports({port.host_name}));
  if (!port.netns.empty()) return {};
  const auto peer = TRY(netlink_.find_link(port.peer_name));
  if (!peer) return {};
  const auto links = TRY(netlink_.links());
  const auto other = std::ranges::find_if(links, [&](const kernel::Link& link) {
    return ovs::is_port(link) && !link.lower_elsewhere && link.lower == peer->index;
  });
  if (other == links.end()) return ovs::foreign(port.peer_name, "Bayplan's");
  return remove_ports({other->name});
}

Result<> OvsDatapath::mend_port(const model::Network& network, const ports::PortSpec& port) {
  TRY(ovs::check_tag(network));
  const auto link = TRY(netlink_.find_link(port.host_name));
  if (!link) return fail(ErrorCode::not_found, "the port {} of network {} is gone", port.host_name, network.name);
  if (!ovs::is_port(*link)) return ovs::foreign(port.host_name, "a port of Bayplan's");
  const Snapshot now = TRY(database_.look({ovs_device_name(network), port.host_name}));
  TRY(device_of(network, now));
  return connect(network, port, now).in(fmt::format("mend port {}", port.host_name));
}

Result<> OvsDatapath::remove_ports(const std::vector<std::string>& host_names) {
  std::vector<int> doomed;
  std::vector<std::string> ours;
  std::optional<Error> refused;
  for (const auto& name : host_names) {
    const auto link = TRY(netlink_.find_link(name));
    if (link && ovs::is_port(*link)) doomed.push_back(link->index);
    if (link && !ovs::is_port(*link)) refused = ovs::foreign(name, "a port of Bayplan's");
    if (!link || ovs::is_port(*link)) ours.push_back(name);
  }
  auto dropped = drop_rows(ours);
  TRY(delete_links(doomed));
  // Rows that could not be dropped are dead ones from now on: ensure_network and remove_network drop those.
  if (!dropped.ok() && !ovs::is_away(dropped.error())) return dropped;
  if (refused) return *std::move(refused);
  return {};
}

Result<std::vector<std::string>> OvsDatapath::remove_own_ports(const std::vector<std::string>& host_names) {
  std::vector<std::string> own;
  std::vector<std::string> others;
  for (const auto& name : host_names) {
    const auto link = TRY(netlink_.find_link(name));
    const bool is_own = link && ovs::is_port(*link) && ovs::parse_alias(link->alias);
    (is_own ? own : others).push_back(name);
  }
  if (!own.empty()) TRY(remove_ports(own));
  return others;
}

Result<> OvsDatapath::drop_rows(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  const Snapshot now = TRY(database_.look(names));
  Changes changes(now, settings_.bridge);
  for (const auto& name : names) {
    const PortRow* port = now.port(name);
    if (port != nullptr && port->is(ovs::kIsPort)) changes.drop_port(*port);
  }
  return changes.empty() ? Result<>{} : database_.change_soon(changes.operations());
}

// One by one: a gateway that outlived ovs-vswitchd can't be deleted together with others.
Result<> OvsDatapath::delete_links(const std::vector<int>& indices) {
  for (const int index : indices) TRY(ovs::unless_gone(netlink_.delete_link(index)));
  return {};
}

Result<std::vector<ports::FoundPort>> OvsDatapath::list_ports() {
  const auto links = TRY(netlink_.links());
  const auto now = database_.look();  // whatever is wrong with it: other datapaths' listings hang on this one
  // Where it can't be told, all are in place: nobody knows better, and nothing could be mended.
  const auto places = now.ok() ? std::optional<Places>(std::in_place, *now, settings_.bridge) : std::nullopt;
  std::vector<ports::FoundPort> found;
  for (const auto& link : links) {
    const auto alias = ovs::parse_alias(link.alias);
    if (!alias || !ovs::is_port(link)) continue;
    auto place = places ? places->of(link.name, alias->network) : Place{};
    found.push_back({.host_name = link.name,
                     .network = alias->network,
                     .identity = alias->identity,
                     .in_place = link.is_up() && place.found.empty(),
                     .up = link.is_up(),
                     .place = std::move(place.found),
                     .wanted_place = std::move(place.wanted)});
  }
  return found;
}

}  // namespace bayplan::datapath
