#include "ports/datapath.hpp"

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

}  // namespace bayplan::ports
