// An OVSDB server that says exactly the bytes it is told: for what a real one does only when something is wrong with
// it.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/json.hpp>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"
#include "support/temp_dir.hpp"

namespace bayplan::test {

// One connection of the server's.
class OvsdbPeer {
 public:
  explicit OvsdbPeer(int fd) : fd_(fd) {}
  // Until a whole message has come; empty at the end.
  std::string read() const {
    boost::json::stream_parser parser;
    std::string all;
    char c = 0;
    boost::json::error_code wrong;
    while (!parser.done() && ::recv(fd_.get(), &c, 1, 0) == 1) {
      parser.write_some(&c, 1, wrong);
      all += c;
    }
    return parser.done() ? all : std::string{};
  }
  bool say(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void wait_for_end() const {
    char c = 0;
    while (::recv(fd_.get(), &c, 1, 0) > 0) {
    }
  }

 private:
  UniqueFd fd_;
};

// Serves one connection after the other, each with the next of the behaviours.
class OvsdbServer {
 public:
  using Behaviour = std::function<void(OvsdbPeer&)>;
  explicit OvsdbServer(std::vector<Behaviour> behaviours)
      : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), behaviours_(std::move(behaviours)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path().data(), path().size());
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    thread_ = std::thread([this] { serve(); });
  }
  OvsdbServer(const OvsdbServer&) = delete;
  OvsdbServer& operator=(const OvsdbServer&) = delete;
  // Its connections are closed by then.
  ~OvsdbServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  [[nodiscard]] std::string path() const { return folder_ / "db"; }

 private:
  void serve() {
    for (const auto& behave : behaviours_) {
      OvsdbPeer peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      behave(peer);
    }
  }
  bayplan::testing::TempDir folder_;
  UniqueFd listener_;
  std::vector<Behaviour> behaviours_;
  std::thread thread_;
};

// What answers the client's question for a sign of life.
inline constexpr std::string_view kOvsdbAlive = R"({"id":"alive","result":[],"error":null})";

}  // namespace bayplan::test
