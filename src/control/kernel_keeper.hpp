// The reconciler's kernel side: keeps bridges, ports and packet filter as the plan wants them.
//
// Everything that touches the kernel runs on one datapath thread, in order. The public functions may be called from
// any thread but that one. What is done here is always in the plan already (intent first), so that after a crash
// `reconcile` finds and finishes it.
#pragma once

#include <atomic>
#include <set>
#include <string>
#include <vector>

#include "control/planner.hpp"
#include "control/work_queue.hpp"
#include "ports/datapath.hpp"
#include "ports/firewall.hpp"

namespace bayplan::control {

// What should be in the kernel.
struct KernelWanted {
  struct Port {
    std::string network;
    ports::PortSpec spec;
  };
  std::vector<model::Network> networks;  // those in use here
  std::vector<Port> ports;
  std::vector<ports::Publication> published;
};

// What is there.
struct KernelFound {
  std::vector<std::string> networks;
  std::vector<ports::FoundPort> ports;
};

// What to do about the difference. Ensuring a network is idempotent and always done.
struct KernelSteps {
  std::vector<std::string> remove_networks;
  std::vector<std::string> remove_ports;  // host names
  std::vector<KernelWanted::Port> mend_ports;
  std::vector<std::string> missing_ports;  // host names of running containers whose link is gone
  std::set<std::string> suspects;          // ports of nobody's, to be removed if the next pass agrees
};

KernelWanted wanted_of(const model::Plan& plan);

// Pure. A port that belongs to nothing is removed only when `suspects` of the pass before has it, too: a listing may
// be a moment older than the plan.
KernelSteps diff(const KernelWanted& wanted, const KernelFound& found, const std::set<std::string>& suspects);

// The names of an endpoint's two interfaces.
std::string host_port_name(const std::string& endpoint);
std::string peer_port_name(const std::string& endpoint);

// Takes every port and network of ours out of the kernel, on the calling thread, while no keeper runs. Goes on after a
// failure; the error tells of all of them.
Result<> remove_all_links(ports::Datapath& datapath);

class KernelKeeper {
 public:
  // All must outlive it.
  KernelKeeper(Planner& planner, ports::Datapath& datapath, ports::Firewall& firewall);

  // Checks that the network could be made here; changes nothing.
  Result<> validate(const model::Network& network);
  // The network's device, and the packet filter for all.
  Result<> ensure_network(const model::Network& network);
  // Removes the networks that nothing uses any more, and their part of the packet filter; waits for it. The trouble of
  // networks that stay is none of its caller's, and not looked for.
  Result<> remove_unused();

  Result<> add_port(const model::Network& network, const ports::PortSpec& port, const model::IpAddress& address);
  // Returns at once; ports that leave together are removed together.
  void remove_port(std::string host_name);
  Result<> ensure_firewall();
  // Returns at once; calls that come together are one run. For the time in which nothing else leads to a reconcile.
  void ensure_firewall_soon();
  // The engine has come up once: what it finds and sets up at its start is done.
  void engine_was_up() { engine_was_up_ = true; }

  // One pass over everything. True if anything had to be mended.
  Result<bool> reconcile();
  // The last pass saw ports that belong to nothing: the next one removes them if they still do.
  [[nodiscard]] bool has_suspects() const { return has_suspects_; }

 private:
  Result<KernelWanted> wanted();
  Result<KernelFound> found();
  Result<bool> reconcile_here();
  Result<bool> apply(const KernelWanted& wanted, const KernelSteps& steps);
  Result<bool> ensure_firewall_here();
  void say_missing(const std::vector<std::string>& names);
  void remove_leaving_ports();
  [[nodiscard]] ports::FirewallRules rules_of(const KernelWanted& wanted) const;

  Planner& planner_;
  ports::Datapath& datapath_;
  ports::Firewall& firewall_;
  std::set<std::string> suspects_;  // datapath thread only
  std::set<std::string> missing_;   // datapath thread only
  std::atomic<bool> has_suspects_ = false;
  std::atomic<bool> engine_was_up_ = false;
  std::atomic<bool> firewall_due_ = false;
  std::mutex leaving_mutex_;
  std::vector<std::string> leaving_;  // ports to be removed
  WorkQueue thread_{1};               // last: ends before what its jobs use
};

}  // namespace bayplan::control
