#include "apps/bayplan/daemon.hpp"

#include <boost/json.hpp>

#include "http/call_once.hpp"
#include "wire/error_map.hpp"
#include "wire/json.hpp"

namespace bayplan::cli {

Daemon::Daemon(const std::string& socket) : peer_{"baypland", socket} {
}

Result<boost::json::value> Daemon::call(const http::Request& request, std::chrono::milliseconds bound) {
  auto answer = http::call_once(peer_, request, bound);
  if (!answer.ok()) {
    unreachable_ = true;
    auto error = std::move(answer).error();
    if (error.code == ErrorCode::unavailable) {
      error.detail += ". Is it running? systemctl status baypland. Does it listen elsewhere? --socket PATH";
    }
    return error;
  }
  if (answer->status / 100 != 2) return wire::from_problem(answer->status, answer->body);
  if (answer->body.empty()) return boost::json::value(nullptr);
  auto value = wire::parse_json(answer->body);
  if (!value.ok())
    return fail(ErrorCode::corrupt, "what baypland answered is not understood: {}", value.error().detail);
  return value;
}

Result<boost::json::value> Daemon::get(const std::string& path, std::map<std::string, std::string> query) {
  return call({"GET", path, std::move(query), {}, {}}, kBound);
}

Result<boost::json::value> Daemon::post(const std::string& path, const boost::json::value& body,
                                        std::chrono::milliseconds bound) {
  return call({"POST", path, {}, {}, boost::json::serialize(body)}, bound);
}

Result<boost::json::value> Daemon::patch(const std::string& path, const boost::json::value& body) {
  return call({"PATCH", path, {}, {}, boost::json::serialize(body)}, kBound);
}

Result<boost::json::value> Daemon::remove(const std::string& path) {
  return call({"DELETE", path, {}, {}, {}}, kBound);
}

}  // namespace bayplan::cli
