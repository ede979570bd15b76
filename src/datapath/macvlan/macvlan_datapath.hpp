// Networks right on the wire: containers' interfaces are macvlan devices (bridge mode) on the network's uplink or,
// where the network has a VLAN tag, on an 802.1Q device on it. The host takes part with a device of its own, the shim
// (shim.hpp). The network's gateway is a router on the wire, unless the host's own address there is the gateway's.
//
// Holds no state of its own: what is ours, and whose it is, stands in the devices' names and aliases, and is read from
// the kernel at every call (inventory.hpp). Lives in the network namespace of the thread that opened it. One owner; a
// thread of its own sends the announcements that are due later and ends with the object.
//
// Cost: beside a few short requests to the kernel, some calls look into every namespace that has a number here
// (inventory.hpp). list_ports and remove_network list them all, and so do ensure_network and inspect_network where the
// host goes by its parent's address; add_port of one that is not there yet, mend_port, and the removal of one that is
// not on the host look for its name. Where no network of the host is of this kind none is needed for listing and
// removing. Deleting waits for RCU (about 20 ms): once for all that is on the host, else once a link.
//
// A port has no end that stays on the host: FoundPort::out_of_reach. Errors beside ports::Datapath's: `invalid` for a
// network without an uplink, or one on which no macvlan can stand.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "datapath/common/announcer.hpp"
#include "datapath/macvlan/inventory.hpp"
#include "linux/netlink.hpp"
#include "ports/datapath.hpp"

namespace bayplan::datapath {

class MacvlanPort;
class Parent;

class MacvlanDatapath final : public ports::Datapath {
 public:
  // `denied` without CAP_NET_RAW; without CAP_NET_ADMIN every call that changes something is.
  static Result<std::unique_ptr<MacvlanDatapath>> open(
      std::chrono::milliseconds announce_interval = std::chrono::seconds(1));

  Result<> validate(const model::Network& network) override;
  Result<bool> ensure_network(const model::Network& network) override;
  Result<std::vector<ports::NetworkFault>> inspect_network(const model::Network& network) override;
  Result<> remove_network(const std::string& network) override;
  Result<std::vector<std::string>> list_networks() override;
  Result<> add_port(const model::Network& network, const ports::PortSpec& port) override;
  Result<> mend_port(const model::Network& network, const ports::PortSpec& port) override;
  Result<> remove_ports(const std::vector<std::string>& host_names) override;
  Result<std::vector<std::string>> remove_own_ports(const std::vector<std::string>& host_names) override;
  Result<std::vector<ports::FoundPort>> list_ports() override;
  Result<> announce(const model::Network& network, const model::IpAddress& address,
                    const model::MacAddress& mac) override;

 private:
  MacvlanDatapath(kernel::NetlinkSocket netlink, kernel::GratuitousArp arp, std::chrono::milliseconds interval);

  Result<std::vector<PlacedPort>> routed_ports(const model::Network& network, const Parent& parent);
  Result<> create(const MacvlanPort& macvlan, const ports::PortSpec& port);
  Result<> refuse_foreign(const std::string& host_name);
  Result<> delete_ports(const std::vector<PlacedPort>& ports);

  kernel::NetlinkSocket netlink_;
  Announcer announcer_;
};

}  // namespace bayplan::datapath
