// What of a network differs: the part of OvsDatapath that looks and changes nothing.
#include "datapath/common/gateway.hpp"
#include "datapath/ovs/names.hpp"
#include "datapath/ovs/ovs_datapath.hpp"
#include "datapath/ovs/uplink.hpp"

namespace bayplan::datapath {
namespace {

using Fault = ports::NetworkFault;
using What = ports::NetworkFault::What;

std::vector<Fault> one(Fault fault) {
  return {std::move(fault)};
}

std::string place_text(const ovs::BridgeRow* bridge) {
  return bridge == nullptr ? std::string("on no bridge") : "on bridge " + bridge->name;
}

}  // namespace

Result<std::vector<Fault>> OvsDatapath::inspect_network(const model::Network& network) {
  return inspect_networks({network}).front();
}

std::vector<Result<std::vector<Fault>>> OvsDatapath::inspect_networks(const std::vector<model::Network>& networks) {
  std::vector<Result<std::vector<Fault>>> done;
  if (networks.empty()) return done;
  const auto now = look();
  for (const auto& network : networks) {
    done.push_back(now.ok() ? faults(network, *now) : Result<std::vector<Fault>>(now.error()));
  }
  return done;
}

Result<std::vector<Fault>> OvsDatapath::faults(const model::Network& network, const Look& look) {
  const std::string name = network.vlan ? ovs_device_name(network) : network.name;
  const auto planned = plan(network, look);
  if (!planned.ok()) {
    if (!is_obstacle(planned.error())) return planned.error();
    return one({What::blocked, name, {}, planned.error().message()});
  }
  auto faults = TRY(row_faults(network, look.now, *planned));
  const auto link = TRY(netlink_.find_link(name));
  if (!link) {
    if (faults.empty() || faults.front().what != What::device) faults.push_back({What::device, name, {}, {}});
    return faults;
  }
  const std::string alias = ovs::to_string({network.name, {}});
  if (link->alias != alias) faults.push_back({What::settings, name, "alias " + link->alias, "alias " + alias});
  for (auto& fault : TRY(host_faults(netlink_, network, network.gateway, *link))) faults.push_back(std::move(fault));
  return faults;
}

// What Open vSwitch's database lacks; the bridge first, since all else is on it.
Result<std::vector<Fault>> OvsDatapath::row_faults(const model::Network& network, const ovs::Snapshot& now,
                                                   const Plan& plan) {
  std::vector<Fault> faults;
  const std::string name = ovs_device_name(network);
  const auto* bridge = now.bridge(settings_.bridge);
  const auto* port = now.port(name);
  if (bridge == nullptr) return one({What::device, settings_.bridge, {}, {}});
  if (port == nullptr) return one({What::device, name, {}, {}});
  if (port->tag != std::optional<std::int64_t>(*network.vlan)) {
    faults.push_back({What::settings, name, ovs::tag_text(port->tag), ovs::tag_text(*network.vlan)});
  }
  if (const auto* at = now.bridge_of(*port); at != bridge) {
    faults.push_back({What::settings, name, place_text(at), place_text(bridge)});
  }
  ovs::Changes way_out(now, settings_.bridge);
  if (plan.uplink) TRY(ovs::want_uplink(way_out, now, network, *plan.uplink));
  const bool connected = !plan.uplink || (way_out.empty() && plan.uplink->is_up());
  if (!connected) faults.push_back({What::uplink, settings_.bridge, {}, network.uplink});
  if (faults.empty() && !plan.operations.empty()) {
    faults.push_back({What::settings, name, "other columns in Open vSwitch's database", "those of the plan"});
  }
  return faults;
}

}  // namespace bayplan::datapath
