#include "engine/docker/docker_engine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <future>

#include "http/listener.hpp"
#include "http/server.hpp"
#include "support/temp_dir.hpp"
#include "unit/docker/captured.hpp"

namespace bayplan::docker {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kPatience = 20s;

model::IpAddress ip(const char* text) {
  return model::IpAddress::parse(text).value();
}

// A Docker that answers from a table: "GET /path" → status and body.
class ScriptedDocker : public ::testing::Test {
 protected:
  void answer(const std::string& request, int status, std::string_view body) {
    const std::scoped_lock hold(mutex_);
    answers_[request].push_back({status, "application/json", std::string(body), {}});
  }
  // Method, path, query and body of what was asked.
  std::vector<std::string> asked() {
    const std::scoped_lock hold(mutex_);
    return asked_;
  }

  testing::TempDir dir;
  std::string path = (dir / "docker.sock").string();
  std::unique_ptr<http::Server> server =
      http::Server::on_path(path, [this](const http::Request& request) { return respond(request); }).value();
  DockerEngine engine{path};

 private:
  http::Response respond(const http::Request& request) {
    const std::scoped_lock hold(mutex_);
    const auto key = request.method + " " + request.path;
    auto line = key;
    for (const auto& [name, value] : request.query) line += fmt::format(" {}={}", name, value);
    if (!request.body.empty()) line += " " + request.body;
    asked_.push_back(line);
    auto& left = answers_[key];
    if (left.empty()) return {404, "application/json", R"({"message":"page not found"})", {}};
    auto response = left.front();
    if (left.size() > 1) left.erase(left.begin());
    return response;
  }
  std::mutex mutex_;
  std::map<std::string, std::vector<http::Response>> answers_;
  std::vector<std::string> asked_;
};

TEST_F(ScriptedDocker, ListsAndInspects) {
  answer("GET /containers/json", 200, captured::kContainers);
  answer("GET /networks", 200, captured::kNetworks);
  answer("GET /networks/n", 200, captured::kNetwork);
  answer("GET /containers/nope/json", 200, captured::kInspectNope);
  EXPECT_EQ(engine.containers(kPatience)->size(), 3U);
  EXPECT_EQ(engine.networks(kPatience)->size(), 4U);
  EXPECT_EQ(engine.network("n", kPatience)->name, "vlan100");
  EXPECT_EQ(engine.inspect("nope")->last_error, "remote: 172.16.1.66 is held for 'db'");
  EXPECT_EQ(asked().front(), "GET /containers/json all=1");
}

TEST_F(ScriptedDocker, PinsAContainerByWhatItWasGiven) {
  answer("GET /containers/rest/json", 200, captured::kInspectRest);
  answer("GET /networks/9528d323e16f", 200, captured::kNetwork);
  answer("POST /networks/9528d323e16f/disconnect", 200, "");
  answer("POST /networks/9528d323e16f/connect", 200, "");
  const auto settings = engine.endpoint_settings("rest", "9528d323e16f");
  ASSERT_TRUE(settings.ok()) << settings.error().message();
  ASSERT_TRUE(engine.disconnect("rest", "9528d323e16f").ok());
  ASSERT_TRUE(engine.connect("rest", "9528d323e16f", *settings, ip("172.16.1.40")).ok());
  EXPECT_EQ(asked()[2], R"(POST /networks/9528d323e16f/disconnect {"Container":"rest"})");
  EXPECT_EQ(asked()[3],
            R"(POST /networks/9528d323e16f/connect {"Container":"rest","EndpointConfig":{"Links":["web:w"],)"
            R"("Aliases":["al"],"IPAMConfig":{"IPv4Address":"172.16.1.40"}}})");
}

TEST_F(ScriptedDocker, StartedAlreadyIsSuccessAndARefusalCarriesDockersWords) {
  answer("POST /containers/a/start", 204, "");
  answer("POST /containers/b/start", 304, "");
  answer("POST /containers/c/start", 500, R"({"message":"remote: bayplan: held for 'db'"})");
  EXPECT_TRUE(engine.start("a").ok());
  EXPECT_TRUE(engine.start("b").ok());
  const auto refused = engine.start("c");
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_EQ(refused.error().message(), "start container c: remote: bayplan: held for 'db'");
}

TEST_F(ScriptedDocker, DisconnectingWhatIsNotConnectedIsNotFound) {
  answer("POST /networks/n/disconnect", 500, R"({"message":"container c is not connected to the network vlan100"})");
  EXPECT_EQ(engine.disconnect("c", "n").error().code, ErrorCode::not_found);
}

TEST_F(ScriptedDocker, MakesAndRemovesNetworks) {
  answer("POST /networks/create", 201, R"({"Id":"abc","Warning":""})");
  answer("DELETE /networks/abc", 204, "");
  answer("DELETE /networks/used", 403, R"({"message":"network used has active endpoints"})");
  EXPECT_EQ(
      engine.create_network("vlan100", model::Subnet::parse("172.16.1.0/24").value(), ip("172.16.1.1"), {}).value(),
      "abc");
  EXPECT_TRUE(engine.remove_network("abc").ok());
  EXPECT_EQ(engine.remove_network("used").error().code, ErrorCode::in_use);
  EXPECT_EQ(engine.remove_network("gone").error().code, ErrorCode::not_found);
}

ports::RunRequest run_request() {
  ports::RunRequest request;
  request.name = "web";
  request.image = "localhost:5000/nginx:1";
  request.network = "vlan100";
  request.address = ip("172.16.1.5");
  return request;
}

TEST_F(ScriptedDocker, AMissingImageIsPulledOnce) {
  answer("GET /images/localhost:5000/nginx:1/json", 404, R"({"message":"No such image: localhost:5000/nginx:1"})");
  answer("POST /images/create", 200, "{\"status\":\"Pulling\"}\r\n{\"status\":\"Done\"}\r\n");
  answer("POST /containers/create", 201, R"({"Id":"c1","Warnings":[]})");
  const auto prepared = engine.prepare(run_request());
  ASSERT_TRUE(prepared.ok()) << prepared.error().message();
  EXPECT_EQ(asked()[1], "POST /images/create fromImage=localhost:5000/nginx tag=1");
  const auto made = engine.create_container(run_request());
  ASSERT_TRUE(made.ok()) << made.error().message();
  EXPECT_EQ(*made, "c1");
  EXPECT_THAT(asked()[2], HasSubstr("POST /containers/create name=web"));
}

TEST_F(ScriptedDocker, AnImageThatIsThereIsNotPulled) {
  answer("GET /images/localhost:5000/nginx:1/json", 200, R"({"Id":"sha256:1"})");
  EXPECT_TRUE(engine.prepare(run_request()).ok());
  EXPECT_EQ(asked().size(), 1U);
}

TEST_F(ScriptedDocker, APullThatFailsInItsStreamSaysWhy) {
  answer("GET /images/localhost:5000/nginx:1/json", 404, R"({"message":"No such image: localhost:5000/nginx:1"})");
  answer("POST /images/create", 200,
         "{\"status\":\"Pulling\"}\n{\"errorDetail\":{\"message\":\"denied: no access\"},\"error\":\"denied\"}\n");
  const auto made = engine.prepare(run_request());
  ASSERT_FALSE(made.ok());
  EXPECT_THAT(made.error().message(), HasSubstr("denied: no access"));
  EXPECT_THAT(made.error().message(), HasSubstr("docker pull"));
}

TEST_F(ScriptedDocker, ANameThatIsTakenExists) {
  answer("POST /containers/create", 409,
         R"({"message":"Conflict. The container name \"/web\" is already in use by container \"4222\"."})");
  EXPECT_EQ(engine.create_container(run_request()).error().code, ErrorCode::exists);
}

TEST_F(ScriptedDocker, AnOptionThatIsNotKnownAsksDockerNothing) {
  auto request = run_request();
  request.options = {"--gpus", "all"};
  EXPECT_EQ(engine.prepare(request).error().code, ErrorCode::invalid);
  EXPECT_EQ(engine.create_container(request).error().code, ErrorCode::invalid);
  EXPECT_TRUE(asked().empty());
}

TEST_F(ScriptedDocker, GarbageIsCorruptAndStatusesAreErrors) {
  answer("GET /containers/json", 200, "<html>");
  answer("GET /networks", 500, R"({"message":"boom"})");
  EXPECT_EQ(engine.containers(kPatience).error().code, ErrorCode::corrupt);
  EXPECT_EQ(engine.networks(kPatience).error().message(), "list Docker's networks: boom");
}

// A Docker of which every byte is told by the test.
class RawDocker {
 public:
  explicit RawDocker(const std::string& path) : listener_(http::Listener::on_path(path).value()) {}

  void accept() {
    pollfd wait{listener_.fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&wait, 1, 20'000), 1);
    peer_.reset(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    char buffer[4096];
    ASSERT_GT(::recv(peer_.get(), buffer, sizeof buffer, 0), 0);
  }
  void say(std::string_view bytes) const {
    ASSERT_EQ(::send(peer_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  void chunk(std::string_view bytes) const { say(fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes)); }
  void hang_up() { peer_.reset(); }

 private:
  http::Listener listener_;
  UniqueFd peer_;
};

constexpr std::string_view kStreamHeader =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

class DockerAway : public ::testing::Test {
 protected:
  testing::TempDir dir;
  std::string path = (dir / "docker.sock").string();
};

TEST_F(DockerAway, NotThereIsUnavailable) {
  DockerEngine engine(path);
  EXPECT_EQ(engine.containers(1s).error().code, ErrorCode::unavailable);
  EXPECT_EQ(engine.start("a").error().code, ErrorCode::unavailable);
  EXPECT_EQ(engine.watch({}, [] {}, [](const auto&) {}).error().code, ErrorCode::unavailable);
}

TEST_F(DockerAway, AcceptingAndNeverAnsweringIsATimeoutWithinTheBound) {
  const auto listener = http::Listener::on_path(path).value();  // the kernel accepts, nobody reads
  EngineBounds bounds;
  bounds.question = bounds.connect = bounds.start = bounds.stream_open = 100ms;
  DockerEngine engine(path, bounds);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(engine.containers(100ms).error().code, ErrorCode::timeout);
  EXPECT_EQ(engine.network("n", 100ms).error().code, ErrorCode::timeout);
  EXPECT_EQ(engine.inspect("c").error().code, ErrorCode::timeout);
  EXPECT_EQ(engine.start("c").error().code, ErrorCode::timeout);
  EXPECT_EQ(engine.connect("c", "n", "{}", std::nullopt).error().code, ErrorCode::timeout);
  EXPECT_EQ(engine.watch({}, [] {}, [](const auto&) {}).error().code, ErrorCode::timeout);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kPatience);
}

class DockerStream : public DockerAway {
 protected:
  // Runs watch on a thread; events are collected as "type/action".
  void watch() {
    ended_ = std::async(std::launch::async, [this] {
      return engine_.watch(
          stop_.get_token(), [this] { ready_.set_value(); },
          [this](const ports::EngineEvent& event) { events_.push_back(event.type + "/" + event.action); });
    });
  }
  bool ready() { return ready_.get_future().wait_for(kPatience) == std::future_status::ready; }

  RawDocker docker_{path};
  DockerEngine engine_{path};
  std::stop_source stop_;
  std::promise<void> ready_;
  std::vector<std::string> events_;
  std::future<Result<>> ended_;
};

const std::string kStart = R"({"Type":"container","Action":"start","Actor":{"ID":"a","Attributes":{"name":"web"}}})";
const std::string kDie = R"({"Type":"container","Action":"die","Actor":{"ID":"a"}})";

TEST_F(DockerStream, IsReadyWithTheHeaderAndDeliversEventsHoweverTheyAreCut) {
  watch();
  docker_.accept();
  docker_.say(kStreamHeader);
  ASSERT_TRUE(ready()) << "before any event";
  docker_.chunk(kStart.substr(0, 10));
  docker_.chunk(kStart.substr(10) + "\n" + kDie);
  docker_.chunk("\n");
  docker_.say("0\r\n\r\n");
  EXPECT_EQ(ended_.get().error().code, ErrorCode::unavailable);
  EXPECT_THAT(events_, ElementsAre("container/start", "container/die"));
}

TEST_F(DockerStream, CutInTheMiddleOfALineIsUnavailableAndTheHalfIsNoEvent) {
  watch();
  docker_.accept();
  docker_.say(kStreamHeader);
  docker_.chunk(kStart + "\n" + kDie.substr(0, 30));
  docker_.hang_up();
  EXPECT_EQ(ended_.get().error().code, ErrorCode::unavailable);
  EXPECT_THAT(events_, ElementsAre("container/start"));
}

TEST_F(DockerStream, EndsWithSuccessWhenStopIsRequested) {
  watch();
  docker_.accept();
  docker_.say(kStreamHeader);
  ASSERT_TRUE(ready());
  stop_.request_stop();
  EXPECT_TRUE(ended_.get().ok());
}

TEST_F(DockerStream, StopIsHeardBeforeTheHeaderToo) {
  watch();
  docker_.accept();
  stop_.request_stop();
  EXPECT_TRUE(ended_.get().ok());
}

TEST_F(DockerStream, AnEventThatCannotBeReadEndsItSoThatNothingIsMissed) {
  watch();
  docker_.accept();
  docker_.say(kStreamHeader);
  docker_.chunk("{\"Type\":5}\n" + kStart + "\n");
  EXPECT_EQ(ended_.get().error().code, ErrorCode::corrupt);
  EXPECT_TRUE(events_.empty());
}

TEST_F(DockerStream, AStatusThatIsNotGoodIsAnError) {
  watch();
  docker_.accept();
  docker_.say("HTTP/1.1 400 Bad Request\r\nContent-Length: 17\r\n\r\n{\"message\":\"bad\"}");
  const auto end = ended_.get();
  EXPECT_EQ(end.error().code, ErrorCode::invalid);
  EXPECT_THAT(end.error().message(), HasSubstr("bad"));
}

TEST_F(DockerStream, APullUnderWayIsCutOffWithTheDaemon) {
  auto made = std::async(std::launch::async, [&] { return engine_.prepare(run_request()); });
  docker_.accept();
  const std::string missing = R"({"message":"No such image: x"})";
  docker_.say(fmt::format("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}", missing.size(),
                          missing));
  docker_.accept();
  docker_.say(kStreamHeader);
  docker_.chunk("{\"status\":\"Pulling\"}\n");
  engine_.cut_off();
  ASSERT_EQ(made.wait_for(kPatience), std::future_status::ready);
  EXPECT_EQ(made.get().error().code, ErrorCode::unavailable);
}

TEST_F(DockerStream, APullOfWhichNothingComesEndsWithATimeout) {
  EngineBounds bounds;
  bounds.pull_idle = 100ms;
  DockerEngine engine(path, bounds);
  auto made = std::async(std::launch::async, [&] { return engine.prepare(run_request()); });
  docker_.accept();
  const std::string missing = R"({"message":"No such image: x"})";
  docker_.say(fmt::format("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}", missing.size(),
                          missing));
  docker_.accept();
  docker_.say(kStreamHeader);
  docker_.chunk("{\"status\":\"Pulling\"}\n");
  EXPECT_EQ(made.get().error().code, ErrorCode::timeout);
}

}  // namespace
}  // namespace bayplan::docker
