#include "control/published_ports.hpp"

#include <algorithm>

namespace bayplan::control {
namespace {

constexpr std::uint16_t kFirstEphemeralPort = 49153;  // Docker's own range when the kernel's can't be read

bool collide(const model::PublishedPort& a, const model::PublishedPort& b) {
  const model::IpAddress any;
  const bool same_address = a.host_address == b.host_address || a.host_address == any || b.host_address == any;
  return same_address && a.protocol == b.protocol && a.host_port == b.host_port;
}

bool has_collision(const std::vector<model::PublishedPort>& ports, const model::PublishedPort& port) {
  return std::ranges::any_of(ports, [&](const model::PublishedPort& other) { return collide(other, port); });
}

std::optional<std::string> publisher_of(const model::Plan& plan, const model::PublishedPort& port,
                                        const std::string& endpoint) {
  for (const model::Attachment* attachment : plan.attachments()) {
    if (attachment->endpoint != endpoint && has_collision(attachment->published, port)) return attachment->identity;
  }
  return std::nullopt;
}

Result<std::uint16_t> free_host_port(const model::Plan& plan, model::PublishedPort port, const std::string& endpoint,
                                     const std::vector<model::PublishedPort>& chosen,
                                     const std::set<std::uint16_t>& taken) {
  for (unsigned candidate = kFirstEphemeralPort; candidate <= 65535; ++candidate) {
    port.host_port = static_cast<std::uint16_t>(candidate);
    if (taken.contains(port.host_port) || has_collision(chosen, port)) continue;
    if (!publisher_of(plan, port, endpoint)) return port.host_port;
  }
  return fail(ErrorCode::exhausted, "no host port from {} on is free for publishing", kFirstEphemeralPort);
}

}  // namespace

Result<std::vector<model::PublishedPort>> choose_ports(const model::Plan& plan, const std::string& endpoint,
                                                       const std::vector<model::PublishedPort>& wanted,
                                                       const std::set<std::uint16_t>& taken) {
  std::vector<model::PublishedPort> chosen;
  for (model::PublishedPort port : wanted) {
    if (!port.host_address.is_v4()) {
      return fail(ErrorCode::unsupported, "-p [{}]:{}:{}: publishing at an IPv6 address is not supported: leave it out",
                  port.host_address.to_string(), port.host_port, port.port);
    }
    if (port.host_port == 0) port.host_port = TRY(free_host_port(plan, port, endpoint, chosen, taken));
    if (has_collision(chosen, port)) {
      return fail(ErrorCode::conflict, "the host's port {}/{} is to be published twice: give each its own",
                  port.host_port, port.protocol);
    }
    if (const auto other = publisher_of(plan, port, endpoint)) {
      return fail(ErrorCode::conflict, "the host's port {}/{} is already published by '{}'", port.host_port,
                  port.protocol, *other);
    }
    chosen.push_back(port);
  }
  return chosen;
}

std::vector<model::PublishedPort> published_ports(const model::Plan& plan) {
  std::vector<model::PublishedPort> all;
  for (const model::Attachment* attachment : plan.attachments()) {
    all.insert(all.end(), attachment->published.begin(), attachment->published.end());
  }
  return all;
}

}  // namespace bayplan::control
