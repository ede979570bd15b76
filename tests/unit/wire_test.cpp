#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <boost/json.hpp>
#include <set>

#include "wire/error_map.hpp"
#include "wire/json.hpp"
#include "wire/plan_json.hpp"

namespace bayplan::wire {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

TEST(ErrorMap, HasEveryCodeOnce) {
  std::set<ErrorCode> codes;
  for (const auto& mapping : error_table()) EXPECT_TRUE(codes.insert(mapping.code).second) << mapping.title;
  for (int i = 0; i <= static_cast<int>(ErrorCode::internal); ++i) {
    EXPECT_TRUE(codes.contains(static_cast<ErrorCode>(i))) << to_string(static_cast<ErrorCode>(i));
  }
}

TEST(ErrorMap, StatusesAreErrors) {
  for (const auto& mapping : error_table()) {
    EXPECT_GE(mapping.http_status, 400);
    EXPECT_LT(mapping.http_status, 600);
    EXPECT_TRUE(mapping.exit_status == 1 || mapping.exit_status == 2);
    EXPECT_GT(mapping.cni_code, 0);
  }
  EXPECT_EQ(mapping_of(ErrorCode::invalid).exit_status, 2);
  EXPECT_EQ(mapping_of(ErrorCode::conflict).exit_status, 1);
}

TEST(Problem, GivesTheSameErrorBack) {
  for (const auto& mapping : error_table()) {
    const auto error = Error{mapping.code, "172.16.1.5 is held for \"db\"\n", "reserve"};
    const auto back = from_problem(mapping.http_status, to_problem(error));
    EXPECT_EQ(back.code, error.code);
    EXPECT_EQ(back.message(), error.message());
  }
}

TEST(Problem, IsJsonWhateverTheMessageHolds) {
  const auto back = from_problem(409, to_problem(fail(ErrorCode::conflict, "the name \xff\xd7 of 'bücher'")));
  EXPECT_EQ(back.code, ErrorCode::conflict);
  EXPECT_THAT(back.message(), HasSubstr("the name ?? of"));
}

TEST(Problem, HasTheMembersOfRfc9457) {
  const auto problem = json::parse(to_problem(fail(ErrorCode::in_use, "vlan100 is in use"))).as_object();
  EXPECT_EQ(problem.at("type"), "urn:bayplan:error:in_use");
  EXPECT_EQ(problem.at("title"), "It is in use");
  EXPECT_EQ(problem.at("status"), 409);
  EXPECT_EQ(problem.at("detail"), "vlan100 is in use");
  EXPECT_EQ(problem.at("code"), "in_use");
}

TEST(Problem, SomethingElseIsCorruptAndTellsTheStatus) {
  for (const auto* body :
       {"", "<html>", "[]", "{}", R"({"code":"nonsense","detail":"x"})", R"({"code":1,"detail":"x"})"}) {
    const auto error = from_problem(502, body);
    EXPECT_EQ(error.code, ErrorCode::corrupt) << body;
    EXPECT_THAT(error.message(), HasSubstr("502"));
  }
}

TEST(ParseJson, RefusesWhatIsNotJson) {
  for (const auto* text : {"", " \n", "{", "{\"a\":}", "{} {}", "nonsense", "{'a':1}", "{\"a\":1,}", "\"\xff\""}) {
    const auto value = parse_json(text);
    ASSERT_FALSE(value.ok()) << text;
    EXPECT_EQ(value.error().code, ErrorCode::invalid);
  }
}

TEST(ParseJson, RefusesDeepNestingInsteadOfUsingUpTheStack) {
  EXPECT_TRUE(parse_json(std::string(30, '[') + std::string(30, ']')).ok());
  EXPECT_FALSE(parse_json(std::string(100'000, '[')).ok());
}

Result<Fields> fields_of(const json::value& value) {
  return Fields::of(value, "the request");
}

TEST(Fields, GiveWhatIsThere) {
  const json::value value{{"text", "t"}, {"number", 100}, {"flag", false}, {"list", {"a", "b"}}, {"nothing", nullptr}};
  const auto fields = fields_of(value).value();
  EXPECT_EQ(fields.text("text").value(), "t");
  EXPECT_EQ(fields.optional_number_text("number").value(), "100");
  EXPECT_EQ(fields.optional_number_text("text").value(), "t");
  EXPECT_EQ(fields.boolean("flag", true).value(), false);
  EXPECT_EQ(fields.boolean("absent", true).value(), true);
  EXPECT_EQ(fields.texts("list").value(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(fields.texts("absent").value().empty());
  EXPECT_EQ(fields.optional_text("absent").value(), std::nullopt);
  EXPECT_EQ(fields.optional_text("nothing").value(), std::nullopt);
}

TEST(Fields, SayWhichOneIsWrongAndWhatItShouldBe) {
  const json::value value{{"a", 1.5}, {"b", {1}}, {"c", "yes"}};
  const auto fields = fields_of(value).value();
  EXPECT_EQ(fields.text("a").error().message(), "'a' of the request must be a text");
  EXPECT_EQ(fields.text("absent").error().message(), "'absent' of the request must be given");
  EXPECT_EQ(fields.optional_number_text("a").error().message(), "'a' of the request must be a whole number");
  EXPECT_EQ(fields.texts("b").error().message(), "'b' of the request must be an array of texts");
  EXPECT_EQ(fields.texts("c").error().message(), "'c' of the request must be an array of texts");
  EXPECT_EQ(fields.boolean("c", true).error().message(), "'c' of the request must be true or false");
  EXPECT_THAT(fields.only({"a", "b"}).error().message(), HasSubstr("the request has no field 'c'"));
  EXPECT_TRUE(fields.only({"a", "b", "c"}).ok());
  EXPECT_FALSE(fields_of(json::array{}).ok());
}

RC_GTEST_PROP(Pretty, IsTheSameValue, ()) {
  const auto text = rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127));
  const auto content = *rc::gen::container<std::map<std::string, std::vector<std::string>>>(
      text, rc::gen::container<std::vector<std::string>>(text));
  json::object object;
  for (const auto& [key, list] : content) object[key] = json::array(list.begin(), list.end());
  RC_ASSERT(json::parse(pretty(object)) == json::value(object));
}

TEST(Pretty, IsIndentedByTwo) {
  EXPECT_EQ(pretty({{"a", {1, "x"}}, {"b", json::object{}}}),
            "{\n  \"a\": [\n    1,\n    \"x\"\n  ],\n  \"b\": {}\n}\n");
}

PlacedReservation sample(const std::string& network, const std::string& identity, std::uint32_t address) {
  PlacedReservation placed;
  placed.reservation.network = network;
  placed.reservation.identity = identity;
  placed.reservation.address = model::IpAddress::v4(address);
  placed.subnet = model::Subnet::parse("172.16.1.0/24").value();
  return placed;
}

TEST(ReservationJson, IsTheContract) {
  auto placed = sample("vlan100", "db", 0xac100105);
  placed.vlan = 100;
  placed.reservation.mac = model::mac_of(0x2a, placed.reservation.address);
  placed.reservation.state = model::ReservationState::attached;
  placed.reservation.host = "alpha";
  placed.reservation.container_id = "0123";
  placed.reservation.container_name = "db_1";
  placed.reservation.created = Timestamp(std::chrono::milliseconds(1'000));
  EXPECT_EQ(json::serialize(reservation_json(placed)),
            R"({"network":"vlan100","vlan":100,"identity":"db","address":"172.16.1.5/24","mac":"02:2a:ac:10:01:05",)"
            R"("state":"attached","host":"alpha","container":"db_1","created":"1970-01-01T00:00:01.000Z",)"
            R"("last_seen":null})");
}

TEST(ReservationJson, OnlyWhatIsMarkedForAttachmentSaysSo) {
  auto placed = sample("vlan100", "db", 0xac100105);
  EXPECT_FALSE(reservation_json(placed).contains("attach"));
  placed.mark = model::AttachMark{"vlan100", "db", "/run/netns/blue", "eth2", true, "e"};
  const json::value object = reservation_json(placed);
  EXPECT_EQ(json::serialize(object.at("attach")),
            R"({"target":"/run/netns/blue","interface":"eth2","default_route":true})");
  const auto back = parse_attach(object).value();
  EXPECT_EQ(back->target, "/run/netns/blue");
  EXPECT_EQ(back->interface, "eth2");
  EXPECT_TRUE(back->default_route);
}

TEST(ReservationJson, AMarkThatIsNoneIsRefused) {
  for (const auto* text : {R"({"attach":7})", R"({"attach":{}})", R"({"attach":{"interface":"a/b"}})",
                           R"({"attach":{"interface":"eth1","target":"blue"}})"}) {
    EXPECT_FALSE(parse_attach(json::parse(text)).ok()) << text;
  }
  EXPECT_EQ(parse_attach(json::parse(R"({"attach":null})")).value(), std::nullopt);
}

TEST(ReservationJson, UnknownIsNull) {
  const auto object = reservation_json(sample("n", "i", 1));
  for (const auto* name : {"vlan", "host", "container", "created", "last_seen"}) {
    EXPECT_TRUE(object.at(name).is_null()) << name;
  }
}

TEST(ExportJson, SamePlanIsTheSameBytesWhateverTheOrder) {
  model::Network a;
  a.name = "a";
  a.mac_salt = 42;
  model::Network b;
  b.name = "b";
  const auto one = export_json({b, a}, {sample("b", "x", 2), sample("a", "y", 300), sample("a", "z", 20)});
  const auto other = export_json({a, b}, {sample("a", "z", 20), sample("b", "x", 2), sample("a", "y", 300)});
  EXPECT_EQ(json::serialize(one), json::serialize(other));
  EXPECT_EQ(one.at("format"), "bayplan-export");
  EXPECT_EQ(one.at("version"), 1);
  EXPECT_EQ(one.at("networks").at(0).at("mac_salt"), 42);
  EXPECT_EQ(one.at("reservations").at(0).at("identity"), "z");
  EXPECT_EQ(one.at("reservations").at(2).at("identity"), "x");
}

RC_GTEST_PROP(ParseTime, ReadsWhatIsWritten, ()) {
  const Timestamp time(std::chrono::milliseconds(*rc::gen::inRange<std::int64_t>(1, 253'402'300'800'000)));
  const auto back = parse_time(to_rfc3339(time));
  RC_ASSERT(back.ok());
  RC_ASSERT(*back == time);
}

TEST(ParseTime, RefusesEverythingElse) {
  for (const auto* text : {"", "-", "2026-02-30T00:00:00.000Z", "2026-03-02 14:59:59.120Z", "2026-03-02T14:59:59.120",
                           "2026-03-0zT14:59:59.120Z", "-026-03-02T14:59:59.120Z"}) {
    EXPECT_FALSE(parse_time(text).ok()) << text;
  }
}

}  // namespace
}  // namespace bayplan::wire
