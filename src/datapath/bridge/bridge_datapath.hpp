// Networks as Linux bridges, containers' connections as veth pairs: the datapath that needs nothing installed.
//
// Holds no state of its own: what is ours, and whose it is, stands in the devices' names and aliases (names.hpp), and
// is read from the kernel at every call. Lives in the network namespace of the thread that opened it. One owner; a
// thread of its own sends the announcements that are due later and ends with the object.
//
// Cost: add_port is five short requests to the kernel, ensure_network of an intact network two lookups and a listing of
// addresses; remove_ports waits once (about 20 ms) for any number of ports.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datapath/common/announcer.hpp"
#include "linux/netlink.hpp"
#include "ports/datapath.hpp"

namespace bayplan::datapath {

class Uplink;

class BridgeDatapath final : public ports::Datapath {
 public:
  // `denied` without CAP_NET_RAW; without CAP_NET_ADMIN every call that changes something is.
  static Result<std::unique_ptr<BridgeDatapath>> open(
      std::chrono::milliseconds announce_interval = std::chrono::seconds(1));

  Result<> validate(const model::Network& network) override;
  Result<bool> ensure_network(const model::Network& network) override;
  Result<std::vector<ports::NetworkFault>> inspect_network(const model::Network& network) override;
  Result<> remove_network(const std::string& network) override;
  Result<std::vector<std::string>> list_networks() override;
  Result<> add_port(const model::Network& network, const ports::PortSpec& port) override;
  Result<> mend_port(const model::Network& network, const ports::PortSpec& port) override;
  Result<> remove_ports(const std::vector<std::string>& host_names) override;
  Result<std::vector<ports::FoundPort>> list_ports() override;
  Result<> announce(const model::Network& network, const model::IpAddress& address,
                    const model::MacAddress& mac) override;

 private:
  BridgeDatapath(kernel::NetlinkSocket netlink, kernel::GratuitousArp arp, std::chrono::milliseconds interval);

  Result<std::optional<kernel::Link>> find_bridge(const model::Network& network);
  Result<kernel::Link> bridge_of(const model::Network& network);
  Result<kernel::Link> create_bridge(const model::Network& network, const Uplink& uplink);
  Result<bool> mend_bridge(const model::Network& network, const kernel::Link& bridge, Uplink& uplink);
  Result<> clear_names(const ports::PortSpec& port);

  kernel::NetlinkSocket netlink_;
  Announcer announcer_;
};

}  // namespace bayplan::datapath
