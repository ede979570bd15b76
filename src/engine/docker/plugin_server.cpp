#include "engine/docker/plugin_server.hpp"

#include "base/text.hpp"
#include "engine/docker/plugin_messages.hpp"

namespace bayplan::docker {

namespace {

namespace json = boost::json;
using Answer = Result<json::object>;
using Driver = ports::NetworkDriver;

constexpr std::string_view kContentType = "application/vnd.docker.plugins.v1.1+json";

json::object done() {
  return {};
}

Answer activate(Driver&, const json::value&) {
  return json::object{{"Implements", json::array{"NetworkDriver", "IpamDriver"}}};
}

// Not asked for: GwAllocChecker (a gateway address is what we want Docker to reserve), and RequiresMACAddress (Docker
// would make up a MAC that nobody may change).
Answer network_capabilities(Driver&, const json::value&) {
  return json::object{{"Scope", "local"}, {"ConnectivityScope", "local"}};
}

Answer ipam_capabilities(Driver&, const json::value&) {
  return json::object{{"RequiresMACAddress", false}, {"RequiresRequestReplay", false}};
}

Answer address_spaces(Driver&, const json::value&) {
  return json::object{{"LocalDefaultAddressSpace", "bayplan-local"}, {"GlobalDefaultAddressSpace", "bayplan-global"}};
}

Answer request_pool(Driver& driver, const json::value& call) {
  const auto request = TRY(read_pool_request(call));
  return write(TRY(driver.request_pool(request)));
}

Answer release_pool(Driver& driver, const json::value& call) {
  const auto request = TRY(read_pool_id(call));
  TRY(driver.release_pool(request));
  return done();
}

Answer request_address(Driver& driver, const json::value& call) {
  const auto request = TRY(read_address_request(call));
  return write(TRY(driver.request_address(request)));
}

Answer release_address(Driver& driver, const json::value& call) {
  const auto release = TRY(read_address_release(call));
  TRY(driver.release_address(release.pool_id, release.address));
  return done();
}

Answer create_network(Driver& driver, const json::value& call) {
  const auto request = TRY(read_network_request(call));
  TRY(driver.create_network(request));
  return done();
}

Answer delete_network(Driver& driver, const json::value& call) {
  const auto request = TRY(read_network_id(call));
  TRY(driver.delete_network(request));
  return done();
}

Answer gateway_check(Driver&, const json::value&) {
  return json::object{{"SkipIPv4", false}, {"SkipIPv6", false}};
}

Answer create_endpoint(Driver& driver, const json::value& call) {
  const auto request = TRY(read_endpoint_request(call));
  return write(TRY(driver.create_endpoint(request)));
}

// What `docker inspect` would show more about an endpoint: nothing.
Answer endpoint_info(Driver&, const json::value& call) {
  TRY(read_endpoint_ref(call));
  return json::object{{"Value", json::object()}};
}

Answer delete_endpoint(Driver& driver, const json::value& call) {
  const auto ref = TRY(read_endpoint_ref(call));
  TRY(driver.delete_endpoint(ref.network_id, ref.endpoint_id));
  return done();
}

Answer join(Driver& driver, const json::value& call) {
  const auto ref = TRY(read_endpoint_ref(call));
  const auto sandbox = TRY(read_sandbox(call));
  return write(TRY(driver.join(ref.network_id, ref.endpoint_id, sandbox)));
}

Answer leave(Driver& driver, const json::value& call) {
  const auto ref = TRY(read_endpoint_ref(call));
  TRY(driver.leave(ref.network_id, ref.endpoint_id));
  return done();
}

// Docker makes this call for every container, published ports or not.
Answer program_connectivity(Driver& driver, const json::value& call) {
  const auto ref = TRY(read_endpoint_ref(call));
  const auto ports = TRY(read_ports(call));
  if (!ports.empty()) TRY(driver.publish(ref.network_id, ref.endpoint_id, ports));
  return done();
}

Answer revoke_connectivity(Driver& driver, const json::value& call) {
  const auto ref = TRY(read_endpoint_ref(call));
  TRY(driver.unpublish(ref.network_id, ref.endpoint_id));
  return done();
}

// News of cluster members, which a driver of local scope has no use for.
Answer discover(Driver&, const json::value&) {
  return done();
}

Answer swarm_only(Driver&, const json::value&) {
  return fail(ErrorCode::unsupported, "bayplan's networks are local to a host; make them with --scope local");
}

enum class Body { needed, none };

struct Method {
  std::string_view name;
  Body body;
  Answer (*call)(Driver&, const json::value&);
};

constexpr Method kMethods[] = {
    {"Plugin.Activate", Body::none, activate},
    {"NetworkDriver.GetCapabilities", Body::none, network_capabilities},
    {"NetworkDriver.AllocateNetwork", Body::none, swarm_only},
    {"NetworkDriver.FreeNetwork", Body::none, swarm_only},
    {"NetworkDriver.GwAllocCheck", Body::needed, gateway_check},
    {"NetworkDriver.CreateNetwork", Body::needed, create_network},
    {"NetworkDriver.DeleteNetwork", Body::needed, delete_network},
    {"NetworkDriver.CreateEndpoint", Body::needed, create_endpoint},
    {"NetworkDriver.EndpointOperInfo", Body::needed, endpoint_info},
    {"NetworkDriver.DeleteEndpoint", Body::needed, delete_endpoint},
    {"NetworkDriver.Join", Body::needed, join},
    {"NetworkDriver.Leave", Body::needed, leave},
    {"NetworkDriver.ProgramExternalConnectivity", Body::needed, program_connectivity},
    {"NetworkDriver.RevokeExternalConnectivity", Body::needed, revoke_connectivity},
    {"NetworkDriver.DiscoverNew", Body::none, discover},
    {"NetworkDriver.DiscoverDelete", Body::none, discover},
    {"IpamDriver.GetCapabilities", Body::none, ipam_capabilities},
    {"IpamDriver.GetDefaultAddressSpaces", Body::none, address_spaces},
    {"IpamDriver.RequestPool", Body::needed, request_pool},
    {"IpamDriver.ReleasePool", Body::needed, release_pool},
    {"IpamDriver.RequestAddress", Body::needed, request_address},
    {"IpamDriver.ReleaseAddress", Body::needed, release_address},
};

http::Response respond(int status, const json::object& body) {
  return http::Response{status, std::string(kContentType), json::serialize(body), {}};
}

http::Response refusal(int status, std::string_view detail) {
  return respond(status, {{"Err", fmt::format("bayplan: {}", detail)}});
}

Answer serve(const Method& method, Driver& driver, const std::string& body) {
  json::value call;
  if (method.body == Body::needed) call = TRY(parse_call(body));
  return method.call(driver, call);
}

http::Response handle(Driver& driver, const http::Request& request) {
  const auto name = std::string_view(request.path).substr(request.path.starts_with('/') ? 1 : 0);
  const auto* method =
      std::find_if(std::begin(kMethods), std::end(kMethods), [&](const Method& each) { return each.name == name; });
  if (method == std::end(kMethods)) return refusal(404, fmt::format("there is no method {:?}", shown(name)));
  if (request.method != "POST") return refusal(405, "plugin calls are made with POST");
  const auto answer = serve(*method, driver, request.body);
  if (answer.ok()) return respond(200, *answer);
  const auto* field = name.starts_with("IpamDriver.") ? "Error" : "Err";
  return respond(200, {{field, fmt::format("bayplan: {}", answer.error().message())}});
}

}  // namespace

http::Handler plugin_handler(ports::NetworkDriver& driver) {
  return [&driver](const http::Request& request) { return handle(driver, request); };
}

http::ServerOptions plugin_server_options() {
  // Docker waits for a call as long as it takes, and with it whoever waits for the container's or network's lock.
  constexpr std::chrono::seconds kCallBound{30};
  http::ServerOptions options;
  options.refusal = refusal;
  options.handler_bound = kCallBound;
  // As dockerd makes its /run/docker, in which we may be first at a boot.
  options.directory_mode = 0700;
  return options;
}

}  // namespace bayplan::docker
