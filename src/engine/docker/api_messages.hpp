// Docker's Engine API as bytes: its answers read into ports/engine.hpp's structs, our requests written. No I/O.
//
// Source: the API's reference and moby api/types; what 20.10.24 really sends is in tests/unit/docker/data. An answer
// that is not what it should be is `corrupt`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ports/engine.hpp"

namespace bayplan::docker {

// GET /containers/json?all=1. A state this version does not know reads as running: it is left alone.
Result<std::vector<ports::Container>> parse_containers(std::string_view body);
// GET /networks. Docker lists them without their endpoints.
Result<std::vector<ports::EngineNetworkInfo>> parse_networks(std::string_view body);
// GET /networks/ID.
Result<ports::EngineNetworkInfo> parse_network(std::string_view body);
// GET /containers/ID/json.
Result<ports::ContainerDetails> parse_details(std::string_view body);
// One line of GET /events. Attributes are those of the actor.
Result<ports::EngineEvent> parse_event(std::string_view line);
// GET /version: whether it is Docker 29 or later (API 1.52), whose requests for addresses say who asks.
Result<bool> parse_names_askers(std::string_view body);
// The member "Id" of the answer to a create call.
Result<std::string> parse_created(std::string_view body);

// The settings of one network of a container out of GET /containers/ID/json, reduced to what `connect` takes: aliases
// without the container's short id that Docker adds by itself, links, driver options, the configured addresses, a MAC
// that the user chose. `not_found` when the container is not on that network. The network is found by its id or by
// its key, which is its name: before the first start Docker gives no id.
Result<std::string> parse_endpoint_settings(std::string_view body, std::string_view network_id,
                                            std::string_view network_name);

// Of such settings, what holds on any network: aliases, links and the priority as gateway.
Result<std::string> portable_settings(std::string_view settings);

// POST /networks/ID/connect: with the settings from above, and this address as IPAMConfig.IPv4Address (none: any).
// `corrupt` when the settings are not those of parse_endpoint_settings.
Result<std::string> connect_body(std::string_view container, std::string_view settings,
                                 const std::optional<model::IpAddress>& address);
std::string disconnect_body(std::string_view container);
std::string create_network_body(const std::string& name, const model::Subnet& subnet, const model::IpAddress& gateway,
                                const std::map<std::string, std::string>& options);
// POST /containers/create; `invalid` for docker-run options that are not known (run_options.hpp).
Result<std::string> create_container_body(const ports::RunRequest& request);

// What Docker says in the body of a status of 400 and more: {"message": …}, or the body itself, cut.
std::string error_text(std::string_view body);
// The error of such a status. 404 not_found, 409 conflict, 400 invalid, 403 in_use (what Docker forbids is to touch
// what is in use); a 500 is conflict: Docker is there and refuses, trying the same again will not help.
Error api_error(int status, std::string_view body);

// How `docker pull` reads a reference: name and tag or digest; without both, the tag "latest".
struct ImageReference {
  std::string name;
  std::string tag;
};
ImageReference split_image(std::string_view reference);

}  // namespace bayplan::docker
