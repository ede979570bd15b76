// A Datapath in memory that refuses what the real one refuses (tests/contract/datapath_test.cpp holds both to the
// same).
//
// Not thread-safe, like the real one; for a test that drives it from a datapath thread and looks from its own, every
// call and every look goes through one lock, so that looking is safe.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "datapath/common/names.hpp"
#include "ports/datapath.hpp"

namespace bayplan::test {

class FakeDatapath final : public ports::Datapath {
  template <typename Work>
  auto locked(Work&& work) const {
    const std::lock_guard lock(mutex_);
    return work();
  }

 public:
  struct Interface {  // a device that is not ours
    std::uint32_t mtu = 1500;
    bool has_addresses = false;
    bool in_foreign_bridge = false;
    bool can_be_uplink = true;
    std::string network;  // whose uplink it is now
  };
  struct Port {
    ports::PortSpec spec;
    std::string network;
    bool in_place = true;
    bool peer_here = true;  // false once the engine took it into a container
    unsigned made = 0;      // counts up over all ports: a port made anew has another number
    [[nodiscard]] bool is_inside(const std::string& name) const {
      return !spec.netns.empty() && spec.peer_name == name;
    }
  };
  struct Announcement {
    std::string network;
    model::IpAddress address;
    model::MacAddress mac;
  };

  // What a test arranges and looks at.
  void add_interface(const std::string& name) { add_interface(name, Interface()); }
  void add_interface(const std::string& name, Interface interface) {
    locked([&] { interfaces_[name] = interface; });
  }
  void remove_link(const std::string& name) {
    locked([&] { interfaces_.erase(name), ports_.erase(name); });
  }
  void take_peer(const std::string& peer_name) {
    locked([&] {
      for (auto& [name, port] : ports_) port.peer_here = port.peer_here && port.spec.peer_name != peer_name;
    });
  }
  void displace_port(const std::string& host_name) {
    locked([&] { ports_.at(host_name).in_place = false; });
  }
  void damage_network(const std::string& network) {
    locked([&] { networks_.at(network).damaged = true; });
  }
  // The one network namespace there is, and what is in it.
  static constexpr const char* kNetns = "/run/netns/container";
  void add_inside(const std::string& name) {
    locked([&] { foreign_inside_.insert(name); });
  }
  // As a container's root does: the other end goes, too.
  void remove_inside(const std::string& name) {
    locked([&] {
      foreign_inside_.erase(name);
      std::erase_if(ports_, [&](const auto& port) { return port.second.is_inside(name); });
    });
  }
  [[nodiscard]] bool is_inside(const std::string& name) const {
    return locked([&] {
      return foreign_inside_.contains(name) ||
             std::ranges::any_of(ports_, [&](const auto& port) { return port.second.is_inside(name); });
    });
  }
  [[nodiscard]] bool has_namespace(const std::string& netns) const {
    return locked([&] { return namespaces_.contains(netns); });
  }
  [[nodiscard]] std::vector<std::string> names_inside(const std::string& netns) const {
    return locked([&] {
      std::vector<std::string> names(foreign_inside_.begin(), foreign_inside_.end());
      for (const auto& [name, port] : ports_) {
        if (port.spec.netns == netns) names.push_back(port.spec.peer_name);
      }
      return names;
    });
  }
  // Which network namespaces there are; at first only kNetns.
  void set_namespaces(std::set<std::string> paths) {
    locked([&] {
      namespaces_ = std::move(paths);
      std::erase_if(ports_, [&](const auto& port) {
        return !port.second.spec.netns.empty() && !namespaces_.contains(port.second.spec.netns);
      });
    });
  }
  // The next `count` calls that would change something fail with this and change nothing.
  void fail_next(Error error, unsigned count = 1) {
    locked([&] { failure_ = std::move(error), failures_ = count; });
  }
  [[nodiscard]] std::map<std::string, Port> ports() const {
    return locked([&] { return ports_; });
  }
  [[nodiscard]] std::map<std::string, Interface> interfaces() const {
    return locked([&] { return interfaces_; });
  }
  [[nodiscard]] std::vector<Announcement> announcements() const {
    return locked([&] { return announcements_; });
  }
  // Calls that really changed something.
  [[nodiscard]] unsigned changes() const {
    return locked([&] { return changes_; });
  }

  Result<> validate(const model::Network& network) override {
    return locked([&] { return check(network); });
  }
  Result<bool> ensure_network(const model::Network& network) override {
    return locked([&] { return ensure(network); });
  }
  Result<std::vector<ports::NetworkFault>> inspect_network(const model::Network& network) override {
    return locked([&] { return inspect(network); });
  }
  Result<> remove_network(const std::string& network) override {
    return locked([&] { return remove(network); });
  }
  Result<std::vector<std::string>> list_networks() override {
    return locked([&]() -> Result<std::vector<std::string>> {
      std::vector<std::string> names;
      for (const auto& [name, made] : networks_) names.push_back(name);
      return names;
    });
  }
  Result<> add_port(const model::Network& network, const ports::PortSpec& port) override {
    return locked([&] { return add(network, port); });
  }
  Result<> mend_port(const model::Network& network, const ports::PortSpec& port) override {
    return locked([&] { return mend(network, port); });
  }
  Result<> remove_ports(const std::vector<std::string>& host_names) override {
    return locked([&] { return remove_all(host_names); });
  }
  Result<std::vector<ports::FoundPort>> list_ports() override {
    return locked([&]() -> Result<std::vector<ports::FoundPort>> {
      std::vector<ports::FoundPort> found;
      for (const auto& [name, port] : ports_) found.push_back({name, port.network, port.spec.identity, port.in_place});
      return found;
    });
  }
  Result<> announce(const model::Network& network, const model::IpAddress& address,
                    const model::MacAddress& mac) override {
    return locked([&]() -> Result<> {
      if (!networks_.contains(network.name)) return missing(network);
      announcements_.push_back({network.name, address, mac});
      return {};
    });
  }

 private:
  struct Made {
    model::Network network;
    bool damaged = false;
  };

  static Error missing(const model::Network& network) {
    return fail(ErrorCode::not_found, "the bridge {} of network {} is not there", datapath::bridge_name(network),
                network.name);
  }
  static Error foreign(const std::string& name) {
    return fail(ErrorCode::conflict, "{} exists and is not Bayplan's", name);
  }
  std::optional<Error> injected() {
    if (failures_ == 0) return std::nullopt;
    --failures_;
    return failure_;
  }

  Result<> check(const model::Network& network) const {
    const std::string bridge = datapath::bridge_name(network);
    if (interfaces_.contains(bridge)) return foreign(bridge);
    for (const auto& [name, made] : networks_) {
      if (name != network.name && datapath::bridge_name(made.network) == bridge) return foreign(bridge);
    }
    return network.uplink.empty() ? Result<>{} : check_uplink(network);
  }
  Result<> check_uplink(const model::Network& network) const {
    const auto at = interfaces_.find(network.uplink);
    if (at == interfaces_.end()) return fail(ErrorCode::not_found, "the uplink {} does not exist", network.uplink);
    const auto& uplink = at->second;
    if (!uplink.can_be_uplink) return fail(ErrorCode::invalid, "{} can't be an uplink", network.uplink);
    if (network.mtu.value_or(0) > uplink.mtu) return fail(ErrorCode::invalid, "the MTU is larger than its uplink's");
    if (network.vlan) return fail(ErrorCode::unsupported, "this kernel can't make VLAN devices");
    const bool elsewhere = uplink.in_foreign_bridge || (!uplink.network.empty() && uplink.network != network.name);
    if (elsewhere) return fail(ErrorCode::conflict, "{} is a port of another bridge", network.uplink);
    if (uplink.has_addresses) return fail(ErrorCode::conflict, "{} carries addresses", network.uplink);
    return {};
  }
  Result<bool> ensure(const model::Network& network) {
    if (auto error = injected()) return *error;
    TRY(check(network));
    const auto at = networks_.find(network.name);
    const bool intact = at != networks_.end() && !at->second.damaged && at->second.network == network;
    if (intact) return false;
    networks_[network.name] = {network, false};
    if (!network.uplink.empty()) interfaces_[network.uplink].network = network.name;
    ++changes_;
    return true;
  }
  Result<std::vector<ports::NetworkFault>> inspect(const model::Network& network) const {
    using enum ports::NetworkFault::What;
    using Faults = std::vector<ports::NetworkFault>;
    const std::string bridge = datapath::bridge_name(network);
    if (const auto fit = check(network); !fit.ok()) return Faults{{blocked, bridge, {}, fit.error().message()}};
    const auto at = networks_.find(network.name);
    if (at == networks_.end()) return Faults{{device, bridge, {}, {}}};
    if (at->second.damaged) return Faults{{down, bridge, "down", "up"}};
    if (at->second.network != network) return Faults{{settings, bridge, {}, {}}};
    return Faults{};
  }
  Result<> remove(const std::string& network) {
    if (auto error = injected()) return *error;
    changes_ += static_cast<unsigned>(networks_.erase(network));
    std::erase_if(ports_, [&](const auto& port) { return port.second.network == network; });
    for (auto& [name, interface] : interfaces_) {
      if (interface.network == network) interface.network.clear();
    }
    return {};
  }
  Result<> add(const model::Network& network, const ports::PortSpec& port) {
    if (auto error = injected()) return *error;
    if (!networks_.contains(network.name)) return missing(network);
    if (!port.netns.empty() && !namespaces_.contains(port.netns)) {
      return fail(ErrorCode::not_found, "there is no network namespace {}", port.netns);
    }
    for (const auto& name : {port.host_name, port.netns.empty() ? port.peer_name : std::string()}) {
      if (interfaces_.contains(name)) return foreign(name);
    }
    if (!port.netns.empty() && foreign_inside_.contains(port.peer_name)) {
      return fail(ErrorCode::exists, "{} is in {} already", port.peer_name, port.netns);
    }
    ++changes_;
    const auto at = ports_.find(port.host_name);
    const bool kept = at != ports_.end() && at->second.peer_here && at->second.spec.mac == port.mac &&
                      at->second.spec.peer_name == port.peer_name && at->second.spec.netns == port.netns;
    const unsigned made = kept ? at->second.made : ++made_;
    std::erase_if(ports_, [&](const auto& p) {
      return p.second.peer_here && p.second.spec.peer_name == port.peer_name && p.second.spec.netns == port.netns;
    });
    ports_[port.host_name] = {port, network.name, true, true, made};
    return {};
  }
  Result<> mend(const model::Network& network, const ports::PortSpec& port) {
    if (auto error = injected()) return *error;
    if (!networks_.contains(network.name)) return missing(network);
    if (interfaces_.contains(port.host_name)) return foreign(port.host_name);
    const auto at = ports_.find(port.host_name);
    if (at == ports_.end()) return fail(ErrorCode::not_found, "the port {} is gone", port.host_name);
    ++changes_;
    at->second.network = network.name;
    at->second.spec.identity = port.identity;
    at->second.in_place = true;
    return {};
  }
  Result<> remove_all(const std::vector<std::string>& host_names) {
    if (auto error = injected()) return *error;
    std::optional<Error> refused;
    for (const auto& name : host_names) {
      changes_ += static_cast<unsigned>(ports_.erase(name));
      if (interfaces_.contains(name)) refused = foreign(name);
    }
    if (refused) return *refused;
    return {};
  }

  mutable std::mutex mutex_;
  std::map<std::string, Made> networks_;
  std::map<std::string, Interface> interfaces_;
  std::map<std::string, Port> ports_;
  std::set<std::string> namespaces_{kNetns};
  std::set<std::string> foreign_inside_;
  std::vector<Announcement> announcements_;
  Error failure_;
  unsigned failures_ = 0;
  unsigned made_ = 0;
  unsigned changes_ = 0;
};

}  // namespace bayplan::test
