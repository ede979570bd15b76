// The plugin's calls, decided: ports::NetworkDriver on the planner, the engine and the kernel.
//
// Each call is a short pipeline: gather what the engine says (bounded), decide and store on the planner thread, then
// do the kernel's part. Called on connection threads; nothing here holds a lock while it waits.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "control/addresses.hpp"
#include "control/attacher.hpp"
#include "control/engine_keeper.hpp"
#include "control/joins.hpp"
#include "control/kernel_keeper.hpp"
#include "control/networks.hpp"
#include "control/publisher.hpp"
#include "ports/host.hpp"
#include "ports/network_driver.hpp"
#include "ports/prober.hpp"

namespace bayplan::control {

// What the driver and the control service work with. All outlive both.
struct Parts {
  Planner& planner;
  ports::Engine& engine;
  EngineKeeper& engine_keeper;
  KernelKeeper& kernel;
  Attacher& attacher;
  Publisher& publisher;
  ports::Host& host;
  const Clock& clock;
  NetworkDefaults defaults;
  std::string host_name;
  ports::Prober& prober;
};

// A pool's id as the engine keeps it: its subnet, and the range of `--ip-range` if there is one. It says all there is
// to know, so that no record of pools is needed.
struct PoolId {
  model::Subnet subnet;
  std::optional<model::Subnet> range;
  static Result<PoolId> parse(const std::string& text);
  [[nodiscard]] std::string to_string() const;
};

class Driver final : public ports::NetworkDriver {
 public:
  explicit Driver(Parts parts) : parts_(std::move(parts)) {}

  Result<ports::PoolAnswer> request_pool(const ports::PoolRequest& request) override;
  Result<> release_pool(const std::string& pool_id) override;
  Result<ports::AddressAnswer> request_address(const ports::AddressRequest& request) override;
  Result<> release_address(const std::string& pool_id, const std::string& address) override;

  Result<> create_network(const ports::NetworkRequest& request) override;
  Result<> delete_network(const std::string& network_id) override;
  Result<ports::EndpointAnswer> create_endpoint(const ports::EndpointRequest& request) override;
  Result<> delete_endpoint(const std::string& network_id, const std::string& endpoint_id) override;
  Result<ports::JoinAnswer> join(const std::string& network_id, const std::string& endpoint_id,
                                 const std::string& sandbox) override;
  Result<> leave(const std::string& network_id, const std::string& endpoint_id) override;
  Result<> publish(const std::string& network_id, const std::string& endpoint_id,
                   const std::vector<model::PublishedPort>& ports) override;
  Result<> unpublish(const std::string& network_id, const std::string& endpoint_id) override;

 private:
  // The network of a pool or of an engine's network; none: there is none (yet).
  Result<std::optional<model::Network>> network_of(const model::Subnet& subnet);
  Result<model::Network> network_of_engine(const std::string& engine_network);

  Result<model::IpAddress> gateway_address(const PoolId& pool, const std::string& asked);
  Result<model::IpAddress> endpoint_address(const PoolId& pool, const ports::AddressRequest& request);
  Result<GrantOutcome> grant_decided(GrantRequest request);
  Result<GrantOutcome> grant_now(const GrantRequest& request);
  // Ids of the engine's networks that carry one of ours.
  Result<std::vector<std::string>> carriers_of(const std::string& network);
  std::optional<std::set<std::string>> live_endpoints(const std::string& network);

  struct StoredNetwork {
    model::Network network;
    bool fresh = false;          // made by this request
    bool fresh_carrier = false;  // the engine's network was not known before
  };
  Result<StoredNetwork> store_network(const ports::NetworkRequest& request, const NetworkSpec& spec,
                                      const Surroundings& surroundings);
  Result<> forget_network(const std::string& engine_network);
  Result<> take_back_network(const std::string& name);
  Error owe_endpoint(const BindRequest& bind, const Error& why);
  // Who is joining; nothing when the engine does not answer.
  Result<JoinRequest> who_joins(const std::string& network_id, const std::string& endpoint_id);

  // After a wrong guess about a container that was being connected: nobody is guessed about there for a while.
  void stop_guessing(const std::string& network);
  bool may_guess(const std::string& network);

  Parts parts_;
  std::mutex guesses_mutex_;
  std::map<std::string, std::chrono::steady_clock::time_point> no_guess_until_;  // by network
};

// A fresh token for an owed start, "owed-" and 16 hex digits.
std::string make_owed_token();

}  // namespace bayplan::control
