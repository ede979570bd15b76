// The plugin's calls one by one: what each refuses, and that each may be repeated.
#include "control/driver.hpp"

#include <gtest/gtest.h>

#include "world.hpp"

namespace bayplan::testing {
namespace {

const std::string kNetwork(64, 'a');
const std::string kEndpoint = "0123456789abcdef";

class DriverCalls : public ::testing::Test {
 protected:
  ports::NetworkRequest network_request(const std::string& id = kNetwork) {
    ports::NetworkRequest request;
    request.id = id;
    request.options = {{"vlan", "100"}};
    request.subnet = "172.16.1.0/24";
    request.gateway = "172.16.1.1/24";
    return request;
  }
  void make_network() { ASSERT_TRUE(world.driver().create_network(network_request()).ok()); }
  Result<ports::AddressAnswer> ask(const std::string& address = "", const std::string& pool = "172.16.1.0/24") {
    return world.driver().request_address({pool, address, ports::AddressRequest::Purpose::endpoint, ""});
  }
  Result<ports::AddressAnswer> ask_gateway(const std::string& address = "") {
    return world.driver().request_address({"172.16.1.0/24", address, ports::AddressRequest::Purpose::gateway, ""});
  }
  template <typename T>
  void expect_refused(const Result<T>& result, ErrorCode code, const std::string& saying) {
    ASSERT_FALSE(result.ok()) << saying;
    EXPECT_EQ(result.error().code, code) << result.error().message();
    EXPECT_NE(result.error().message().find(saying), std::string::npos) << result.error().message();
  }

  World world;
};

TEST_F(DriverCalls, APoolNeedsASubnetThatCanBe) {
  auto& driver = world.driver();
  expect_refused(driver.request_pool({"", "", false}), ErrorCode::invalid, "--subnet 172.16.1.0/24");
  expect_refused(driver.request_pool({"172.16.1.0/24", "", true}), ErrorCode::unsupported, "leave out --ipv6");
  expect_refused(driver.request_pool({"172.16.1.7/24", "", false}), ErrorCode::invalid, "host bits");
  expect_refused(driver.request_pool({"172.16.1.0/24", "172.16.2.0/25", false}), ErrorCode::invalid, "--ip-range");
  world.host.add_route("172.16.0.0/16", "eth0");
  expect_refused(driver.request_pool({"172.16.1.0/24", "", false}), ErrorCode::conflict, "on eth0");
}

TEST_F(DriverCalls, APoolInWhichTheHostItselfIsWaitsForTheDatapath) {
  world.host.add_route("172.16.1.0/24", "eth0", "172.16.1.10");
  auto& driver = world.driver();
  EXPECT_TRUE(driver.request_pool({"172.16.1.0/24", "", false}).ok());
  ports::NetworkRequest request;
  request.id = std::string(64, 'a');
  request.subnet = "172.16.1.0/24";
  request.gateway = "172.16.1.1/24";
  expect_refused(driver.create_network(request), ErrorCode::conflict, "on eth0");
}

TEST_F(DriverCalls, AskingForAPoolAgainGivesTheSame) {
  const auto first = world.driver().request_pool({"172.16.1.0/24", "172.16.1.128/25", false}).value();
  make_network();
  const auto again = world.driver().request_pool({"172.16.1.0/24", "172.16.1.128/25", false}).value();
  EXPECT_EQ(first.pool_id, again.pool_id);
  const auto pool = control::PoolId::parse(first.pool_id).value();
  EXPECT_EQ(pool.range->to_string(), "172.16.1.128/25");
  EXPECT_TRUE(world.driver().release_pool(first.pool_id).ok());
  EXPECT_TRUE(world.driver().release_pool("nonsense").ok());
}

TEST_F(DriverCalls, AnIpRangeIsWhereAddressesComeFrom) {
  make_network();
  EXPECT_EQ(ask("", "172.16.1.0/24,172.16.1.128/25")->address, address_from("172.16.1.128"));
}

TEST_F(DriverCalls, UnknownPoolsAreAnError) {
  for (const char* pool : {"", "nonsense", "172.16.1.0/24,nonsense", "172.16.9.0/24"}) {
    EXPECT_FALSE(ask("", pool).ok()) << pool;
  }
  EXPECT_FALSE(world.driver().release_address("nonsense", "172.16.1.2").ok());
  EXPECT_FALSE(world.driver().release_address("172.16.1.0/24", "nonsense").ok());
  EXPECT_TRUE(world.driver().release_address("172.16.9.0/24", "172.16.9.2").ok()) << "gone already";
}

TEST_F(DriverCalls, TheGatewayIsTheNetworks) {
  EXPECT_EQ(ask_gateway()->address, address_from("172.16.1.1"));
  EXPECT_EQ(ask_gateway("172.16.1.254")->address, address_from("172.16.1.254"));
  expect_refused(ask_gateway("172.16.2.1"), ErrorCode::invalid, "outside the subnet");
  expect_refused(ask_gateway("172.16.1.255"), ErrorCode::invalid, "broadcast");
  make_network();
  expect_refused(ask_gateway("172.16.1.254"), ErrorCode::conflict, "is there already with gateway 172.16.1.1");
  EXPECT_EQ(ask_gateway()->address, address_from("172.16.1.1"));
}

TEST_F(DriverCalls, ANetworkThatCannotBeIsRefusedAndNothingIsKept) {
  auto& driver = world.driver();
  auto request = network_request();
  request.subnet.clear();
  expect_refused(driver.create_network(request), ErrorCode::invalid, "a network needs a subnet");
  request = network_request();
  request.v6 = true;
  expect_refused(driver.create_network(request), ErrorCode::unsupported, "--ipv6");
  request = network_request();
  request.internal = true;
  expect_refused(driver.create_network(request), ErrorCode::unsupported, "--internal");
  request = network_request();
  request.address_space = "LocalDefault";
  expect_refused(driver.create_network(request), ErrorCode::invalid, "--ipam-driver bayplan");
  request = network_request();
  request.options = {{"vlan", "0"}};
  expect_refused(driver.create_network(request), ErrorCode::invalid, "is not a VLAN");
  request = network_request();
  request.auxiliary = {"172.16.9.9"};
  expect_refused(driver.create_network(request), ErrorCode::invalid, "outside the subnet");
  EXPECT_TRUE(world.disk.load()->empty());
  EXPECT_TRUE(world.datapath.list_networks()->empty());
}

// As after an import or an adoption: the plan has the network, and so has Docker itself or the old practice.
TEST_F(DriverCalls, ANetworkWhoseSubnetIsStillRoutedElsewhereWaitsForThatToGo) {
  control::NetworkSpec spec;
  spec.name = "vlan100";
  spec.vlan = "100";
  spec.subnet = "172.16.1.0/24";
  ASSERT_TRUE(world.service().create_network(spec).ok());
  world.host.add_route("172.16.1.0/24", "br-0123");
  expect_refused(world.driver().create_network(network_request()), ErrorCode::conflict, "br-0123");
  control::AttachSpec attach;
  attach.target = "web";
  attach.network = "vlan100";
  expect_refused(world.service().attach(attach), ErrorCode::conflict, "br-0123");
  world.host.remove_routes("br-0123");
  make_network();
  world.host.add_route("172.16.1.0/24", "br-0123");
  EXPECT_TRUE(world.driver().create_network(network_request()).ok()) << "Docker tells of it again at its start";
}

TEST_F(DriverCalls, NetworksCanBeMadeAndDeletedAgainAndAgain) {
  make_network();
  make_network();
  EXPECT_EQ(world.disk.all<model::EngineNetwork>().size(), 1U);
  ASSERT_TRUE(world.driver().delete_network(kNetwork).ok());
  EXPECT_TRUE(world.driver().delete_network(kNetwork).ok());
  EXPECT_EQ(world.disk.all<model::Network>().size(), 1U) << "its reservations outlive Docker's network";
  EXPECT_TRUE(world.datapath.list_networks()->empty());
}

// What `docker network create --aux-address` does, the first time and after compose down.
TEST_F(DriverCalls, AuxiliaryAddressesAreKeptOutTheSecondTimeToo) {
  for (const std::string id : {"first", "second"}) {
    ASSERT_EQ(ask("172.16.1.2")->address, address_from("172.16.1.2")) << id;
    auto request = network_request(id);
    request.auxiliary = {"172.16.1.2/24"};
    ASSERT_TRUE(world.driver().create_network(request).ok());
    EXPECT_TRUE(world.disk.all<model::Attachment>().empty()) << id;
    EXPECT_EQ(ask()->address, address_from("172.16.1.3"));
    ASSERT_TRUE(world.driver().release_address("172.16.1.0/24", "172.16.1.3").ok());
    ASSERT_TRUE(world.driver().delete_network(id).ok());
    EXPECT_TRUE(world.driver().release_address("172.16.1.0/24", "172.16.1.2").ok());
  }
  make_network();
  ASSERT_TRUE(world.service().reserve({"vlan100", "web", "172.16.1.9"}).ok());
  auto request = network_request("third");
  request.auxiliary = {"172.16.1.9"};
  expect_refused(world.driver().create_network(request), ErrorCode::conflict, "reserved for 'web'");
}

TEST_F(DriverCalls, UnknownNetworksAndEndpointsAreAnError) {
  auto& driver = world.driver();
  expect_refused(driver.create_endpoint({"nobody", kEndpoint, "172.16.1.2/24", ""}), ErrorCode::not_found, "nobody");
  expect_refused(driver.join("nobody", kEndpoint, "/ns"), ErrorCode::not_found, "nobody");
  make_network();
  expect_refused(driver.create_endpoint({kNetwork, kEndpoint, "", ""}), ErrorCode::invalid, "--ipam-driver bayplan");
  expect_refused(driver.create_endpoint({kNetwork, kEndpoint, "172.16.1.2", ""}), ErrorCode::invalid, "prefix");
  expect_refused(driver.create_endpoint({kNetwork, kEndpoint, "172.16.1.2/24", ""}), ErrorCode::not_found, "not given");
  expect_refused(driver.join(kNetwork, kEndpoint, "/ns"), ErrorCode::not_found, "no endpoint");
  expect_refused(driver.publish(kNetwork, kEndpoint, {{"tcp", 80, {}, 8080}}), ErrorCode::not_found, "no endpoint");
  EXPECT_TRUE(driver.delete_endpoint(kNetwork, kEndpoint).ok()) << "gone already";
  EXPECT_TRUE(driver.unpublish(kNetwork, kEndpoint).ok());
  EXPECT_TRUE(driver.leave("nobody", "nothing").ok());
  EXPECT_TRUE(driver.delete_network("nobody").ok());
}

TEST_F(DriverCalls, TheMacIsTheAddresss) {
  make_network();
  const auto address = ask()->address;
  const auto mac = model::mac_of(world.service().network("vlan100")->network.mac_salt, address).to_string();
  auto& driver = world.driver();
  const auto text = address.to_string() + "/24";
  expect_refused(driver.create_endpoint({kNetwork, kEndpoint, text, "02:00:00:00:00:01"}), ErrorCode::unsupported,
                 "always has the MAC " + mac);
  expect_refused(driver.create_endpoint({kNetwork, kEndpoint, text, "nonsense"}), ErrorCode::invalid, "MAC");
  EXPECT_EQ(driver.create_endpoint({kNetwork, kEndpoint, text, mac})->mac, "") << "Docker has it already";
  EXPECT_EQ(driver.create_endpoint({kNetwork, kEndpoint, text, ""})->mac, mac) << "and the call may be repeated";
  expect_refused(driver.create_endpoint({kNetwork, "another", text, ""}), ErrorCode::conflict, "already the endpoint");
}

TEST_F(DriverCalls, AFreeHostPortIsChosen) {
  make_network();
  const auto endpoint_with_ports = [&](const std::string& endpoint, std::uint16_t wanted) {
    const auto address = ask()->address.to_string();
    EXPECT_TRUE(world.driver().create_endpoint({kNetwork, endpoint, address + "/24", ""}).ok());
    return world.driver().publish(kNetwork, endpoint, {{"tcp", 80, {}, wanted}});
  };
  ASSERT_TRUE(endpoint_with_ports("e1", 0).ok());
  ASSERT_TRUE(endpoint_with_ports("e2", 0).ok());
  std::set<std::uint16_t> chosen;
  for (const auto& attachment : world.disk.all<model::Attachment>()) chosen.insert(attachment.published[0].host_port);
  EXPECT_EQ(chosen.size(), 2U);
  EXPECT_FALSE(endpoint_with_ports("e3", *chosen.begin()).ok());
}

class Publishing : public DriverCalls {
 protected:
  void SetUp() override {
    make_network();
    for (const char* endpoint : {"e1", "e2"}) {
      const auto address = ask()->address.to_string();
      ASSERT_TRUE(world.driver().create_endpoint({kNetwork, endpoint, address + "/24", ""}).ok());
    }
  }
  Result<> publish(const std::string& endpoint, std::vector<model::PublishedPort> ports) {
    return world.driver().publish(kNetwork, endpoint, ports);
  }
  std::vector<model::PublishedPort> published() {
    std::vector<model::PublishedPort> all;
    for (const auto& attachment : world.disk.all<model::Attachment>()) {
      all.insert(all.end(), attachment.published.begin(), attachment.published.end());
    }
    return all;
  }
};

TEST_F(Publishing, APortThatSomebodyHasIsNotTakenFromHim) {
  ASSERT_TRUE(world.host.take_port(22));
  expect_refused(publish("e1", {{"tcp", 8080, {}, 8080}, {"tcp", 22, {}, 22}}), ErrorCode::conflict, "22 is in use");
  EXPECT_TRUE(published().empty());
  EXPECT_TRUE(world.host.take_port(8080)) << "nothing of the refused call is kept";
}

TEST_F(Publishing, WhatIsPublishedIsHeldUntilItIsNot) {
  ASSERT_TRUE(publish("e1", {{"tcp", 80, {}, 8080}}).ok());
  EXPECT_FALSE(world.host.take_port(8080));
  world.crash();
  EXPECT_FALSE(world.host.take_port(8080)) << "also by the next daemon";
  ASSERT_TRUE(publish("e1", {{"tcp", 80, {}, 8080}}).ok()) << "the call may be repeated";
  ASSERT_TRUE(world.driver().unpublish(kNetwork, "e1").ok());
  EXPECT_TRUE(world.host.take_port(8080));
  ASSERT_TRUE(publish("e2", {{"tcp", 80, {}, 8081}}).ok());
  ASSERT_TRUE(world.driver().delete_endpoint(kNetwork, "e2").ok());
  EXPECT_TRUE(world.host.take_port(8081));
}

TEST_F(Publishing, APortThatIsLeftToUsIsOneThatNobodyHas) {
  ASSERT_TRUE(world.host.take_port(49153));
  ASSERT_TRUE(publish("e1", {{"tcp", 80, {}, 0}, {"tcp", 81, {}, 0}}).ok());
  ASSERT_EQ(published().size(), 2U);
  EXPECT_EQ(published()[0].host_port, 49154);
  EXPECT_EQ(published()[1].host_port, 49155);
}

TEST_F(Publishing, WhatCannotBeDoneIsRefused) {
  expect_refused(publish("e1", {{"tcp", 80, address_from("::1"), 80}}), ErrorCode::unsupported, "-p [::1]:80:80");
  expect_refused(publish("e1", {{"tcp", 80, address_from("198.51.100.7"), 80}}), ErrorCode::invalid,
                 "198.51.100.7 is not an address of this host");
  expect_refused(publish("e1", {{"tcp", 80, {}, 8080}, {"tcp", 81, {}, 8080}}), ErrorCode::conflict, "twice");
  expect_refused(publish("e3", {{"tcp", 80, {}, 8080}}), ErrorCode::not_found, "no endpoint e3");
  ASSERT_TRUE(publish("e1", {{"tcp", 80, {}, 8080}, {"udp", 80, {}, 8080}}).ok()) << "two protocols are two ports";
  expect_refused(publish("e2", {{"tcp", 80, address_from("192.0.2.1"), 8080}}), ErrorCode::conflict, "published by");
}

TEST_F(DriverCalls, OwedTokensAreFresh) {
  std::set<std::string> tokens;
  for (int i = 0; i < 100; ++i) tokens.insert(control::make_owed_token());
  EXPECT_EQ(tokens.size(), 100U);
}

}  // namespace
}  // namespace bayplan::testing
