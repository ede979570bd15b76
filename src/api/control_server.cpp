#include "api/control_server.hpp"

#include <boost/json.hpp>

#include "api/requests.hpp"
#include "api/views.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "wire/error_map.hpp"
#include "wire/json.hpp"

namespace bayplan::api {
namespace {

namespace json = boost::json;

constexpr Metric kRequests{"bayplan_api_requests_total", "Requests to the control API by method and HTTP status."};
constexpr Metric kEngineReady{"bayplan_engine_ready", "1 when the container engine answers, else 0."};

http::Response problem(const Error& error) {
  return {wire::mapping_of(error.code).http_status, std::string(wire::kProblemType), wire::to_problem(error), {}};
}

// The answer to a call: its value as JSON with `status`, or its Error.
template <typename T>
http::Response respond(const Result<T>& result, int status = 200) {
  if (!result.ok()) return problem(result.error());
  return {status, "application/json", json::serialize(to_json(*result)), {}};
}

// 405, and which methods there are (RFC 9110, 15.5.6).
http::Response wrong_method(const http::Request& request, std::string_view allowed) {
  const auto error = fail(ErrorCode::invalid, "{} can't be done with {}: only {}", shown(request.path),
                          shown(request.method), allowed);
  auto response = problem_refusal(405, error.message());
  response.headers.add("Allow", std::string(allowed));
  return response;
}

http::Response unknown_path(const http::Request& request) {
  return problem(fail(ErrorCode::not_found, "the control API has no {}", shown(request.path)));
}

// A peer can send any word as method: each would be a time series.
std::string method_label(std::string_view method) {
  for (const std::string_view known : {"GET", "POST", "PATCH", "DELETE"}) {
    if (method == known) return std::string(known);
  }
  return "other";
}

// What follows `prefix` in the path; nothing when it is not there or nothing follows.
std::optional<std::string> after(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix) || path.size() == prefix.size()) return std::nullopt;
  return std::string(path.substr(prefix.size()));
}

}  // namespace

http::Response problem_refusal(int status, std::string_view detail) {
  // Over its bound: the handler goes on, and what it waits for (Docker, pulling an image) may well end.
  if (status == 503) {
    return problem(fail(ErrorCode::timeout,
                        "{}; what was asked for may still be done: look with `bayplan ls` and `docker ps -a`", detail));
  }
  const auto code = status >= 500 ? ErrorCode::internal : ErrorCode::invalid;
  auto object = json::parse(wire::to_problem(Error{code, std::string(detail), {}})).as_object();
  object["status"] = status;
  return {status, std::string(wire::kProblemType), json::serialize(object), {}};
}

http::Response ControlRoutes::handle(const http::Request& request) {
  auto response = answer(request);
  metrics_.add(kRequests, {{"method", method_label(request.method)}, {"status", std::to_string(response.status)}});
  if (response.status >= 500) {
    log::warning("api_request_failed", {{"method", request.method},
                                        {"path", shown(request.path)},
                                        {"status", response.status},
                                        {"error", wire::from_problem(response.status, response.body).message()}});
  }
  return response;
}

http::Response ControlRoutes::answer(const http::Request& request) {
  const auto& path = request.path;
  if (path == "/v1/import") return import_plan(request);
  if (request.body.size() > kBodyLimit) return problem_refusal(413, "the request is too large");
  if (path == "/v1/networks") return networks(request);
  if (path == "/v1/reservations") return reservations(request);
  if (path == "/v1/run") return run(request);
  if (path == "/v1/attach") return attach(request);
  if (path == "/v1/detach") return detach(request);
  if (path == "/v1/status") return status(request);
  if (path == "/v1/export") return export_plan(request);
  if (path == "/v1/adopt") return adopt(request);
  if (path == "/v1/check") return check(request);
  if (path == "/metrics") return metrics_text(request);
  if (const auto name = after(path, "/v1/check/progress/")) return check_progress(request, *name);
  if (const auto name = after(path, "/v1/networks/")) return network(request, *name);
  if (const auto rest = after(path, "/v1/reservations/")) return reservation(request, *rest);
  return unknown_path(request);
}

http::Response ControlRoutes::networks(const http::Request& request) {
  if (request.method == "GET") return respond(control_.networks());
  if (request.method != "POST") return wrong_method(request, "GET, POST");
  const auto spec = parse_network_spec(request.body);
  return spec.ok() ? respond(control_.create_network(*spec), 201) : problem(spec.error());
}

http::Response ControlRoutes::network(const http::Request& request, const std::string& name) {
  if (request.method == "GET") return respond(control_.network(name));
  if (request.method == "PATCH") {
    const auto change = parse_network_change(request.body);
    return change.ok() ? respond(control_.change_network(name, *change)) : problem(change.error());
  }
  if (request.method != "DELETE") return wrong_method(request, "GET, PATCH, DELETE");
  const auto removed = control_.remove_network(name);
  return removed.ok() ? http::Response{204, {}, {}, {}} : problem(removed.error());
}

http::Response ControlRoutes::reservations(const http::Request& request) {
  if (request.method == "GET") {
    const auto filter = parse_filter(request.query);
    return filter.ok() ? respond(control_.reservations(*filter)) : problem(filter.error());
  }
  if (request.method != "POST") return wrong_method(request, "GET, POST");
  const auto spec = parse_reserve_spec(request.body);
  return spec.ok() ? respond(control_.reserve(*spec), 201) : problem(spec.error());
}

http::Response ControlRoutes::reservation(const http::Request& request, const std::string& rest) {
  // A network's name has no slash; an identity may have one (namespace/pod).
  const auto slash = rest.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == rest.size()) return unknown_path(request);
  if (request.method != "DELETE") return wrong_method(request, "DELETE");
  return respond(control_.release(rest.substr(0, slash), rest.substr(slash + 1)));
}

http::Response ControlRoutes::run(const http::Request& request) {
  if (request.method != "POST") return wrong_method(request, "POST");
  const auto spec = parse_run_spec(request.body);
  return spec.ok() ? respond(control_.run(*spec), 201) : problem(spec.error());
}

http::Response ControlRoutes::attach(const http::Request& request) {
  if (request.method != "POST") return wrong_method(request, "POST");
  const auto spec = parse_attach_spec(request.body);
  return spec.ok() ? respond(control_.attach(*spec), 201) : problem(spec.error());
}

http::Response ControlRoutes::detach(const http::Request& request) {
  if (request.method != "POST") return wrong_method(request, "POST");
  const auto wanted = parse_detach_request(request.body);
  return wanted.ok() ? respond(control_.detach(wanted->network, wanted->target)) : problem(wanted.error());
}

http::Response ControlRoutes::status(const http::Request& request) {
  return request.method == "GET" ? respond(control_.status()) : wrong_method(request, "GET");
}

http::Response ControlRoutes::export_plan(const http::Request& request) {
  return request.method == "GET" ? respond(control_.export_plan()) : wrong_method(request, "GET");
}

http::Response ControlRoutes::import_plan(const http::Request& request) {
  if (request.method != "POST") return wrong_method(request, "POST");
  const auto records = parse_import_request(request.body);
  return records.ok() ? respond(control_.import_plan(*records)) : problem(records.error());
}

http::Response ControlRoutes::adopt(const http::Request& request) {
  if (request.method != "POST") return wrong_method(request, "POST");
  const auto wanted = parse_adopt_request(request.body);
  return wanted.ok() ? respond(control_.adopt(*wanted)) : problem(wanted.error());
}

http::Response ControlRoutes::check(const http::Request& request) {
  if (request.method != "POST") return wrong_method(request, "POST");
  const auto wanted = parse_check_request(request.body);
  return wanted.ok() ? respond(control_.check(*wanted)) : problem(wanted.error());
}

http::Response ControlRoutes::check_progress(const http::Request& request, const std::string& name) {
  return request.method == "GET" ? respond(control_.check_progress(name)) : wrong_method(request, "GET");
}

http::Response ControlRoutes::metrics_text(const http::Request& request) {
  if (request.method != "GET") return wrong_method(request, "GET");
  const auto views = control_.networks();
  if (!views.ok()) return problem(views.error());
  const auto daemon = control_.status();
  if (!daemon.ok()) return problem(daemon.error());
  // Made anew for each answer, so that a network that was removed is not shown for ever.
  Metrics now;
  measure(now, *views);
  measure(now, control_.repair_counts());
  now.set(kEngineReady, {}, daemon->engine_ready ? 1 : 0);
  return {200, "text/plain; version=0.0.4", metrics_.text() + now.text(), {}};
}

Result<std::unique_ptr<http::Server>> serve_control(const std::string& path, control::ControlApi& control,
                                                    Metrics& metrics) {
  http::ServerOptions options;
  options.refusal = problem_refusal;
  options.handler_bound = kHandlerBound;
  options.body_limit = kImportLimit;
  auto routes = std::make_shared<ControlRoutes>(control, metrics);  // shared: std::function copies its target
  return http::Server::on_path(
      path, [routes](const http::Request& request) { return routes->handle(request); }, std::move(options));
}

}  // namespace bayplan::api
