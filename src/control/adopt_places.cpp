#include "control/adopt_places.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "control/engine_facts.hpp"

namespace bayplan::control {
namespace {

using ports::Container;
using ports::ContainerNetwork;
using ports::EngineNetworkInfo;

constexpr std::size_t kShortId = 12;
constexpr std::string_view kNone = "none";

bool is_named(const Container& container, const std::string& word) {
  return container.name == word || (word.size() >= kShortId && container.id.starts_with(word));
}

const EngineNetworkInfo* network_of(const AdoptFacts& facts, const ContainerNetwork& entry) {
  const auto found = std::ranges::find_if(
      facts.networks, [&](const EngineNetworkInfo& network) { return is_on(entry, network.id, network.name); });
  return found == facts.networks.end() ? nullptr : &*found;
}

std::optional<model::Subnet> subnet_around(const EngineNetworkInfo& network,
                                           const std::optional<model::IpAddress>& address) {
  const auto holds = [&](const model::Subnet& subnet) { return address && subnet.contains(*address); };
  const auto found = std::ranges::find_if(network.subnets, holds);
  return found == network.subnets.end() ? std::nullopt : std::optional(*found);
}

AdoptPlace place_on(const Container& container, const ContainerNetwork& entry, const EngineNetworkInfo& network) {
  AdoptPlace place;
  place.container = container;
  place.engine_network = network;
  place.configured = entry.configured.has_value();
  place.address = entry.address ? entry.address : entry.configured;
  place.subnet = subnet_around(network, place.address);
  place.gateway = entry.gateway ? entry.gateway : network.gateway;
  place.mac = entry.mac;
  return place;
}

AdoptPlace place_by_hand(const Container& container, const EngineNetworkInfo& none,
                         const ports::InsideAddress& inside) {
  AdoptPlace place;
  place.container = container;
  place.engine_network = none;
  place.interface = inside.interface;
  place.address = inside.address;
  place.subnet = inside.subnet;
  place.gateway = inside.gateway;
  place.mac = inside.mac;
  return place;
}

EngineNetworkInfo none_of(const AdoptFacts& facts) {
  const auto found = std::ranges::find(facts.networks, "null", &EngineNetworkInfo::driver);
  if (found != facts.networks.end()) return *found;
  EngineNetworkInfo none;
  none.name = kNone;
  none.driver = "null";
  return none;
}

// A container without a network of the engine's: what somebody put in.
void look_inside(AdoptCandidate& candidate, const AdoptFacts& facts) {
  const auto seen = facts.inside.find(candidate.container.id);
  if (!candidate.container.is_up() || seen == facts.inside.end()) {
    candidate.why_none =
        "it has no network of Docker's, and what was put into it by hand went with its stop: start it, or say which "
        "address it is to have (bayplan reserve)";
    return;
  }
  if (!seen->second) {
    candidate.why_none = seen->second.error().message();
    return;
  }
  for (const auto& inside : *seen->second) {
    candidate.places.push_back(place_by_hand(candidate.container, none_of(facts), inside));
  }
  const auto sandbox = facts.sandboxes.find(candidate.container.id);
  for (AdoptPlace& place : candidate.places) {
    if (sandbox != facts.sandboxes.end()) place.sandbox = sandbox->second;
  }
  if (candidate.places.empty()) candidate.why_none = "it has no network and no interface with an IPv4 address";
}

// Why a container can have no address of its own; empty: it can.
std::string reason_against(const Container& container) {
  using enum ports::ContainerState;
  if (container.state == removing || container.state == dead) return "it is being removed";
  if (container.network_mode == "host") return "it uses the host's own network";
  if (container.network_mode.starts_with("container:")) {
    return "it shares the network of another container: adopt that one";
  }
  return {};
}

AdoptCandidate candidate_of(const Container& container, const AdoptFacts& facts) {
  AdoptCandidate candidate;
  candidate.container = container;
  candidate.why_none = reason_against(container);
  if (!candidate.why_none.empty()) return candidate;
  for (const ContainerNetwork& entry : container.networks) {
    const EngineNetworkInfo* network = network_of(facts, entry);
    if (network != nullptr && network->driver == "null") continue;
    if (network != nullptr) candidate.places.push_back(place_on(container, entry, *network));
  }
  if (candidate.places.empty()) look_inside(candidate, facts);
  return candidate;
}

bool is_left_out(const AdoptRequest& request, const AdoptPlace& place) {
  return request.from && place.engine_network.name != *request.from;
}

void add_named(std::vector<AdoptCandidate>& all, const std::string& word, const AdoptFacts& facts) {
  const auto found = std::ranges::find_if(facts.containers, [&](const auto& each) { return is_named(each, word); });
  AdoptCandidate candidate;
  if (found != facts.containers.end()) {
    candidate = candidate_of(*found, facts);
  } else {
    candidate.container.name = word;
    candidate.why_none = fmt::format("there is no container '{}': see docker ps -a", shown(word));
  }
  candidate.named = true;
  all.push_back(std::move(candidate));
}

}  // namespace

std::vector<AdoptCandidate> adopt_candidates(const AdoptRequest& request, const AdoptFacts& facts) {
  std::vector<AdoptCandidate> all;
  for (const std::string& word : request.containers) add_named(all, word, facts);
  if (request.all) {
    for (const Container& container : facts.containers) all.push_back(candidate_of(container, facts));
    std::ranges::sort(all, {}, [](const AdoptCandidate& each) { return each.container.name; });
  }
  for (AdoptCandidate& candidate : all) {
    std::erase_if(candidate.places, [&](const AdoptPlace& place) { return is_left_out(request, place); });
    if (candidate.places.empty() && candidate.why_none.empty()) {
      candidate.why_none = fmt::format("it is not on Docker's network '{}'", shown(request.from.value_or("")));
    }
  }
  const auto is_elsewhere = [&](const AdoptCandidate& each) { return each.places.empty() && !each.named; };
  if (request.from) std::erase_if(all, is_elsewhere);
  return all;
}

std::set<model::IpAddress> addresses_in_use(const AdoptFacts& facts) {
  std::set<model::IpAddress> all;
  for (const Container& container : facts.containers) {
    for (const ContainerNetwork& entry : container.networks) {
      if (entry.address) all.insert(*entry.address);
      if (entry.configured) all.insert(*entry.configured);
    }
  }
  for (const auto& [id, seen] : facts.inside) {
    if (!seen) continue;
    for (const auto& inside : *seen) all.insert(inside.address);
  }
  return all;
}

std::vector<std::string> containers_to_look_into(const std::vector<Container>& containers) {
  std::vector<std::string> ids;
  for (const Container& container : containers) {
    const bool has_network = std::ranges::any_of(
        container.networks, [](const ContainerNetwork& entry) { return !entry.endpoint.empty() && entry.address; });
    if (container.is_up() && !has_network && reason_against(container).empty()) ids.push_back(container.id);
  }
  return ids;
}

}  // namespace bayplan::control
