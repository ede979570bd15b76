// Docker as a ports::Engine: its API over the unix socket.
//
// Paths carry no API version: dockerd then speaks its newest (moby daemon/server/middleware/version.go), which every
// version has, while any fixed version is too new for some engine in use (20.10 speaks up to 1.41) or too old for
// another (29 refuses below 1.44). docs/decisions/0005-docker-api.md says what that costs.
//
// Bounds, where the caller gives none: 10 s for a question, 30 s for connect and disconnect, 60 s for a start and for
// making or removing a network or container; a pull may take as long as it likes while something comes within 5
// minutes. What a timed-out call asked for may still happen: Docker does not stop because the asker hung up.
//
// Errors as ports/engine.hpp has them, with Docker's own words; the table of statuses is api_messages.hpp's api_error.
#pragma once

#include <string>

#include "http/client.hpp"
#include "ports/engine.hpp"

namespace bayplan::docker {

struct EngineBounds {
  std::chrono::milliseconds question{10'000};
  std::chrono::milliseconds connect{30'000};
  std::chrono::milliseconds start{60'000};
  std::chrono::milliseconds create{60'000};
  std::chrono::milliseconds pull_idle{300'000};
  std::chrono::milliseconds stream_open{10'000};
};

// Thread-safe.
class DockerEngine final : public ports::Engine {
 public:
  explicit DockerEngine(std::string socket, EngineBounds bounds = {});

  Result<bool> names_askers() override;
  Result<std::vector<ports::Container>> containers(std::chrono::milliseconds bound) override;
  Result<std::vector<ports::EngineNetworkInfo>> networks(std::chrono::milliseconds bound) override;
  Result<ports::EngineNetworkInfo> network(const std::string& id, std::chrono::milliseconds bound) override;
  Result<ports::ContainerDetails> inspect(const std::string& container) override;
  Result<std::string> endpoint_settings(const std::string& container, const std::string& network_id) override;
  Result<std::string> portable_settings(const std::string& settings) override;
  Result<> disconnect(const std::string& container, const std::string& network_id) override;
  Result<> connect(const std::string& container, const std::string& network_id, const std::string& settings,
                   const std::optional<model::IpAddress>& address) override;
  Result<> start(const std::string& container) override;
  Result<std::string> create_network(const std::string& name, const model::Subnet& subnet,
                                     const model::IpAddress& gateway,
                                     const std::map<std::string, std::string>& options) override;
  Result<> remove_network(const std::string& id) override;
  Result<> prepare(const ports::RunRequest& request) override;
  Result<std::string> create_container(const ports::RunRequest& request) override;
  Result<> remove_container(const std::string& id) override;
  Result<> watch(std::stop_token stop, const std::function<void()>& on_ready,
                 const std::function<void(const ports::EngineEvent&)>& on_event) override;

  // Ends every call and pull that waits for Docker, and later ones at once, with `unavailable`: for a daemon that is to
  // end, which a pull would hold up for minutes.
  void cut_off() { client_.cut_off(); }

 private:
  // The body of a 2xx answer; any other status is an error.
  Result<std::string> get(std::string path, std::map<std::string, std::string> query, std::chrono::milliseconds bound);
  Result<std::string> post(std::string path, std::map<std::string, std::string> query, std::string body,
                           std::chrono::milliseconds bound);
  Result<std::string> remove(std::string path, std::chrono::milliseconds bound);
  Result<std::string> call(http::Request request, std::chrono::milliseconds bound);
  Result<> pull(const std::string& image);

  http::Client client_;
  EngineBounds bounds_;
};

}  // namespace bayplan::docker
