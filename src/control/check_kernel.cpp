// The plan against the kernel's devices, ports and packet filter.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "control/check.hpp"

namespace bayplan::control {
namespace {

using enum FindingKind;
using Port = KernelWanted::Port;

FindingKind kind_of(ports::NetworkFault::What what) {
  using enum ports::NetworkFault::What;
  switch (what) {
    case device:
      return network_device_missing;
    case settings:
      return network_device_differs;
    case down:
      return network_device_down;
    case gateway:
      return network_gateway_missing;
    case route:
      return network_route_missing;
    case uplink:
      return network_uplink_missing;
    case blocked:
      return network_blocked;
  }
  return network_device_differs;
}

std::string sentence(const std::string& network, const ports::NetworkFault& fault) {
  using enum ports::NetworkFault::What;
  switch (fault.what) {
    case device:
      return fmt::format("the device {} of network {} is not there", fault.device, network);
    case settings:
      return fmt::format("{} of network {} has {}, not {}", fault.device, network, fault.found, fault.wanted);
    case down:
      return fmt::format("{} of network {} is down", fault.device, network);
    case gateway:
      return fmt::format("{} of network {} lacks the gateway's address {}", fault.device, network, fault.wanted);
    case route:
      return fmt::format("the route of {} does not lead to {} of network {}{}", fault.wanted, fault.device, network,
                         fault.found.empty() ? "" : " as it should (" + fault.found + ")");
    case uplink:
      return fmt::format("the uplink {} of network {} is not connected to {}", fault.wanted, network, fault.device);
    case blocked:
      return fault.wanted;
  }
  return {};
}

std::string drift_sentence(const Port& port, ports::Drift drift) {
  const std::string what = [&]() -> std::string {
    using enum ports::Drift;
    switch (drift) {
      case link:
        return "is not there";
      case name:
        return "was renamed";
      case mac:
        return "has another MAC than " + port.spec.mac.to_string();
      case down:
        return "is down";
      case address:
        return "lacks its address " + port.address.to_string();
      case foreign_address:
        return "has an address that is not its own";
      case route:
        return "lacks a route";
    }
    return "differs";
  }();
  return fmt::format("the interface {} of '{}' on {} {} (in {})", port.inside->interface, port.spec.identity,
                     port.network, what, port.inside->netns);
}

class KernelCheck {
 public:
  KernelCheck(const KernelLook& look, const CheckScope& scope) : look_(look), scope_(scope) {}

  std::vector<Finding> run() {
    const KernelSteps steps = diff(look_.wanted, look_.found, {});
    for (const std::string& name : steps.remove_networks) say_left_over(name);
    for (const auto& [network, faults] : look_.faults) {
      for (const auto& fault : faults) say(network, fault);
    }
    look_at_ports(steps);
    for (const KernelLook::Inside& inside : look_.inside) {
      for (const ports::Drift drift : inside.drifts) say(inside.port, drift);
    }
    if (!scope_) say_firewall();
    return std::move(findings_);
  }

 private:
  [[nodiscard]] bool in_scope(const std::string& network) const { return !scope_ || *scope_ == network; }

  void say_left_over(const std::string& name) {
    if (!in_scope(name)) return;
    findings_.push_back({network_left_over,
                         name,
                         {},
                         {},
                         {},
                         "there",
                         "nothing",
                         fmt::format("this host still has devices of the network {}, which nothing uses here", name)});
  }

  void say(const std::string& network, const ports::NetworkFault& fault) {
    if (!in_scope(network)) return;
    findings_.push_back(
        {kind_of(fault.what), network, {}, {}, fault.device, fault.found, fault.wanted, sentence(network, fault)});
  }

  void look_at_ports(const KernelSteps& steps) {
    std::unordered_map<std::string, const Port*> wanted;
    for (const Port& port : look_.wanted.ports) wanted[port.spec.host_name] = &port;
    std::unordered_map<std::string, const ports::FoundPort*> found;
    for (const ports::FoundPort& port : look_.found.ports) found[port.host_name] = &port;
    for (const Port& port : steps.mend_ports) say_wrong(port, *found.at(port.spec.host_name));
    for (const Port& port : steps.make_ports) say_missing(port);
    for (const std::string& name : steps.missing_ports) say_missing(*wanted.at(name));
    for (const std::string& name : steps.suspects) say_orphan(*found.at(name));
  }

  void say_wrong(const Port& port, const ports::FoundPort& found) {
    const std::string& name = port.spec.host_name;
    const std::string who = fmt::format("the port {} of '{}' on {}", name, port.spec.identity, port.network);
    if (found.network != port.network || !is_alias_of(found.identity, port.spec.identity)) {
      add(port_alias_differs, port, fmt::format("{} {}", found.network, found.identity),
          fmt::format("{} {}", port.network, port.spec.identity),
          fmt::format("{} says that it is '{}' of {}", who, found.identity, found.network));
    } else if (!found.up) {
      add(port_down, port, "down", "up", who + " is down");
    } else if (!found.place.empty()) {
      add(port_misplaced, port, found.place, found.wanted_place,
          fmt::format("{} is not where it belongs: {} instead of {}", who, found.place, found.wanted_place));
    } else {
      add(port_misplaced, port, "elsewhere", port.network, who + " is not on its network's bridge");
    }
  }

  void say_missing(const Port& port) {
    const std::string what =
        port.inside ? "" : fmt::format(": restart the container (docker restart {})", port.spec.identity);
    add(port_missing, port, "missing", port.network,
        fmt::format("the port {} of '{}' on {} is not there{}", port.spec.host_name, port.spec.identity, port.network,
                    what));
  }

  void say_orphan(const ports::FoundPort& port) {
    if (!in_scope(port.network)) return;
    findings_.push_back({port_left_over,
                         port.network,
                         port.identity,
                         {},
                         port.host_name,
                         "there",
                         "nothing",
                         fmt::format("the port {} on {} belongs to nothing in the plan", port.host_name,
                                     port.network.empty() ? "this host" : port.network)});
  }

  void say(const Port& port, ports::Drift drift) {
    if (!in_scope(port.network)) return;
    const auto what = ports::to_string(drift);
    findings_.push_back({interface_differs, port.network, port.spec.identity, port.address.to_string(),
                         fmt::format("{} {}", port.inside->interface, what), std::string(what), "as planned",
                         drift_sentence(port, drift)});
  }

  void say_firewall() {
    for (const std::string& what : look_.firewall) {
      findings_.push_back({firewall_differs,
                           {},
                           {},
                           {},
                           what,
                           "changed",
                           "as planned",
                           fmt::format("{} is not as the plan wants it: somebody changed or flushed it", what)});
    }
  }

  void add(FindingKind kind, const Port& port, std::string found, std::string wanted, std::string message) {
    if (!in_scope(port.network)) return;
    findings_.push_back({kind, port.network, port.spec.identity, port.address.to_string(), port.spec.host_name,
                         std::move(found), std::move(wanted), std::move(message)});
  }

  const KernelLook& look_;
  const CheckScope& scope_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check_kernel(const KernelLook& look, const CheckScope& scope) {
  return KernelCheck(look, scope).run();
}

}  // namespace bayplan::control
