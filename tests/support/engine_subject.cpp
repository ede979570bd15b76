#include "support/engine_subject.hpp"

#include <cstdlib>
#include <filesystem>

#include "engine/docker/api_messages.hpp"
#include "engine/docker/docker_engine.hpp"
#include "engine/docker/plugin_server.hpp"
#include "support/fake_engine.hpp"

namespace bayplan::testing {

namespace {

class FakeSubject final : public EngineSubject {
 public:
  FakeSubject() { engine_.use_driver(&driver_); }
  ports::Engine& engine() override { return engine_; }
  FakeNetworkDriver& driver() override { return driver_; }
  Result<std::string> create(const std::string& name, const std::string& network, const std::string& alias) override {
    return engine_.create({name, {{network, {}, alias}}});
  }
  Result<> stop(const std::string& container) override { return engine_.stop(container); }
  Result<> rename(const std::string& container, const std::string& name) override {
    return engine_.rename(container, name);
  }
  Result<> remove(const std::string& container) override { return engine_.remove(container); }

 private:
  FakeNetworkDriver driver_;
  FakeEngine engine_;
};

// Gives Docker a real interface to move.
class VethDriver final : public FakeNetworkDriver {
 public:
  Result<ports::JoinAnswer> join(const std::string& network, const std::string& endpoint,
                                 const std::string& sandbox) override {
    auto answer = TRY(FakeNetworkDriver::join(network, endpoint, sandbox));
    const auto command = fmt::format("ip link add {0} type veth peer name {0}p", answer.source_name);
    if (std::system(command.c_str()) != 0) return fail(ErrorCode::kernel, "{} failed", command);
    answer.source_name += "p";
    return answer;
  }
  Result<> delete_endpoint(const std::string& network, const std::string& endpoint) override {
    TRY(FakeNetworkDriver::delete_endpoint(network, endpoint));
    const auto command = fmt::format("ip link del bp{} 2>/dev/null", endpoint.substr(0, 8));
    if (std::system(command.c_str()) != 0) return {};  // a start that was refused before Join has none
    return {};
  }
};

constexpr auto kBound = std::chrono::seconds(60);

class DockerSubject final : public EngineSubject {
 public:
  explicit DockerSubject(const std::string& socket) : client_({"Docker", socket}), engine_(socket) { plugin(); }
  ports::Engine& engine() override { return engine_; }
  FakeNetworkDriver& driver() override { return plugin().driver; }

  Result<std::string> create(const std::string& name, const std::string& network, const std::string& alias) override {
    const auto* image = std::getenv("BAYPLAN_CONTRACT_IMAGE");
    return docker::parse_created(TRY(
        call("POST", "/containers/create", {{"name", name}},
             fmt::format(R"({{"Image":"{}","HostConfig":{{"NetworkMode":"{}"}},"NetworkingConfig":{{"EndpointsConfig":)"
                         R"({{"{}":{{"Aliases":["{}"]}}}}}}}})",
                         image == nullptr ? "" : image, network, network, alias))));
  }
  Result<> stop(const std::string& container) override {
    TRY(call("POST", "/containers/" + container + "/stop", {{"t", "0"}}));
    return {};
  }
  Result<> rename(const std::string& container, const std::string& name) override {
    TRY(call("POST", "/containers/" + container + "/rename", {{"name", name}}));
    return {};
  }
  Result<> remove(const std::string& container) override {
    TRY(call("DELETE", "/containers/" + container, {{"force", "1"}}));
    return {};
  }

 private:
  struct Plugin {
    VethDriver driver;
    std::unique_ptr<http::Server> server;
  };
  // One for the whole program: Docker asks a plugin once what it is.
  static Plugin& plugin() {
    static Plugin made;
    if (!made.server) {
      std::filesystem::create_directories("/run/docker/plugins");
      made.server = http::Server::on_path("/run/docker/plugins/bayplan.sock", docker::plugin_handler(made.driver),
                                          docker::plugin_server_options())
                        .value();
    }
    return made;
  }
  Result<std::string> call(std::string method, std::string path, std::map<std::string, std::string> query,
                           std::string body = {}) {
    http::Request request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.query = std::move(query);
    request.body = std::move(body);
    auto response = TRY(client_.call(request, kBound));
    if (response.status >= 400) return docker::api_error(response.status, response.body);
    return std::move(response.body);
  }

  http::Client client_;
  docker::DockerEngine engine_;
};

}  // namespace

std::unique_ptr<EngineSubject> fake_engine_subject() {
  return std::make_unique<FakeSubject>();
}

bool has_docker_subject() {
  return std::getenv("BAYPLAN_CONTRACT_DOCKER") != nullptr;
}

std::unique_ptr<EngineSubject> docker_subject() {
  return std::make_unique<DockerSubject>(std::getenv("BAYPLAN_CONTRACT_DOCKER"));
}

}  // namespace bayplan::testing
