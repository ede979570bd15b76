#include "control/published_ports.hpp"

#include <algorithm>

namespace bayplan::control {
namespace {

constexpr std::uint16_t kFirstEphemeralPort = 49153;  // Docker's own range when the kernel's can't be read

std::optional<std::string> publisher_of(const model::Plan& plan, const model::PublishedPort& port,
                                        const std::string& endpoint) {
  const model::IpAddress any;
  for (const model::Attachment* attachment : plan.attachments()) {
    if (attachment->endpoint == endpoint) continue;
    for (const model::PublishedPort& other : attachment->published) {
      const bool same_address =
          other.host_address == port.host_address || other.host_address == any || port.host_address == any;
      if (same_address && other.protocol == port.protocol && other.host_port == port.host_port) {
        return attachment->identity;
      }
    }
  }
  return std::nullopt;
}

Result<std::uint16_t> free_host_port(const model::Plan& plan, model::PublishedPort port, const std::string& endpoint,
                                     const std::vector<model::PublishedPort>& chosen) {
  for (unsigned candidate = kFirstEphemeralPort; candidate <= 65535; ++candidate) {
    port.host_port = static_cast<std::uint16_t>(candidate);
    const bool mine = std::ranges::any_of(chosen, [&](const model::PublishedPort& other) {
      return other.host_port == port.host_port && other.protocol == port.protocol;
    });
    if (!mine && !publisher_of(plan, port, endpoint)) return port.host_port;
  }
  return fail(ErrorCode::exhausted, "no host port from {} on is free for publishing", kFirstEphemeralPort);
}

}  // namespace

Result<std::vector<model::PublishedPort>> choose_ports(const model::Plan& plan, const std::string& endpoint,
                                                       const std::vector<model::PublishedPort>& wanted) {
  std::vector<model::PublishedPort> chosen;
  for (model::PublishedPort port : wanted) {
    if (port.host_port == 0) port.host_port = TRY(free_host_port(plan, port, endpoint, chosen));
    if (const auto other = publisher_of(plan, port, endpoint)) {
      return fail(ErrorCode::conflict, "the host's port {}/{} is already published by '{}'", port.host_port,
                  port.protocol, *other);
    }
    chosen.push_back(port);
  }
  return chosen;
}

}  // namespace bayplan::control
