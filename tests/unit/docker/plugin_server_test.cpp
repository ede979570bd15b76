#include "engine/docker/plugin_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <future>
#include <limits>

#include "http/client.hpp"
#include "support/fake_network_driver.hpp"
#include "support/raw_peer.hpp"
#include "support/temp_dir.hpp"
#include "unit/docker/captured.hpp"

namespace bayplan::docker {
namespace {

using ::testing::ElementsAre;
using testing::FakeNetworkDriver;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kNet = "9528d323e16f89e97a00fcfb6eeef3991eed98afd080813abbf0ce2a4f344b34";
const std::string kEndpoint = "8afd5c9a10a1501e0e6d8df1a8e3de0c042a4cc48b5d954cd3a636899808fe6f";

boost::json::value json(std::string_view text) {
  return boost::json::parse(text);
}

class DockerPlugin : public ::testing::Test {
 protected:
  http::Response call(const std::string& method, std::string_view body) {
    http::Request request;
    request.method = "POST";
    request.path = "/" + method;
    request.body = std::string(body);
    return handler(request);
  }
  // The answer to a call that must succeed.
  boost::json::value answer(const std::string& method, std::string_view body) {
    const auto response = call(method, body);
    EXPECT_EQ(response.status, 200) << method;
    EXPECT_EQ(response.body.find("\"Err"), std::string::npos) << response.body;
    return json(response.body);
  }
  FakeNetworkDriver driver;
  http::Handler handler = plugin_handler(driver);
};

TEST_F(DockerPlugin, SaysWhatItIsWithoutReadingABody) {
  EXPECT_EQ(answer("Plugin.Activate", ""), json(R"({"Implements":["NetworkDriver","IpamDriver"]})"));
  EXPECT_EQ(answer("NetworkDriver.GetCapabilities", ""), json(R"({"Scope":"local","ConnectivityScope":"local"})"));
  const auto ipam = answer("IpamDriver.GetCapabilities", "null");
  EXPECT_EQ(ipam.at("RequiresMACAddress"), false) << "Docker would make up a MAC";
  EXPECT_EQ(answer("IpamDriver.GetDefaultAddressSpaces", "").at("LocalDefaultAddressSpace"), "bayplan-local");
}

TEST_F(DockerPlugin, TheCallsOfDocker2010ReachTheDriver) {
  EXPECT_EQ(answer("IpamDriver.RequestPool", captured::kRequestPool),
            json(R"({"PoolID":"p/172.16.1.0/24","Pool":"172.16.1.0/24","Data":{}})"));
  EXPECT_EQ(driver.pool_request->sub_range, "172.16.1.128/25");
  EXPECT_EQ(answer("IpamDriver.RequestAddress", captured::kRequestGateway).at("Address"), "172.16.1.1/24");
  EXPECT_EQ(driver.address_request->purpose, ports::AddressRequest::Purpose::gateway);
  EXPECT_EQ(answer("NetworkDriver.CreateNetwork", captured::kCreateNetwork), json("{}"));
  EXPECT_EQ(driver.network_request->id, kNet);
  EXPECT_EQ(driver.network_request->subnet, "172.16.1.0/24");
  EXPECT_EQ(driver.network_request->gateway, "172.16.1.2/24");
  EXPECT_THAT(driver.network_request->auxiliary, ElementsAre("172.16.1.9/24"));
  EXPECT_THAT(driver.network_request->options,
              ElementsAre(std::pair<std::string, std::string>{"com.docker.network.driver.mtu", "1400"},
                          std::pair<std::string, std::string>{"vlan", "100"}));
  EXPECT_FALSE(driver.network_request->v6);
  EXPECT_FALSE(driver.network_request->internal);

  EXPECT_EQ(answer("IpamDriver.RequestAddress", captured::kRequestAddress),
            json(R"({"Address":"172.16.1.2/24","Data":{}})"));
  EXPECT_EQ(driver.address_request->purpose, ports::AddressRequest::Purpose::endpoint);
  EXPECT_EQ(driver.address_request->container_name, "") << "20.10 does not tell";
  EXPECT_EQ(answer("IpamDriver.RequestAddress", captured::kRequestThisAddress).at("Address"), "172.16.1.66/24");

  EXPECT_EQ(answer("NetworkDriver.CreateEndpoint", captured::kCreateEndpoint),
            json(R"({"Interface":{"MacAddress":"02:01:ac:10:01:03"}})"));
  EXPECT_EQ(driver.endpoint_request->address, "172.16.1.3/24");
  EXPECT_EQ(answer("NetworkDriver.Join", captured::kJoin),
            json(R"({"InterfaceName":{"SrcName":"bp8afd5c9a","DstPrefix":"eth"},"Gateway":"172.16.1.1"})"));
  driver.forget_calls();
  answer("NetworkDriver.Leave", captured::kLeave);
  answer("NetworkDriver.RevokeExternalConnectivity", captured::kLeave);
  answer("NetworkDriver.DeleteEndpoint", captured::kLeave);
  answer("IpamDriver.ReleaseAddress", captured::kReleaseAddress);
  answer("NetworkDriver.DeleteNetwork", R"({"NetworkID":"n1"})");
  answer("IpamDriver.ReleasePool", R"({"PoolID":"p/172.16.1.0/24"})");
  EXPECT_THAT(
      driver.calls(),
      ElementsAre(fmt::format("leave {} {}", kNet, kEndpoint), fmt::format("unpublish {} {}", kNet, kEndpoint),
                  fmt::format("delete_endpoint {} {}", kNet, kEndpoint), "release_address p/172.16.1.0/24 172.16.1.40",
                  "delete_network n1", "release_pool p/172.16.1.0/24"));
}

TEST_F(DockerPlugin, PublishedPortsOfDocker2010) {
  answer("NetworkDriver.ProgramExternalConnectivity", captured::kProgramConnectivity);
  const auto any = model::IpAddress();
  const auto local = model::IpAddress::parse("127.0.0.1").value();
  EXPECT_THAT(driver.published,
              ElementsAre(model::PublishedPort{"tcp", 9000, any, 0}, model::PublishedPort{"tcp", 80, local, 8080},
                          model::PublishedPort{"udp", 53, any, 53}));
  driver.forget_calls();
  answer("NetworkDriver.ProgramExternalConnectivity",
         R"({"NetworkID":"n","EndpointID":"e","Options":{"com.docker.network.portmap":[]}})");
  EXPECT_TRUE(driver.calls().empty()) << "nothing published, nothing asked of the driver";
}

TEST_F(DockerPlugin, ARangeOfHostPortsToChooseFromIsRefused) {
  const auto response = call("NetworkDriver.ProgramExternalConnectivity",
                             R"({"NetworkID":"n","EndpointID":"e","Options":{"com.docker.network.portmap":
                                [{"Proto":6,"Port":80,"HostPort":8000,"HostPortEnd":8010}]}})");
  EXPECT_THAT(response.body, HasSubstr("8000-8010"));
  EXPECT_TRUE(driver.published.empty());
}

TEST_F(DockerPlugin, Docker29TellsTheContainersName) {
  answer("IpamDriver.RequestPool",
         R"({"AddressSpace":"bayplan-local","Pool":"172.16.1.0/24","SubPool":"","Options":{},"V6":false})");
  answer("IpamDriver.RequestAddress",
         R"({"PoolID":"p/172.16.1.0/24","Address":"","Options":{"com.docker.network.endpoint.name":"web"}})");
  EXPECT_EQ(driver.address_request->container_name, "web");
  EXPECT_EQ(driver.address_request->purpose, ports::AddressRequest::Purpose::endpoint);
  EXPECT_EQ(answer("NetworkDriver.GwAllocCheck",
                   R"({"Options":{"com.docker.network.enable_ipv4":true,"com.docker.network.enable_ipv6":false,
                       "com.docker.network.generic":{"vlan":"100"}}})"),
            json(R"({"SkipIPv4":false,"SkipIPv6":false})"));
  answer("NetworkDriver.CreateNetwork",
         R"({"NetworkID":"n29","Options":{"com.docker.network.enable_ipv4":true,"com.docker.network.enable_ipv6":true,
             "com.docker.network.internal":true,"com.docker.network.generic":{"vlan":"100","n":5}},
             "IPv4Data":[{"AddressSpace":"l","Pool":"172.16.1.0/24","Gateway":"172.16.1.1/24","AuxAddresses":null}],
             "IPv6Data":[{"AddressSpace":"l","Pool":"fd00::/64","Gateway":"fd00::1/64"}]})");
  EXPECT_TRUE(driver.network_request->v6);
  EXPECT_TRUE(driver.network_request->internal);
  EXPECT_EQ(driver.network_request->gateway, "172.16.1.1/24");
}

TEST_F(DockerPlugin, AMacOfTheUsersIsPassedOnAndNotAnsweredBack) {
  const auto made = answer("NetworkDriver.CreateEndpoint",
                           R"({"NetworkID":"n","EndpointID":"e","Interface":{"Address":"172.16.1.3/24",
                               "AddressIPv6":"","MacAddress":"02:00:00:00:00:11"},"Options":null})");
  EXPECT_EQ(driver.endpoint_request->mac, "02:00:00:00:00:11");
  EXPECT_EQ(made, json(R"({"Interface":{}})")) << "Docker refuses a driver that changes it";
}

TEST_F(DockerPlugin, WithoutAGatewayDockerIsToldNotToAddItsOwn) {
  struct NoGateway : FakeNetworkDriver {
    Result<ports::JoinAnswer> join(const std::string&, const std::string&, const std::string&) override {
      return ports::JoinAnswer{"bp1", "eth", ""};
    }
  } quiet;
  handler = plugin_handler(quiet);
  EXPECT_EQ(answer("NetworkDriver.Join", captured::kJoin),
            json(R"({"InterfaceName":{"SrcName":"bp1","DstPrefix":"eth"},"DisableGatewayService":true})"));
}

TEST_F(DockerPlugin, ARefusalReachesTheUserInTheFieldOfItsDriver) {
  driver.fail_next(fail(ErrorCode::conflict, "172.16.1.66 is held for 'db'"));
  const auto ipam = call("IpamDriver.RequestAddress", captured::kRequestThisAddress);
  EXPECT_EQ(ipam.status, 200);
  EXPECT_EQ(json(ipam.body), json(R"({"Error":"bayplan: 172.16.1.66 is held for 'db'"})"));
  driver.fail_next(fail(ErrorCode::not_found, "no network x").in("join"));
  const auto net = call("NetworkDriver.Join", captured::kJoin);
  EXPECT_EQ(net.status, 200);
  EXPECT_EQ(json(net.body), json(R"({"Err":"bayplan: join: no network x"})"));
}

TEST_F(DockerPlugin, ABodyThatIsNotACallGetsAnErrorAndTouchesNothing) {
  const std::string deep(2000, '[');
  for (const auto* method :
       {"IpamDriver.RequestPool", "IpamDriver.ReleasePool", "IpamDriver.RequestAddress", "IpamDriver.ReleaseAddress",
        "NetworkDriver.CreateNetwork", "NetworkDriver.DeleteNetwork", "NetworkDriver.CreateEndpoint",
        "NetworkDriver.EndpointOperInfo", "NetworkDriver.DeleteEndpoint", "NetworkDriver.Join", "NetworkDriver.Leave",
        "NetworkDriver.ProgramExternalConnectivity", "NetworkDriver.RevokeExternalConnectivity",
        "NetworkDriver.GwAllocCheck"}) {
    for (const std::string& body : {std::string(), std::string("\n"), std::string("{"), std::string("[]"),
                                    std::string("\"x\""), std::string("null"), std::string("<html>"),
                                    std::string("{\"NetworkID\":\"\xff\"}"), std::string(1, '\0'), deep}) {
      const auto response = call(method, body);
      EXPECT_EQ(response.status, 200);
      const auto* field = std::string_view(method).starts_with("Ipam") ? "Error" : "Err";
      ASSERT_TRUE(json(response.body).as_object().contains(field)) << method << " " << body;
      EXPECT_THAT(std::string(json(response.body).at(field).as_string()), StartsWith("bayplan: ")) << body;
    }
  }
  EXPECT_TRUE(driver.calls().empty());
}

TEST_F(DockerPlugin, FieldsOfTheWrongTypeAreNamed) {
  const std::pair<const char*, const char*> calls[] = {
      {"IpamDriver.RequestPool", R"({"Pool":5})"},
      {"IpamDriver.RequestPool", R"({"Pool":"172.16.1.0/24","V6":"no"})"},
      {"IpamDriver.RequestAddress", R"({"PoolID":"p/172.16.1.0/24","Options":{"a":1}})"},
      {"IpamDriver.RequestAddress", R"({"PoolID":"p/172.16.1.0/24","Options":[]})"},
      {"IpamDriver.RequestAddress", R"({"PoolID":""})"},
      {"IpamDriver.ReleaseAddress", R"({"PoolID":"p","Address":{}})"},
      {"NetworkDriver.CreateNetwork", R"({"NetworkID":"../x"})"},
      {"NetworkDriver.CreateNetwork", R"({"NetworkID":"n","Options":[]})"},
      {"NetworkDriver.CreateNetwork", R"({"NetworkID":"n","Options":{"com.docker.network.generic":"x"}})"},
      {"NetworkDriver.CreateNetwork", R"({"NetworkID":"n","IPv4Data":{}})"},
      {"NetworkDriver.CreateNetwork", R"({"NetworkID":"n","IPv4Data":[5]})"},
      {"NetworkDriver.CreateNetwork", R"({"NetworkID":"n","IPv4Data":[{},{}]})"},
      {"NetworkDriver.CreateEndpoint", R"({"NetworkID":"n","EndpointID":"e","Interface":[]})"},
      {"NetworkDriver.CreateEndpoint", R"({"NetworkID":"n"})"},
      {"NetworkDriver.Join", R"({"NetworkID":"n","EndpointID":"e"})"},
      {"NetworkDriver.Join", R"({"NetworkID":"n","EndpointID":"e","SandboxKey":"relative"})"},
      {"NetworkDriver.ProgramExternalConnectivity",
       R"({"NetworkID":"n","EndpointID":"e","Options":{"com.docker.network.portmap":[{"Proto":1,"Port":80}]}})"},
      {"NetworkDriver.ProgramExternalConnectivity",
       R"({"NetworkID":"n","EndpointID":"e","Options":{"com.docker.network.portmap":[{"Proto":6,"Port":70000}]}})"},
      {"NetworkDriver.ProgramExternalConnectivity",
       R"({"NetworkID":"n","EndpointID":"e","Options":{"com.docker.network.portmap":[{"Proto":6.5,"Port":80}]}})"},
  };
  for (const auto& [method, body] : calls) {
    EXPECT_THAT(call(method, body).body, HasSubstr("\"Err")) << method << " " << body;
  }
  EXPECT_TRUE(driver.calls().empty());
}

TEST_F(DockerPlugin, UnknownMethodsAre404AndOnlyPostIsACall) {
  const auto unknown = call("NetworkDriver.Teleport", "{}");
  EXPECT_EQ(unknown.status, 404) << "so Docker does without an optional one";
  EXPECT_THAT(unknown.body, HasSubstr("Teleport"));
  EXPECT_EQ(call("", "").status, 404);
  http::Request get;
  get.path = "/Plugin.Activate";
  EXPECT_EQ(handler(get).status, 405);
  EXPECT_THAT(call("NetworkDriver.AllocateNetwork", "{}").body, HasSubstr("--scope local"));
  EXPECT_EQ(call("NetworkDriver.DiscoverNew", R"({"DiscoveryType":1})").body, "{}");
}

class DockerPluginSocket : public ::testing::Test {
 protected:
  testing::TempDir dir;
  std::string path = (dir / "bayplan.sock").string();
  FakeNetworkDriver driver;
  std::unique_ptr<http::Server> server =
      http::Server::on_path(path, plugin_handler(driver), plugin_server_options()).value();
};

// The request as Go's client writes it: an empty Host, see tests/unit/docker/captured.hpp.
std::string as_docker_sends(const std::string& method, const std::string& body) {
  return fmt::format(
      "POST /{} HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: {}\r\n"
      "Accept: application/vnd.docker.plugins.v1.2+json\r\n\r\n{}",
      method, body.size(), body);
}

TEST_F(DockerPluginSocket, AnswersDockersBytes) {
  const testing::RawPeer peer(path);
  ASSERT_TRUE(peer.connected());
  ASSERT_TRUE(peer.send(as_docker_sends("Plugin.Activate", "")));
  EXPECT_THAT(peer.read_until_seen("IpamDriver"), StartsWith("HTTP/1.1 200"));
  ASSERT_TRUE(peer.send(as_docker_sends("NetworkDriver.Join", std::string(captured::kJoin))));
  EXPECT_THAT(peer.read_until_seen("bp8afd5c9a"), HasSubstr("172.16.1.1"));
}

TEST_F(DockerPluginSocket, AHugeBodyIsRefusedInTheProtocolsForm) {
  const testing::RawPeer peer(path);
  ASSERT_TRUE(peer.connected());
  ASSERT_TRUE(peer.send("POST /NetworkDriver.Join HTTP/1.1\r\nHost: \r\nContent-Length: 999999999\r\n\r\n{"));
  const auto answer = peer.read_until_seen("}");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(answer, HasSubstr("{\"Err\":\"bayplan: "));
}

// Docker waits for a call for ever, and whoever wants the same container or network with it.
TEST_F(DockerPluginSocket, ACallThatHangsIsAnsweredWithinABoundInTheProtocolsForm) {
  class Stuck : public FakeNetworkDriver {
   public:
    Result<> delete_network(const std::string&) override {
      released.get_future().wait();
      return {};
    }
    std::promise<void> released;
  };
  auto options = plugin_server_options();
  EXPECT_EQ(options.handler_bound, std::chrono::seconds(30));
  EXPECT_EQ(options.directory_mode, 0700U) << "/run/docker, as dockerd makes it";
  options.handler_bound = std::chrono::milliseconds(20);
  Stuck stuck;
  const auto slow_path = (dir / "slow.sock").string();
  const auto slow = http::Server::on_path(slow_path, plugin_handler(stuck), options).value();
  const testing::RawPeer peer(slow_path);
  ASSERT_TRUE(peer.send(as_docker_sends("NetworkDriver.DeleteNetwork", fmt::format(R"({{"NetworkID":"{}"}})", kNet))));
  const auto answer = peer.read_until_seen("}");
  stuck.released.set_value();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(answer, HasSubstr("{\"Err\":\"bayplan: no answer within"));
}

TEST_F(DockerPluginSocket, ATruncatedCallTouchesNothingAndTheNextIsServed) {
  {
    const testing::RawPeer peer(path);
    ASSERT_TRUE(peer.send("POST /NetworkDriver.Join HTTP/1.1\r\nHost: \r\nContent-Length: 100\r\n\r\n{\"Netw"));
  }
  http::Client client({"bayplan", path});
  http::Request request;
  request.method = "POST";
  request.path = "/NetworkDriver.Leave";
  request.body = std::string(captured::kLeave);
  const auto response = client.call(request, std::chrono::seconds(20));
  ASSERT_TRUE(response.ok()) << response.error().message();
  EXPECT_EQ(response->body, "{}");
  EXPECT_EQ(driver.calls().size(), 1U);
}

}  // namespace
}  // namespace bayplan::docker
