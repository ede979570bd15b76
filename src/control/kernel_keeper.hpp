// The reconciler's kernel side: keeps bridges, ports and packet filter as the plan wants them.
//
// Everything that touches the kernel runs on one datapath thread, in order. The public functions may be called from
// any thread but that one. What is done here is always in the plan already (intent first), so that after a crash
// `reconcile` finds and finishes it. What a pass leads to is a pure function (control/kernel_wanted.hpp).
#pragma once

#include <atomic>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "control/check.hpp"
#include "control/inside_keeper.hpp"
#include "control/kernel_wanted.hpp"
#include "control/planner.hpp"
#include "control/work_queue.hpp"
#include "ports/datapath.hpp"
#include "ports/firewall.hpp"

namespace bayplan::control {

// Takes every port and network of ours out of the kernel, on the calling thread, while no keeper runs. Goes on after a
// failure; the error tells of all of them.
Result<> remove_all_links(ports::Datapath& datapath);

class KernelKeeper {
 public:
  // All must outlive it.
  struct Ports {
    ports::Datapath& datapath;
    ports::Firewall& firewall;
    ports::Namespaces& namespaces;
  };
  KernelKeeper(Planner& planner, const Ports& ports, const Clock& clock);

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

  // An attached interface is about to be in the plan, and `attach_port` will be called: until it is expected no more,
  // no pass makes it.
  void expect_port(const std::string& host_name);
  void expect_no_port(const std::string& host_name);
  // The engine is about to take a port of its own away: from here on nothing is changed inside. Waits for what is just
  // being done there. `remove_port` ends it.
  void hands_off(const std::string& host_name);
  // An attached interface, whatever is there of it; its address is announced. On failure nothing of it is left.
  // `conflict` when the plan has it no more.
  Result<> attach_port(const KernelWanted::Port& port);
  // Waits for it.
  Result<> detach_port(const std::string& host_name);
  // As ports::Namespaces'.
  Result<> check_namespace(const std::string& netns);
  Result<std::vector<std::string>> interfaces_in(const std::string& netns);
  // Something changed inside these namespaces (paths): what is attached there is looked at. Returns at once; calls that
  // come together are one look.
  void look_inside(const std::set<std::string>& netns);
  // Somebody's engine has been told to go ahead in there: it is looked at as soon as that is sure to be over.
  void look_inside_later(const std::string& netns);
  // All that is attached is looked at, one after another, other work between them. Returns at once.
  void look_inside_all();
  // When an interface that somebody keeps changing, or that is new, is to be looked at.
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> next_look() const;
  [[nodiscard]] std::vector<RepairCount> repair_counts() const { return counts_.all(); }

  Result<> ensure_firewall();
  // Returns at once; calls that come together are one run. For the time in which nothing else leads to a reconcile.
  void ensure_firewall_soon();
  // The engine has come up once: what it finds and sets up at its start is done.
  void engine_was_up() { engine_was_up_ = true; }

  // What is there and what of it differs, for `bayplan check`; changes nothing. With a network, only that one's devices
  // and interfaces are looked into. What is attached is looked at in portions, other work between them.
  KernelLook look(const CheckScope& scope);
  // As `look_inside_all`, but waits for it. What could not be mended is logged; an error means that the plan could not
  // be read.
  Result<> keep_inside_all();

  // One pass over everything. True if anything had to be mended.
  Result<bool> reconcile();
  // The last pass saw ports that belong to nothing: the next one removes them if they still do.
  [[nodiscard]] bool has_suspects() const { return has_suspects_; }

 private:
  Result<KernelWanted> wanted();
  Result<KernelFound> found();
  Result<bool> reconcile_here();
  KernelLook look_here(const CheckScope& scope);
  void look_into_networks(KernelLook& look, const CheckScope& scope);
  std::vector<ports::Drift> drifts_of(const KernelWanted::Port& port, KernelLook& look);
  Result<bool> apply(const KernelWanted& wanted, const KernelSteps& steps);
  Result<bool> ensure_firewall_here();
  void announce(const model::Network& network, const model::IpAddress& address, const model::MacAddress& mac);
  Result<bool> is_still_wanted(const KernelWanted::Port& port);
  // True if it had to be mended.
  Result<bool> make_attached(const KernelWanted::Port& port);
  Result<bool> settle(const KernelWanted::Port& port, InsideKeeper::Fate fate);
  Result<std::vector<KernelWanted::Port>> kept_ports(const std::function<bool(const model::Attachment&)>& is_meant);
  Result<std::vector<KernelWanted::Port>> attached_in(const std::set<std::string>& netns);
  void keep_inside(const KernelWanted::Port& port);
  void look_at_pending();
  void look_inside_due();
  void look_again_at_the_young(const std::set<std::string>& netns);
  void forget_all_but(const KernelWanted& wanted);
  void look_at_next();
  void note_next_look();
  [[nodiscard]] bool is_expected(const std::string& host_name) const;
  void say_missing(const std::vector<std::string>& names);
  void remove_leaving_ports();
  [[nodiscard]] ports::FirewallRules rules_of(const KernelWanted& wanted) const;

  Planner& planner_;
  ports::Datapath& datapath_;
  ports::Firewall& firewall_;
  ports::Namespaces& namespaces_;
  const Clock& clock_;
  RepairCounts counts_;
  InsideKeeper inside_;
  std::set<std::string> suspects_;   // datapath thread only
  std::set<std::string> missing_;    // datapath thread only
  std::set<std::string> differing_;  // datapath thread only: ports that are only reported
  std::atomic<bool> has_suspects_ = false;
  std::atomic<bool> engine_was_up_ = false;
  std::atomic<bool> firewall_due_ = false;
  std::deque<std::string> round_;  // datapath thread only: endpoints still to be looked at
  std::mutex leaving_mutex_;
  std::vector<std::string> leaving_;  // ports to be removed
  std::mutex hands_on_mutex_;         // held while something is put right inside what the engine made
  mutable std::mutex pending_mutex_;
  std::set<std::string> pending_;                                       // namespaces in which something changed
  std::set<std::string> expected_;                                      // host names
  std::set<std::string> handed_back_;                                   // host names: the engine takes them away
  std::map<std::string, std::chrono::steady_clock::time_point> later_;  // namespaces, and from when on to look at them
  std::optional<std::chrono::steady_clock::time_point> next_look_;
  WorkQueue thread_{1};  // last: ends before what its jobs use
};

}  // namespace bayplan::control
