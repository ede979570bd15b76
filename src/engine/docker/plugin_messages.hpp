// Docker's plugin calls as JSON: requests read into ports/network_driver.hpp's structs, answers written. No I/O.
//
// Source: moby daemon/libnetwork/drivers/remote/api/api.go and ipams/remote/api/api.go (libnetwork/ before 29), and
// what 20.10.24 was seen to send. Every reader gets the call's whole body, checks it, and fails with `invalid`.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "ports/network_driver.hpp"

namespace bayplan::docker {

// The body as an object. A retry of Docker's may come with an empty one: all attempts read the same buffer, which the
// first may have used up (moby pkg/plugins/client.go, callWithRetry).
Result<boost::json::value> parse_call(std::string_view body);

Result<ports::PoolRequest> read_pool_request(const boost::json::value& call);
Result<std::string> read_pool_id(const boost::json::value& call);
Result<ports::AddressRequest> read_address_request(const boost::json::value& call);

struct AddressRelease {
  std::string pool_id;
  std::string address;
};
Result<AddressRelease> read_address_release(const boost::json::value& call);

Result<ports::NetworkRequest> read_network_request(const boost::json::value& call);
Result<std::string> read_network_id(const boost::json::value& call);
Result<ports::EndpointRequest> read_endpoint_request(const boost::json::value& call);

struct EndpointRef {
  std::string network_id;
  std::string endpoint_id;
};
Result<EndpointRef> read_endpoint_ref(const boost::json::value& call);
// Join's SandboxKey.
Result<std::string> read_sandbox(const boost::json::value& call);
// Options["com.docker.network.portmap"]; empty when there is none. `unsupported` for a range of host ports.
Result<std::vector<model::PublishedPort>> read_ports(const boost::json::value& call);

boost::json::object write(const ports::PoolAnswer& answer);
boost::json::object write(const ports::AddressAnswer& answer);
boost::json::object write(const ports::EndpointAnswer& answer);
boost::json::object write(const ports::JoinAnswer& answer);

}  // namespace bayplan::docker
