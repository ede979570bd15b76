// Tells when something changes in an OVSDB server's tables: the `monitor` of RFC 7047, 4.1.5.
//
// Owns a thread and a connection of its own. Calls `on_change` on that thread: once when the tables are being watched
// (again, after the server was away: nobody knows what happened meanwhile), then at every change, whoever made it.
// `on_change` must return soon and not throw. A server that is not there or goes away is tried again after 0.1 s,
// doubling to 5 s; one that says nothing for 30 s is asked for a sign of life (`echo`). Idle it costs nothing.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "ovs/connection.hpp"

namespace bayplan::ovs {

class Watcher {
 public:
  using Tables = std::map<std::string, std::vector<std::string>>;  // table -> columns

  Watcher(std::string socket_path, Tables tables, std::function<void()> on_change);
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  ~Watcher();

 private:
  void run(const std::stop_token& stop);
  Result<> watch(const std::stop_token& stop);
  Result<> handle(Connection& connection, const boost::json::object& message);
  [[nodiscard]] boost::json::object monitor_request() const;
  void pause(std::chrono::milliseconds time, const std::stop_token& stop);

  std::string path_;
  Tables tables_;
  std::function<void()> on_change_;
  UniqueFd wake_;         // an eventfd that becomes readable when the thread is to end
  bool watched_ = false;  // the last connection got as far as watching
  std::jthread thread_;   // last: it ends before what it uses
};

}  // namespace bayplan::ovs
