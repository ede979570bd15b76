// Docker's plugin protocol, version 1: POST /<Driver>.<Method> with a JSON body, on the plugin socket.
//
//   auto server = http::Server::on_path(path, docker::plugin_handler(driver), docker::plugin_server_options());
//
// How a failure reaches the user (moby pkg/plugins/client.go and remote/driver.go, 20.10 to 29):
// - Status 200 with {"Err": text} (NetworkDriver) or {"Error": text} (IpamDriver): the docker command shows
//   `remote: text`. So every refusal of ours goes this way, as `bayplan: what, about whom, what to do`.
// - Another status with {"Err": text}, for both drivers: `NetworkDriver.Join: text`. For what is not a call of ours at
//   all; 404 also means "this plugin has no such method", and Docker then does without the optional ones.
// - A body that is not JSON, or a connection cut: a Go error that helps nobody, or retries. Never.
#pragma once

#include "http/server.hpp"
#include "ports/network_driver.hpp"

namespace bayplan::docker {

// Handles one request; thread-safe as `driver` is, which must outlive it. Takes as long as the driver's call.
http::Handler plugin_handler(ports::NetworkDriver& driver);

// Limits for the plugin socket, and refusals in the protocol's own form.
http::ServerOptions plugin_server_options();

}  // namespace bayplan::docker
