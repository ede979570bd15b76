#include "engine/docker/plugin_messages.hpp"

#include "base/text.hpp"
#include "engine/docker/json_reader.hpp"

namespace bayplan::docker {

namespace {

namespace json = boost::json;

// moby libnetwork/netlabel/labels.go and ipamapi/labels.go.
constexpr std::string_view kGeneric = "com.docker.network.generic";
constexpr std::string_view kInternal = "com.docker.network.internal";
constexpr std::string_view kPortMap = "com.docker.network.portmap";
constexpr std::string_view kEndpointName = "com.docker.network.endpoint.name";
constexpr std::string_view kAddressType = "RequestAddressType";
constexpr std::string_view kGateway = "com.docker.network.gateway";

constexpr std::string_view kCall = "Docker's call";

// Ids become parts of keys and interface names; Docker's are 64 hex digits, swarm's 25 letters and digits.
Result<std::string> checked_id(JsonReader& read, std::string_view key) {
  auto id = read.text(key);
  TRY(read.check(ErrorCode::invalid, kCall));
  const bool good = !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
  if (!good) return fail(ErrorCode::invalid, "{}: {} is {:?}, which is not an id", kCall, key, shown(id));
  return id;
}

Result<std::string> checked_pool(JsonReader& read) {
  auto pool = read.text("PoolID");
  TRY(read.check(ErrorCode::invalid, kCall));
  if (pool.empty() || pool.size() > 255) {
    return fail(ErrorCode::invalid, "{}: PoolID is {:?}, which is no pool", kCall, shown(pool));
  }
  return pool;
}

// `-o key=value` comes as text; what a client of the API put in otherwise is given as its JSON.
std::string as_text(const json::value& value) {
  if (const auto* text = value.if_string()) return std::string(*text);
  return json::serialize(value);
}

Result<> read_ipv4_data(JsonReader& read, ports::NetworkRequest& out) {
  const auto& pools = read.array("IPv4Data");
  TRY(read.check(ErrorCode::invalid, kCall));
  if (pools.size() > 1) {
    return fail(ErrorCode::unsupported, "a network has one IPv4 subnet, {} were given: give --subnet once",
                pools.size());
  }
  if (pools.empty()) return {};
  JsonReader data(pools.front(), "IPv4Data");
  out.address_space = data.text("AddressSpace");
  out.subnet = data.text("Pool");
  out.gateway = data.text("Gateway");
  for (const auto& [name, address] : data.texts("AuxAddresses")) out.auxiliary.push_back(address);
  return data.check(ErrorCode::invalid, kCall);
}

Result<std::string> protocol_of(std::int64_t number) {
  if (number == 6) return std::string("tcp");  // IANA protocol numbers
  if (number == 17) return std::string("udp");
  if (number == 132) return std::string("sctp");
  return fail(ErrorCode::invalid, "{}: Proto {} is not tcp, udp or sctp", kCall, number);
}

Result<model::PublishedPort> read_port(const json::value& value) {
  JsonReader read(value, std::string(kPortMap));
  model::PublishedPort out;
  const auto protocol = read.number("Proto", 0, 255);
  out.port = static_cast<std::uint16_t>(read.number("Port", 1, 65535));
  out.host_port = static_cast<std::uint16_t>(read.number("HostPort", 0, 65535));
  const auto end = read.number("HostPortEnd", 0, 65535);
  const auto host = read.text("HostIP");
  TRY(read.check(ErrorCode::invalid, kCall));
  out.protocol = TRY(protocol_of(protocol));
  if (out.port == 0) return fail(ErrorCode::invalid, "{}: {} has no Port", kCall, kPortMap);
  if (end != 0 && end != out.host_port) {
    return fail(ErrorCode::unsupported, "-p {}-{}:{}: a range of host ports to choose from is not supported: give one",
                out.host_port, end, out.port);
  }
  if (!host.empty()) out.host_address = TRY(model::IpAddress::parse(host).in(kPortMap));
  return out;
}

}  // namespace

Result<json::value> parse_call(std::string_view body) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return fail(ErrorCode::invalid, "{} came without its body (as a retry of Docker's may): try again", kCall);
  }
  auto call = TRY(parse_json(body, ErrorCode::invalid, kCall));
  if (!call.is_object()) return fail(ErrorCode::invalid, "{} is not a JSON object", kCall);
  return call;
}

Result<ports::PoolRequest> read_pool_request(const json::value& call) {
  JsonReader read(call, "");
  ports::PoolRequest out;
  out.subnet = read.text("Pool");
  out.sub_range = read.text("SubPool");
  out.v6 = read.flag("V6");
  TRY(read.check(ErrorCode::invalid, kCall));
  return out;
}

Result<std::string> read_pool_id(const json::value& call) {
  JsonReader read(call, "");
  return checked_pool(read);
}

Result<ports::AddressRequest> read_address_request(const json::value& call) {
  JsonReader read(call, "");
  ports::AddressRequest out;
  out.pool_id = TRY(checked_pool(read));
  out.address = read.text("Address");
  auto options = read.texts("Options");
  TRY(read.check(ErrorCode::invalid, kCall));
  if (options[std::string(kAddressType)] == kGateway) out.purpose = ports::AddressRequest::Purpose::gateway;
  out.container_name = options[std::string(kEndpointName)];
  return out;
}

Result<AddressRelease> read_address_release(const json::value& call) {
  JsonReader read(call, "");
  AddressRelease out;
  out.pool_id = TRY(checked_pool(read));
  out.address = read.text("Address");
  TRY(read.check(ErrorCode::invalid, kCall));
  return out;
}

Result<ports::NetworkRequest> read_network_request(const json::value& call) {
  JsonReader read(call, "");
  ports::NetworkRequest out;
  out.id = TRY(checked_id(read, "NetworkID"));
  auto options = read.inner("Options");
  for (const auto& [key, value] : options.object(kGeneric)) out.options.emplace_back(std::string(key), as_text(value));
  out.internal = options.flag(kInternal);
  out.v6 = !read.array("IPv6Data").empty();
  TRY(options.check(ErrorCode::invalid, kCall));
  TRY(read_ipv4_data(read, out));
  return out;
}

Result<std::string> read_network_id(const json::value& call) {
  JsonReader read(call, "");
  return checked_id(read, "NetworkID");
}

Result<EndpointRef> read_endpoint_ref(const json::value& call) {
  JsonReader read(call, "");
  EndpointRef out;
  out.network_id = TRY(checked_id(read, "NetworkID"));
  out.endpoint_id = TRY(checked_id(read, "EndpointID"));
  return out;
}

Result<ports::EndpointRequest> read_endpoint_request(const json::value& call) {
  const auto ref = TRY(read_endpoint_ref(call));
  JsonReader read(call, "");
  auto interface = read.inner("Interface");
  ports::EndpointRequest out{ref.network_id, ref.endpoint_id, interface.text("Address"), interface.text("MacAddress")};
  TRY(read.check(ErrorCode::invalid, kCall));
  TRY(interface.check(ErrorCode::invalid, kCall));
  return out;
}

Result<std::string> read_sandbox(const json::value& call) {
  JsonReader read(call, "");
  auto sandbox = read.text("SandboxKey");
  TRY(read.check(ErrorCode::invalid, kCall));
  if (!sandbox.starts_with('/')) {
    return fail(ErrorCode::invalid, "{}: SandboxKey is {:?}, which is not a path", kCall, shown(sandbox));
  }
  return sandbox;
}

Result<std::vector<model::PublishedPort>> read_ports(const json::value& call) {
  JsonReader read(call, "");
  auto options = read.inner("Options");
  std::vector<model::PublishedPort> out;
  for (const auto& each : options.array(kPortMap)) out.push_back(TRY(read_port(each)));
  TRY(read.check(ErrorCode::invalid, kCall));
  TRY(options.check(ErrorCode::invalid, kCall));
  return out;
}

json::object write(const ports::PoolAnswer& answer) {
  return {{"PoolID", answer.pool_id}, {"Pool", answer.subnet.to_string()}, {"Data", json::object()}};
}

json::object write(const ports::AddressAnswer& answer) {
  return {{"Address", model::with_prefix(answer.address, answer.subnet)}, {"Data", json::object()}};
}

json::object write(const ports::EndpointAnswer& answer) {
  json::object interface;
  if (!answer.mac.empty()) interface["MacAddress"] = answer.mac;
  return {{"Interface", interface}};
}

json::object write(const ports::JoinAnswer& answer) {
  json::object out{
      {"InterfaceName", json::object{{"SrcName", answer.source_name}, {"DstPrefix", answer.destination_prefix}}}};
  if (answer.gateway.empty()) {
    // Or Docker would give the container a second interface, on its docker_gwbridge.
    out["DisableGatewayService"] = true;
  } else {
    out["Gateway"] = answer.gateway;
  }
  return out;
}

}  // namespace bayplan::docker
