#include "control/kernel_wanted.hpp"

#include <map>

namespace bayplan::control {
namespace {

constexpr std::size_t kNameDigits = 8;

// Networks that carry one of the engine's, or an address in use.
std::set<std::string> networks_in_use(const model::Plan& plan) {
  std::set<std::string> used;
  for (const auto& [id, carried] : plan.engine_networks()) used.insert(carried.network);
  for (const model::Attachment* attachment : plan.attachments()) used.insert(attachment->network);
  return used;
}

ports::InsideSpec inside_of(const model::Network& network, const model::Attachment& attachment) {
  return {.netns = attachment.sandbox,
          .host_name = host_port_name(attachment.endpoint),
          .interface = {},
          .identity = attachment.identity,
          .mac = model::mac_of(network.mac_salt, attachment.address),
          .address = attachment.address,
          .network = network,
          .default_route = false};
}

}  // namespace

// The kernel keeps at most 255 bytes of an alias, so that the end of a long identity may be missing.
bool is_alias_of(const std::string& alias, const std::string& identity) {
  constexpr std::size_t kSurelyWhole = 128;
  return alias == identity || (alias.size() > kSurelyWhole && identity.starts_with(alias));
}

std::string host_port_name(const std::string& endpoint) {
  return "bp" + endpoint.substr(0, kNameDigits);
}
std::string peer_port_name(const std::string& endpoint) {
  return "bc" + endpoint.substr(0, kNameDigits);
}

KernelWanted::Port port_of(const model::Plan& plan, const model::Attachment& attachment) {
  const model::Network& network = *plan.network(attachment.network);
  KernelWanted::Port port;
  port.network = network.name;
  port.address = attachment.address;
  port.spec = {host_port_name(attachment.endpoint), peer_port_name(attachment.endpoint),
               model::mac_of(network.mac_salt, attachment.address), attachment.identity};
  const model::AttachMark* mark =
      attachment.is_by_hand() ? plan.mark(attachment.network, attachment.identity) : nullptr;
  if (mark) {
    port.inside = inside_of(network, attachment);
    port.inside->interface = mark->interface;
    port.inside->default_route = mark->default_route;
    port.spec.peer_name = mark->interface;
    port.spec.netns = attachment.sandbox;
  }
  return port;
}

std::optional<KernelWanted::Port> kept_port_of(const model::Plan& plan, const model::Attachment& attachment,
                                               Timestamp now) {
  if (attachment.stage != model::Attachment::Stage::joined || attachment.sandbox.empty()) return std::nullopt;
  auto port = port_of(plan, attachment);
  if (attachment.is_by_hand()) return port.inside ? std::optional(std::move(port)) : std::nullopt;
  if (!attachment.verified || !has_passed(attachment.since, now, kEngineAtWork)) return std::nullopt;
  port.inside = inside_of(*plan.network(attachment.network), attachment);
  port.by_engine = true;
  return port;
}

KernelWanted wanted_of(const model::Plan& plan) {
  KernelWanted wanted;
  for (const std::string& name : networks_in_use(plan)) wanted.networks.push_back(*plan.network(name));
  for (const model::Attachment* attachment : plan.attachments()) {
    if (attachment->stage != model::Attachment::Stage::joined) continue;
    wanted.ports.push_back(port_of(plan, *attachment));
    for (const model::PublishedPort& port : attachment->published) {
      wanted.published.push_back({attachment->network, attachment->address, port});
    }
  }
  return wanted;
}

KernelSteps diff(const KernelWanted& wanted, const KernelFound& found, const std::set<std::string>& suspects) {
  KernelSteps steps;
  std::set<std::string> used;
  for (const model::Network& network : wanted.networks) used.insert(network.name);
  for (const std::string& name : found.networks) {
    if (!used.contains(name)) steps.remove_networks.push_back(name);
  }
  std::map<std::string, const KernelWanted::Port*> by_name;
  for (const KernelWanted::Port& port : wanted.ports) by_name[port.spec.host_name] = &port;
  for (const ports::FoundPort& port : found.ports) {
    const auto known = by_name.find(port.host_name);
    if (known == by_name.end()) {
      if (suspects.contains(port.host_name)) steps.remove_ports.push_back(port.host_name);
      steps.suspects.insert(port.host_name);
      continue;
    }
    const KernelWanted::Port& want = *known->second;
    const bool as_named = port.network == want.network && is_alias_of(port.identity, want.spec.identity);
    const bool right = port.out_of_reach || (port.in_place && as_named);
    if (!right) steps.mend_ports.push_back(want);
    by_name.erase(known);
  }
  for (const auto& [name, port] : by_name) {
    if (port->inside) {
      steps.make_ports.push_back(*port);
    } else {
      steps.missing_ports.push_back(name);
    }
  }
  return steps;
}

}  // namespace bayplan::control
