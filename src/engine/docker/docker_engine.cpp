#include "engine/docker/docker_engine.hpp"

#include "engine/docker/api_messages.hpp"
#include "engine/docker/event_lines.hpp"
#include "engine/docker/pull.hpp"

namespace bayplan::docker {

namespace {

http::Request request(std::string method, std::string path, std::map<std::string, std::string> query = {}) {
  http::Request out;
  out.method = std::move(method);
  out.path = std::move(path);
  out.query = std::move(query);
  // Docker 29 chooses among several stream formats by this.
  out.headers.add("Accept", "application/json");
  return out;
}

// What may change who has which address. Left out is what comes all the time: exec (health checks), attach, resize.
constexpr std::string_view kEventFilter =
    R"({"type":["container","network"],)"
    R"("event":["create","start","die","stop","destroy","rename","connect","disconnect","remove"]})";

bool good(int status) {
  return status >= 200 && status < 300;
}

}  // namespace

DockerEngine::DockerEngine(std::string socket, EngineBounds bounds)
    : client_(http::Peer{"Docker", std::move(socket)}), bounds_(bounds) {
}

Result<std::string> DockerEngine::call(http::Request request, std::chrono::milliseconds bound) {
  auto response = TRY(client_.call(request, bound));
  // 304: it is started already, which is what was asked for.
  if (!good(response.status) && response.status != 304) return api_error(response.status, response.body);
  return std::move(response.body);
}

Result<std::string> DockerEngine::get(std::string path, std::map<std::string, std::string> query,
                                      std::chrono::milliseconds bound) {
  return call(request("GET", std::move(path), std::move(query)), bound);
}

Result<std::string> DockerEngine::post(std::string path, std::map<std::string, std::string> query, std::string body,
                                       std::chrono::milliseconds bound) {
  auto out = request("POST", std::move(path), std::move(query));
  out.body = std::move(body);
  return call(std::move(out), bound);
}

Result<std::string> DockerEngine::remove(std::string path, std::chrono::milliseconds bound) {
  return call(request("DELETE", std::move(path)), bound);
}

Result<bool> DockerEngine::names_askers() {
  return parse_names_askers(TRY(get("/version", {}, bounds_.question).in("ask for Docker's version")));
}

Result<std::vector<ports::Container>> DockerEngine::containers(std::chrono::milliseconds bound) {
  return parse_containers(TRY(get("/containers/json", {{"all", "1"}}, bound).in("list Docker's containers")));
}

Result<std::vector<ports::EngineNetworkInfo>> DockerEngine::networks(std::chrono::milliseconds bound) {
  return parse_networks(TRY(get("/networks", {}, bound).in("list Docker's networks")));
}

Result<ports::EngineNetworkInfo> DockerEngine::network(const std::string& id, std::chrono::milliseconds bound) {
  return parse_network(TRY(get("/networks/" + id, {}, bound).in("look up Docker's network " + id)));
}

Result<ports::ContainerDetails> DockerEngine::inspect(const std::string& container) {
  return parse_details(
      TRY(get("/containers/" + container + "/json", {}, bounds_.question).in("inspect container " + container)));
}

Result<std::string> DockerEngine::endpoint_settings(const std::string& container, const std::string& network_id) {
  const auto context = "read the endpoint settings of container " + container;
  const auto body = TRY(get("/containers/" + container + "/json", {}, bounds_.question).in(context));
  // Before its first start a container's networks carry their name only.
  const auto info = TRY(network(network_id, bounds_.question).in(context));
  return parse_endpoint_settings(body, info.id, info.name).in(context);
}

Result<std::string> DockerEngine::portable_settings(const std::string& settings) {
  return docker::portable_settings(settings);
}

Result<> DockerEngine::disconnect(const std::string& container, const std::string& network_id) {
  TRY(post("/networks/" + network_id + "/disconnect", {}, disconnect_body(container), bounds_.connect)
          .in("disconnect container " + container));
  return {};
}

Result<> DockerEngine::connect(const std::string& container, const std::string& network_id, const std::string& settings,
                               const std::optional<model::IpAddress>& address) {
  const auto context = "connect container " + container;
  auto body = TRY(connect_body(container, settings, address).in(context));
  TRY(post("/networks/" + network_id + "/connect", {}, std::move(body), bounds_.connect).in(context));
  return {};
}

Result<> DockerEngine::start(const std::string& container) {
  TRY(post("/containers/" + container + "/start", {}, "", bounds_.start).in("start container " + container));
  return {};
}

Result<std::string> DockerEngine::create_network(const std::string& name, const model::Subnet& subnet,
                                                 const model::IpAddress& gateway,
                                                 const std::map<std::string, std::string>& options) {
  return parse_created(
      TRY(post("/networks/create", {}, create_network_body(name, subnet, gateway, options), bounds_.create)
              .in("create Docker's network " + name)));
}

Result<> DockerEngine::remove_network(const std::string& id) {
  TRY(remove("/networks/" + id, bounds_.create).in("remove Docker's network " + id));
  return {};
}

Result<> DockerEngine::prepare(const ports::RunRequest& request) {
  TRY(create_container_body(request));
  const auto context = "look for the image " + request.image;
  const auto known = get("/images/" + request.image + "/json", {}, bounds_.question);
  if (known.ok()) return {};
  if (known.error().code != ErrorCode::not_found) return Error(known.error()).in(context);
  return pull(request.image);
}

Result<std::string> DockerEngine::create_container(const ports::RunRequest& request) {
  const auto context = "create container " + request.name;
  const auto body = TRY(create_container_body(request));
  auto answer = post("/containers/create", {{"name", request.name}}, body, bounds_.create);
  // Docker has one 409 here: the name is taken.
  if (!answer.ok() && answer.error().code == ErrorCode::conflict &&
      answer.error().detail.find("already in use") != std::string::npos) {
    return fail(ErrorCode::exists, "{}", answer.error().detail).in(context);
  }
  return parse_created(TRY(std::move(answer).in(context)));
}

Result<> DockerEngine::remove_container(const std::string& id) {
  TRY(remove("/containers/" + id, bounds_.create).in("remove container " + id));
  return {};
}

Result<> DockerEngine::pull(const std::string& image) {
  const auto [name, tag] = split_image(image);
  const auto fetch = request("POST", "/images/create", {{"fromImage", name}, {"tag", tag}});
  return run_pull(client_, fetch, bounds_.stream_open + bounds_.pull_idle, bounds_.pull_idle)
      .in(fmt::format("pull image {} (one that needs a login: docker pull it first)", image));
}

Result<> DockerEngine::watch(std::stop_token stop, const std::function<void()>& on_ready,
                             const std::function<void(const ports::EngineEvent&)>& on_event) {
  LineSplitter lines;
  Result<> trouble;
  const auto on_line = [&](std::string_view line) {
    auto event = parse_event(line);
    // An event that can't be read may be the one that matters: end the stream, and the caller looks at everything.
    if (!event.ok()) {
      trouble = std::move(event).error();
      return false;
    }
    on_event(*event);
    return !stop.stop_requested();
  };
  http::StreamHandlers handlers;
  if (on_ready) handlers.on_open = on_ready;
  handlers.on_chunk = [&](std::string_view piece) { return lines.feed(piece, on_line); };
  const auto ask = request("GET", "/events", {{"filters", std::string(kEventFilter)}});
  const auto response = client_.stream(ask, handlers, bounds_.stream_open, stop);
  if (stop.stop_requested()) return {};
  constexpr std::string_view context = "watch Docker's events";
  if (!response.ok()) return Error(response.error()).in(context);
  if (!trouble.ok()) return std::move(trouble).in(context);
  if (lines.too_long())
    return fail(ErrorCode::corrupt, "a line of more than {} bytes", LineSplitter::kLineLimit).in(context);
  if (!good(response->status)) return api_error(response->status, response->body).in(context);
  return fail(ErrorCode::unavailable, "Docker ended the stream").in(context);
}

}  // namespace bayplan::docker
