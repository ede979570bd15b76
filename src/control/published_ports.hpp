// Rules for `docker run -p`: which port of the host leads to which container. Pure.
#pragma once

#include <string>
#include <vector>

#include "model/plan.hpp"

namespace bayplan::control {

// The ports that an endpoint is to publish, those without a host port given a free one. `conflict` when another
// container publishes one of them, `exhausted` when none is free. Ports of the host's own programs are not looked at:
// a published port goes before them.
Result<std::vector<model::PublishedPort>> choose_ports(const model::Plan& plan, const std::string& endpoint,
                                                       const std::vector<model::PublishedPort>& wanted);

}  // namespace bayplan::control
