// Beast and coroutines stay in this file: they take long to compile, and nobody else has to know.
#include "http/server.hpp"

// The thread sanitizer does not know fences. Asio's hand-over of work is through a mutex, too.
#ifdef __SANITIZE_THREAD__
#define BOOST_ASIO_DISABLE_FENCED_BLOCK
#endif

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <condition_variable>
#include <list>
#include <optional>
#include <thread>

#include "http/listener.hpp"
#include "http/target.hpp"
#include "http/workers.hpp"

namespace bayplan::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using boost::system::error_code;
using Parser = bhttp::request_parser<bhttp::string_body>;
using Stream = beast::basic_stream<asio::generic::stream_protocol, asio::io_context::executor_type>;

auto into(error_code& error) {
  return asio::redirect_error(asio::use_awaitable, error);
}

Result<Request> to_request(bhttp::request<bhttp::string_body>&& message) {
  Request request;
  auto target = TRY(parse_target(std::string_view(message.target().data(), message.target().size())));
  request.method = std::string(message.method_string());
  request.path = std::move(target.path);
  request.query = std::move(target.query);
  for (const auto& field : message) request.headers.add(std::string(field.name_string()), std::string(field.value()));
  request.body = std::move(message.body());
  return request;
}

// Which status refuses a request that could not be read; none: the peer is gone or too slow, nobody would read it.
std::optional<int> status_of(const error_code& error) {
  if (error == bhttp::error::end_of_stream) return std::nullopt;
  if (error == bhttp::error::body_limit) return 413;
  if (error == bhttp::error::header_limit || error == bhttp::error::buffer_overflow) return 431;
  if (error.category() == make_error_code(bhttp::error::bad_method).category()) return 400;
  return std::nullopt;
}

std::string_view reason_of(int status) {
  if (status == 413) return "the body of the request is too large";
  if (status == 431) return "the header of the request is too large";
  return "the request is not well-formed HTTP, or ends in the middle";
}

}  // namespace

Response plain_refusal(int status, std::string_view detail) {
  return Response{status, "text/plain", std::string(detail) + "\n", {}};
}

class Server::Impl {
 public:
  Impl(Listener listener, Handler handler, ServerOptions options);
  ~Impl() { stop(); }
  void stop();
  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }

 private:
  class Connection;

  asio::awaitable<void> accept_all();
  asio::awaitable<void> serve(int fd);
  asio::awaitable<void> wait(std::chrono::milliseconds time);
  void close_idle();
  // Registers a connection for as long as it lives; on the loop's thread.
  void enter(Connection* connection);
  void leave(Connection* connection);
  [[nodiscard]] Response handle(const Request& request) const;

  const Handler handler_;
  const ServerOptions options_;
  Listener listener_;
  // Everything down to `loop_` is used on the loop's thread only, but for the condition.
  std::list<Connection*> connections_;
  bool stopping_ = false;
  std::mutex mutex_;
  std::condition_variable none_left_;
  std::size_t open_ = 0;  // under mutex_: connections_.size() for the thread that stops
  asio::io_context loop_{1};
  asio::posix::stream_descriptor acceptor_{loop_};
  asio::steady_timer room_{loop_};  // cancelled when a connection ends
  std::optional<Workers> workers_;
  std::thread thread_;
};

// One connection, from its first to its last request; lives in its coroutine.
class Server::Impl::Connection {
 public:
  Connection(Impl& server, Stream stream) : server_(server), stream_(std::move(stream)) { server_.enter(this); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { server_.leave(this); }

  asio::awaitable<void> run() {
    // One co_await a statement in this file: g++ 12 miscompiles it behind && in a condition.
    for (bool more = true; more;) {
      more = co_await begun();
      if (more) more = co_await exchange();
    }
  }
  void close() {
    if (stream_.socket().is_open()) stream_.close();
  }
  [[nodiscard]] bool busy() const { return busy_; }

 private:
  asio::awaitable<bool> begun();
  asio::awaitable<bool> exchange();
  asio::awaitable<void> read(Parser& parser, error_code& error);
  asio::awaitable<Response> answer(Request request);
  // Whether it could be sent.
  asio::awaitable<bool> send(Response response, bool head, bool keep_alive, unsigned version);
  asio::awaitable<void> refuse(int status);
  asio::awaitable<void> drain();

  Impl& server_;
  Stream stream_;
  beast::flat_buffer buffer_;
  bool busy_ = false;
};

// Waits for the first byte of a request: until then the connection is idle, and may be closed at any time.
asio::awaitable<bool> Server::Impl::Connection::begun() {
  busy_ = false;
  if (buffer_.size() == 0) {
    if (server_.stopping_) co_return false;
    error_code error;
    stream_.expires_after(server_.options_.idle_timeout);
    buffer_.commit(co_await stream_.async_read_some(buffer_.prepare(16384), into(error)));
    if (error) co_return false;
  }
  busy_ = true;
  co_return true;
}

asio::awaitable<bool> Server::Impl::Connection::exchange() {
  Parser parser;
  error_code error;
  co_await read(parser, error);
  if (error) {
    if (const auto status = status_of(error)) co_await refuse(*status);
    co_return false;
  }
  auto message = parser.release();
  const bool head = message.method() == bhttp::verb::head;
  const bool keep_alive = message.keep_alive() && !server_.stopping_;
  const unsigned version = message.version();
  auto request = to_request(std::move(message));
  Response response;
  if (request.ok()) {
    response = co_await answer(std::move(request).value());
  } else {
    response = server_.options_.refusal(400, request.error().message());
  }
  const bool sent = co_await send(std::move(response), head, keep_alive, version);
  co_return sent&& keep_alive;
}

asio::awaitable<void> Server::Impl::Connection::refuse(int status) {
  const bool sent = co_await send(server_.options_.refusal(status, reason_of(status)), false, false, 11);
  if (sent) co_await drain();
}

asio::awaitable<void> Server::Impl::Connection::read(Parser& parser, error_code& error) {
  parser.header_limit(server_.options_.header_limit);
  parser.body_limit(server_.options_.body_limit);
  stream_.expires_after(server_.options_.header_timeout);
  co_await bhttp::async_read_header(stream_, buffer_, parser, into(error));
  if (error || parser.is_done()) co_return;
  stream_.expires_after(server_.options_.body_timeout);
  if (beast::iequals(parser.get()[bhttp::field::expect], "100-continue")) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    co_await asio::async_write(stream_, asio::buffer(kContinue), into(error));
    if (error) co_return;
  }
  co_await bhttp::async_read(stream_, buffer_, parser, into(error));
}

Response Server::Impl::handle(const Request& request) const {
  try {
    return handler_(request);
  } catch (const std::exception& exception) {
    return options_.refusal(500, std::string("internal error: ") + exception.what());
  } catch (...) {
    return options_.refusal(500, "internal error");
  }
}

// Runs the handler on a worker; this coroutine, and so the request, waits for it on the loop. A handler that is over
// its bound goes on, with what it needs in shared hands, and its answer is dropped.
asio::awaitable<Response> Server::Impl::Connection::answer(Request request) {
  struct Call {
    Call(Request asked, asio::io_context& loop) : request(std::move(asked)), done(loop) {}
    Request request;
    Response response;
    bool answered = false;  // on the loop's thread
    asio::steady_timer done;
  };
  auto call = std::make_shared<Call>(std::move(request), server_.loop_);
  call->done.expires_after(server_.options_.handler_bound);
  server_.workers_->submit([&server = server_, call] {
    call->response = server.handle(call->request);
    // On the loop's thread, and so never before this coroutine waits.
    asio::post(server.loop_, [call] {
      call->answered = true;
      call->done.cancel();
    });
  });
  error_code cancelled;
  co_await call->done.async_wait(into(cancelled));
  if (call->answered) co_return std::move(call->response);
  co_return server_.options_.refusal(
      503, fmt::format("no answer within {} s", server_.options_.handler_bound.count() / 1000));
}

asio::awaitable<bool> Server::Impl::Connection::send(Response response, bool head, bool keep_alive, unsigned version) {
  bhttp::response<bhttp::string_body> message(static_cast<bhttp::status>(response.status), version);
  for (const auto& [name, value] : response.headers) message.set(name, value);
  if (!response.body.empty()) message.set(bhttp::field::content_type, response.content_type);
  message.keep_alive(keep_alive);
  if (response.status != 204) message.content_length(response.body.size());  // RFC 9110, 8.6
  if (!head) message.body() = std::move(response.body);
  error_code error;
  stream_.expires_after(server_.options_.write_timeout);
  co_await bhttp::async_write(stream_, message, into(error));
  co_return !error;
}

// After a refusal: closing while bytes of the request are unread would reset the connection, and the peer might lose
// the answer. So the rest is read away, within limits.
asio::awaitable<void> Server::Impl::Connection::drain() {
  error_code error;
  stream_.socket().shutdown(asio::socket_base::shutdown_send, error);
  stream_.expires_after(std::chrono::seconds(2));
  for (std::size_t total = 0; !error && total < server_.options_.body_limit * 4;) {
    buffer_.clear();
    total += co_await stream_.async_read_some(buffer_.prepare(65536), into(error));
  }
}

Server::Impl::Impl(Listener listener, Handler handler, ServerOptions options)
    : handler_(std::move(handler)), options_(std::move(options)), listener_(std::move(listener)) {
  workers_.emplace(options_.max_handlers);
  acceptor_.assign(::fcntl(listener_.fd(), F_DUPFD_CLOEXEC, 0));
  asio::co_spawn(loop_, accept_all(), asio::detached);
  thread_ = std::thread([this] { loop_.run(); });
}

asio::awaitable<void> Server::Impl::accept_all() {
  while (!stopping_) {
    error_code error;
    if (connections_.size() >= options_.max_connections) {
      room_.expires_at(asio::steady_timer::time_point::max());
      co_await room_.async_wait(into(error));
      continue;
    }
    co_await acceptor_.async_wait(asio::posix::stream_descriptor::wait_read, into(error));
    if (error) co_return;
    const int fd = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      asio::co_spawn(loop_, serve(fd), asio::detached);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      co_await wait(std::chrono::milliseconds(50));  // the kernel would report it at once, again and again
    }
  }
}

asio::awaitable<void> Server::Impl::wait(std::chrono::milliseconds time) {
  error_code error;
  asio::steady_timer timer(loop_, time);
  co_await timer.async_wait(into(error));
}

asio::awaitable<void> Server::Impl::serve(int fd) {
  sockaddr address{};
  socklen_t length = sizeof address;
  ::getsockname(fd, &address, &length);
  Stream stream(loop_.get_executor());
  error_code error;
  stream.socket().assign(asio::generic::stream_protocol(address.sa_family, 0), fd, error);
  if (error) {
    ::close(fd);
    co_return;
  }
  Connection connection(*this, std::move(stream));
  try {
    co_await connection.run();
  } catch (const std::exception&) {
    // Out of memory or threads: this connection ends, the others go on.
  }
}

void Server::Impl::enter(Connection* connection) {
  connections_.push_back(connection);
  const std::lock_guard lock(mutex_);
  ++open_;
}

void Server::Impl::leave(Connection* connection) {
  connections_.remove(connection);
  // Connections that were cut off end with loop_, after room_ has gone.
  if (!stopping_) room_.cancel();
  const std::lock_guard lock(mutex_);
  --open_;
  none_left_.notify_all();
}

void Server::Impl::close_idle() {
  for (auto* connection : connections_) {
    if (!connection->busy()) connection->close();
  }
}

void Server::Impl::stop() {
  if (!thread_.joinable()) return;
  listener_.close();
  std::unique_lock lock(mutex_);
  bool told = false;
  asio::post(loop_, [&] {
    stopping_ = true;
    acceptor_.close();
    room_.cancel();
    close_idle();
    const std::lock_guard loop_lock(mutex_);
    told = true;
    none_left_.notify_all();
  });
  none_left_.wait(lock, [&] { return told; });
  none_left_.wait_for(lock, options_.stop_grace, [this] { return open_ == 0; });
  lock.unlock();
  // The loop ends first, so that no more work comes; what workers still post to it is never run. The coroutines'
  // frames, which they use, live until loop_ is destroyed.
  loop_.stop();
  thread_.join();
  workers_.reset();
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
}
Server::~Server() = default;
void Server::stop() {
  impl_->stop();
}
std::uint16_t Server::port() const {
  return impl_->port();
}

Result<std::unique_ptr<Server>> Server::start(Result<Listener> listener, Handler handler, ServerOptions options) {
  if (!listener.ok()) return std::move(listener).error();
  try {
    return std::unique_ptr<Server>(
        new Server(std::make_unique<Impl>(std::move(listener).value(), std::move(handler), std::move(options))));
  } catch (const std::exception& exception) {  // no descriptor or thread left
    return fail(ErrorCode::unavailable, "the server can't be started: {}", exception.what());
  }
}

Result<std::unique_ptr<Server>> Server::on_path(const std::string& path, Handler handler, ServerOptions options) {
  return start(Listener::on_path(path, options.directory_mode), std::move(handler), std::move(options));
}

Result<std::unique_ptr<Server>> Server::on_tcp(const std::string& address, std::uint16_t port, Handler handler,
                                               ServerOptions options) {
  return start(Listener::on_tcp(address, port), std::move(handler), std::move(options));
}

}  // namespace bayplan::http
