// Asks an OVSDB server (RFC 7047) to do transactions, one at a time.
//
// One owner, not thread-safe. Connects when first asked, and again when the server went away in between. Every call
// ends within its bound. A server that did not answer within it is asked for a sign of life (`echo`), once, and that
// question stays asked: until it is answered calls fail at once, so that a server that hangs holds up its caller's
// other work once, however long it hangs, and the first call after it came round finds it alive. One that is merely not
// there is tried each time, which costs nothing.
//
// Errors: those of Connection, and for a transaction that the database refused `exists` (a constraint: the name is
// taken), `timeout` (a `wait` that did not come true), `denied`, or `kernel` with the server's own words. After
// `unavailable` or `timeout` in the middle of a call it is not known whether it was done: callers ask again for what
// is there.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "ovs/connection.hpp"

namespace bayplan::ovs {

inline constexpr const char* kDatabase = "Open_vSwitch";

class Client {
 public:
  explicit Client(std::string socket_path) : path_(std::move(socket_path)) {}

  // Whether the server is alive: `timeout` when it has not said so within that time since it was asked first, so that
  // calls in a row wait together no longer than the most patient of them. For callers who have no time for a server
  // that hangs, but for one that works at something large.
  Result<> check_alive(std::chrono::milliseconds patience);

  // The results of the operations, as many as there are operations, none of them an error.
  Result<boost::json::array> transact(const boost::json::array& operations, std::chrono::milliseconds bound);

 private:
  Result<> connect();
  Result<> ask_alive(Deadline asked, Deadline deadline);
  Result<boost::json::array> exchange(const boost::json::array& operations, Deadline deadline);
  Result<boost::json::object> answer_to(const boost::json::value& id, Deadline deadline);
  void forget_connection();

  std::string path_;
  std::optional<Connection> connection_;
  std::int64_t last_id_ = 0;
  std::optional<Deadline> asked_;  // since when the question on the connection is unanswered
};

// The answer to an `echo` of the server's; nothing for any other message.
std::optional<boost::json::object> echo_reply(const boost::json::object& message);

// Pure: the results in the answer to a `transact` of that many operations, or the first error among them.
Result<boost::json::array> transaction_results(const boost::json::object& answer, std::size_t operations);

}  // namespace bayplan::ovs
