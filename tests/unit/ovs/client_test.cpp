// The OVSDB client against servers that answer wrongly, in pieces, too much, or not at all.
#include "ovs/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "ovs/values.hpp"
#include "ovs/watcher.hpp"
#include "support/ovsdb_server.hpp"
#include "support/temp_dir.hpp"

namespace bayplan::ovs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Peer = test::OvsdbPeer;
using Server = test::OvsdbServer;
using ::testing::HasSubstr;

constexpr seconds kBound{10};

boost::json::array one_operation() {
  boost::json::array operations;
  operations.push_back(boost::json::object{{"op", "comment"}, {"comment", "x"}});
  return operations;
}

// What the client makes of a server that answers the first request with these bytes, and then hangs up.
Error error_after(const std::string& bytes) {
  Server server({[&](Peer& peer) {
                   peer.read();
                   peer.say(bytes);
                 },
                 [](Peer&) {}});
  Client client(server.path());
  const auto done = client.transact(one_operation(), kBound);
  EXPECT_FALSE(done.ok());
  return done.ok() ? Error{} : done.error();
}

TEST(OvsClient, answer_in_pieces_and_after_an_echo_is_read) {
  std::promise<std::string> echoed;
  Server server({[&](Peer& peer) {
    peer.read();
    peer.say(R"({"method":"echo","id":"e","params":["hi"]} {"id":null,"method":"upd)");
    echoed.set_value(peer.read());
    peer.say(R"(ate","params":[]}{"id":77,"result":[{}],"error":null}{"id":1,"res)");
    peer.say(R"(ult":[{"count":3}],"error":null})");
    peer.wait_for_end();
  }});
  Client client(server.path());
  const auto done = client.transact(one_operation(), kBound);
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_EQ(boost::json::serialize(*done), R"([{"count":3}])");
  EXPECT_THAT(echoed.get_future().get(), HasSubstr(R"("result":["hi"])"));
}

TEST(OvsClient, malformed_answers_are_errors_and_not_more) {
  for (const std::string bytes : {"nonsense", "[1,2,3]", "42 ", R"({"id":1})", R"({"id":1,"result":null,"error":null})",
                                  R"({"id":1,"result":[],"error":null})", R"({"id":1,"result":[{},{}],"error":null})",
                                  R"({"id":1,"result":[7],"error":null})", R"({"id":1,"result":[null],"error":null})",
                                  R"({"id":1,"result":"x","error":null})", R"({"id":1,"result":null,"error":[1]})"}) {
    EXPECT_EQ(to_string(error_after(bytes).code), "corrupt") << bytes;
  }
}

TEST(OvsClient, deeply_nested_answer_is_refused) {
  EXPECT_EQ(to_string(error_after(std::string(100'000, '[')).code), "corrupt");
}

TEST(OvsClient, half_a_message_and_a_hang_up_is_unavailable) {
  EXPECT_EQ(to_string(error_after(R"({"id":1,"result":[{"cou)").code), "unavailable");
}

TEST(OvsClient, message_of_100_MB_is_refused_before_it_is_read) {
  std::atomic<std::size_t> sent = 0;
  Error error;
  {
    Server server({[&](Peer& peer) {
      peer.read();
      const std::string piece(1024UL * 1024, 'x');
      peer.say(R"({"id":1,"result":[{"a":")");
      while (sent < 100 && peer.say(piece)) ++sent;
    }});
    Client client(server.path());
    const auto done = client.transact(one_operation(), seconds(60));
    ASSERT_FALSE(done.ok());
    error = done.error();
  }
  EXPECT_EQ(to_string(error.code), "corrupt") << error.message();
  EXPECT_LT(sent, 50U);
}

TEST(OvsClient, refusals_of_the_database_keep_its_words) {
  const auto error = error_after(
      R"({"id":1,"error":null,"result":[{"error":"constraint violation","details":"two rows named web"}]})");
  EXPECT_EQ(to_string(error.code), "exists");
  EXPECT_THAT(error.message(), HasSubstr("two rows named web"));
}

TEST(OvsClient, server_that_never_answers_is_a_timeout_and_then_left_alone) {
  Server server({[](Peer& peer) { peer.wait_for_end(); }});
  Client client(server.path());
  const auto start = std::chrono::steady_clock::now();
  const auto first = client.transact(one_operation(), milliseconds(200));
  ASSERT_FALSE(first.ok());
  EXPECT_EQ(to_string(first.error().code), "timeout");
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(200));
  // A bound that would be noticed: it is not even tried.
  const auto second = client.transact(one_operation(), seconds(100));
  ASSERT_FALSE(second.ok());
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(50));
}

std::string answer(int id) {
  return fmt::format(R"({{"id":{},"result":[{{}}],"error":null}})", id);
}

template <typename T>
std::string code_of(const Result<T>& result) {
  return result.ok() ? "ok" : std::string(to_string(result.error().code));
}

TEST(OvsClient, server_that_hangs_holds_up_its_callers_once_and_is_used_when_it_is_back) {
  std::promise<void> go;
  std::promise<void> back;
  Server server({[&](Peer& peer) {
    EXPECT_THAT(peer.read(), HasSubstr("echo"));
    go.get_future().wait();
    peer.say(test::kOvsdbAlive);
    back.set_value();
    peer.read();
    peer.say(answer(1));
    peer.wait_for_end();
  }});
  Client client(server.path());
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(code_of(client.check_alive(milliseconds(200))), "timeout");
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(200));
  for (int n = 0; n < 100; ++n) EXPECT_EQ(code_of(client.check_alive(milliseconds(200))), "timeout");
  EXPECT_EQ(code_of(client.transact(one_operation(), seconds(100))), "timeout");
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(10)) << "a hundred waits would be 20 s";
  go.set_value();
  back.get_future().wait();
  EXPECT_EQ(code_of(client.transact(one_operation(), kBound)), "ok");
}

TEST(OvsClient, more_patient_caller_waits_for_a_server_that_is_only_slow) {
  std::promise<void> go;
  Server server({[&](Peer& peer) {
    peer.read();
    go.get_future().wait();
    peer.say(test::kOvsdbAlive);
    peer.wait_for_end();
  }});
  Client client(server.path());
  EXPECT_EQ(code_of(client.check_alive(milliseconds(10))), "timeout");
  go.set_value();
  EXPECT_EQ(code_of(client.check_alive(kBound)), "ok");
}

TEST(OvsClient, server_that_stopped_in_the_middle_of_a_call_is_asked_on_a_new_connection) {
  Server server({[](Peer& peer) {
                   peer.read();
                   peer.wait_for_end();
                 },
                 [](Peer& peer) {
                   EXPECT_THAT(peer.read(), HasSubstr("echo"));
                   peer.say(test::kOvsdbAlive);
                   peer.read();
                   peer.say(answer(2));
                   peer.wait_for_end();
                 }});
  Client client(server.path());
  EXPECT_EQ(code_of(client.transact(one_operation(), milliseconds(100))), "timeout");
  EXPECT_EQ(code_of(client.check_alive(kBound)), "ok");
  EXPECT_EQ(code_of(client.transact(one_operation(), kBound)), "ok");
}

TEST(OvsClient, server_that_was_restarted_while_it_hung_is_asked_anew) {
  Server server({[](Peer& peer) { peer.read(); },
                 [](Peer& peer) {
                   EXPECT_THAT(peer.read(), HasSubstr("echo"));
                   peer.say(test::kOvsdbAlive);
                   peer.wait_for_end();
                 }});
  Client client(server.path());
  EXPECT_EQ(code_of(client.check_alive(kBound)), "unavailable") << "new connections that end at once are not its life";
  EXPECT_EQ(code_of(client.check_alive(kBound)), "ok");
}

TEST(OvsClient, server_that_was_restarted_between_two_calls_is_asked_again) {
  Server server({[&](Peer& peer) {
                   peer.read();
                   peer.say(answer(1));
                 },
                 [&](Peer& peer) {
                   peer.read();
                   peer.say(answer(2) + answer(3));
                   peer.wait_for_end();
                 }});
  Client client(server.path());
  ASSERT_TRUE(client.transact(one_operation(), kBound).ok());
  EXPECT_TRUE(client.transact(one_operation(), kBound).ok());
}

TEST(OvsClient, no_server_is_unavailable_and_says_what_to_look_at) {
  const bayplan::testing::TempDir folder;
  const auto done = Client(folder / "none").transact(one_operation(), kBound);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(to_string(done.error().code), "unavailable");
  EXPECT_THAT(done.error().message(), HasSubstr("is ovsdb-server running?"));
}

TEST(OvsWatcher, tells_of_the_start_of_changes_and_after_a_restart_of_the_server) {
  std::atomic<int> told = 0;
  std::promise<void> all;
  const std::string watching = R"({"id":"watch","result":{},"error":null})";
  Server server({[&](Peer& peer) {
                   EXPECT_THAT(peer.read(), HasSubstr(R"("Port":{"columns":["tag"]})"));
                   peer.say(watching + R"({"id":null,"method":"update","params":[null,{}]})");
                   peer.say(R"({"id":"e","method":"echo","params":[]})");
                   peer.read();
                 },
                 [&](Peer& peer) {
                   peer.read();
                   peer.say(watching);
                   peer.wait_for_end();
                 }});
  Watcher watcher(server.path(), {{"Port", {"tag"}}}, [&] {
    if (++told == 3) all.set_value();
  });
  EXPECT_EQ(all.get_future().wait_for(seconds(20)), std::future_status::ready);
}

TEST(OvsWatcher, ends_at_once_whatever_the_server_does) {
  Server server({[](Peer& peer) { peer.wait_for_end(); }});
  const auto start = std::chrono::steady_clock::now();
  {
    const Watcher watcher(server.path(), {{"Port", {"tag"}}}, [] {});
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(5));
}

TEST(OvsValues, sets_maps_and_uuids_are_read_in_every_form) {
  const auto row = boost::json::parse(
      R"({"name":"p","tag":["set",[]],"one":7,"trunks":["set",[1,2]],"ids":["map",[["a","b"]]],"u":["uuid","x-1"],)"
      R"("two":["set",[1,2]],"bad":["map",[["a"]]],"odd":["set",7]})");
  const Row read(row.get_object());
  EXPECT_EQ(*read.text("name"), "p");
  EXPECT_EQ(*read.optional_number("tag"), std::nullopt);
  EXPECT_EQ(*read.optional_number("one"), 7);
  EXPECT_EQ(*read.numbers("trunks"), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(*read.texts("ids"), (Texts{{"a", "b"}}));
  EXPECT_EQ(*read.uuids("u"), (std::vector<std::string>{"x-1"}));
  for (const char* column : {"name", "odd", "missing"}) EXPECT_FALSE(read.numbers(column).ok()) << column;
  EXPECT_FALSE(read.optional_number("two").ok());
  EXPECT_FALSE(read.texts("bad").ok());
  EXPECT_FALSE(read.uuid("name").ok());
}

}  // namespace
}  // namespace bayplan::ovs
