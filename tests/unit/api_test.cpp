#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "api/control_server.hpp"
#include "http/client.hpp"
#include "support/fake_control.hpp"
#include "support/raw_peer.hpp"
#include "support/temp_dir.hpp"
#include "wire/error_map.hpp"

namespace bayplan::api {
namespace {

namespace json = boost::json;
using testing::FakeControl;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Api : public ::testing::Test {
 protected:
  http::Response ask(const std::string& method, const std::string& path, const std::string& body = {},
                     std::map<std::string, std::string> query = {}) {
    return routes_.handle({method, path, std::move(query), {}, body});
  }
  void make_network() { ASSERT_EQ(ask("POST", "/v1/networks", R"({"name":"vlan100","vlan":100})").status, 201); }
  // The answer is a problem with this status; gives its detail.
  std::string refusal(const http::Response& response, int status) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(response.content_type, "application/problem+json");
    const auto problem = json::parse(response.body).as_object();
    EXPECT_EQ(problem.at("status"), status);
    return std::string(problem.at("detail").as_string());
  }

  FakeControl control_;
  Metrics metrics_;
  ControlRoutes routes_{control_, metrics_};
};

TEST_F(Api, EveryFieldOfANetworkArrives) {
  const auto made =
      ask("POST", "/v1/networks",
          R"({"name":"n","vlan":"7","subnet":"10.0.0.0/24","gateway":"10.0.0.9","ranges":["10.0.0.1-10.0.0.5"],
                            "exclusions":["10.0.0.3"],"datapath":"bridge","uplink":"eth0","mtu":1400,"nat":false})");
  EXPECT_EQ(made.status, 201);
  const auto& spec = control_.network_spec;
  EXPECT_EQ(spec.name, "n");
  EXPECT_EQ(spec.vlan, "7");
  EXPECT_EQ(spec.subnet, "10.0.0.0/24");
  EXPECT_EQ(spec.gateway, "10.0.0.9");
  EXPECT_EQ(spec.ranges, std::vector<std::string>{"10.0.0.1-10.0.0.5"});
  EXPECT_EQ(spec.exclusions, std::vector<std::string>{"10.0.0.3"});
  EXPECT_EQ(spec.datapath, "bridge");
  EXPECT_EQ(spec.uplink, "eth0");
  EXPECT_EQ(spec.mtu, "1400");
  EXPECT_FALSE(spec.nat);
}

TEST_F(Api, NetworksAreMadeListedShownAndRemoved) {
  make_network();
  EXPECT_EQ(json::parse(ask("GET", "/v1/networks").body).as_array().size(), 1U);
  const auto network = json::parse(ask("GET", "/v1/networks/vlan100").body).as_object();
  EXPECT_EQ(network.at("vlan"), 100);
  EXPECT_EQ(network.at("addresses").at("free"), 253);
  EXPECT_TRUE(network.at("engine_networks").is_array());
  EXPECT_EQ(ask("DELETE", "/v1/networks/vlan100").status, 204);
  EXPECT_THAT(refusal(ask("GET", "/v1/networks/vlan100"), 404), HasSubstr("no network vlan100"));
}

TEST_F(Api, ReservationsAreMadeListedAndReleased) {
  make_network();
  const auto made = ask("POST", "/v1/reservations", R"({"network":"vlan100","identity":"db","address":"172.16.1.5"})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(json::parse(made.body).at("address"), "172.16.1.5/24");
  ASSERT_EQ(ask("POST", "/v1/reservations", R"({"network":"vlan100","identity":"ns/pod"})").status, 201);
  EXPECT_EQ(json::parse(ask("GET", "/v1/reservations").body).as_array().size(), 2U);
  const auto found =
      ask("GET", "/v1/reservations", {}, {{"match", "172.16.1.5"}, {"state", "held"}, {"network", "vlan100"}});
  EXPECT_EQ(json::parse(found.body).at(0).at("identity"), "db");
  EXPECT_EQ(control_.filter.state, "held");
  EXPECT_EQ(json::parse(ask("DELETE", "/v1/reservations/vlan100/ns/pod").body).at("identity"), "ns/pod");
  EXPECT_EQ(json::parse(ask("DELETE", "/v1/reservations/vlan100/172.16.1.5").body).at("identity"), "db");
  EXPECT_EQ(ask("GET", "/v1/reservations").body, "[]");
}

TEST_F(Api, EveryFieldOfARunArrives) {
  make_network();
  const auto made =
      ask("POST", "/v1/run",
          R"({"name":"w","image":"i","command":["a","-b"],"vlan":100,"network":null,"address":"172.16.1.9",
                            "restart_policy":"no","options":["-e","X=1"]})");
  ASSERT_EQ(made.status, 201) << made.body;
  const auto& spec = control_.run_spec;
  EXPECT_EQ(spec.name, "w");
  EXPECT_EQ(spec.image, "i");
  EXPECT_EQ(spec.command, (std::vector<std::string>{"a", "-b"}));
  EXPECT_EQ(spec.vlan, "100");
  EXPECT_EQ(spec.network, std::nullopt);
  EXPECT_EQ(spec.address, "172.16.1.9");
  EXPECT_EQ(spec.restart_policy, "no");
  EXPECT_EQ(spec.options, (std::vector<std::string>{"-e", "X=1"}));
}

TEST_F(Api, EveryFieldOfAnAttachmentArrivesAndItIsTakenOff) {
  make_network();
  const auto made = ask("POST", "/v1/attach",
                        R"({"target":"/run/netns/blue","vlan":100,"address":"172.16.1.9","interface":"eth2",
                            "identity":"x","default_route":true})");
  ASSERT_EQ(made.status, 201) << made.body;
  const auto& spec = control_.attach_spec;
  EXPECT_EQ(spec.target, "/run/netns/blue");
  EXPECT_EQ(spec.vlan, "100");
  EXPECT_EQ(spec.address, "172.16.1.9");
  EXPECT_EQ(spec.interface, "eth2");
  EXPECT_EQ(spec.identity, "x");
  EXPECT_TRUE(spec.default_route);
  EXPECT_EQ(json::parse(made.body).at("attach").at("interface"), "eth2");
  const auto off = ask("POST", "/v1/detach", R"({"target":"x","network":"vlan100"})");
  EXPECT_EQ(json::parse(off.body).at("state"), "held");
  EXPECT_FALSE(json::parse(off.body).as_object().contains("attach"));
  EXPECT_NE(refusal(ask("POST", "/v1/detach", R"({"target":"x","network":"vlan100"})"), 404), "");
}

TEST_F(Api, RepairOfANetworkIsTurnedOffAndOn) {
  make_network();
  EXPECT_EQ(json::parse(ask("GET", "/v1/networks/vlan100").body).at("repair"), "on");
  EXPECT_EQ(json::parse(ask("PATCH", "/v1/networks/vlan100", R"({"repair":"report"})").body).at("repair"), "report");
  EXPECT_NE(refusal(ask("PATCH", "/v1/networks/vlan100", R"({"vlan":7})"), 400), "");
  EXPECT_THAT(ask("GET", "/metrics").body, HasSubstr("bayplan_drifts_repaired{network=\"vlan7\",what=\"address\"} 2"));
}

TEST_F(Api, RunRestartsAlwaysUnlessTold) {
  make_network();
  ask("POST", "/v1/run", R"({"name":"w","image":"i","network":"vlan100"})");
  EXPECT_EQ(control_.run_spec.restart_policy, "always");
}

TEST_F(Api, BodiesThatAreNoRequestGet400) {
  for (const std::string path : {"/v1/networks", "/v1/reservations", "/v1/run", "/v1/attach", "/v1/detach"}) {
    for (const auto* body : {"", "nonsense", "{\"name\":", "[]", "7", "{}", "{\"name\":7}", "{\"bad\":1}"}) {
      EXPECT_NE(refusal(ask("POST", path, body), 400), "") << path << body;
    }
  }
  EXPECT_EQ(json::parse(ask("GET", "/v1/networks").body).as_array().size(), 0U);
}

TEST_F(Api, WrongTypeNamesTheField) {
  EXPECT_THAT(refusal(ask("POST", "/v1/networks", R"({"name":"n","nat":"no"})"), 400), HasSubstr("'nat'"));
  EXPECT_THAT(refusal(ask("POST", "/v1/networks", R"({"name":"n","vlna":7})"), 400), HasSubstr("'vlna'"));
  EXPECT_THAT(refusal(ask("POST", "/v1/run", R"({"name":"n","image":"i","command":"sleep 5"})"), 400),
              HasSubstr("'command'"));
}

TEST_F(Api, WrongQueryGets400) {
  EXPECT_THAT(refusal(ask("GET", "/v1/reservations", {}, {{"stat", "held"}}), 400), HasSubstr("'stat'"));
  EXPECT_THAT(refusal(ask("GET", "/v1/reservations", {}, {{"state", "lost"}}), 400),
              HasSubstr("attached, held, removed"));
}

TEST_F(Api, UnknownPathGets404) {
  for (const auto* path : {"/", "/v1", "/v2/networks", "/v1/networks/", "/v1/reservations/vlan100",
                           "/v1/reservations//x", "/v1/reservations/vlan100/"}) {
    EXPECT_NE(refusal(ask("GET", path), 404), "") << path;
  }
}

TEST_F(Api, UnknownMethodGets405AndTheMethodsThereAre) {
  const auto response = ask("PATCH", "/v1/networks");
  EXPECT_THAT(refusal(response, 405), HasSubstr("only GET, POST"));
  EXPECT_EQ(response.headers.get("Allow"), "GET, POST");
  EXPECT_EQ(ask("GET", "/v1/run").status, 405);
  EXPECT_EQ(ask("POST", "/v1/status").status, 405);
  EXPECT_EQ(ask("POST", "/v1/export").status, 405);
  EXPECT_EQ(ask("POST", "/metrics").status, 405);
  EXPECT_EQ(ask("PUT", "/v1/networks/x").status, 405);
  EXPECT_EQ(ask("GET", "/v1/reservations/n/x").status, 405);
}

TEST_F(Api, EveryErrorOfThePlanComesOutWithItsStatus) {
  for (const auto& mapping : wire::error_table()) {
    control_.fail_with = Error{mapping.code, "because", {}};
    for (const std::string path : {"/v1/networks", "/v1/networks/x", "/v1/reservations", "/v1/status", "/v1/export"}) {
      EXPECT_EQ(refusal(ask("GET", path), mapping.http_status), "because") << path;
    }
  }
}

TEST_F(Api, MetricsCountRequestsAndShowThePools) {
  make_network();
  ask("GET", "/nowhere");
  ask("BREW", "/nowhere");
  const auto metrics = ask("GET", "/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_THAT(metrics.content_type, StartsWith("text/plain"));
  EXPECT_THAT(metrics.body, HasSubstr("bayplan_api_requests_total{method=\"POST\",status=\"201\"} 1"));
  EXPECT_THAT(metrics.body, HasSubstr("bayplan_api_requests_total{method=\"other\",status=\"404\"} 1"));
  EXPECT_THAT(metrics.body, HasSubstr("bayplan_network_free_addresses{network=\"vlan100\"} 253"));
  EXPECT_THAT(metrics.body, HasSubstr("bayplan_engine_ready 0"));
  ask("DELETE", "/v1/networks/vlan100");
  EXPECT_THAT(ask("GET", "/metrics").body, Not(HasSubstr("vlan100")));
}

TEST_F(Api, ServesOnASocketAndRefusesBadHttpWithAProblem) {
  const testing::TempDir dir;
  const auto path = (dir / "bayplan.sock").string();
  const auto server = serve_control(path, control_, metrics_);
  ASSERT_TRUE(server.ok()) << server.error().message();
  http::Client client(http::Peer{"baypland", path});
  const auto status = client.call({"GET", "/v1/status", {}, {}, {}}, std::chrono::seconds(20));
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(json::parse(status->body).at("version"), "9.8.7");
  const auto huge =
      client.call({"POST", "/v1/networks", {}, {}, std::string(2'000'000, ' ')}, std::chrono::seconds(20));
  ASSERT_TRUE(huge.ok()) << huge.error().message();
  EXPECT_THAT(refusal(problem_refusal(503, "no answer within 840 s"), 504), HasSubstr("may still be done"));
  EXPECT_THAT(refusal(*huge, 413), HasSubstr("too large"));
  const testing::RawPeer peer(path);
  peer.send("nonsense\r\n\r\n");
  EXPECT_THAT(peer.read_to_end(), HasSubstr("application/problem+json"));
}

}  // namespace
}  // namespace bayplan::api
