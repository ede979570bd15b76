// What of the plan is not so: compares it with what Docker and the kernel say. Pure; mirrors the rules of engine_sync
// and kernel_wanted, so that a world that these have nothing to do in has no findings.
//
// Costs some microseconds a reservation. Findings of a single look may be of something that is just going on, as a
// container's start: only what a second look finds, too, is one (checker.hpp).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/check_request.hpp"
#include "control/engine_facts.hpp"
#include "control/kernel_wanted.hpp"

namespace bayplan::control {

// What Docker says.
struct EngineLook {
  EngineFacts facts;
  std::vector<ports::EngineNetworkInfo> networks;
};

// What the kernel says, and what was wanted of it at that moment. A part that could not be looked at has an error.
struct KernelLook {
  struct Inside {
    KernelWanted::Port port;
    std::vector<ports::Drift> drifts;
  };
  KernelWanted wanted;
  KernelFound found;
  std::map<std::string, std::vector<ports::NetworkFault>> faults;  // by network
  std::vector<Inside> inside;                                      // attached ones that differ
  std::vector<std::string> firewall;                               // what of the packet filter differs
  std::vector<Unchecked> unchecked;
};

// Only this network's findings; none: all.
using CheckScope = std::optional<std::string>;

std::vector<Finding> check_engine(const model::Plan& plan, const EngineLook& look, const CheckScope& scope,
                                  Timestamp now);
std::vector<Finding> check_kernel(const KernelLook& look, const CheckScope& scope);

// Those of `now` that are in `before`, too.
std::vector<Finding> confirmed(const std::vector<Finding>& before, std::vector<Finding> now);
// Those of `before` that are not in `now` any more, and behind them all of `now`. They are repaired if the second look
// saw all: what could not be looked at again is not.
std::vector<Finding> after_repair(std::vector<Finding> before, std::vector<Finding> now, bool saw_all);

}  // namespace bayplan::control
