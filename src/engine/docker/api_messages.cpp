#include "engine/docker/api_messages.hpp"

#include <charconv>

#include "base/text.hpp"
#include "engine/docker/json_reader.hpp"
#include "engine/docker/run_option_values.hpp"
#include "engine/docker/run_options.hpp"

namespace bayplan::docker {

namespace {

namespace json = boost::json;

std::optional<model::IpAddress> address_of(const std::string& text) {
  const auto address = model::IpAddress::parse(text);
  if (text.empty() || !address.ok()) return std::nullopt;
  return *address;
}

ports::ContainerState state_of(std::string_view text) {
  using ports::ContainerState;
  for (const auto state :
       {ContainerState::created, ContainerState::running, ContainerState::paused, ContainerState::restarting,
        ContainerState::removing, ContainerState::exited, ContainerState::dead}) {
    if (to_string(state) == text) return state;
  }
  return ContainerState::running;
}

// Names are "/web"; a legacy link adds "/other/alias", which is not this container's name.
std::string own_name(const json::array& names) {
  for (const auto& each : names) {
    const auto* text = each.if_string();
    if (text == nullptr || !text->starts_with('/')) continue;
    if (text->find('/', 1) == json::string::npos) return std::string(text->subview(1));
  }
  return {};
}

Result<ports::ContainerNetwork> read_container_network(std::string_view key, const json::value& value,
                                                       const char* what) {
  JsonReader read(value, fmt::format("Networks.{}", shown(key)));
  ports::ContainerNetwork out;
  out.key = std::string(key);
  out.network_id = read.text("NetworkID");
  out.endpoint = read.text("EndpointID");
  out.address = address_of(read.text("IPAddress"));
  out.gateway = address_of(read.text("Gateway"));
  if (const auto mac = model::MacAddress::parse(read.text("MacAddress"))) out.mac = *mac;
  auto ipam = read.inner("IPAMConfig");
  out.configured = address_of(ipam.text("IPv4Address"));
  TRY(read.check(ErrorCode::corrupt, what));
  TRY(ipam.check(ErrorCode::corrupt, what));
  return out;
}

Result<ports::Container> read_container(const json::value& value) {
  JsonReader read(value, "");
  ports::Container out;
  out.id = read.text("Id");
  out.name = own_name(read.array("Names"));
  out.labels = read.texts("Labels");
  out.state = state_of(read.text("State"));
  auto host = read.inner("HostConfig");
  out.network_mode = host.text("NetworkMode");
  auto settings = read.inner("NetworkSettings");
  for (const auto& [key, network] : settings.object("Networks")) {
    out.networks.push_back(TRY(read_container_network(key, network, "Docker's container list")));
  }
  for (const auto* each : {&read, &host, &settings}) TRY(each->check(ErrorCode::corrupt, "Docker's container list"));
  if (out.id.empty()) return fail(ErrorCode::corrupt, "Docker's container list: a container without Id");
  return out;
}

// What of the IPv4 subnet is the engine's own.
void read_reserved(JsonReader& config, ports::EngineNetworkInfo& out) {
  out.gateway = address_of(config.text("Gateway"));
  for (const auto& [name, text] : config.texts("AuxiliaryAddresses")) {
    if (const auto address = address_of(text)) out.auxiliary.push_back(*address);
  }
}

// Docker keys an endpoint by its container's id; one that is being joined, whose container it does not know yet, by
// "ep-<endpoint id>" (moby daemon/network.go, buildContainerAttachments).
void read_endpoints(JsonReader& read, ports::EngineNetworkInfo& out) {
  for (const auto& [key, value] : read.object("Containers")) {
    JsonReader endpoint(value, "Containers");
    const auto id = endpoint.text("EndpointID");
    if (id.empty()) continue;
    out.endpoints[id] = endpoint.text("Name");
    out.containers[id] = key.starts_with("ep-") ? "" : std::string(key);
  }
}

Result<ports::EngineNetworkInfo> read_network(const json::value& value) {
  JsonReader read(value, "");
  ports::EngineNetworkInfo out;
  out.id = read.text("Id");
  out.name = read.text("Name");
  out.driver = read.text("Driver");
  out.options = read.texts("Options");
  out.swarm = read.text("Scope") == "swarm";
  auto ipam = read.inner("IPAM");
  out.ipam_driver = ipam.text("Driver");
  for (const auto& each : ipam.array("Config")) {
    JsonReader config(each, "IPAM.Config");
    const auto subnet = model::Subnet::parse(config.text("Subnet"));
    if (subnet.ok()) out.subnets.push_back(*subnet);
    const auto range = model::Subnet::parse(config.text("IPRange"));
    if (range.ok() && range->base().is_v4()) out.range = model::AddressRange{range->base(), range->last()};
    if (subnet.ok() && subnet->base().is_v4()) read_reserved(config, out);
  }
  read_endpoints(read, out);
  TRY(read.check(ErrorCode::corrupt, "Docker's network"));
  TRY(ipam.check(ErrorCode::corrupt, "Docker's network"));
  if (out.id.empty()) return fail(ErrorCode::corrupt, "Docker's network: no Id");
  return out;
}

// True of a MAC that Bayplan made for this address: 02, any salt, the four bytes of the address.
bool is_ours(const std::string& mac_text, const std::optional<model::IpAddress>& address) {
  const auto mac = model::MacAddress::parse(mac_text);
  if (!mac.ok() || !address) return false;
  return *mac == model::mac_of(mac->bytes[1], *address);
}

json::object reduce_settings(const json::value& value, std::string_view container) {
  JsonReader read(value, "");
  json::object out;
  if (const auto& ipam = read.object("IPAMConfig"); !ipam.empty()) out["IPAMConfig"] = ipam;
  if (const auto& links = read.array("Links"); !links.empty()) out["Links"] = links;
  if (const auto& options = read.object("DriverOpts"); !options.empty()) out["DriverOpts"] = options;
  json::array aliases;
  for (const auto& each : read.array("Aliases")) {
    if (each.is_string() && each.as_string() != container.substr(0, 12)) aliases.push_back(each);
  }
  if (!aliases.empty()) out["Aliases"] = std::move(aliases);
  // Where containers have several networks, Docker 28's choice of the default gateway.
  if (const auto priority = read.number("GwPriority", INT32_MIN, INT32_MAX); priority != 0) {
    out["GwPriority"] = priority;
  }
  // A running container shows the MAC it has. Given back, ours would look like the user's own wish.
  const auto mac = read.text("MacAddress");
  if (!mac.empty() && !is_ours(mac, address_of(read.text("IPAddress")))) out["MacAddress"] = mac;
  return out;
}

// "always", "on-failure:3". Docker itself checks the name.
Result<json::object> restart_policy(const std::string& text) {
  const auto colon = text.find(':');
  json::object out{{"Name", text.substr(0, colon)}};
  if (colon != std::string::npos) {
    out["MaximumRetryCount"] = TRY(parse_integer(std::string_view(text).substr(colon + 1)).in("--restart"));
  }
  return out;
}

}  // namespace

Result<std::vector<ports::Container>> parse_containers(std::string_view body) {
  const auto root = TRY(parse_json(body, ErrorCode::corrupt, "Docker's container list"));
  const auto* list = root.if_array();
  if (list == nullptr) return fail(ErrorCode::corrupt, "Docker's container list is not a list");
  std::vector<ports::Container> out;
  out.reserve(list->size());
  for (const auto& each : *list) out.push_back(TRY(read_container(each)));
  return out;
}

Result<std::vector<ports::EngineNetworkInfo>> parse_networks(std::string_view body) {
  const auto root = TRY(parse_json(body, ErrorCode::corrupt, "Docker's network list"));
  const auto* list = root.if_array();
  if (list == nullptr) return fail(ErrorCode::corrupt, "Docker's network list is not a list");
  std::vector<ports::EngineNetworkInfo> out;
  out.reserve(list->size());
  for (const auto& each : *list) out.push_back(TRY(read_network(each)));
  return out;
}

Result<ports::EngineNetworkInfo> parse_network(std::string_view body) {
  return read_network(TRY(parse_json(body, ErrorCode::corrupt, "Docker's network")));
}

Result<ports::ContainerDetails> parse_details(std::string_view body) {
  const auto root = TRY(parse_json(body, ErrorCode::corrupt, "Docker's container"));
  JsonReader read(root, "");
  ports::ContainerDetails out;
  out.id = read.text("Id");
  out.name = read.text("Name");
  if (out.name.starts_with('/')) out.name.erase(0, 1);
  auto state = read.inner("State");
  out.state = state_of(state.text("Status"));
  out.last_error = state.text("Error");
  out.running = state.flag("Running");
  out.process = static_cast<int>(state.number("Pid", 0, std::numeric_limits<int>::max()));
  auto network = read.inner("NetworkSettings");
  out.sandbox = network.text("SandboxKey");
  for (const auto& [key, entry] : network.object("Networks")) {
    out.networks.push_back(TRY(read_container_network(key, entry, "Docker's container")));
  }
  auto config = read.inner("Config");
  out.labels = config.texts("Labels");
  auto host = read.inner("HostConfig");
  out.network_mode = host.text("NetworkMode");
  auto policy = host.inner("RestartPolicy");
  out.restart_policy = policy.text("Name");
  if (out.restart_policy.empty()) out.restart_policy = "no";
  for (const auto* each : {&read, &state, &network, &config, &host, &policy})
    TRY(each->check(ErrorCode::corrupt, "Docker's container"));
  return out;
}

Result<ports::EngineEvent> parse_event(std::string_view line) {
  // Docker 29 may separate with RFC 7464's record separator.
  if (line.starts_with('\x1e')) line.remove_prefix(1);
  const auto root = TRY(parse_json(line, ErrorCode::corrupt, "Docker's event"));
  JsonReader read(root, "");
  ports::EngineEvent out;
  out.type = read.text("Type");
  out.action = read.text("Action");
  auto actor = read.inner("Actor");
  out.id = actor.text("ID");
  out.attributes = actor.texts("Attributes");
  TRY(read.check(ErrorCode::corrupt, "Docker's event"));
  TRY(actor.check(ErrorCode::corrupt, "Docker's event"));
  return out;
}

Result<bool> parse_names_askers(std::string_view body) {
  constexpr std::pair kSince{1U, 52U};
  const auto root = TRY(parse_json(body, ErrorCode::corrupt, "Docker's version"));
  JsonReader read(root, "");
  const std::string version = read.text("ApiVersion");
  TRY(read.check(ErrorCode::corrupt, "Docker's version"));
  std::pair<unsigned, unsigned> found{};
  const char* const end = version.data() + version.size();
  const auto [dot, major] = std::from_chars(version.data(), end, found.first);
  if (major != std::errc{} || dot == end || *dot != '.') {
    return fail(ErrorCode::corrupt, "Docker's ApiVersion is {:?}", shown(version));
  }
  const auto [rest, minor] = std::from_chars(dot + 1, end, found.second);
  if (minor != std::errc{} || rest != end)
    return fail(ErrorCode::corrupt, "Docker's ApiVersion is {:?}", shown(version));
  return found >= kSince;
}

Result<std::string> parse_created(std::string_view body) {
  const auto root = TRY(parse_json(body, ErrorCode::corrupt, "Docker's answer"));
  JsonReader read(root, "");
  auto id = read.text("Id");
  TRY(read.check(ErrorCode::corrupt, "Docker's answer"));
  if (id.empty()) return fail(ErrorCode::corrupt, "Docker's answer has no Id: {}", shown(body, 200));
  return id;
}

Result<std::string> parse_endpoint_settings(std::string_view body, std::string_view network_id,
                                            std::string_view network_name) {
  const auto root = TRY(parse_json(body, ErrorCode::corrupt, "Docker's container"));
  JsonReader read(root, "");
  const auto id = read.text("Id");
  auto networks = read.inner("NetworkSettings");
  for (const auto& [key, value] : networks.object("Networks")) {
    const auto its_id = JsonReader(value, "").text("NetworkID");
    // As the user wrote it: the name, the id, or the beginning of the id.
    const bool by_key = key == network_name || (key.size() >= 12 && network_id.starts_with(std::string_view(key)));
    const bool same = its_id.empty() ? by_key : its_id == network_id;
    if (same) return json::serialize(reduce_settings(value, id));
  }
  TRY(read.check(ErrorCode::corrupt, "Docker's container"));
  TRY(networks.check(ErrorCode::corrupt, "Docker's container"));
  return fail(ErrorCode::not_found, "the container is not on network {}", network_name);
}

Result<std::string> portable_settings(std::string_view settings) {
  const auto root = TRY(parse_json(settings, ErrorCode::corrupt, "the stored endpoint settings"));
  JsonReader read(root, "");
  json::object out;
  for (const std::string_view key : {"Aliases", "Links"}) {
    if (const auto& list = read.array(key); !list.empty()) out[key] = list;
  }
  if (const auto priority = read.number("GwPriority", INT32_MIN, INT32_MAX); priority != 0) {
    out["GwPriority"] = priority;
  }
  TRY(read.check(ErrorCode::corrupt, "the stored endpoint settings"));
  return json::serialize(out);
}

Result<std::string> connect_body(std::string_view container, std::string_view settings,
                                 const std::optional<model::IpAddress>& address) {
  auto endpoint = TRY(parse_json(settings, ErrorCode::corrupt, "the stored endpoint settings"));
  if (!endpoint.is_object()) return fail(ErrorCode::corrupt, "the stored endpoint settings are not an object");
  auto& members = endpoint.as_object();
  auto& ipam = members["IPAMConfig"];
  if (!ipam.is_object()) ipam = json::object();
  ipam.as_object().erase("IPv4Address");
  if (address) ipam.as_object()["IPv4Address"] = address->to_string();
  if (ipam.as_object().empty()) members.erase("IPAMConfig");
  return json::serialize(json::object{{"Container", container}, {"EndpointConfig", endpoint}});
}

std::string disconnect_body(std::string_view container) {
  return json::serialize(json::object{{"Container", container}});
}

std::string create_network_body(const std::string& name, const model::Subnet& subnet, const model::IpAddress& gateway,
                                const std::map<std::string, std::string>& options) {
  json::object driver_options;
  for (const auto& [key, value] : options) driver_options[key] = value;
  const json::object config{{"Subnet", subnet.to_string()}, {"Gateway", gateway.to_string()}};
  return json::serialize(
      json::object{{"Name", name},
                   {"CheckDuplicate", true},  // Docker 20.10 would make a second one of that name; obsolete from 25 on
                   {"Driver", "bayplan"},
                   {"IPAM", json::object{{"Driver", "bayplan"}, {"Config", json::array{config}}}},
                   {"Options", driver_options}});
}

Result<std::string> create_container_body(const ports::RunRequest& request) {
  auto spec = TRY(parse_run_options(request.options));
  spec.body["Image"] = request.image;
  if (!request.command.empty()) spec.body["Cmd"] = json::array(request.command.begin(), request.command.end());
  auto& host = spec.body["HostConfig"].as_object();
  host["NetworkMode"] = request.network;
  host["RestartPolicy"] = TRY(restart_policy(request.restart_policy));
  if (request.pinned) {
    if (!spec.body.contains("Labels")) spec.body["Labels"] = json::object();
    spec.body["Labels"].as_object()[ports::kPinnedLabel] = request.address.to_string();
  }
  json::object endpoint{{"IPAMConfig", json::object{{"IPv4Address", request.address.to_string()}}}};
  if (!spec.network_aliases.empty()) endpoint["Aliases"] = std::move(spec.network_aliases);
  spec.body["NetworkingConfig"] =
      json::object{{"EndpointsConfig", json::object{{request.network, std::move(endpoint)}}}};
  return json::serialize(spec.body);
}

std::string error_text(std::string_view body) {
  const auto root = parse_json(body, ErrorCode::corrupt, "");
  if (root.ok() && root->is_object()) {
    auto message = JsonReader(*root, "").text("message");
    if (!message.empty()) return message;
  }
  return body.empty() ? "no reason given" : shown(body, 200);
}

Error api_error(int status, std::string_view body) {
  const auto text = error_text(body);
  switch (status) {
    case 400:
      return fail(ErrorCode::invalid, "{}", text);
    case 403:
      return fail(ErrorCode::in_use, "{}", text);
    case 404:
      return fail(ErrorCode::not_found, "{}", text);
    case 503:
      return fail(ErrorCode::unavailable, "{}", text);
    default:
      // Docker 20.10 has no 404 for this one.
      if (text.find("is not connected to") != std::string::npos) return fail(ErrorCode::not_found, "{}", text);
      return fail(ErrorCode::conflict, "{}", text);
  }
}

ImageReference split_image(std::string_view reference) {
  if (const auto at = reference.find('@'); at != std::string_view::npos) {
    return {std::string(reference.substr(0, at)), std::string(reference.substr(at + 1))};
  }
  const auto colon = reference.rfind(':');
  const auto slash = reference.rfind('/');
  const bool tagged = colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash);
  if (!tagged) return {std::string(reference), "latest"};
  return {std::string(reference.substr(0, colon)), std::string(reference.substr(colon + 1))};
}

}  // namespace bayplan::docker
