// Where the engine's containers have addresses that are not ours: what `bayplan adopt` begins with. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "control/adopt_request.hpp"
#include "ports/engine.hpp"
#include "ports/host.hpp"

namespace bayplan::control {

struct AdoptFacts {
  std::vector<ports::Container> containers;
  std::vector<ports::EngineNetworkInfo> networks;
  // What was put by hand into the containers that run without a network of the engine's, by id; or why that can't be
  // seen.
  std::map<std::string, Result<std::vector<ports::InsideAddress>>> inside;
  std::map<std::string, std::string> sandboxes;  // paths of their network namespaces, by id
};

// One place of a container: a network of the engine's, or an interface that somebody put into it.
struct AdoptPlace {
  ports::Container container;
  ports::EngineNetworkInfo engine_network;
  std::string interface;  // of an interface put in by hand
  std::string sandbox;    // path of the network namespace that it is in
  std::optional<model::IpAddress> address;
  std::optional<model::Subnet> subnet;  // around the address
  std::optional<model::IpAddress> gateway;
  std::optional<model::MacAddress> mac;
  bool configured = false;  // the address is asked for by the container's settings (`--ip`)

  [[nodiscard]] bool is_by_hand() const { return !interface.empty(); }
  [[nodiscard]] bool is_ours() const { return engine_network.driver == "bayplan"; }
};

// A container that was found, and its places; or why it has none that can be adopted. One that was named and is not
// there has neither.
struct AdoptCandidate {
  ports::Container container;
  std::vector<AdoptPlace> places;
  std::string why_none;
  bool named = false;  // in the request
};

// By the request's names, in their order; or all, by name. What the request's `from` leaves out is left out.
std::vector<AdoptCandidate> adopt_candidates(const AdoptRequest& request, const AdoptFacts& facts);

// All addresses that containers have now, or ask for.
std::set<model::IpAddress> addresses_in_use(const AdoptFacts& facts);

// The containers that run without any network of the engine's, whose inside has to be looked at.
std::vector<std::string> containers_to_look_into(const std::vector<ports::Container>& containers);

}  // namespace bayplan::control
