// What the plan has to know of the host it runs on.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/address.hpp"

namespace bayplan::ports {

struct Route {
  model::Subnet destination;
  std::string device;
};

// Callable from any thread.
class Host {
 public:
  virtual ~Host() = default;
  // The host's IPv4 and IPv6 unicast routes of the main table, the default route left out; ours included (their
  // device tells them).
  virtual Result<std::vector<Route>> routes() = 0;
  // An interface of that name is there.
  virtual Result<bool> has_interface(const std::string& name) = 0;
};

}  // namespace bayplan::ports
