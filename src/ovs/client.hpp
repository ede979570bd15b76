// Asks an OVSDB server (RFC 7047) to do transactions, one at a time.
//
// One owner, not thread-safe. Connects when first asked, and again when the server went away in between. Every call
// ends within its bound. A server that did not answer within it is left alone for a while that doubles (1 s to 30 s):
// calls in that time fail at once with the same error, so that a server that hangs does not hold up its caller's other
// work again and again. One that is merely not there is tried each time, which costs nothing.
//
// Errors: those of Connection, and for a transaction that the database refused `exists` (a constraint: the name is
// taken), `timeout` (a `wait` that did not come true), `denied`, or `kernel` with the server's own words. After
// `unavailable` or `timeout` in the middle of a call it is not known whether it was done: callers ask again for what
// is there.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "ovs/connection.hpp"

namespace bayplan::ovs {

inline constexpr const char* kDatabase = "Open_vSwitch";

class Client {
 public:
  explicit Client(std::string socket_path) : path_(std::move(socket_path)) {}

  // The results of the operations, as many as there are operations, none of them an error.
  Result<boost::json::array> transact(const boost::json::array& operations, std::chrono::milliseconds bound);

 private:
  Result<> connect();
  Result<boost::json::array> exchange(const boost::json::array& operations, Deadline deadline);
  Result<boost::json::object> answer_to(std::int64_t id, Deadline deadline);
  void give_up(const Error& error);

  std::string path_;
  std::optional<Connection> connection_;
  std::int64_t last_id_ = 0;
  Deadline not_before_{};  // no call is tried before that
  std::chrono::milliseconds pause_{0};
  std::optional<Error> hung_;
};

// The answer to an `echo` of the server's; nothing for any other message.
std::optional<boost::json::object> echo_reply(const boost::json::object& message);

// Pure: the results in the answer to a `transact` of that many operations, or the first error among them.
Result<boost::json::array> transaction_results(const boost::json::object& answer, std::size_t operations);

}  // namespace bayplan::ovs
