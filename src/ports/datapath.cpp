#include "ports/datapath.hpp"

#include <set>

namespace bayplan::ports {

std::string_view to_string(NetworkFault::What what) {
  using enum NetworkFault::What;
  switch (what) {
    case device:
      return "device";
    case settings:
      return "settings";
    case down:
      return "down";
    case gateway:
      return "gateway";
    case route:
      return "route";
    case uplink:
      return "uplink";
    case blocked:
      return "blocked";
  }
  return "unknown";
}

std::vector<Result<bool>> Datapath::ensure_networks(const std::vector<model::Network>& networks) {
  std::vector<Result<bool>> done;
  for (const auto& network : networks) done.push_back(ensure_network(network));
  return done;
}

std::vector<Result<std::vector<NetworkFault>>> Datapath::inspect_networks(const std::vector<model::Network>& networks) {
  std::vector<Result<std::vector<NetworkFault>>> done;
  for (const auto& network : networks) done.push_back(inspect_network(network));
  return done;
}

Result<std::vector<std::string>> Datapath::remove_own_ports(const std::vector<std::string>& host_names) {
  std::set<std::string> others(host_names.begin(), host_names.end());
  std::vector<std::string> own;
  for (const auto& port : TRY(list_ports())) {
    if (others.erase(port.host_name) > 0) own.push_back(port.host_name);
  }
  if (!own.empty()) TRY(remove_ports(own));
  return std::vector<std::string>(others.begin(), others.end());
}

}  // namespace bayplan::ports
