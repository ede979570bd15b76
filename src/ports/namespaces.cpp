#include "ports/namespaces.hpp"

#include <algorithm>

namespace bayplan::ports {

std::string_view to_string(Drift drift) {
  switch (drift) {
    case Drift::link:
      return "link";
    case Drift::name:
      return "name";
    case Drift::mac:
      return "mac";
    case Drift::down:
      return "down";
    case Drift::address:
      return "address";
    case Drift::foreign_address:
      return "foreign_address";
    case Drift::route:
      return "route";
  }
  return "link";
}

bool is_foreign_address(const model::Network& network, const model::IpAddress& own, const model::IpAddress& found) {
  if (found == own || !network.subnet.contains(found)) return false;
  if (found == network.gateway || found == network.host_address) return true;
  return std::ranges::none_of(network.exclusions,
                              [&](const model::AddressRange& range) { return range.contains(found); });
}

}  // namespace bayplan::ports
