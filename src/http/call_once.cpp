#include "http/call_once.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>

#include "http/target.hpp"

namespace bayplan::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

bhttp::request<bhttp::string_body> to_beast(const Peer& peer, const Request& request) {
  bhttp::request<bhttp::string_body> out;
  out.version(11);
  out.method_string(request.method);
  out.target(format_target(request.path, request.query));
  out.set(bhttp::field::host, peer.host);
  out.set(bhttp::field::connection, "close");
  for (const auto& [name, value] : request.headers) out.set(name, value);
  if (!request.body.empty() && request.headers.get("Content-Type").empty()) {
    out.set(bhttp::field::content_type, "application/json");
  }
  out.body() = request.body;
  out.prepare_payload();
  return out;
}

Response from_beast(bhttp::response<bhttp::string_body>&& message) {
  Response out;
  out.status = static_cast<int>(message.result_int());
  out.content_type = message[bhttp::field::content_type];
  for (const auto& field : message) out.headers.add(std::string(field.name_string()), std::string(field.value()));
  out.body = std::move(message.body());
  return out;
}

// One call: every step is asynchronous, so that it can be given up when the bound is over.
template <typename Protocol>
class Call {
 public:
  Call(const Peer& peer, Clock::time_point deadline) : peer_(peer), deadline_(deadline), socket_(context_) {}

  asio::io_context& context() { return context_; }
  typename Protocol::socket& socket() { return socket_; }

  // Runs the step that `start(handler)` begins; asio::error::timed_out when the bound was over first.
  template <typename Start>
  error_code wait(Start start) {
    std::optional<error_code> done;
    start([&done](error_code error, auto&&...) { done = error; });
    context_.restart();
    context_.run_until(deadline_);
    if (done) return *done;
    error_code ignored;
    socket_.close(ignored);
    context_.restart();
    context_.run();  // the step's handler still refers to what is here
    return asio::error::timed_out;
  }

  Result<Response> exchange(const Request& request, std::size_t limit) {
    const auto message = to_beast(peer_, request);
    const auto sent = wait([&](auto handler) { bhttp::async_write(socket_, message, handler); });
    // A peer that answers before it has read all, and hangs up, is heard all the same.
    if (sent == asio::error::timed_out) return not_in_time();
    bhttp::response_parser<bhttp::string_body> parser;
    parser.body_limit(limit);
    if (request.method == "HEAD") parser.skip(true);
    beast::flat_buffer buffer;
    const auto got = wait([&](auto handler) { bhttp::async_read(socket_, buffer, parser, handler); });
    if (got == asio::error::timed_out) return not_in_time();
    if (got == bhttp::error::body_limit) {
      return fail(ErrorCode::corrupt, "{} sent more than {} bytes", peer_.name, limit);
    }
    const bool is_http_error = got && got.category() == make_error_code(bhttp::error::bad_version).category();
    const bool cut_short = got == bhttp::error::end_of_stream || got == bhttp::error::partial_message;
    if (is_http_error && !cut_short) {
      return fail(ErrorCode::corrupt, "what {} answers at {} is not understood ({})", peer_.name, peer_.where(),
                  got.message());
    }
    if (got) {
      return fail(ErrorCode::unavailable, "{} hung up before its answer was complete ({})", peer_.name, got.message());
    }
    return from_beast(parser.release());
  }

  [[nodiscard]] Error not_in_time() const {
    return fail(ErrorCode::timeout, "{} did not answer in time at {}", peer_.name, peer_.where());
  }

 private:
  const Peer& peer_;
  Clock::time_point deadline_;
  asio::io_context context_;
  typename Protocol::socket socket_;
};

Result<Response> call_unix(const Peer& peer, const Request& request, Clock::time_point deadline, std::size_t limit) {
  using Local = asio::local::stream_protocol;
  constexpr std::size_t kLongestPath = 107;  // sockaddr_un
  if (peer.unix_socket.size() > kLongestPath) return connect_error(peer, ENAMETOOLONG);
  Call<Local> call(peer, deadline);
  const auto connected =
      call.wait([&](auto handler) { call.socket().async_connect(Local::endpoint(peer.unix_socket), handler); });
  if (connected == asio::error::timed_out) return call.not_in_time();
  if (connected) return connect_error(peer, connected.value());
  return call.exchange(request, limit);
}

Result<Response> call_tcp(const Peer& peer, const Request& request, Clock::time_point deadline, std::size_t limit) {
  using Tcp = asio::ip::tcp;
  Call<Tcp> call(peer, deadline);
  Tcp::resolver resolver(call.context());
  auto host = peer.host;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  error_code error;
  const auto found = resolver.resolve(host, std::to_string(peer.port), error);
  if (error) return connect_error(peer, 0);
  const auto connected = call.wait([&](auto handler) { asio::async_connect(call.socket(), found, handler); });
  if (connected == asio::error::timed_out) return call.not_in_time();
  if (connected) return connect_error(peer, connected.value());
  return call.exchange(request, limit);
}

}  // namespace

Result<Response> call_once(const Peer& peer, const Request& request, std::chrono::milliseconds bound,
                           std::size_t limit) {
  const auto deadline = Clock::now() + bound;
  try {
    return peer.unix_socket.empty() ? call_tcp(peer, request, deadline, limit)
                                    : call_unix(peer, request, deadline, limit);
  } catch (const std::exception& error) {
    return fail(ErrorCode::internal, "calling {}: {}", peer.name, error.what());
  }
}

}  // namespace bayplan::http
