// What Open vSwitch's database says, read into values: as it is, and malformed in every way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datapath/ovs/rows.hpp"

namespace bayplan::datapath::ovs {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

const std::string kRoot = R"({"_uuid":["uuid","r"],"next_cfg":3,"cur_cfg":2})";
const std::string kBridge =
    R"({"_uuid":["uuid","b1"],"name":"ovs2","datapath_type":"","ports":["set",[["uuid","p1"],["uuid","lost"]]],)"
    R"("external_ids":["map",[["bayplan","bridge"]]]})";
const std::string kPort =
    R"({"_uuid":["uuid","p1"],"name":"vlan100","tag":100,"vlan_mode":["set",[]],"trunks":["set",[]],)"
    R"("external_ids":["map",[["bayplan","gateway"],["bayplan-network","vlan100"]]]})";
const std::string kInterface =
    R"({"_uuid":["uuid","i1"],"name":"vlan100","type":"internal","mac":"02:00:00:00:00:01","mtu_request":1500,)"
    R"("error":["set",[]]})";

// The answer to selects({}): the rows of the four tables.
Result<Snapshot> parsed(const std::string& roots, const std::string& bridges, const std::string& ports,
                        const std::string& interfaces) {
  json::array results;
  for (const auto& rows : {roots, bridges, ports, interfaces}) {
    results.push_back(json::parse(R"({"rows":[)" + rows + "]}"));
  }
  return parse_snapshot(selects({}), results);
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), with);
}

void expect_corrupt(const Result<Snapshot>& read, const std::string& saying, const std::string& row) {
  ASSERT_FALSE(read.ok()) << row;
  EXPECT_EQ(to_string(read.error().code), "corrupt") << row;
  EXPECT_THAT(read.error().message(), HasSubstr(saying)) << row;
}

TEST(OvsRows, whole_rows_are_read) {
  const auto read = parsed(kRoot, kBridge, kPort, kInterface);
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(read->wanted_config, 3);
  ASSERT_NE(read->port("vlan100"), nullptr);
  EXPECT_EQ(read->port("vlan100")->tag, 100);
  EXPECT_EQ(read->bridge_of(*read->port("vlan100")), read->bridge("ovs2"));
  EXPECT_EQ(read->interfaces.at("vlan100").mtu_request, 1500);
}

TEST(OvsRows, every_column_that_is_missing_is_an_error_that_names_it) {
  const std::vector<std::string> rows{kRoot, kBridge, kPort, kInterface};
  for (std::size_t table = 0; table < rows.size(); ++table) {
    const json::value whole = json::parse(rows[table]);
    for (const auto& [column, value] : whole.get_object()) {
      auto damaged = rows;
      auto row = whole.get_object();
      row.erase(column);
      damaged[table] = json::serialize(row);
      expect_corrupt(parsed(damaged[0], damaged[1], damaged[2], damaged[3]), std::string(column), damaged[table]);
    }
  }
}

TEST(OvsRows, every_column_of_another_type_is_an_error) {
  const std::vector<std::string> rows{kRoot, kBridge, kPort, kInterface};
  for (std::size_t table = 0; table < rows.size(); ++table) {
    const json::value whole = json::parse(rows[table]);
    for (const auto& [column, value] : whole.get_object()) {
      for (const char* wrong : {"null", "true", "1.5", "{}", "[]", R"(["uuid"])", R"(["uuid",7])", R"(["set",7])",
                                R"(["set",[null]])", R"(["map",[["a"]]])", R"(["map",[[1,2]]])", R"([["uuid","x"]])"}) {
        auto damaged = rows;
        auto row = whole.get_object();
        row[column] = json::parse(wrong);
        damaged[table] = json::serialize(row);
        expect_corrupt(parsed(damaged[0], damaged[1], damaged[2], damaged[3]), "Open vSwitch", damaged[table]);
      }
    }
  }
}

TEST(OvsRows, values_that_only_look_right_are_errors) {
  expect_corrupt(parsed(kRoot, kBridge, replaced(kPort, R"("tag":100)", R"("tag":"100")"), kInterface), "tag", "text");
  expect_corrupt(parsed(kRoot, kBridge, replaced(kPort, R"("tag":100)", R"("tag":["set",[1,2]])"), kInterface), "tag",
                 "two of at most one");
  expect_corrupt(parsed(kRoot, kBridge, replaced(kPort, R"("tag":100)", R"("tag":18446744073709551615)"), kInterface),
                 "tag", "larger than any number of the database");
  expect_corrupt(parsed(kRoot, replaced(kBridge, R"(["uuid","lost"])", R"("lost")"), kPort, kInterface), "ports",
                 "a name for a UUID");
}

TEST(OvsRows, what_is_no_row_and_no_list_of_rows_is_an_error) {
  for (const char* row : {"7", "null", R"("port")", "[]", R"(["_uuid"])"}) {
    expect_corrupt(parsed(kRoot, kBridge, row, kInterface), "row", row);
  }
  for (const char* result : {"7", "null", "[]", "{}", R"({"rows":7})", R"({"rows":{}})", R"({"count":1})"}) {
    json::array results;
    results.push_back(json::parse(result));
    expect_corrupt(parse_snapshot(selects({}), results), "rows", result);
  }
}

TEST(OvsRows, uuids_that_nothing_has_lead_nowhere) {
  const auto read = parsed(kRoot, replaced(kBridge, R"(["uuid","p1"])", R"(["uuid","other"])"), kPort, kInterface);
  ASSERT_TRUE(read.ok()) << read.error().message();
  const PortRow& port = *read->port("vlan100");
  EXPECT_EQ(read->bridge_of(port), nullptr);
  Changes changes(*read, "ovs2");
  changes.drop_port(port);
  EXPECT_TRUE(changes.empty()) << "on no bridge: the database itself drops it";
}

TEST(OvsRows, database_that_was_never_set_up_says_so) {
  const auto read = parsed("", "", "", "");
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(to_string(read.error().code), "unavailable");
  EXPECT_THAT(read.error().message(), HasSubstr("ovs-vsctl init"));
}

}  // namespace
}  // namespace bayplan::datapath::ovs
