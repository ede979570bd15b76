// One call on a connection of its own: what is answered, and what is said of every way in which it is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

#include "http/call_once.hpp"
#include "http/listener.hpp"
#include "http/server.hpp"
#include "support/temp_dir.hpp"

namespace bayplan::http {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

constexpr milliseconds kBound{20'000};

class CallOnce : public ::testing::Test {
 protected:
  Peer peer() const { return {"baypland", path_}; }
  // Answers one connection with these bytes, once something was asked, and hangs up; `hold`: not before it is let go.
  std::future<std::string> answer(const std::string& bytes, std::shared_future<void> hold = {}) {
    auto listener = std::make_shared<Listener>(Listener::on_path(path_).value());
    return std::async(std::launch::async, [listener, bytes, hold] {
      pollfd wait{listener->fd(), POLLIN, 0};
      if (::poll(&wait, 1, 20'000) != 1) return std::string("nobody came");
      const UniqueFd connection(::accept4(listener->fd(), nullptr, nullptr, SOCK_CLOEXEC));
      char buffer[4096];
      const auto count = ::recv(connection.get(), buffer, sizeof buffer, 0);
      if (!bytes.empty()) ::send(connection.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (hold.valid()) hold.wait();
      return std::string(buffer, count > 0 ? static_cast<std::size_t>(count) : 0);
    });
  }
  Error refused(const std::string& bytes) {
    const auto heard = answer(bytes);
    const auto got = call_once(peer(), {}, kBound, 64);
    EXPECT_FALSE(got.ok());
    return got.ok() ? Error{} : got.error();
  }

  const testing::TempDir dir_;
  const std::string path_ = (dir_ / "sock").string();
};

TEST_F(CallOnce, SaysWhatIsToBeSaidAndGivesWhatComesBack) {
  auto heard =
      answer("HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nX-A: b\r\nContent-Length: 2\r\n\r\n{}");
  const auto got = call_once(peer(), {"POST", "/v1/a b", {{"k", "v&w"}}, {{"X-Me", "1"}}, "[7]"}, kBound);
  ASSERT_TRUE(got.ok()) << got.error().message();
  EXPECT_EQ(got->status, 201);
  EXPECT_EQ(got->body, "{}");
  EXPECT_EQ(got->content_type, "application/json");
  EXPECT_EQ(got->headers.get("x-a"), "b");
  const auto said = heard.get();
  EXPECT_THAT(said, HasSubstr("POST /v1/a%20b?k=v%26w HTTP/1.1\r\n"));
  EXPECT_THAT(said, HasSubstr("X-Me: 1\r\n"));
  EXPECT_THAT(said, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(said, HasSubstr("Content-Length: 3\r\n"));
}

TEST_F(CallOnce, ReadsChunks) {
  auto heard = answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  const auto got = call_once(peer(), {}, kBound);
  ASSERT_TRUE(got.ok()) << got.error().message();
  EXPECT_EQ(got->body, "abcde");
}

TEST_F(CallOnce, ReadsABodyThatEndsWithTheConnection) {
  auto heard = answer("HTTP/1.1 200 OK\r\n\r\nto the end");
  const auto got = call_once(peer(), {}, kBound);
  ASSERT_TRUE(got.ok()) << got.error().message();
  EXPECT_EQ(got->body, "to the end");
}

TEST_F(CallOnce, AnErrorStatusIsAnAnswer) {
  auto heard = answer("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(call_once(peer(), {}, kBound)->status, 503);
  heard.wait();
}

TEST_F(CallOnce, WhatIsNoHttpOrTooLargeIsCorrupt) {
  EXPECT_EQ(refused("SSH-2.0-OpenSSH_9.2\r\n").code, ErrorCode::corrupt);
  EXPECT_EQ(refused("HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n").code, ErrorCode::corrupt);
}

TEST_F(CallOnce, WhoHangsUpIsUnavailable) {
  EXPECT_EQ(refused("").code, ErrorCode::unavailable);
  EXPECT_EQ(refused("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").code, ErrorCode::unavailable);
}

TEST_F(CallOnce, WhoDoesNotAnswerInTimeIsTimedOut) {
  std::promise<void> let_go;
  auto heard = answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", let_go.get_future().share());
  const auto got = call_once(peer(), {}, milliseconds(50));
  let_go.set_value();
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, ErrorCode::timeout);
}

TEST_F(CallOnce, WhoIsNotThereIsSaidSo) {
  EXPECT_THAT(call_once(peer(), {}, kBound).error().message(), HasSubstr("there is no such socket"));
  EXPECT_THAT(call_once({"etcd", "", "127.0.0.1", 1}, {}, kBound).error().message(), HasSubstr("nobody listens there"));
  EXPECT_EQ(call_once({"x", std::string(300, 'a')}, {}, kBound).error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace bayplan::http
