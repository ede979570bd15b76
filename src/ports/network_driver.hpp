// What an engine's plugin protocol asks of us: the seam between engine/docker (which reads and writes JSON) and
// control/ (which decides).
//
// Called on connection threads, several at once; each call blocks until its answer is stored, and is bounded. Calls
// repeat and some never come, so each is idempotent. The words are libnetwork's (drivers/remote/api and
// ipams/remote/api in moby).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "model/records.hpp"

namespace bayplan::ports {

// IpamDriver.RequestPool: the subnet of a network about to be made.
struct PoolRequest {
  std::string subnet;     // as given with --subnet; empty: none given (refused, with what to do)
  std::string sub_range;  // --ip-range, a CIDR; may be empty
  bool v6 = false;
};
struct PoolAnswer {
  std::string pool_id;
  model::Subnet subnet;
};

// IpamDriver.RequestAddress.
struct AddressRequest {
  enum class Purpose { endpoint, gateway };
  std::string pool_id;
  std::string address;  // asked for; empty: any
  Purpose purpose = Purpose::endpoint;
  std::string container_name;  // "com.docker.network.endpoint.name", from Docker 29 on; empty: not told
};
struct AddressAnswer {
  model::IpAddress address;
  model::Subnet subnet;
};

// NetworkDriver.CreateNetwork. Options are those of `-o`, as text, unknown ones included.
struct NetworkRequest {
  std::string id;
  std::vector<std::pair<std::string, std::string>> options;
  std::string subnet;                  // IPv4Data[0].Pool
  std::string address_space;           // IPv4Data[0].AddressSpace: whose IPAM driver gave the subnet
  std::string gateway;                 // IPv4Data[0].Gateway, "172.16.1.1/24"; may be empty
  std::vector<std::string> auxiliary;  // IPv4Data[0].AuxAddresses, "172.16.1.9/24" or bare
  bool v6 = false;                     // IPv6Data was given
  bool internal = false;               // --internal: no way out
};

// NetworkDriver.CreateEndpoint.
struct EndpointRequest {
  std::string network_id;
  std::string endpoint_id;
  std::string address;  // Interface.Address, "172.16.1.2/24"
  std::string mac;      // Interface.MacAddress, `docker run --mac-address`; usually empty
};
struct EndpointAnswer {
  std::string mac;  // to be set by the engine; empty when the request named it
};

// NetworkDriver.Join.
struct JoinAnswer {
  std::string source_name;         // the interface for the engine to move into the container
  std::string destination_prefix;  // "eth"
  std::string gateway;             // may be empty
};

class NetworkDriver {
 public:
  virtual ~NetworkDriver() = default;

  virtual Result<PoolAnswer> request_pool(const PoolRequest& request) = 0;
  virtual Result<> release_pool(const std::string& pool_id) = 0;
  virtual Result<AddressAnswer> request_address(const AddressRequest& request) = 0;
  virtual Result<> release_address(const std::string& pool_id, const std::string& address) = 0;

  virtual Result<> create_network(const NetworkRequest& request) = 0;
  virtual Result<> delete_network(const std::string& network_id) = 0;
  virtual Result<EndpointAnswer> create_endpoint(const EndpointRequest& request) = 0;
  virtual Result<> delete_endpoint(const std::string& network_id, const std::string& endpoint_id) = 0;
  virtual Result<JoinAnswer> join(const std::string& network_id, const std::string& endpoint_id,
                                  const std::string& sandbox) = 0;
  virtual Result<> leave(const std::string& network_id, const std::string& endpoint_id) = 0;

  // NetworkDriver.ProgramExternalConnectivity and its Revoke: `docker run -p`. host_port 0 wants a free
  // one chosen.
  virtual Result<> publish(const std::string& network_id, const std::string& endpoint_id,
                           const std::vector<model::PublishedPort>& ports) = 0;
  virtual Result<> unpublish(const std::string& network_id, const std::string& endpoint_id) = 0;
};

}  // namespace bayplan::ports
