// What runs containers: the seam to Docker (and later Podman and others).
//
// Callable from any thread; every call opens or reuses a connection of its own, blocks, and is bounded by the time
// given or by a bound of its own. Errors: `unavailable` (the engine is not there), `timeout` (it does not answer, as
// Docker while it boots), `not_found`, `conflict`, `invalid`; the detail carries the engine's own words.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/address.hpp"

namespace bayplan::ports {

// One entry of a container's networks.
struct ContainerNetwork {
  std::string key;                             // as the engine keys it: the network's name, or the id the user gave
  std::string network_id;                      // empty before the first start
  std::string endpoint;                        // empty while the container is not running
  std::optional<model::IpAddress> configured;  // IPAMConfig.IPv4Address: what Docker will ask for
  std::optional<model::IpAddress> address;     // what it has now
  std::optional<model::MacAddress> mac = std::nullopt;
  std::optional<model::IpAddress> gateway = std::nullopt;  // by which it leaves, where it runs
};

enum class ContainerState { created, running, paused, restarting, removing, exited, dead };
std::string_view to_string(ContainerState state);

// On a container that `bayplan run` made: the address that it was pinned to then.
inline constexpr std::string_view kPinnedLabel = "bayplan.pinned";

struct Container {
  std::string id;    // 64 hex digits
  std::string name;  // without the leading slash
  std::map<std::string, std::string> labels;
  ContainerState state = ContainerState::created;
  std::string network_mode;
  std::vector<ContainerNetwork> networks;

  // The label `bayplan.identity`, else the name.
  [[nodiscard]] std::string identity() const;
  // running or paused: it has its addresses now.
  [[nodiscard]] bool is_up() const;
};

struct EngineNetworkInfo {
  std::string id;
  std::string name;
  std::string driver;
  std::vector<model::Subnet> subnets;
  std::map<std::string, std::string> options;     // those of the driver
  std::map<std::string, std::string> endpoints;   // endpoint id → name of the container, while known
  std::map<std::string, std::string> containers;  // endpoint id → container id; "" for an endpoint being joined
  std::string ipam_driver = {};                   // who gives its addresses
  // Of its IPv4 subnet: where addresses are given from (`--ip-range`).
  std::optional<model::AddressRange> range = std::nullopt;
  std::optional<model::IpAddress> gateway = std::nullopt;  // of that subnet, where the engine tells it
  std::vector<model::IpAddress> auxiliary = {};            // of that subnet: never given (`--aux-address`)
  bool swarm = false;                                      // spans hosts
};

// What inspecting one container tells: as the listing, and more.
struct ContainerDetails : Container {
  std::string last_error;      // of the last failed start
  std::string restart_policy;  // "no", "always", "unless-stopped", "on-failure"
  bool running = false;
  std::string sandbox;  // path of its network namespace while it runs; empty: it has none of its own
  int process = 0;      // its first process, in this host's numbers; 0: none
};

// A change the engine reports. Types and actions in Docker's words: container/create, container/start, container/die,
// container/destroy, container/rename, network/connect, network/disconnect, network/create, network/destroy.
struct EngineEvent {
  std::string type;
  std::string action;
  std::string id;  // the container's or network's
  std::map<std::string, std::string> attributes;
};

// What `bayplan run` starts. `options` are docker-run options as the user wrote them.
struct RunRequest {
  std::string name;
  std::string image;
  std::vector<std::string> command;
  std::string network;  // the engine's network, by name
  model::IpAddress address;
  bool pinned = false;  // the address is our choice and not the user's: labelled so (kPinnedLabel)
  std::string restart_policy = "always";
  std::vector<std::string> options;
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Whether its requests for addresses say who asks (Docker 29 on).
  virtual Result<bool> names_askers() = 0;

  // All containers, those at rest included. Takes no container's lock in Docker: answers inside plugin calls.
  virtual Result<std::vector<Container>> containers(std::chrono::milliseconds bound) = 0;
  virtual Result<std::vector<EngineNetworkInfo>> networks(std::chrono::milliseconds bound) = 0;
  // Answers inside plugin calls, with the endpoint that is being joined (Docker lists it as `ep-<id>`).
  virtual Result<EngineNetworkInfo> network(const std::string& id, std::chrono::milliseconds bound) = 0;

  // The calls below take the container's lock: never from a plugin call.

  // By its name, its id or the beginning of it. `not_found`; `invalid` where several ids begin so.
  virtual Result<ContainerDetails> inspect(const std::string& container) = 0;
  // The container's settings for one of its networks (aliases, links, driver options, addresses), opaque, to be given
  // back to `connect`.
  virtual Result<std::string> endpoint_settings(const std::string& container, const std::string& network_id) = 0;
  // Of such settings, what holds on any network: aliases and links, but no addresses and no driver's options.
  virtual Result<std::string> portable_settings(const std::string& settings) = 0;
  virtual Result<> disconnect(const std::string& container, const std::string& network_id) = 0;
  // With `address`, the engine will ask for it at every start; without, it is left to us.
  virtual Result<> connect(const std::string& container, const std::string& network_id, const std::string& settings,
                           const std::optional<model::IpAddress>& address) = 0;
  virtual Result<> start(const std::string& container) = 0;

  // Makes a network of ours on the engine: driver and IPAM driver `bayplan`, that subnet and gateway. Gives its id.
  virtual Result<std::string> create_network(const std::string& name, const model::Subnet& subnet,
                                             const model::IpAddress& gateway,
                                             const std::map<std::string, std::string>& options) = 0;
  virtual Result<> remove_network(const std::string& id) = 0;
  // Everything about a container to be made that can be said beforehand: its options are read (`invalid` for one that
  // is not known here), its image is fetched if it is missing. Nothing else is changed.
  virtual Result<> prepare(const RunRequest& request) = 0;
  // Creates a container that was prepared, not started. Gives its id. `exists` when the name is taken; otherwise as
  // `prepare`, but fetches nothing.
  virtual Result<std::string> create_container(const RunRequest& request) = 0;
  virtual Result<> remove_container(const std::string& id) = 0;

  // Delivers the engine's events, on the calling thread, until `stop` is requested (then success) or the stream ends
  // (`unavailable`). `on_ready` is called once the stream stands: what happens after it is delivered.
  virtual Result<> watch(std::stop_token stop, const std::function<void()>& on_ready,
                         const std::function<void(const EngineEvent&)>& on_event) = 0;
};

}  // namespace bayplan::ports
