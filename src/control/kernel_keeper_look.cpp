// Looking without mending: the part of KernelKeeper that `bayplan check` uses.
#include <algorithm>
#include <iterator>
#include <span>

#include "control/kernel_keeper.hpp"

namespace bayplan::control {
namespace {

constexpr std::size_t kPortion = 32;  // interfaces looked into in one go: some ten milliseconds

}  // namespace

KernelLook KernelKeeper::look(const CheckScope& scope) {
  KernelLook look = thread_.run([&] { return look_here(scope); });
  const auto attached = kept_ports([&](const auto& attachment) { return !scope || *scope == attachment.network; });
  if (!attached.ok()) {
    look.unchecked.push_back({"what is inside containers", attached.error().message()});
    return look;
  }
  for (std::size_t first = 0; first < attached->size(); first += kPortion) {
    const auto portion = std::span(*attached).subspan(first, std::min(kPortion, attached->size() - first));
    thread_.run([&] {
      for (const KernelWanted::Port& port : portion) {
        auto drifts = drifts_of(port, look);
        if (drifts.empty()) continue;
        look.inside.push_back({port, std::move(drifts)});
        if (!port.by_engine) continue;
        auto& inside = *look.inside.back().port.inside;
        auto name = namespaces_.interface_name(inside);
        inside.interface = name.ok() ? *std::move(name) : inside.host_name;
      }
    });
  }
  return look;
}

// What is found first: what the plan wants since then is there already, or is just being made. What is expected is
// being made or removed by somebody else right now.
KernelLook KernelKeeper::look_here(const CheckScope& scope) {
  KernelLook look;
  auto there = found();
  auto plan = wanted();
  if (!plan.ok()) {
    look.unchecked.push_back({"the kernel", plan.error().message()});
    return look;
  }
  look.wanted = *std::move(plan);
  std::erase_if(look.wanted.ports, [this](const auto& port) { return is_expected(port.spec.host_name); });
  if (there.ok()) std::erase_if(there->ports, [this](const auto& port) { return is_expected(port.host_name); });
  look_into_networks(look, scope);
  if (!scope) {
    auto differences = firewall_.differences(rules_of(look.wanted));
    if (differences.ok()) look.firewall = *std::move(differences);
    if (!differences.ok()) look.unchecked.push_back({"the packet filter", differences.error().message()});
  }
  if (there.ok()) {
    look.found = *std::move(there);
  } else {
    look.unchecked.push_back({"the ports", there.error().message()});
    look.wanted.ports.clear();
  }
  return look;
}

void KernelKeeper::look_into_networks(KernelLook& look, const CheckScope& scope) {
  std::vector<model::Network> networks;
  std::ranges::copy_if(look.wanted.networks, std::back_inserter(networks),
                       [&](const model::Network& network) { return !scope || *scope == network.name; });
  auto faults = datapath_.inspect_networks(networks);
  for (std::size_t n = 0; n < faults.size(); ++n) {
    const std::string& name = networks[n].name;
    if (!faults[n].ok()) look.unchecked.push_back({"network " + name, faults[n].error().message()});
    if (faults[n].ok() && !faults[n]->empty()) look.faults[name] = *std::move(faults[n]);
  }
}

// A namespace that is gone is its container's end, which is told elsewhere.
std::vector<ports::Drift> KernelKeeper::drifts_of(const KernelWanted::Port& port, KernelLook& look) {
  if (is_expected(port.spec.host_name)) return {};
  auto drifts = namespaces_.compare(*port.inside);
  if (drifts.ok()) {
    const auto there = std::ranges::find(look.found.ports, port.spec.host_name, &ports::FoundPort::host_name);
    const bool is_said = there == look.found.ports.end();
    if (is_said) std::erase(*drifts, ports::Drift::link);  // its other end is missing, too: said of the port
    return *std::move(drifts);
  }
  if (drifts.error().code != ErrorCode::not_found) {
    look.unchecked.push_back({"the interface of " + port.spec.identity, drifts.error().message()});
  }
  return {};
}

Result<> KernelKeeper::keep_inside_all() {
  thread_.run([this] { inside_.forgive(); });
  for (const KernelWanted::Port& port : TRY(kept_ports([](const auto&) { return true; }))) {
    thread_.run([&] {
      // As the plan has it now: it may have been detached meanwhile, and be somebody else's.
      const auto now = kept_ports([&](const auto& it) { return host_port_name(it.endpoint) == port.spec.host_name; });
      for (const KernelWanted::Port& same : now.ok() ? *now : std::vector<KernelWanted::Port>{}) keep_inside(same);
    });
  }
  thread_.run([this] { note_next_look(); });
  return {};
}

}  // namespace bayplan::control
