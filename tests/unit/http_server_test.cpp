#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <future>
#include <latch>

#include "http/client.hpp"
#include "http/listener.hpp"
#include "http/server.hpp"
#include "support/child.hpp"
#include "support/raw_peer.hpp"
#include "support/temp_dir.hpp"

namespace bayplan::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using testing::RawPeer;
using ::testing::StartsWith;
using testing::TempDir;

constexpr seconds kBound{20};

// Says what it was asked.
Response echo(const Request& request) {
  std::string text = request.method + " " + request.path;
  for (const auto& [key, value] : request.query) text += " " + key + "=" + value;
  return Response{200, "text/plain", text + " [" + request.body + "]", {}};
}

class HttpServer : public ::testing::Test {
 protected:
  std::unique_ptr<Server> start(Handler handler = echo, ServerOptions options = {}) {
    auto server = Server::on_path(path_, std::move(handler), std::move(options));
    EXPECT_TRUE(server.ok()) << server.error().message();
    return std::move(server).value();
  }
  Result<Response> ask(const Request& request) {
    Client client(Peer{"the server", path_});
    return client.call(request, kBound);
  }

  TempDir dir_;
  std::string path_ = (dir_ / "run/deeper/s.sock").string();
};

TEST_F(HttpServer, HandlerOverItsBoundIsAnsweredForAndTheConnectionGoesOn) {
  std::promise<void> release;
  const auto released = release.get_future().share();
  ServerOptions options;
  options.handler_bound = milliseconds(20);
  const auto server = start(
      [released](const Request& request) {
        if (request.path == "/stuck") released.wait();
        return echo(request);
      },
      options);
  const auto late = ask({"GET", "/stuck", {}, {}, ""});
  ASSERT_TRUE(late.ok()) << late.error().message();
  EXPECT_EQ(late->status, 503);
  EXPECT_THAT(late->body, HasSubstr("no answer within"));
  const auto next = ask({"GET", "/quick", {}, {}, ""});
  release.set_value();
  ASSERT_TRUE(next.ok()) << next.error().message();
  EXPECT_EQ(next->status, 200);
}

TEST_F(HttpServer, HandlerSeesTheRequestAndThePeerItsAnswer) {
  const auto server = start();
  const auto answer = ask({"PUT", "/a b/ü", {{"k", "v&w"}}, {}, "{\"x\":1}"});
  ASSERT_TRUE(answer.ok()) << answer.error().message();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->content_type, "text/plain");
  EXPECT_EQ(answer->body, "PUT /a b/ü k=v&w [{\"x\":1}]");
}

TEST_F(HttpServer, ServesTcpToo) {
  auto server = Server::on_tcp("127.0.0.1", 0, echo);
  ASSERT_TRUE(server.ok()) << server.error().message();
  Client client(Peer{"the server", "", "127.0.0.1", (*server)->port()});
  const auto answer = client.call({"GET", "/tcp", {}, {}, ""}, kBound);
  ASSERT_TRUE(answer.ok()) << answer.error().message();
  EXPECT_EQ(answer->body, "GET /tcp []");
}

TEST_F(HttpServer, TcpPortThatIsTakenIsAnError) {
  const auto first = Server::on_tcp("127.0.0.1", 0, echo);
  ASSERT_TRUE(first.ok());
  const auto second = Server::on_tcp("127.0.0.1", (*first)->port(), echo);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::in_use);
  EXPECT_EQ(Server::on_tcp("localhost", 0, echo).error().code, ErrorCode::invalid);
}

TEST_F(HttpServer, MalformedRequestGets400) {
  const auto server = start();
  for (const auto* bytes :
       {"nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /%zz HTTP/1.1\r\nConnection: close\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    const RawPeer peer(path_);
    peer.send(bytes);
    EXPECT_THAT(peer.read_to_end(), StartsWith("HTTP/1.1 400 ")) << bytes;
  }
}

TEST_F(HttpServer, TruncatedRequestGets400AndNeverReachesTheHandler) {
  std::atomic<int> calls = 0;
  const auto server = start([&](const Request&) { return ++calls, Response{}; });
  for (const auto* bytes :
       {"POST /x HTTP/1.1\r\nContent-Len", "POST /x HTTP/1.1\r\nContent-Length: 10\r\n\r\n{\"a\":"}) {
    const RawPeer peer(path_);
    peer.send(bytes);
    peer.end_sending();
    EXPECT_THAT(peer.read_to_end(), StartsWith("HTTP/1.1 400 "));
  }
  EXPECT_EQ(calls, 0);
}

TEST_F(HttpServer, BodyOverTheLimitGets413) {
  ServerOptions options;
  options.body_limit = 1000;
  const auto server = start(echo, options);
  EXPECT_EQ(ask({"POST", "/", {}, {}, std::string(1000, 'x')})->status, 200);
  EXPECT_EQ(ask({"POST", "/", {}, {}, std::string(1001, 'x')})->status, 413);
  EXPECT_EQ(ask({"POST", "/", {}, {}, std::string(3'000'000, 'x')})->status, 413);
}

TEST_F(HttpServer, ChunkedBodyOverTheLimitGets413) {
  ServerOptions options;
  options.body_limit = 8;
  const auto server = start(echo, options);
  const RawPeer peer(path_);
  peer.send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\naaaaa\r\n5\r\nbbbbb\r\n0\r\n\r\n");
  EXPECT_THAT(peer.read_to_end(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpServer, HeaderOverTheLimitGets431) {
  const auto server = start();
  EXPECT_EQ(ask({"GET", "/", {}, {{"X-Long", std::string(20'000, 'x')}}, ""})->status, 431);
}

TEST_F(HttpServer, EmptyBodyReachesTheHandlerAsEmpty) {
  const auto server = start();
  EXPECT_EQ(ask({"POST", "/Plugin.Activate", {}, {}, ""})->body, "POST /Plugin.Activate []");
}

TEST_F(HttpServer, PipelinedRequestsAreAnsweredInOrder) {
  const auto server = start();
  const RawPeer peer(path_);
  peer.send(
      "GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET /3 HTTP/1.1\r\nConnection: "
      "close\r\n\r\n");
  const auto all = peer.read_to_end();
  const auto first = all.find("GET /1 []");
  const auto second = all.find("POST /2 [hi]");
  const auto third = all.find("GET /3 []");
  ASSERT_NE(third, std::string::npos) << all;
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
}

TEST_F(HttpServer, RequestByRequestByteIsRead) {
  const auto server = start();
  const RawPeer peer(path_);
  for (const char c : std::string_view("POST /slow HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")) {
    peer.send({&c, 1});
  }
  EXPECT_THAT(peer.read_to_end(), HasSubstr("POST /slow [ok]"));
}

TEST_F(HttpServer, ExpectContinueIsAnswered) {
  const auto server = start();
  const RawPeer peer(path_);
  peer.send("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(peer.read_until_seen("\r\n\r\n"), StartsWith("HTTP/1.1 100 "));
  peer.send("ok");
  EXPECT_THAT(peer.read_to_end(), HasSubstr("POST / [ok]"));
}

TEST_F(HttpServer, HeadGetsTheLengthWithoutTheBody) {
  const auto server = start();
  const RawPeer peer(path_);
  peer.send("HEAD /x HTTP/1.1\r\nConnection: close\r\n\r\n");
  const auto all = peer.read_to_end();
  EXPECT_THAT(all, HasSubstr("Content-Length: 10\r\n"));
  EXPECT_TRUE(all.ends_with("\r\n\r\n")) << all;
}

TEST_F(HttpServer, SlowSenderIsCutOff) {
  ServerOptions options;
  options.header_timeout = milliseconds(50);
  options.body_timeout = milliseconds(50);
  const auto server = start(echo, options);
  const RawPeer header(path_);
  header.send("GET / HT");
  EXPECT_EQ(header.read_to_end(), "");
  const RawPeer body(path_);
  body.send("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_EQ(body.read_to_end(), "");
}

TEST_F(HttpServer, SlowSenderDoesNotHoldUpOthers) {
  const auto server = start();
  const RawPeer slow(path_);
  slow.send("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_EQ(ask({"GET", "/quick", {}, {}, ""})->body, "GET /quick []");
}

TEST_F(HttpServer, IdleConnectionIsClosedAfterItsTime) {
  ServerOptions options;
  options.idle_timeout = milliseconds(50);
  const auto server = start(echo, options);
  const RawPeer peer(path_);
  EXPECT_EQ(peer.read_to_end(), "");
}

TEST_F(HttpServer, HandlerThatThrowsIsA500AndTheConnectionGoesOn) {
  const auto server = start([](const Request& request) -> Response {
    if (request.path == "/throw") throw std::runtime_error("broken");
    if (request.path == "/odd") throw 7;
    return echo(request);
  });
  const RawPeer peer(path_);
  peer.send("GET /throw HTTP/1.1\r\n\r\n");
  EXPECT_THAT(peer.read_until_seen("broken"), StartsWith("HTTP/1.1 500 "));
  peer.send("GET /odd HTTP/1.1\r\n\r\n");
  EXPECT_THAT(peer.read_until_seen("internal error"), StartsWith("HTTP/1.1 500 "));
  peer.send("GET /fine HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(peer.read_to_end(), HasSubstr("GET /fine []"));
}

TEST_F(HttpServer, RefusalsCanHaveTheirOwnForm) {
  ServerOptions options;
  options.refusal = [](int status, std::string_view) {
    return Response{status, "application/json", "{\"Err\":1}", {}};
  };
  const auto server = start(echo, options);
  const RawPeer peer(path_);
  peer.send("nonsense\r\n\r\n");
  EXPECT_THAT(peer.read_to_end(), HasSubstr("{\"Err\":1}"));
}

TEST_F(HttpServer, HundredHandlersBlockAtOnce) {
  std::latch all_in(100);
  const auto server = start([&](const Request& request) {
    all_in.arrive_and_wait();  // ends only when a hundred are inside together
    return echo(request);
  });
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (int i = 0; i < 100; ++i) {
    peers.push_back(std::make_unique<RawPeer>(path_));
    ASSERT_TRUE(peers.back()->connected());
    peers.back()->send("GET /" + std::to_string(i) + " HTTP/1.1\r\nConnection: close\r\n\r\n");
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(peers[static_cast<std::size_t>(i)]->read_to_end(), HasSubstr(fmt::format("GET /{} []", i)));
  }
}

TEST_F(HttpServer, MoreRequestsThanHandlersAreAllAnswered) {
  ServerOptions options;
  options.max_handlers = 2;
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  const auto server = start(
      [&](const Request& request) {
        const int now = ++inside;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        auto response = echo(request);
        --inside;
        return response;
      },
      options);
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (int i = 0; i < 50; ++i) {
    peers.push_back(std::make_unique<RawPeer>(path_));
    peers.back()->send("GET /q HTTP/1.1\r\nConnection: close\r\n\r\n");
  }
  for (const auto& peer : peers) EXPECT_THAT(peer->read_to_end(), HasSubstr("GET /q []"));
  EXPECT_LE(most, 2);
}

TEST_F(HttpServer, ConnectionsOverTheBoundWaitForTheirTurn) {
  ServerOptions options;
  options.max_connections = 1;
  const auto server = start(echo, options);
  auto first = std::make_unique<RawPeer>(path_);
  first->send("GET /first HTTP/1.1\r\n\r\n");
  EXPECT_THAT(first->read_until_seen("[]"), HasSubstr("GET /first"));
  const RawPeer second(path_);
  second.send("GET /second HTTP/1.1\r\nConnection: close\r\n\r\n");
  first.reset();
  EXPECT_THAT(second.read_to_end(), HasSubstr("GET /second []"));
}

milliseconds processor_time() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return milliseconds((used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
                      (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000);
}

// In a process of its own; says what is wrong.
std::string serve_without_a_descriptor(const std::string& path) {
  const auto server = Server::on_path(path, echo);
  if (!server.ok()) return server.error().message();
  const rlimit few{64, 64};
  ::setrlimit(RLIMIT_NOFILE, &few);
  std::vector<UniqueFd> fillers;
  while (fillers.empty() || fillers.back()) fillers.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (fillers.size() < 10) return "there was no room from the beginning";
  fillers.pop_back();
  fillers.pop_back();  // room for the client's end, and none for the server's
  const RawPeer peer(path);
  if (!peer.connected()) return "the client has no descriptor";
  peer.send("GET /late HTTP/1.1\r\nConnection: close\r\n\r\n");
  const auto before = processor_time();
  if (peer.is_answered_within(milliseconds(500))) return "it was accepted: this shows nothing";
  // Some ten looks; a loop without a wait takes several times as much even on a machine that is busy otherwise.
  if (processor_time() - before > milliseconds(40)) return "the server spins while it can't accept";
  fillers.clear();
  const auto answer = peer.read_to_end();
  return answer.find("GET /late []") == std::string::npos ? "not answered: " + answer : "";
}

TEST_F(HttpServer, WithoutADescriptorItWaitsQuietlyAndGoesOnWhenThereIsOne) {
  EXPECT_EQ(testing::in_child([this] { return serve_without_a_descriptor(path_); }), "");
}

TEST_F(HttpServer, StopLetsTheRunningHandlerAnswer) {
  std::promise<void> entered;
  std::promise<void> proceed;
  const auto server = start([&](const Request& request) {
    entered.set_value();
    proceed.get_future().wait();
    return echo(request);
  });
  const RawPeer peer(path_);
  const RawPeer idle(path_);
  peer.send("GET /last HTTP/1.1\r\n\r\n");
  entered.get_future().wait();
  auto stopped = std::async(std::launch::async, [&] { server->stop(); });
  EXPECT_EQ(idle.read_to_end(), "");  // the idle connection ends at once: the stop has begun
  EXPECT_FALSE(RawPeer(path_).connected());
  proceed.set_value();
  EXPECT_THAT(peer.read_to_end(), HasSubstr("GET /last []"));
  EXPECT_EQ(stopped.wait_for(kBound), std::future_status::ready);
}

TEST_F(HttpServer, StopCutsOffAfterItsGrace) {
  ServerOptions options;
  options.stop_grace = milliseconds(20);
  const auto server = start(echo, options);
  const RawPeer peer(path_);
  peer.send("POST /never HTTP/1.1\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_EQ(ask({"GET", "/", {}, {}, ""})->status, 200);  // the loop has seen the other by now
  const auto before = std::chrono::steady_clock::now();
  server->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(5));
}

TEST_F(HttpServer, SocketHasItsRightsAndGoesWithTheServer) {
  {
    const auto server = start();
    struct stat found{};
    ASSERT_EQ(::stat(path_.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0660U);
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(HttpServer, MissingDirectoriesAreMadeAsTold) {
  const auto mode_of = [](const std::filesystem::path& path) {
    return static_cast<unsigned>(std::filesystem::status(path).permissions());
  };
  const auto server = start();
  EXPECT_EQ(mode_of(dir_ / "run/deeper"), 0755U);
  path_ = (dir_ / "docker/plugins/s.sock").string();
  ServerOptions options;
  options.directory_mode = 0700;
  const auto private_one = start(echo, options);
  EXPECT_EQ(mode_of(dir_ / "docker"), 0700U);
  EXPECT_EQ(mode_of(dir_ / "docker/plugins"), 0700U);
}

TEST_F(HttpServer, OnlyADeadSocketIsRemoved) {
  EXPECT_TRUE(remove_dead_socket(path_).ok());
  EXPECT_FALSE(std::filesystem::exists(dir_ / "run")) << "nothing is made";
  {
    const auto server = start();
    EXPECT_EQ(remove_dead_socket(path_).error().code, ErrorCode::in_use);
    std::filesystem::create_hard_link(path_, path_ + ".kept");
  }
  std::filesystem::rename(path_ + ".kept", path_);
  EXPECT_TRUE(remove_dead_socket(path_).ok());
  EXPECT_FALSE(std::filesystem::exists(path_));
  std::ofstream(path_) << "precious";
  EXPECT_TRUE(remove_dead_socket(path_).ok());
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(HttpServer, SocketOfALiveServerIsLeftAlone) {
  const auto server = start();
  const auto second = Server::on_path(path_, echo);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::in_use);
  EXPECT_THAT(second.error().message(), HasSubstr("another baypland is listening on " + path_));
  EXPECT_EQ(ask({"GET", "/still", {}, {}, ""})->body, "GET /still []");
}

TEST_F(HttpServer, SocketOfADeadProcessIsTakenOver) {
  {
    auto dead = Listener::on_path(path_);
    ASSERT_TRUE(dead.ok());
    // As after kill -9: the descriptor is closed, the path stays.
    ::close(dead->release_fd());
    std::filesystem::create_hard_link(path_, path_ + ".kept");
  }
  std::filesystem::rename(path_ + ".kept", path_);
  ASSERT_FALSE(RawPeer(path_).connected());
  const auto server = start();
  EXPECT_EQ(ask({"GET", "/new", {}, {}, ""})->body, "GET /new []");
}

TEST_F(HttpServer, SomebodyElsesFileIsNotRemoved) {
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path());
  std::ofstream(path_) << "precious";
  const auto server = Server::on_path(path_, echo);
  ASSERT_FALSE(server.ok());
  EXPECT_EQ(server.error().code, ErrorCode::in_use);
  EXPECT_EQ(std::filesystem::file_size(path_), 8U);
}

TEST_F(HttpServer, SocketThatTookItsPlaceIsNotRemovedOnStop) {
  const auto old = start();
  std::filesystem::remove(path_);
  const auto young = start();
  old->stop();
  EXPECT_EQ(ask({"GET", "/young", {}, {}, ""})->body, "GET /young []");
}

TEST_F(HttpServer, PathThatIsTooLongIsInvalid) {
  const auto server = Server::on_path((dir_ / std::string(120, 'x')).string(), echo);
  ASSERT_FALSE(server.ok());
  EXPECT_EQ(server.error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace bayplan::http
