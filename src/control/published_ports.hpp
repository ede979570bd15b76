// `docker run -p`: which port of the host leads to which container. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "model/plan.hpp"

namespace bayplan::control {

// The ports that an endpoint is to publish, those without a host port given a free one that is not in `taken`.
// `conflict` when another container publishes one of them, or this one twice; `unsupported` at an IPv6 address of the
// host; `exhausted` when no port is left to be chosen.
Result<std::vector<model::PublishedPort>> choose_ports(const model::Plan& plan, const std::string& endpoint,
                                                       const std::vector<model::PublishedPort>& wanted,
                                                       const std::set<std::uint16_t>& taken = {});

// All that are published now.
std::vector<model::PublishedPort> published_ports(const model::Plan& plan);

}  // namespace bayplan::control
