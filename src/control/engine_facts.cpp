#include "control/engine_facts.hpp"

#include <algorithm>

#include "model/names.hpp"

namespace bayplan::control {
namespace {

// The engine's own bound for making an endpoint is far below.
constexpr std::chrono::seconds kListingLag{10};

}  // namespace

bool is_on(const ports::ContainerNetwork& entry, const std::string& id, const std::string& name) {
  if (!entry.network_id.empty()) return entry.network_id == id;
  return entry.key == name || (entry.key.size() >= 12 && id.starts_with(entry.key));
}

bool is_lost(const model::Attachment& attachment, const EngineFacts& facts) {
  if (attachment.endpoint.empty() || attachment.is_by_hand() || !facts.live_endpoints) return false;
  const bool joined = attachment.stage == model::Attachment::Stage::joined;
  const auto listed_from = joined ? attachment.since : attachment.since + kListingLag;
  const bool is_listed = listed_from < facts.listed_at || attachment.since > facts.listed_at + kClockWasSetBack;
  return is_listed && !facts.live_endpoints->contains(attachment.endpoint);
}

std::vector<Membership> memberships(const model::Plan& plan, const EngineFacts& facts) {
  std::vector<Membership> all;
  for (const ports::Container& container : facts.containers) {
    for (const ports::ContainerNetwork& entry : container.networks) {
      for (const auto& [id, carried] : plan.engine_networks()) {
        const auto name = facts.network_names.find(id);
        if (!is_on(entry, id, name == facts.network_names.end() ? std::string{} : name->second)) continue;
        all.push_back({&container, &entry, id, carried.network});
      }
    }
  }
  return all;
}

bool may_be_starting(const ports::Container& container) {
  using enum ports::ContainerState;
  return container.state == created || container.state == exited || container.state == restarting;
}

Result<std::string> checked_identity(const ports::Container& container) {
  const std::string identity = container.identity();
  const bool is_name = identity == container.name;
  return model::parse_identity(identity, true)
      .in(is_name ? "the container's name" : fmt::format("the label bayplan.identity of '{}'", container.name));
}

const ports::Container* find_by_name(const EngineFacts& facts, const std::string& name) {
  const auto found = std::ranges::find(facts.containers, name, &ports::Container::name);
  return found == facts.containers.end() ? nullptr : &*found;
}

const ports::Container* find_by_id(const EngineFacts& facts, const std::string& id) {
  const auto found = std::ranges::find(facts.containers, id, &ports::Container::id);
  return found == facts.containers.end() ? nullptr : &*found;
}

}  // namespace bayplan::control
