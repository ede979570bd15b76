// The packet filter's part of a network: egress by NAT, no routing between networks, published ports.
//
// Called by the datapath thread only. The rules stand in tables of our own, replaced as a whole in one kernel
// transaction, so that no packet meets half a rule set and nothing of anybody else's is touched. The one exception is
// what Docker's FORWARD policy makes necessary: our rules in its DOCKER-USER chain.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/records.hpp"

namespace bayplan::ports {

// A published port and whose it is.
struct Publication {
  std::string network;
  model::IpAddress address;  // the container's
  model::PublishedPort port;
  friend bool operator==(const Publication&, const Publication&) = default;
};

// Everything that should stand.
struct FirewallRules {
  std::vector<model::Network> networks;
  std::vector<Publication> published;
  // The host's forwarding may be turned on. Not before the engine has come up: Docker closes the FORWARD chain (policy
  // DROP) only where it is the one that turns forwarding on (moby libnetwork, drivers/bridge/setup_ip_forwarding.go).
  bool may_forward = false;
};

class Firewall {
 public:
  virtual ~Firewall() = default;
  // Makes the kernel's rules those, if they are not already (somebody may have flushed them). True if anything had to
  // be changed. Without networks nothing of ours is left.
  virtual Result<bool> ensure(const FirewallRules& rules) = 0;
  // What `ensure` would change, each as a few words ("the table ip bayplan"); empty: nothing. Changes nothing.
  virtual Result<std::vector<std::string>> differences(const FirewallRules& rules) = 0;
};

}  // namespace bayplan::ports
