#include "engine/docker/api_messages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "engine/docker/event_lines.hpp"
#include "engine/docker/pull.hpp"
#include "unit/docker/captured.hpp"

namespace bayplan::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kNetworkId = "9528d323e16f89e97a00fcfb6eeef3991eed98afd080813abbf0ce2a4f344b34";
const std::string kWebId = "4222bc25a19cc2882b2591caa2f0faa100958f5ddf399fcb1ca78198baeb77e5";
const std::string kWebEndpoint = "8afd5c9a10a1501e0e6d8df1a8e3de0c042a4cc48b5d954cd3a636899808fe6f";

model::IpAddress ip(const char* text) {
  return model::IpAddress::parse(text).value();
}

boost::json::value parsed(std::string_view text) {
  return boost::json::parse(text);
}

TEST(DockerContainers, ReadsWhatDocker2010Lists) {
  const auto list = parse_containers(captured::kContainers);
  ASSERT_TRUE(list.ok()) << list.error().message();
  ASSERT_EQ(list->size(), 3U);
  const auto& created = list->at(0);
  EXPECT_EQ(created.name, "rest");
  EXPECT_EQ(created.state, ports::ContainerState::created);
  EXPECT_EQ(created.networks.at(0).network_id, "") << "not known before the first start";
  EXPECT_EQ(created.networks.at(0).key, "vlan100");
  EXPECT_EQ(list->at(1).networks.at(0).configured, ip("172.16.1.66"));
  const auto& web = list->at(2);
  EXPECT_EQ(web.id, kWebId);
  EXPECT_EQ(web.identity(), "w");
  EXPECT_TRUE(web.is_up());
  EXPECT_EQ(web.network_mode, "vlan100");
  EXPECT_EQ(web.networks.at(0).network_id, kNetworkId);
  EXPECT_EQ(web.networks.at(0).endpoint, kWebEndpoint);
  EXPECT_EQ(web.networks.at(0).address, ip("172.16.1.3"));
  EXPECT_EQ(web.networks.at(0).configured, std::nullopt);
}

TEST(DockerContainers, AStateThatIsNotKnownIsLeftAlone) {
  const auto list = parse_containers(R"([{"Id":"a","Names":["/x"],"State":"hibernating"}])");
  ASSERT_TRUE(list.ok());
  EXPECT_TRUE(list->at(0).is_up()) << "what may be running is not touched";
}

TEST(DockerContainers, ALegacyLinkIsNotTheName) {
  const auto list = parse_containers(R"([{"Id":"a","Names":["/other/alias","/web"],"State":"exited"}])");
  EXPECT_EQ(list->at(0).name, "web");
}

TEST(DockerContainers, NullAndAbsentReadAsEmpty) {
  const auto list = parse_containers(
      R"([{"Id":"a","Names":null,"Labels":null,"State":null,"HostConfig":null,"NetworkSettings":{"Networks":null}}])");
  ASSERT_TRUE(list.ok()) << list.error().message();
  EXPECT_TRUE(list->at(0).networks.empty());
}

TEST(DockerContainers, WhatIsNotAContainerListIsCorruptAndSaysWhere) {
  for (const auto* body : {"", "[", "{}", "null", "[1]", R"([{"Id":1}])", R"([{}])", R"([{"Id":"a","Labels":[]}])",
                           R"([{"Id":"a","NetworkSettings":{"Networks":{"n":[]}}}])", "<html>"}) {
    const auto list = parse_containers(body);
    ASSERT_FALSE(list.ok()) << body;
    EXPECT_EQ(list.error().code, ErrorCode::corrupt) << body;
    EXPECT_THAT(list.error().message(), HasSubstr("container list")) << body;
  }
}

TEST(DockerNetworks, ReadsWhatDocker2010ListsAndInspects) {
  const auto list = parse_networks(captured::kNetworks);
  ASSERT_TRUE(list.ok()) << list.error().message();
  ASSERT_EQ(list->size(), 4U);
  EXPECT_EQ(list->back().name, "vlan100");
  EXPECT_EQ(list->back().driver, "bayplan");
  EXPECT_EQ(list->back().options.at("vlan"), "100");
  const auto network = parse_network(captured::kNetwork);
  ASSERT_TRUE(network.ok()) << network.error().message();
  EXPECT_EQ(network->id, kNetworkId);
  EXPECT_THAT(network->subnets, ElementsAre(model::Subnet::parse("172.16.1.0/24").value()));
  ASSERT_TRUE(network->range.has_value());
  EXPECT_EQ(network->range->to_string(), "172.16.1.128-172.16.1.255");
  EXPECT_EQ(network->endpoints.at(kWebEndpoint), "web");
  EXPECT_EQ(network->containers.at(kWebEndpoint), kWebId);
}

TEST(DockerNetworks, WhatOfASubnetIsDockersOwnIsRead) {
  const auto list = parse_networks(
      R"([{"Id":"a","Name":"shop","Scope":"local","IPAM":{"Config":[{"Subnet":"fd00::/64","Gateway":"fd00::1"},
          {"Subnet":"10.9.0.0/24","Gateway":"10.9.0.254","AuxiliaryAddresses":{"router":"10.9.0.70"}}]}},
          {"Id":"b","Name":"mesh","Driver":"overlay","Scope":"swarm","IPAM":{"Config":null}}])");
  ASSERT_TRUE(list.ok()) << list.error().message();
  EXPECT_EQ(list->at(0).gateway, model::IpAddress::parse("10.9.0.254").value());
  EXPECT_THAT(list->at(0).auxiliary, ElementsAre(model::IpAddress::parse("10.9.0.70").value()));
  EXPECT_FALSE(list->at(0).swarm);
  EXPECT_TRUE(list->at(1).swarm);
  EXPECT_FALSE(list->at(1).gateway.has_value());
}

TEST(DockerNetworks, AnEndpointBeingJoinedHasANameAndNoContainerYet) {
  const auto network = parse_network(captured::kNetworkAtJoin);
  ASSERT_TRUE(network.ok()) << network.error().message();
  EXPECT_EQ(network->endpoints.at(kWebEndpoint), "web");
  EXPECT_EQ(network->containers.at(kWebEndpoint), "");
}

TEST(DockerInspect, ReadsTheLastErrorAndThePolicy) {
  const auto refused = parse_details(captured::kInspectNope);
  ASSERT_TRUE(refused.ok()) << refused.error().message();
  EXPECT_EQ(refused->name, "nope");
  EXPECT_EQ(refused->last_error, "remote: 172.16.1.66 is held for 'db'");
  EXPECT_FALSE(refused->running);
  EXPECT_EQ(refused->restart_policy, "no");
  EXPECT_TRUE(parse_details(captured::kInspectWeb)->running);
}

TEST(EndpointSettings, KeepWhatTheUserChoseAndDropWhatDockerAdded) {
  const auto rest = parse_endpoint_settings(captured::kInspectRest, kNetworkId, "vlan100");
  ASSERT_TRUE(rest.ok()) << rest.error().message();
  EXPECT_EQ(parsed(*rest), parsed(R"({"Links":["web:w"],"Aliases":["al"]})"));
  // Running: its short id is among the aliases, and the MAC shown is ours.
  const auto web = parse_endpoint_settings(captured::kInspectWeb, kNetworkId, "vlan100");
  ASSERT_TRUE(web.ok());
  EXPECT_EQ(parsed(*web), parsed(R"({"Aliases":["www"]})"));
}

TEST(EndpointSettings, AMacOfTheUsersOwnIsKept) {
  const auto settings = parse_endpoint_settings(
      R"({"Id":"0123456789abcdef","NetworkSettings":{"Networks":{"n":{"NetworkID":"x","IPAddress":"10.0.0.2",
          "MacAddress":"02:00:00:00:00:11","GwPriority":3,"DriverOpts":{"a":"b"}}}}})",
      "x", "n");
  ASSERT_TRUE(settings.ok()) << settings.error().message();
  EXPECT_EQ(parsed(*settings), parsed(R"({"MacAddress":"02:00:00:00:00:11","GwPriority":3,"DriverOpts":{"a":"b"}})"));
}

TEST(EndpointSettings, OfAnotherNetworkAreNotFound) {
  EXPECT_EQ(parse_endpoint_settings(captured::kInspectWeb, "ffff", "vlan300").error().code, ErrorCode::not_found);
  // The name matches, the id does not: a network made anew under the same name.
  EXPECT_EQ(parse_endpoint_settings(captured::kInspectWeb, "ffff", "vlan100").error().code, ErrorCode::not_found);
}

TEST(EndpointSettings, AliasesAndLinksGoAlongToAnotherNetworkAndNothingElse) {
  EXPECT_EQ(portable_settings(R"({"IPAMConfig":{"IPv4Address":"10.9.0.7","IPv6Address":"fd00::7"},"Links":["db:store"],
                                  "DriverOpts":{"a":"b"},"Aliases":["web"],"MacAddress":"de:ad:be:ef:00:01"})")
                .value(),
            R"({"Aliases":["web"],"Links":["db:store"]})");
  EXPECT_EQ(portable_settings("{}").value(), "{}");
  EXPECT_EQ(portable_settings("[").error().code, ErrorCode::corrupt);
}

TEST(ConnectBody, PinsOrLeavesTheAddressToUsAndPutsTheRestBack) {
  const auto* settings =
      R"({"IPAMConfig":{"IPv4Address":"172.16.1.9","LinkLocalIPs":["169.254.1.1"]},"Aliases":["a"]})";
  EXPECT_EQ(parsed(*connect_body("c", settings, ip("172.16.1.5"))),
            parsed(R"({"Container":"c","EndpointConfig":{"IPAMConfig":{"IPv4Address":"172.16.1.5",
                       "LinkLocalIPs":["169.254.1.1"]},"Aliases":["a"]}})"));
  EXPECT_EQ(parsed(*connect_body("c", settings, std::nullopt)),
            parsed(R"({"Container":"c","EndpointConfig":{"IPAMConfig":{"LinkLocalIPs":["169.254.1.1"]},
                       "Aliases":["a"]}})"));
  EXPECT_EQ(parsed(*connect_body("c", R"({"IPAMConfig":{"IPv4Address":"172.16.1.9"}})", std::nullopt)),
            parsed(R"({"Container":"c","EndpointConfig":{}})"));
  EXPECT_EQ(connect_body("c", "[]", std::nullopt).error().code, ErrorCode::corrupt);
  EXPECT_EQ(connect_body("c", "{", std::nullopt).error().code, ErrorCode::corrupt);
}

TEST(CreateNetworkBody, AsksForOurDriversWithSubnetAndGateway) {
  EXPECT_EQ(parsed(create_network_body("vlan100", model::Subnet::parse("172.16.1.0/24").value(), ip("172.16.1.1"),
                                       {{"vlan", "100"}})),
            parsed(R"({"Name":"vlan100","CheckDuplicate":true,"Driver":"bayplan","IPAM":{"Driver":"bayplan",
                       "Config":[{"Subnet":"172.16.1.0/24","Gateway":"172.16.1.1"}]},"Options":{"vlan":"100"}})"));
}

TEST(CreateContainerBody, CarriesNetworkAddressPolicyAndOptions) {
  ports::RunRequest request;
  request.name = "web";
  request.image = "nginx";
  request.command = {"sh", "-c", "sleep 1"};
  request.network = "vlan100";
  request.address = ip("172.16.1.5");
  request.restart_policy = "on-failure:3";
  request.options = {"--network-alias", "www", "-e", "A=1"};
  const auto body = create_container_body(request);
  ASSERT_TRUE(body.ok()) << body.error().message();
  EXPECT_EQ(parsed(*body), parsed(R"({"Image":"nginx","Cmd":["sh","-c","sleep 1"],"Env":["A=1"],
                       "HostConfig":{"NetworkMode":"vlan100",
                                     "RestartPolicy":{"Name":"on-failure","MaximumRetryCount":3}},
                       "NetworkingConfig":{"EndpointsConfig":{"vlan100":{
                         "IPAMConfig":{"IPv4Address":"172.16.1.5"},"Aliases":["www"]}}}})"));
}

TEST(DockerEvents, ReadsEveryEventDocker2010Sent) {
  std::vector<std::string> seen;
  LineSplitter lines;
  lines.feed(captured::kEvents, [&](std::string_view line) {
    const auto event = parse_event(line);
    EXPECT_TRUE(event.ok()) << line;
    seen.push_back(event->type + "/" + event->action);
    if (event->action == "rename") {
      EXPECT_EQ(event->attributes.at("oldName"), "/rest");
      EXPECT_EQ(event->attributes.at("name"), "rest2");
    }
    if (event->type == "network") {
      EXPECT_EQ(event->id, kNetworkId);
      EXPECT_FALSE(event->attributes.at("container").empty());
    }
    return true;
  });
  EXPECT_THAT(seen, ElementsAre("network/disconnect", "network/connect", "container/start", "container/kill",
                                "container/kill", "container/die", "network/disconnect", "container/stop",
                                "network/connect", "container/start", "container/rename", "container/kill",
                                "container/die", "network/disconnect", "container/destroy"));
}

TEST(DockerEvents, ALineWithDocker29sRecordSeparatorIsRead) {
  EXPECT_EQ(parse_event("\x1e{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"a\"}}")->action, "die");
  EXPECT_EQ(parse_event("{\"Type\":\"contai").error().code, ErrorCode::corrupt);
}

TEST(LineSplitter, LinesComeOutWholeHoweverTheStreamIsCut) {
  const std::string stream = "one\r\n\ntwo\nthree";
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    LineSplitter lines;
    std::vector<std::string> seen;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      ASSERT_TRUE(lines.feed(std::string_view(stream).substr(at, piece), [&](std::string_view line) {
        seen.emplace_back(line);
        return true;
      }));
    }
    EXPECT_THAT(seen, ElementsAre("one", "two")) << piece;
    EXPECT_EQ(lines.rest(), "three");
  }
}

TEST(LineSplitter, AnEndlessLineEndsIt) {
  LineSplitter lines;
  const std::string piece(1024UL * 1024, 'x');
  int fed = 0;
  while (fed < 10 && lines.feed(piece, [](std::string_view) { return true; })) ++fed;
  EXPECT_TRUE(lines.too_long());
  EXPECT_LT(fed, 6);
}

TEST(DockerVersion, From29OnAskersAreNamed) {
  for (const char* version : {"1.41", "1.51", "0.99"}) {
    EXPECT_FALSE(*parse_names_askers(fmt::format(R"({{"ApiVersion":"{}"}})", version))) << version;
  }
  for (const char* version : {"1.52", "1.100", "2.0"}) {
    EXPECT_TRUE(*parse_names_askers(fmt::format(R"({{"ApiVersion":"{}"}})", version))) << version;
  }
  for (const char* body : {"", "{}", R"({"ApiVersion":"1"})", R"({"ApiVersion":"1.x"})", R"({"ApiVersion":152})"}) {
    EXPECT_EQ(parse_names_askers(body).error().code, ErrorCode::corrupt) << body;
  }
}

TEST(ApiErrors, CarryDockersWordsAndACodeToActOn) {
  const auto missing = api_error(404, R"({"message":"No such container: web"})");
  EXPECT_EQ(missing.code, ErrorCode::not_found);
  EXPECT_EQ(missing.detail, "No such container: web");
  EXPECT_EQ(api_error(400, "{}").code, ErrorCode::invalid);
  EXPECT_EQ(api_error(403, R"({"message":"has active endpoints"})").code, ErrorCode::in_use);
  EXPECT_EQ(api_error(409, "").code, ErrorCode::conflict);
  EXPECT_EQ(api_error(500, R"({"message":"remote: held for 'db'"})").code, ErrorCode::conflict);
  EXPECT_EQ(api_error(500, R"({"message":"container x is not connected to the network y"})").code,
            ErrorCode::not_found);
  EXPECT_EQ(api_error(500, "").detail, "no reason given");
  EXPECT_EQ(api_error(502, "<html>\n").detail, "<html>\\x0a");
}

TEST(ImageNames, SplitAsDockerPullDoes) {
  const auto split = [](std::string_view text) {
    const auto image = split_image(text);
    return image.name + " " + image.tag;
  };
  EXPECT_EQ(split("nginx"), "nginx latest");
  EXPECT_EQ(split("nginx:1.25"), "nginx 1.25");
  EXPECT_EQ(split("localhost:5000/a/b"), "localhost:5000/a/b latest");
  EXPECT_EQ(split("localhost:5000/a/b:2"), "localhost:5000/a/b 2");
  EXPECT_EQ(split("a@sha256:0123"), "a sha256:0123");
}

TEST(PullProgress, AnErrorInTheStreamIsOne) {
  EXPECT_TRUE(pull_progress(R"({"status":"Pulling from library/nginx"})").ok());
  EXPECT_TRUE(pull_progress("garbage").ok());
  const auto failed = pull_progress(R"({"errorDetail":{"message":"toomanyrequests"},"error":"toomanyrequests"})");
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().detail, "toomanyrequests");
}

}  // namespace
}  // namespace bayplan::docker
