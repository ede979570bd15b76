// baypland, as the command line program talks to it: the control API on its socket (docs/api.md).
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <map>
#include <string>

#include "base/result.hpp"
#include "http/message.hpp"
#include "http/peer.hpp"

namespace bayplan::cli {

// For one thread. Errors that the daemon gives come back as they were made there; when it could not be reached, or its
// answer did not come, `unreachable()` is true from then on.
class Daemon {
 public:
  explicit Daemon(const std::string& socket);

  Result<boost::json::value> get(const std::string& path, std::map<std::string, std::string> query = {});
  Result<boost::json::value> post(const std::string& path, const boost::json::value& body,
                                  std::chrono::milliseconds bound = kBound);
  Result<boost::json::value> patch(const std::string& path, const boost::json::value& body);
  Result<boost::json::value> remove(const std::string& path);  // null when the daemon has nothing to say

  [[nodiscard]] bool unreachable() const { return unreachable_; }

 private:
  static constexpr std::chrono::seconds kBound{60};
  Result<boost::json::value> call(const http::Request& request, std::chrono::milliseconds bound);

  http::Peer peer_;
  bool unreachable_ = false;
};

}  // namespace bayplan::cli
