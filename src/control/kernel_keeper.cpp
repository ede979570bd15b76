#include "control/kernel_keeper.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace bayplan::control {
namespace {

// What went wrong on the way: each is logged, and the first becomes the result. One network's trouble must not keep the
// others from being mended, nor one device's the rest from being removed.
class Troubles {
 public:
  void note(std::string_view event, const std::string& subject, Result<> done) {
    if (done.ok()) return;
    log::error(event, {{"subject", subject}, {"error", done.error().message()}});
    if (!first_.ok()) return;
    first_ = std::move(done);
  }
  [[nodiscard]] const Result<>& first() const { return first_; }

 private:
  Result<> first_;
};

template <typename T>
Result<> without_value(const Result<T>& result) {
  return result.ok() ? Result<>{} : Result<>(result.error());
}

}  // namespace

KernelKeeper::KernelKeeper(Planner& planner, const Ports& ports, const Clock& clock)
    : planner_(planner),
      datapath_(ports.datapath),
      firewall_(ports.firewall),
      namespaces_(ports.namespaces),
      clock_(clock),
      inside_(ports.datapath, ports.namespaces, clock, counts_) {
}

Result<KernelWanted> KernelKeeper::wanted() {
  return planner_.execute([](model::PlanEdit& edit) -> Result<KernelWanted> { return wanted_of(edit.plan()); });
}

Result<KernelFound> KernelKeeper::found() {
  KernelFound found;
  found.networks = TRY(datapath_.list_networks());
  found.ports = TRY(datapath_.list_ports());
  return found;
}

Result<> KernelKeeper::validate(const model::Network& network) {
  return thread_.run([&] { return datapath_.validate(network); });
}

Result<bool> KernelKeeper::ensure_firewall_here() {
  return firewall_.ensure(rules_of(TRY(wanted())));
}

ports::FirewallRules KernelKeeper::rules_of(const KernelWanted& wanted) const {
  return {.networks = wanted.networks, .published = wanted.published, .may_forward = engine_was_up_};
}

Result<> KernelKeeper::ensure_firewall() {
  return thread_.run([&]() -> Result<> {
    TRY(ensure_firewall_here());
    return {};
  });
}

void KernelKeeper::ensure_firewall_soon() {
  if (firewall_due_.exchange(true)) return;
  thread_.post([this] {
    firewall_due_ = false;
    if (auto ensured = ensure_firewall_here(); !ensured) {
      log::error("firewall_not_ensured", {{"subject", "nftables"}, {"error", ensured.error().message()}});
    }
  });
}

Result<> KernelKeeper::ensure_network(const model::Network& network) {
  return thread_.run([&]() -> Result<> {
    TRY(datapath_.ensure_network(network));
    TRY(ensure_firewall_here());
    return {};
  });
}

Result<> KernelKeeper::remove_unused() {
  return thread_.run([&]() -> Result<> {
    const KernelFound before = TRY(found());
    const KernelWanted all = TRY(wanted());
    std::optional<Error> refused;
    for (const std::string& name : diff(all, before, {}).remove_networks) {
      auto removed = datapath_.remove_network(name);
      if (!removed.ok() && !refused) refused = std::move(removed).error();
    }
    TRY(firewall_.ensure(rules_of(all)));
    if (refused) return *std::move(refused);
    return {};
  });
}

Result<> KernelKeeper::add_port(const model::Network& network, const ports::PortSpec& port,
                                const model::IpAddress& address) {
  auto added = thread_.run([&]() -> Result<> {
    auto first = datapath_.add_port(network, port);
    if (first.ok() || first.error().code != ErrorCode::not_found) return first;
    // The bridge is gone, as after a reboot: make it, and try again.
    TRY(datapath_.ensure_network(network));
    TRY(ensure_firewall_here());
    return datapath_.add_port(network, port);
  });
  if (!added) return added;
  thread_.post([this, network, address, mac = port.mac] { announce(network, address, mac); });
  return {};
}

void KernelKeeper::announce(const model::Network& network, const model::IpAddress& address,
                            const model::MacAddress& mac) {
  if (auto announced = datapath_.announce(network, address, mac); !announced) {
    log::debug("announce_failed", {{"address", address.to_string()}, {"error", announced.error().message()}});
  }
}

void KernelKeeper::remove_port(std::string host_name) {
  {
    const std::scoped_lock lock(leaving_mutex_);
    leaving_.push_back(std::move(host_name));
  }
  thread_.post([this] { remove_leaving_ports(); });
}

void KernelKeeper::remove_leaving_ports() {
  std::vector<std::string> names;
  {
    const std::scoped_lock lock(leaving_mutex_);
    names.swap(leaving_);
  }
  if (names.empty()) return;
  for (const std::string& name : names) {
    inside_.forget(name);
  }
  if (auto removed = datapath_.remove_ports(names); !removed) {
    log::warning("port_not_removed",
                 {{"ports", fmt::format("{}", fmt::join(names, " "))}, {"error", removed.error().message()}});
  }
}

Result<bool> KernelKeeper::reconcile() {
  return thread_.run([&] { return reconcile_here(); });
}

Result<bool> KernelKeeper::reconcile_here() {
  look_inside_due();
  const KernelFound before = TRY(found());
  const KernelWanted all = TRY(wanted());
  const KernelSteps steps = diff(all, before, suspects_);
  forget_all_but(all);
  note_next_look();
  // What is removed now is nobody's suspect any more.
  suspects_ = steps.suspects;
  for (const std::string& name : steps.remove_ports) suspects_.erase(name);
  has_suspects_ = !suspects_.empty();
  return apply(all, steps);
}

void KernelKeeper::forget_all_but(const KernelWanted& wanted) {
  std::set<std::string> names;
  for (const KernelWanted::Port& port : wanted.ports) names.insert(port.spec.host_name);
  inside_.keep_only(names);
  const std::scoped_lock lock(pending_mutex_);
  std::erase_if(handed_back_, [&](const std::string& name) { return !names.contains(name); });
}

Result<bool> KernelKeeper::apply(const KernelWanted& wanted, const KernelSteps& steps) {
  bool changed = false;
  Troubles troubles;
  for (const std::string& name : steps.remove_networks) {
    troubles.note("network_not_removed", name, datapath_.remove_network(name));
    changed = true;
  }
  const auto ensured = datapath_.ensure_networks(wanted.networks);
  for (std::size_t n = 0; n < ensured.size(); ++n) {
    const std::string& name = wanted.networks[n].name;
    if (ensured[n].ok() && *ensured[n]) {
      log::info("network_mended", {{"network", name}});
      counts_.note(name, "network", true);
      changed = true;
    }
    troubles.note("network_not_ensured", name, without_value(ensured[n]));
  }
  for (const KernelWanted::Port& port : steps.make_ports) {
    const auto made = make_attached(port);
    troubles.note("port_not_attached", port.spec.host_name, without_value(made));
    changed = changed || (made.ok() && *made);
  }
  std::set<std::string> differing;
  for (const KernelWanted::Port& port : steps.mend_ports) {
    const auto network = std::ranges::find(wanted.networks, port.network, &model::Network::name);
    if (!network->repair) {
      differing.insert(port.spec.host_name);
      if (differing_.contains(port.spec.host_name)) continue;  // said once, until it changes
      log::warning("port_differs",
                   {{"network", port.network}, {"port", port.spec.host_name}, {"identity", port.spec.identity}});
      counts_.note(port.network, "port", false);
      continue;
    }
    log::info("port_mended",
              {{"network", port.network}, {"port", port.spec.host_name}, {"identity", port.spec.identity}});
    auto mended = datapath_.mend_port(*network, port.spec);
    counts_.note(port.network, "port", mended.ok());
    troubles.note("port_not_mended", port.spec.host_name, std::move(mended));
    changed = true;
  }
  differing_ = std::move(differing);
  say_missing(steps.missing_ports);
  if (!steps.remove_ports.empty()) {
    log::info("orphan_ports_removed", {{"ports", fmt::format("{}", fmt::join(steps.remove_ports, " "))}});
    troubles.note("port_not_removed", steps.remove_ports.front(), datapath_.remove_ports(steps.remove_ports));
    changed = true;
  }
  const auto filtered = firewall_.ensure(rules_of(wanted));
  troubles.note("firewall_not_ensured", "nftables", without_value(filtered));
  TRY(troubles.first());
  return changed || *filtered;
}

// A port being made right now is missing for a moment: said when two passes in a row miss it.
void KernelKeeper::say_missing(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (missing_.contains(name)) log::warning("port_missing", {{"port", name}});
  }
  missing_ = {names.begin(), names.end()};
}

Result<> remove_all_links(ports::Datapath& datapath) {
  std::vector<Error> errors;
  const auto note = [&](const auto& result) {
    if (!result.ok()) errors.push_back(result.error());
  };
  // Ports that are on no bridge of ours any more, too, and all in one go.
  const auto ports = datapath.list_ports();
  note(ports);
  std::vector<std::string> names;
  for (const auto& port : ports.ok() ? *ports : std::vector<ports::FoundPort>{}) names.push_back(port.host_name);
  note(datapath.remove_ports(names));
  const auto networks = datapath.list_networks();
  note(networks);
  for (const auto& network : networks.ok() ? *networks : std::vector<std::string>{}) {
    note(datapath.remove_network(network));
  }
  if (!errors.empty()) return joined(errors);
  return {};
}

}  // namespace bayplan::control
