// An HTTP/1.1 server on a unix socket or a TCP port (RFC 9112).
//
// Handlers are plain blocking functions; the event loop, the time-outs and the limits stay inside. One thread runs the
// loop, handlers run on threads of their own, several at once, up to `max_handlers`; further requests wait. Requests
// of one connection are answered one after the other.
//
// Whatever a peer sends or leaves out, only its own connection ends: a malformed request is answered 400, one that is
// too large 413 or 431, a sender slower than the time-outs is cut off.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"

namespace bayplan::http {

class Listener;

// Called on several threads at once. Should end within a bound of its own: one that is over `handler_bound` is not
// waited for any more, but keeps its thread. An exception becomes a 500.
using Handler = std::function<Response(const Request&)>;

// Makes the answer to a request that never reaches the handler (400, 413, 431), whose handler threw (500) or did not
// answer within its bound (503).
using Refusal = std::function<Response(int status, std::string_view detail)>;
Response plain_refusal(int status, std::string_view detail);

struct ServerOptions {
  std::size_t body_limit = 1024UL * 1024;            // bytes
  std::uint32_t header_limit = 16U * 1024;           // bytes, request line included
  std::chrono::milliseconds idle_timeout{600'000};   // between two requests of a connection
  std::chrono::milliseconds header_timeout{10'000};  // from a request's first byte to the end of its header
  std::chrono::milliseconds body_timeout{30'000};    // for the whole body
  std::chrono::milliseconds write_timeout{30'000};   // for the whole response
  std::chrono::milliseconds handler_bound{600'000};  // for the handler's answer; then the request is refused (503)
  std::chrono::milliseconds stop_grace{10'000};      // for requests under way when the server stops
  mode_t directory_mode = 0755;                      // of missing directories on the way to a unix socket
  std::size_t max_handlers = 256;
  std::size_t max_connections = 1024;  // further ones wait to be accepted
  Refusal refusal = plain_refusal;
};

class Server {
 public:
  // Listens when it returns. Errors as Listener's.
  static Result<std::unique_ptr<Server>> on_path(const std::string& path, Handler handler, ServerOptions options = {});
  static Result<std::unique_ptr<Server>> on_tcp(const std::string& address, std::uint16_t port, Handler handler,
                                                ServerOptions options = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();  // stops

  // Takes no more connections and removes the socket's path, ends idle ones, lets requests under way end within
  // `stop_grace`, then cuts them off. Returns when the last handler has returned. Not from a handler.
  void stop();

  // Of a TCP server.
  [[nodiscard]] std::uint16_t port() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  static Result<std::unique_ptr<Server>> start(Result<Listener> listener, Handler handler, ServerOptions options);
  std::unique_ptr<Impl> impl_;
};

}  // namespace bayplan::http
