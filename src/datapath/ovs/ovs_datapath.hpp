// Networks as VLANs of one Open vSwitch bridge: containers on access ports, each network's gateway on an internal port
// `vlan<tag>`, uplinks as trunks.
//
// Holds no state of its own: what is ours, and whose it is, stands in OVSDB's external_ids and in the devices' aliases
// (names.hpp), and is read at every call. Lives in the network namespace of the thread that opened it, which must be
// that of ovs-vswitchd. One owner; a thread of its own sends the announcements that are due later.
//
// Without Open vSwitch: opening succeeds, listings are empty, everything that would make something is `unavailable`
// within its bound (switch_database.hpp). While ovsdb-server is away, hangs, may not be used or makes no sense, the
// listings are made from the kernel's devices alone, ports count as in place, and ports are removed from the kernel;
// their rows follow at the next ensure_network.
//
// Cost: add_port is two transactions and ovs-vswitchd's work (some milliseconds); ensure_network of an intact network a
// look at the whole database and one at all links, and ensure_networks of many intact ones no more than that.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "datapath/common/announcer.hpp"
#include "datapath/ovs/switch_database.hpp"
#include "linux/netlink.hpp"
#include "ports/datapath.hpp"

namespace bayplan::datapath {

enum class OvsKind { automatic, system, netdev };  // which of Open vSwitch's datapaths a bridge is made with
Result<OvsKind> parse_ovs_kind(std::string_view text);

struct OvsSettings {
  std::string socket = "/var/run/openvswitch/db.sock";
  std::string bridge = "ovs2";
  OvsKind kind = OvsKind::automatic;  // the kernel's where its module is, "netdev" (user space) where it is not
};

// The host's device that carries the network's gateway address.
std::string ovs_device_name(const model::Network& network);

class OvsDatapath final : public ports::Datapath {
 public:
  // `denied` without CAP_NET_RAW.
  static Result<std::unique_ptr<OvsDatapath>> open(
      OvsSettings settings, std::chrono::milliseconds announce_interval = std::chrono::seconds(1));

  // That what of ours is in OVSDB can be looked at. A host that has no such socket has nothing there.
  Result<> check_reachable();

  Result<> validate(const model::Network& network) override;
  Result<bool> ensure_network(const model::Network& network) override;
  std::vector<Result<bool>> ensure_networks(const std::vector<model::Network>& networks) override;
  Result<std::vector<ports::NetworkFault>> inspect_network(const model::Network& network) override;
  std::vector<Result<std::vector<ports::NetworkFault>>> inspect_networks(
      const std::vector<model::Network>& networks) override;
  Result<> remove_network(const std::string& network) override;
  Result<std::vector<std::string>> list_networks() override;
  Result<> add_port(const model::Network& network, const ports::PortSpec& port) override;
  Result<> mend_port(const model::Network& network, const ports::PortSpec& port) override;
  Result<> remove_ports(const std::vector<std::string>& host_names) override;
  // Asks the database only where some are.
  Result<std::vector<std::string>> remove_own_ports(const std::vector<std::string>& host_names) override;
  Result<std::vector<ports::FoundPort>> list_ports() override;
  Result<> announce(const model::Network& network, const model::IpAddress& address,
                    const model::MacAddress& mac) override;

 private:
  struct Look {  // what is there, at one moment
    ovs::Snapshot now;
    std::set<std::string> links;  // the host's, by name
  };
  struct Plan {  // what ensure_network would do
    std::optional<kernel::Link> uplink;
    boost::json::array operations;
  };
  OvsDatapath(OvsSettings settings, kernel::NetlinkSocket netlink, kernel::GratuitousArp arp,
              std::chrono::milliseconds interval);

  Result<Look> look(ovs::Patience patience = ovs::Patience::brief);
  Result<Plan> plan(const model::Network& network, const Look& look);
  Result<std::vector<ports::NetworkFault>> faults(const model::Network& network, const Look& look);
  Result<std::vector<ports::NetworkFault>> row_faults(const model::Network& network, const ovs::Snapshot& now,
                                                      const Plan& plan);
  Result<> refuse_foreign_devices(const model::Network& network, const ovs::Snapshot& now);
  [[nodiscard]] Result<std::string> datapath_type() const;
  Result<bool> make(const model::Network& network, const Look& look, const Plan& plan);
  Result<bool> carry_out(const model::Network& network, const Plan& plan);
  Result<kernel::Link> device(const model::Network& network);
  Result<> remake_device(const std::string& name);
  Result<bool> mend_device(const model::Network& network, const kernel::Link& device);

  Result<kernel::Link> device_of(const model::Network& network, const ovs::Snapshot& now);
  Result<> make_veth(const model::Network& network, const ports::PortSpec& port, const kernel::Link& device);
  Result<> connect(const model::Network& network, const ports::PortSpec& port, const ovs::Snapshot& now);
  Result<> clear_names(const ports::PortSpec& port);
  Result<> delete_links(const std::vector<int>& indices);
  Result<> drop_rows(const std::vector<std::string>& names);
  Result<> remove_rows(const std::string& network);

  OvsSettings settings_;
  ovs::SwitchDatabase database_;
  kernel::NetlinkSocket netlink_;
  Announcer announcer_;
};

}  // namespace bayplan::datapath
