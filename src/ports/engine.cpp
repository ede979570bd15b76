#include "ports/engine.hpp"

namespace bayplan::ports {

std::string_view to_string(ContainerState state) {
  switch (state) {
    case ContainerState::created:
      return "created";
    case ContainerState::running:
      return "running";
    case ContainerState::paused:
      return "paused";
    case ContainerState::restarting:
      return "restarting";
    case ContainerState::removing:
      return "removing";
    case ContainerState::exited:
      return "exited";
    case ContainerState::dead:
      return "dead";
  }
  return "dead";
}

std::string Container::identity() const {
  const auto label = labels.find("bayplan.identity");
  return label != labels.end() && !label->second.empty() ? label->second : name;
}

bool Container::is_up() const {
  return state == ContainerState::running || state == ContainerState::paused;
}

}  // namespace bayplan::ports
