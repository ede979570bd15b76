// The control API: REST under /v1 and GET /metrics, on the control socket (docs/api.md).
//
// Handlers only translate: a request into a call of control::ControlApi, its answer into JSON, its Error into problem
// JSON (wire/error_map.hpp). Errors that are not the caller's fault are also logged here, once.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "api/metrics.hpp"
#include "base/result.hpp"
#include "control/control_api.hpp"
#include "http/message.hpp"
#include "http/server.hpp"

namespace bayplan::api {

// Thread-safe; `control` and `metrics` must outlive it.
class ControlRoutes {
 public:
  ControlRoutes(control::ControlApi& control, Metrics& metrics) : control_(control), metrics_(metrics) {}
  http::Response handle(const http::Request& request);

 private:
  http::Response answer(const http::Request& request);
  http::Response networks(const http::Request& request);
  http::Response network(const http::Request& request, const std::string& name);
  http::Response reservations(const http::Request& request);
  http::Response reservation(const http::Request& request, const std::string& rest);
  http::Response run(const http::Request& request);
  http::Response attach(const http::Request& request);
  http::Response detach(const http::Request& request);
  http::Response status(const http::Request& request);
  http::Response export_plan(const http::Request& request);
  http::Response import_plan(const http::Request& request);
  http::Response adopt(const http::Request& request);
  http::Response check(const http::Request& request);
  http::Response check_progress(const http::Request& request, const std::string& name);
  http::Response metrics_text(const http::Request& request);

  control::ControlApi& control_;
  Metrics& metrics_;
};

// No request is waited for longer: one that takes an image to be pulled may take minutes. Shorter than `bayplan` waits,
// so that the answer is ours.
inline constexpr std::chrono::minutes kHandlerBound{14};

// The largest body: of `POST /v1/import`, where 100 000 reservations take 35 MB; of every other request.
inline constexpr std::size_t kImportLimit = 96UL * 1024 * 1024;
inline constexpr std::size_t kBodyLimit = 1024UL * 1024;

// Serves the control API on a unix socket until the server is stopped. Errors as http::Server's.
Result<std::unique_ptr<http::Server>> serve_control(const std::string& path, control::ControlApi& control,
                                                    Metrics& metrics);

// What the server itself refuses (not HTTP, too large, no answer within the bound), as problem JSON.
http::Response problem_refusal(int status, std::string_view detail);

}  // namespace bayplan::api
