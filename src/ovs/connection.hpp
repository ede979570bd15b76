// One connection to an OVSDB server: JSON messages, one after the other, over a unix socket (RFC 7047, 4).
//
// One owner, not thread-safe. Every call ends within its deadline. After an error the connection is of no use any more.
// Errors: `unavailable` (no server there, or it hung up), `timeout`, `denied` (not allowed to use the socket),
// `corrupt` (what came is no JSON object, nested too deep, or larger than the limit; no more than the limit is ever
// kept).
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace bayplan::ovs {

using Deadline = std::chrono::steady_clock::time_point;

class Connection {
 public:
  static constexpr std::size_t kMessageLimit = 32UL * 1024 * 1024;  // bytes

  static Result<Connection> open(const std::string& path);

  Result<> send(const boost::json::object& message, Deadline deadline);
  // The next message. Nothing when `wake`, a descriptor, became readable instead.
  Result<std::optional<boost::json::object>> receive(Deadline deadline, int wake = -1);

 private:
  enum class Ready { yes, woken };
  explicit Connection(UniqueFd fd);
  Result<Ready> wait(short events, Deadline deadline, int wake);
  // The rest of what was read, as far as it makes a message whole.
  Result<std::optional<boost::json::object>> parse();
  Result<> read_more();

  UniqueFd fd_;
  std::unique_ptr<boost::json::stream_parser> parser_;
  std::size_t size_ = 0;  // of the message that is being read, so far
  std::string unread_;
};

}  // namespace bayplan::ovs
