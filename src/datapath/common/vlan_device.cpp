#include "datapath/common/vlan_device.hpp"

#include "datapath/common/names.hpp"
#include "datapath/common/ownership.hpp"

namespace bayplan::datapath {
namespace {

Result<> check_kernel(kernel::NetlinkSocket& netlink, const model::Network& network) {
  auto known = netlink.probe_vlan();
  if (known.ok() || known.error().code != ErrorCode::unsupported) return known;
  // A bridge does without an uplink; what stands on one needs it.
  const bool needs_uplink = network.datapath == model::DatapathKind::macvlan;
  return fail(ErrorCode::unsupported,
              "this kernel can't make VLAN devices, which network {} needs on its uplink {}: load the module 8021q, or "
              "leave out the {}",
              network.name, network.uplink, needs_uplink ? "tag" : "uplink");
}

}  // namespace

Result<std::optional<kernel::Link>> look_at_vlan_device(kernel::NetlinkSocket& netlink, const model::Network& network,
                                                        const kernel::Link& uplink) {
  const std::string name = vlan_device_name(network.uplink, *network.vlan);
  auto device = TRY(netlink.find_link(name));
  if (!device) {
    TRY(check_kernel(netlink, network));
    return device;
  }
  if (is_vlan_device_of(*device, uplink, network)) return device;
  return fail(ErrorCode::conflict, "{} exists and is not of network {}: remove it (ip link delete {}) or rename it",
              name, network.name, name);
}

Result<kernel::Link> make_vlan_device(kernel::NetlinkSocket& netlink, const model::Network& network,
                                      const kernel::Link& uplink, const VlanDevice& device) {
  const std::string name = vlan_device_name(network.uplink, *network.vlan);
  auto created = netlink.create_vlan({name, uplink.index, *network.vlan, device.master, kMakingGroup});
  const bool half_made = !created.ok() && created.error().code == ErrorCode::exists;
  if (!half_made) TRY(std::move(created));
  const Alias alias{network.name, device.note};
  TRY(netlink.change_link(name, {.alias = to_string(alias), .group = 0}));
  auto made = TRY(netlink.find_link(name));
  if (!made) return fail(ErrorCode::kernel, "{} went away while it was made", name);
  return *std::move(made);
}

}  // namespace bayplan::datapath
