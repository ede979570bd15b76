// The Firewall on nftables: one table of our own, what Docker makes necessary, and three kernel settings.
//
// Remembers nothing: a table that stands carries two checksums, of the rules it was made from and of its listing right
// after, as the name of an empty chain. So a rule that somebody took away is noticed, a restart of the daemon changes
// nothing, and a new libnftables that prints the same rules otherwise costs one replacement.
//
// Kernel settings: net.ipv4.ip_forward is turned on when there is a network and the engine has come up (as Docker does;
// it is left on, for nobody knows who else came to need it); route_localnet of a network's device is on while a port of
// it is published, so that the host reaches it at 127.0.0.1, and off otherwise.
//
// Lives in the network namespace of the thread that opened it, which must also be the thread that calls it. Cost of an
// intact set: a listing of the table and of the links, and one run of iptables (a few milliseconds).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "datapath/firewall/ruleset.hpp"
#include "linux/netlink.hpp"
#include "linux/nftables.hpp"
#include "ports/firewall.hpp"

namespace bayplan::datapath {

class NftFirewall final : public ports::Firewall {
 public:
  static Result<std::unique_ptr<NftFirewall>> open(GatewayDevice device_of);

  Result<bool> ensure(const ports::FirewallRules& rules) override;
  Result<std::vector<std::string>> differences(const ports::FirewallRules& rules) override;

 private:
  NftFirewall(GatewayDevice device_of, kernel::Nftables nftables, kernel::NetlinkSocket netlink);

  Result<bool> remove();
  Result<bool> ensure_table(const ports::FirewallRules& rules);
  Result<bool> ensure_localnet(const ports::FirewallRules& rules);
  Result<std::vector<std::string>> lan_bridges();
  [[nodiscard]] std::vector<std::string> devices_of(const ports::FirewallRules& rules) const;
  Result<bool> table_is_right(const std::string& wanted);
  Result<std::vector<std::string>> settings_that_differ(const ports::FirewallRules& rules) const;

  GatewayDevice device_of_;
  kernel::Nftables nftables_;
  kernel::NetlinkSocket netlink_;
};

}  // namespace bayplan::datapath
