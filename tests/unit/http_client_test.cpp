#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <future>

#include "http/client.hpp"
#include "http/listener.hpp"
#include "http/server.hpp"
#include "support/temp_dir.hpp"

namespace bayplan::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using testing::TempDir;

constexpr seconds kBound{20};

// A server that says exactly the bytes it is told, to each connection, as soon as something was asked.
class RawServer {
 public:
  explicit RawServer(const std::string& path) : listener_(Listener::on_path(path).value()) {}

  // Accepts one connection, reads once.
  void accept() {
    pollfd wait{listener_.fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&wait, 1, 20'000), 1);
    peer_.reset(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    char buffer[4096];
    const auto count = ::recv(peer_.get(), buffer, sizeof buffer, 0);
    ASSERT_GT(count, 0);
    seen_.assign(buffer, static_cast<std::size_t>(count));
  }
  void say(std::string_view bytes) const {
    ASSERT_GT(::send(peer_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
  }
  void hang_up() { peer_.reset(); }
  // Waits until the other side has closed.
  [[nodiscard]] bool left_alone() const {
    char byte = 0;
    pollfd wait{peer_.get(), POLLIN, 0};
    return ::poll(&wait, 1, 20'000) == 1 && ::recv(peer_.get(), &byte, 1, 0) <= 0;
  }
  [[nodiscard]] const std::string& seen() const { return seen_; }

 private:
  Listener listener_;
  UniqueFd peer_;
  std::string seen_;
};

class HttpClient : public ::testing::Test {
 protected:
  TempDir dir_;
  std::string path_ = (dir_ / "s.sock").string();
  Client client_{Peer{"Docker", path_}, ClientOptions{.response_limit = 1000}};

  Result<Response> get(milliseconds bound = kBound) { return client_.call({"GET", "/x", {}, {}, ""}, bound); }
};

TEST_F(HttpClient, AbsentSocketIsUnavailable) {
  const auto answer = get();
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  EXPECT_THAT(answer.error().message(), HasSubstr("Docker can't be reached at " + path_ + ": there is no such socket"));
}

TEST_F(HttpClient, DeadSocketIsUnavailable) {
  auto dead = Listener::on_path(path_);
  ::close(dead->release_fd());
  const auto answer = get();
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  EXPECT_THAT(answer.error().message(), HasSubstr("nobody listens there"));
}

TEST_F(HttpClient, RefusedTcpPortIsUnavailable) {
  std::uint16_t port = 0;
  {
    port = Listener::on_tcp("127.0.0.1", 0)->port();
  }
  Client client(Peer{"it", "", "127.0.0.1", port});
  const auto answer = client.call({}, kBound);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
}

TEST_F(HttpClient, SocketWithoutTheRightToItIsDenied) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  const auto server = Server::on_path(path_, [](const Request&) { return Response{}; });
  std::jthread([&] {
    // The system call itself, unlike the C library's function, changes this thread only.
    ASSERT_EQ(::syscall(SYS_setresuid, 65534, 65534, 65534), 0);
    const auto answer = get();
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, ErrorCode::denied);
    EXPECT_THAT(answer.error().message(), HasSubstr("you have no right to Docker's socket " + path_));
  }).join();
}

TEST_F(HttpClient, SilentPeerIsATimeout) {
  const RawServer server(path_);  // the kernel accepts, nobody answers
  const auto answer = get(milliseconds(50));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::timeout);
}

TEST_F(HttpClient, AnswerThatStopsInTheMiddleIsAnErrorNotHalfAnAnswer) {
  RawServer server(path_);
  auto answer = std::async(std::launch::async, [&] { return get(); });
  server.accept();
  server.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\":");
  server.hang_up();
  const auto result = answer.get();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::unavailable);
}

TEST_F(HttpClient, AnswerThatIsNotHttpIsCorrupt) {
  RawServer server(path_);
  auto answer = std::async(std::launch::async, [&] { return get(); });
  server.accept();
  server.say("hello, this is something else\r\n\r\n");
  server.hang_up();
  const auto result = answer.get();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::corrupt);
}

TEST_F(HttpClient, AnswerOverTheLimitIsCorrupt) {
  const auto server =
      Server::on_path(path_, [](const Request&) { return Response{200, "text/plain", std::string(1001, 'x'), {}}; });
  const auto result = get();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::corrupt);
}

TEST_F(HttpClient, ErrorStatusIsAnAnswer) {
  const auto server = Server::on_path(path_, [](const Request&) { return Response{404, "text/plain", "no", {}}; });
  const auto result = get();
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->status, 404);
  EXPECT_EQ(result->body, "no");
}

TEST_F(HttpClient, ServerThatWasRestartedIsFoundAgain) {
  const auto ok = [](const Request&) { return Response{200, "text/plain", "ok", {}}; };
  auto server = Server::on_path(path_, ok);
  ASSERT_TRUE(get().ok());
  (*server)->stop();
  server = Server::on_path(path_, ok);
  ASSERT_TRUE(server.ok());
  const auto again = get();  // on the kept connection, which is dead
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(again->body, "ok");
}

TEST_F(HttpClient, EnvironmentProxyIsNotUsed) {
  const auto server = Server::on_tcp("127.0.0.1", 0, [](const Request&) { return Response{}; });
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  Client client(Peer{"it", "", "127.0.0.1", (*server)->port()});
  const auto answer = client.call({}, kBound);
  ::unsetenv("http_proxy");
  EXPECT_TRUE(answer.ok());
}

TEST_F(HttpClient, ManyThreadsShareAClient) {
  const auto server =
      Server::on_path(path_, [](const Request& request) { return Response{200, "t/p", request.path, {}}; });
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 16; ++i) {
      threads.emplace_back([&, i] {
        const auto path = fmt::format("/{}", i);
        const auto answer = client_.call({"GET", path, {}, {}, ""}, kBound);
        if (answer.ok() && answer->body == path) ++right;
      });
    }
  }
  EXPECT_EQ(right, 16);
}

constexpr auto kChunkedHeader = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST_F(HttpClient, StreamGivesEachPieceAsItComesAndEndsWithThePeer) {
  RawServer server(path_);
  std::promise<void> opened;
  std::promise<void> got;
  std::string all;
  const StreamHandlers handlers{.on_open = [&] { opened.set_value(); },
                                .on_chunk =
                                    [&](std::string_view piece) {
                                      if (all.empty()) got.set_value();
                                      all += piece;
                                      return true;
                                    }};
  auto end = std::async(std::launch::async,
                        [&] { return client_.stream({"GET", "/events", {}, {}, ""}, handlers, kBound, {}); });
  server.accept();
  EXPECT_THAT(server.seen(), HasSubstr("GET /events HTTP/1.1\r\n"));
  server.say(kChunkedHeader);
  EXPECT_EQ(opened.get_future().wait_for(kBound), std::future_status::ready);
  server.say("2\r\n{}\r\n");
  EXPECT_EQ(got.get_future().wait_for(kBound), std::future_status::ready);
  server.say("3\r\n{1}\r\n0\r\n\r\n");
  server.hang_up();
  const auto result = end.get();
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(result->status, 200);
  EXPECT_EQ(all, "{}{1}");
}

// Waits until a thread of this process waits for something (proc(5), "stat").
void wait_until_asleep(pid_t thread) {
  const auto deadline = std::chrono::steady_clock::now() + kBound;
  std::string state;
  while (state != "S" && std::chrono::steady_clock::now() < deadline) {
    std::ifstream stat(fmt::format("/proc/self/task/{}/stat", thread));
    std::string number;
    std::string name;
    stat >> number >> name >> state;
    std::this_thread::yield();
  }
}

// A stop is heard by the waiting call itself, not at the next of libcurl's own timers (200 ms): of several rounds the
// quickest, so that a busy machine does not matter.
TEST_F(HttpClient, StreamEndsAtOnceWhenStopped) {
  auto quickest = std::chrono::steady_clock::duration::max();
  for (int round = 0; round < 5; ++round) {
    RawServer server(path_);
    std::stop_source stop;
    std::promise<pid_t> opened;
    const StreamHandlers handlers{.on_open = [&] { opened.set_value(::gettid()); },
                                  .on_chunk = [](auto) { return true; }};
    auto end = std::async(std::launch::async, [&] {
      return client_.stream({"GET", "/events", {}, {}, ""}, handlers, kBound, stop.get_token());
    });
    server.accept();
    server.say(kChunkedHeader);
    wait_until_asleep(opened.get_future().get());
    const auto before = std::chrono::steady_clock::now();
    stop.request_stop();
    ASSERT_EQ(end.wait_for(kBound), std::future_status::ready);
    quickest = std::min(quickest, std::chrono::steady_clock::now() - before);
    EXPECT_TRUE(end.get().ok());
    EXPECT_TRUE(server.left_alone());
  }
  EXPECT_LT(quickest, milliseconds(100));
}

TEST_F(HttpClient, StreamThatIsStoppedBeforeItOpensEndsToo) {
  RawServer server(path_);
  std::stop_source stop;
  auto end = std::async(std::launch::async, [&] {
    return client_.stream({"GET", "/events", {}, {}, ""}, {.on_chunk = [](auto) { return true; }}, seconds(600),
                          stop.get_token());
  });
  server.accept();
  stop.request_stop();
  ASSERT_EQ(end.wait_for(kBound), std::future_status::ready);
  EXPECT_EQ(end.get()->status, 0);
}

TEST_F(HttpClient, CutOffEndsCallsAndStreamsUnderWayAndLaterOnes) {
  const Listener silent = Listener::on_path(path_).value();
  auto call = std::async(std::launch::async, [&] { return get(std::chrono::minutes(5)); });
  auto stream = std::async(std::launch::async, [&] {
    return client_.stream({"GET", "/x", {}, {}, ""}, {.on_chunk = [](std::string_view) { return true; }},
                          std::chrono::minutes(5), {});
  });
  for (int connections = 0; connections < 2; ++connections) {
    pollfd wait{silent.fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&wait, 1, 20'000), 1);
    ASSERT_GE(::accept4(silent.fd(), nullptr, nullptr, SOCK_CLOEXEC), 0);
  }
  client_.cut_off();
  for (auto* under_way : {&call, &stream}) {
    ASSERT_EQ(under_way->wait_for(kBound), std::future_status::ready);
    EXPECT_EQ(under_way->get().error().code, ErrorCode::unavailable);
  }
  EXPECT_EQ(get(std::chrono::minutes(5)).error().code, ErrorCode::unavailable);
}

TEST_F(HttpClient, StreamThatDoesNotOpenIsATimeout) {
  const RawServer server(path_);
  const auto result = client_.stream({}, {.on_chunk = [](auto) { return true; }}, milliseconds(50), {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::timeout);
}

TEST_F(HttpClient, StreamEndsWhenTheHandlerHasEnough) {
  const auto server = Server::on_path(path_, [](const Request&) { return Response{200, "t/p", "enough", {}}; });
  const auto result = client_.stream({}, {.on_chunk = [](auto) { return false; }}, kBound, {});
  ASSERT_TRUE(result.ok()) << result.error().message();
}

TEST_F(HttpClient, StreamRefusedGivesTheStatusAndBody) {
  const auto server = Server::on_path(path_, [](const Request&) { return Response{500, "t/p", "why", {}}; });
  bool called = false;
  const auto result = client_.stream(
      {}, {.on_open = [&] { called = true; }, .on_chunk = [&](auto) { return called = true; }}, kBound, {});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->status, 500);
  EXPECT_EQ(result->body, "why");
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace bayplan::http
