// An HTTP/1.1 client for one peer, on a unix socket or a TCP port.
//
// Thread-safe: each call uses a connection of its own, kept for later calls. Calls block. Environment variables
// (http_proxy and the like) have no influence; redirects are not followed.
//
// Errors: `unavailable` when the peer is not there, refuses, or hangs up in the middle; `timeout` when the bound of
// the call is over; `denied` when this process may not use the socket; `corrupt` when what comes back is not HTTP or
// larger than the limit. Any HTTP status, 4xx and 5xx too, is an answer, not an error.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"
#include "http/peer.hpp"

namespace bayplan::http {

struct ClientOptions {
  std::size_t response_limit = 64UL * 1024 * 1024;  // bytes
};

struct StreamHandlers {
  // Once, when the status (2xx) and header are there: what happens from now on will be in the stream.
  std::function<void()> on_open = [] {};
  // Each piece of the body, cut anywhere; false ends the stream.
  std::function<bool(std::string_view)> on_chunk;
};

class Client {
 public:
  explicit Client(Peer peer, ClientOptions options = {});
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  // `bound` is for all of it: connecting, sending, the whole answer. A body without a Content-Type is JSON.
  Result<Response> call(const Request& request, std::chrono::milliseconds bound);

  // A response that goes on until the peer ends it, `stop` is requested, or on_chunk returns false; then it gives the
  // status and an empty body. A status outside 2xx is given with its body, without a call of the handlers. The header
  // must be there within `open_bound`, after that there is no time limit. Handlers run on the calling thread and must
  // not throw. Stopped before the header came, the status is 0.
  Result<Response> stream(const Request& request, const StreamHandlers& handlers, std::chrono::milliseconds open_bound,
                          std::stop_token stop);

  // Ends all calls and streams, those under way within about a second and later ones at once: `unavailable`. For good;
  // for a process that is to end.
  void cut_off();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bayplan::http
