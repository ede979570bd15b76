// The sources of an import: the old etcd tree, CSV, and what `bayplan export` writes; and how they are told apart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "imports/csv.hpp"
#include "imports/etcd_tree.hpp"
#include "imports/export_file.hpp"
#include "imports/source.hpp"
#include "support/sample_records.hpp"
#include "wire/json.hpp"
#include "wire/plan_json.hpp"

namespace bayplan::imports {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kHost = "/app/docker/10.10.17.3";

std::string container(const std::string& name, const std::string& address, const std::string& vlan,
                      const std::string& status = "running") {
  return fmt::format(
      "{{'Physics_ip':'10.10.17.3','Container_name':'{}','Container_ip':'{}','Container_vlan':'{}',"
      "'Container_create':'2015-03-02 14:59:59','Container_status':'{}'}}",
      name, address, vlan, status);
}

Records tree(const std::vector<KeyValue>& below_host) {
  std::vector<KeyValue> keys;
  for (const auto& [key, value] : below_host) keys.push_back({kHost + key, value});
  return read_tree(keys);
}

// What is said about the one record that could not be read.
std::string broken(const Records& records) {
  return records.broken.size() == 1 ? records.broken[0].key + ": " + records.broken[0].reason
                                    : fmt::format("{} broken records", records.broken.size());
}

// --- the old tree

TEST(EtcdTree, NetworksContainersAndCountersAreUnderstood) {
  const auto records = read_tree(
      {{"/app/docker/now_vlan_ip", "172.16.3.1"},
       {"/app/docker/10.10.17.3/vlan100/gateway", "172.16.1.1/24\n"},
       {"/app/docker/10.10.17.3/vlan100/nowip", "172.16.1.4"},
       {"/app/docker/10.10.17.3/vlan100/container/test1", container("test1", "172.16.1.2/24", "100", "deleted")},
       {"/registry/pods/web", "somebody else's"}});
  EXPECT_THAT(records.broken, IsEmpty()) << broken(records);
  EXPECT_EQ(records.ignored, 3U);
  ASSERT_EQ(records.networks.size(), 1U);
  EXPECT_EQ(records.networks[0].vlan, 100);
  EXPECT_EQ(records.networks[0].subnet.to_string(), "172.16.1.0/24");
  EXPECT_EQ(records.networks[0].gateway.to_string(), "172.16.1.1");
  ASSERT_EQ(records.reservations.size(), 1U);
  const auto& test1 = records.reservations[0];
  EXPECT_EQ(test1.key, "/app/docker/10.10.17.3/vlan100/container/test1");
  EXPECT_EQ(test1.identity, "test1");
  EXPECT_EQ(test1.address.to_string(), "172.16.1.2");
  EXPECT_EQ(test1.state, model::ReservationState::removed);
  EXPECT_EQ(test1.host, "10.10.17.3");
  EXPECT_EQ(to_rfc3339(test1.created), "2015-03-02T14:59:59.000Z");
}

TEST(EtcdTree, RunningAndStoppedAreHeldBecauseAnImportAttachesNothing) {
  for (const auto* status : {"running", "stopped"}) {
    const auto records = tree({{"/vlan100/container/a", container("a", "172.16.1.2/24", "100", status)}});
    EXPECT_EQ(records.reservations.at(0).state, model::ReservationState::held) << status;
  }
}

TEST(EtcdTree, BrokenRecordsAreReportedByKeyAndTheOthersRead) {
  const auto records = tree({{"/vlan100/gateway", "172.16.1.1/24"},
                             {"/vlan100/container/bad", "{'Container_ip':"},
                             {"/vlan100/container/good", container("good", "172.16.1.2/24", "100")}});
  EXPECT_THAT(broken(records), HasSubstr("/app/docker/10.10.17.3/vlan100/container/bad: it is no Python literal"));
  EXPECT_EQ(records.networks.size(), 1U);
  EXPECT_EQ(records.reservations.size(), 1U);
}

TEST(EtcdTree, EveryKindOfBrokenKeyIsReported) {
  const std::vector<std::pair<KeyValue, std::string>> cases{
      {{"/vlan100/gateway", "172.16.1.1"}, "172.16.1.1"},
      {{"/vlan100/gateway", ""}, "gateway: "},
      {{"/vlan0/gateway", "172.16.1.1/24"}, "'0' is not a VLAN"},
      {{"/vlan4095/nowip", "1"}, "not a VLAN"},
      {{"/vlanx/gateway", "172.16.1.1/24"}, "not a VLAN"},
      {{"/lan100/gateway", "172.16.1.1/24"}, "no such key"},
      {{"/vlan100", "x"}, "no such key"},
      {{"/vlan100/other", "x"}, "no such key"},
      {{"/vlan100/container/a/b", "x"}, "no such key"},
      {{"/vlan100/container/", container("", "172.16.1.2/24", "100")}, "identity can't be empty"},
      {{"/vlan100/container/a b", container("a b", "172.16.1.2/24", "100")}, "can't be an identity"},
      {{"/vlan100/container/a", "[]"}, "no Python dictionary"},
      {{"/vlan100/container/a", "{}"}, "no Container_ip"},
      {{"/vlan100/container/a", "{'Container_ip':None}"}, "no Container_ip"},
      {{"/vlan100/container/a", "{'Container_ip':['172.16.1.2/24']}"}, "'Container_ip' is no text"},
      {{"/vlan100/container/a", container("a", "172.16.1.256/24", "100")}, "172.16.1.256"},
      {{"/vlan100/container/a", container("a", "172.16.1.2/33", "100")}, "172.16.1.2/33"},
      {{"/vlan100/container/a", container("b", "172.16.1.2/24", "100")},
       "the key says 'a', its Container_name says 'b'"},
      {{"/vlan100/container/a", container("a", "172.16.1.2/24", "300")}, "its Container_vlan says '300'"},
      {{"/vlan100/container/a", container("a", "172.16.1.2/24", "100", "paused")}, "'paused' is not running"},
  };
  for (const auto& [entry, saying] : cases) {
    const auto records = tree({entry});
    EXPECT_THAT(broken(records), HasSubstr(saying)) << entry.key << " = " << entry.value;
    EXPECT_THAT(broken(records), HasSubstr(std::string(kHost) + entry.key));
  }
}

TEST(EtcdTree, AVlanWithoutGatewayKeyHasTheGatewayOfItsContainers) {
  const auto records =
      tree({{"/vlan100/gateway", "garbage"},
            {"/vlan100/container/a", "{'Container_ip':'172.16.1.2/24','Container_vlan_gateway':'172.16.1.254/24'}"}});
  ASSERT_EQ(records.networks.size(), 1U);
  EXPECT_EQ(records.networks[0].gateway.to_string(), "172.16.1.254");
  EXPECT_THAT(broken(records), HasSubstr("vlan100/gateway"));
}

TEST(EtcdTree, KeysAreShownSafely) {
  EXPECT_THAT(broken(tree({{"/vlan100/\x1b[31m\xff", "x"}})), HasSubstr("\\x1b[31m\\xff"));
}

TEST(EtcdDump, LinesOfKeyTabValue) {
  std::vector<BrokenRecord> bad;
  const auto keys = parse_dump("/a\tb c\r\n\n/d\te\tf\nno tab\n\tno key\n/last\t", bad);
  ASSERT_EQ(keys.size(), 3U);
  EXPECT_EQ(keys[0].value, "b c");
  EXPECT_EQ(keys[1].value, "e\tf");
  EXPECT_EQ(keys[2].value, "");
  ASSERT_EQ(bad.size(), 2U);
  EXPECT_EQ(bad[0].key, "line 4");
  EXPECT_EQ(bad[1].key, "line 5");
}

TEST(EtcdAnswer, NodesBelowNodesAreFound) {
  const auto keys = parse_etcd_answer(
      R"({"action":"get","node":{"key":"/app/docker","dir":true,"nodes":[{"key":"/app/docker/now_vlan_ip","value":"1"},
          {"key":"/app/docker/h","dir":true,"nodes":[{"key":"/app/docker/h/x","value":"y"}]},{"key":"/e","dir":true}]}})");
  ASSERT_TRUE(keys.ok()) << keys.error().message();
  ASSERT_EQ(keys->size(), 2U);
  EXPECT_EQ(keys->at(1).key, "/app/docker/h/x");
  EXPECT_EQ(keys->at(1).value, "y");
}

TEST(EtcdAnswer, WhatIsNoneIsCorrupt) {
  const std::string deep = std::string(2000, '[') + std::string(2000, ']');
  for (const std::string& text :
       {std::string(), std::string("404 page not found"), std::string("[]"), std::string("{}"),
        std::string(R"({"node":1})"), std::string(R"({"node":{}})"), std::string(R"({"node":{"key":1}})"),
        std::string(R"({"node":{"key":"/a","dir":true,"nodes":{}}})"),
        std::string(R"({"node":{"key":"/a","value":1}})"), deep}) {
    const auto keys = parse_etcd_answer(text);
    ASSERT_FALSE(keys.ok()) << text;
    EXPECT_EQ(keys.error().code, ErrorCode::corrupt);
  }
}

// --- CSV

TEST(Csv, QuotingIsThatOfRfc4180) {
  std::vector<BrokenRecord> bad;
  const auto rows = parse_csv("a,\"b,\"\"c\"\"\r\nd\",\r\n\r\n\"\",e\nf", bad);
  EXPECT_THAT(bad, IsEmpty());
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_THAT(rows[0].cells, ::testing::ElementsAre("a", "b,\"c\"\r\nd", ""));
  EXPECT_THAT(rows[1].cells, ::testing::ElementsAre("", "e"));
  EXPECT_EQ(rows[1].line, 4U);
  EXPECT_THAT(rows[2].cells, ::testing::ElementsAre("f"));
}

TEST(Csv, AHeaderAByteOrderMarkAndMissingMacsAreTaken) {
  const auto records = read_csv(
      "\xef\xbb\xbfNetwork, Identity ,ADDRESS,mac\r\nvlan100,db,172.16.1.5,02:07:AC:10:01:05\r\n"
      "vlan100,web,172.16.1.6/24,\r\nvlan100,ns/pod,172.16.1.7\r\n");
  EXPECT_THAT(records.broken, IsEmpty()) << broken(records);
  ASSERT_EQ(records.reservations.size(), 3U);
  EXPECT_EQ(records.reservations[0].key, "line 2");
  EXPECT_EQ(records.reservations[0].mac->to_string(), "02:07:ac:10:01:05");
  EXPECT_EQ(records.reservations[1].subnet->to_string(), "172.16.1.0/24");
  EXPECT_FALSE(records.reservations[1].mac.has_value());
  EXPECT_EQ(records.reservations[2].identity, "ns/pod");
}

TEST(Csv, BrokenRowsAreReportedByLineAndTheOthersRead) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"vlan100,db", "2 cells"},
      {"a,b,172.16.1.5,,", "5 cells"},
      {"vlan 100,db,172.16.1.5", "network's name"},
      {"vlan100,,172.16.1.5", "identity"},
      {"vlan100,db,172.16.1", "172.16.1"},
      {"vlan100,db,", "''"},
      {"vlan100,db,172.16.1.5,02:07", "02:07"},
      {"vlan100,d\"b,172.16.1.5", "middle of a cell"},
      {"vlan100,\"db\"x,172.16.1.5", "closing quote"},
  };
  for (const auto& [row, saying] : cases) {
    const auto records = read_csv("vlan100,good,172.16.1.9\n" + row + "\nvlan100,late,172.16.1.10\n");
    EXPECT_THAT(broken(records), HasSubstr("line 2: ")) << row;
    EXPECT_THAT(broken(records), HasSubstr(saying)) << row;
    EXPECT_EQ(records.reservations.size(), 2U) << row;
  }
  EXPECT_THAT(broken(read_csv("vlan100,\"db,172.16.1.5\nx,y,z")), HasSubstr("line 1: a quote is never closed"));
}

// --- exports

std::string exported() {
  auto network = testing::sample_network();
  network.created = testing::at(1'700'000'000'123);
  model::Reservation held;
  held.network = network.name;
  held.identity = "db";
  held.address = testing::ip("172.16.1.5");
  held.mac = model::mac_of(network.mac_salt, held.address);
  held.created = testing::at(1'700'000'000'000);
  held.host = "host1";
  held.container_name = "db";
  model::Reservation attached = held;
  attached.identity = "web";
  attached.address = testing::ip("172.16.1.6");
  attached.mac = model::mac_of(network.mac_salt, attached.address);
  attached.state = model::ReservationState::attached;
  return wire::pretty(
      wire::export_json({network}, {{held, network.vlan, network.subnet}, {attached, network.vlan, network.subnet}}));
}

TEST(ExportFile, EverythingThatAnExportTellsIsRead) {
  const auto records = read_export(exported());
  ASSERT_TRUE(records.ok()) << records.error().message();
  EXPECT_THAT(records->broken, IsEmpty()) << broken(*records);
  const auto& network = records->networks.at(0);
  const auto sample = testing::sample_network();
  EXPECT_EQ(network.key, "network vlan100");
  EXPECT_EQ(network.ranges, sample.ranges);
  EXPECT_EQ(network.exclusions, sample.exclusions);
  EXPECT_EQ(network.datapath, sample.datapath);
  EXPECT_EQ(network.uplink, sample.uplink);
  EXPECT_EQ(network.mtu, sample.mtu);
  EXPECT_EQ(network.nat, sample.nat);
  EXPECT_EQ(network.mac_salt, sample.mac_salt);
  EXPECT_EQ(network.created, testing::at(1'700'000'000'123));
  ASSERT_EQ(records->reservations.size(), 2U);
  EXPECT_EQ(records->reservations[0].key, "reservation vlan100 db");
  EXPECT_EQ(records->reservations[0].host, "host1");
  EXPECT_EQ(records->reservations[1].state, model::ReservationState::held) << "attached is held after an import";
}

TEST(ExportFile, WhatIsNoExportIsRefused) {
  EXPECT_THAT(read_export("").error().message(), HasSubstr("nothing was sent"));
  EXPECT_THAT(read_export("[]").error().message(), HasSubstr("JSON object"));
  EXPECT_THAT(read_export("{}").error().message(), HasSubstr("format is not bayplan-export"));
  EXPECT_EQ(read_export(R"({"format":"bayplan-export","version":2})").error().code, ErrorCode::newer);
  EXPECT_THAT(read_export(R"({"format":"bayplan-export","version":1,"networks":{}})").error().message(),
              HasSubstr("no array 'networks'"));
}

TEST(ExportFile, BrokenRecordsAreReportedByPlaceAndTheOthersRead) {
  const auto good = exported();
  for (const auto& [right, wrong] : std::vector<std::pair<std::string, std::string>>{
           {"\"172.16.1.5/24\"", "\"172.16.1.5/99\""},
           {"\"db\",", "\"\","},
           {"\"held\"", "\"lost\""},
           {"\"2023-11-14T22:13:20.000Z\"", "\"yesterday\""},
       }) {
    auto text = good;
    text.replace(text.find(right), right.size(), wrong);
    const auto records = read_export(text);
    ASSERT_TRUE(records.ok()) << records.error().message();
    EXPECT_THAT(broken(*records), HasSubstr("reservations[0]: ")) << wrong;
    EXPECT_EQ(records->reservations.size(), 1U);
  }
  auto text = good;
  text.replace(text.find("\"mac_salt\": "), 12, "\"mac_salt\": 99");
  EXPECT_THAT(broken(*read_export(text)), HasSubstr("networks[0]: 'mac_salt'"));
}

// --- which it is

TEST(Source, IsRecognisedByItsContent) {
  EXPECT_EQ(*recognise("  {\"format\""), SourceKind::export_file);
  EXPECT_EQ(*recognise("\n/app/docker/now_vlan_ip\t172.16.3.1\n"), SourceKind::etcd_v2_dump);
  EXPECT_EQ(*recognise("network,identity,address,mac\n"), SourceKind::csv);
  EXPECT_EQ(*recognise("\xef\xbb\xbfnetwork,identity,address"), SourceKind::csv);
  for (const auto* text : {"", "hello", "/app/docker", "key\tvalue"}) {
    EXPECT_THAT(recognise(text).error().message(), HasSubstr("--from csv")) << text;
  }
}

TEST(Source, ADumpWithNothingOfTheOldPracticeIsRefused) {
  EXPECT_THAT(read_source(SourceKind::etcd_v2_dump, "/other\tx\n").error().message(),
              HasSubstr("nothing to be imported"));
  EXPECT_THAT(read_source(SourceKind::etcd_v2, R"({"node":{"key":"/app/docker","dir":true}})").error().message(),
              HasSubstr("nothing to be imported"));
}

}  // namespace
}  // namespace bayplan::imports
