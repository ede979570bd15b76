// Networks right on the wire: the host's own address there, and what it has there already.
#include <gtest/gtest.h>

#include "control/networks.hpp"
#include "model/pool.hpp"
#include "support/sample_records.hpp"

namespace bayplan::control {
namespace {

using testing::ip;

model::Subnet net(const std::string& text) {
  return model::Subnet::parse(text).value();
}
NetworkSpec spec_of(const std::string& name, const std::string& subnet) {
  NetworkSpec spec;
  spec.name = name;
  spec.subnet = subnet;
  return spec;
}
ports::NetworkRequest request(std::vector<std::pair<std::string, std::string>> options) {
  ports::NetworkRequest made;
  made.options = std::move(options);
  made.subnet = "172.16.1.0/24";
  return made;
}

class MacvlanNetworks : public ::testing::Test {
 protected:
  Result<model::Network> build(const NetworkSpec& spec) { return build_network(plan, spec, defaults, around, {}); }
  void have(const NetworkSpec& spec) { ASSERT_TRUE(plan.apply(testing::put(build(spec).value())).ok()); }
  void expect_refused(const NetworkSpec& spec, ErrorCode code, const std::string& saying) {
    const auto built = build(spec);
    ASSERT_FALSE(built.ok()) << saying;
    EXPECT_EQ(built.error().code, code) << built.error().message();
    EXPECT_NE(built.error().message().find(saying), std::string::npos) << built.error().message();
  }
  static NetworkSpec lan(const std::string& subnet = "192.168.1.0/24") {
    auto spec = spec_of("lan", subnet);
    spec.datapath = "macvlan";
    spec.uplink = "eth0";
    return spec;
  }
  void host_is_there() { around.routes = {{net("192.168.1.0/24"), "eth0", ip("192.168.1.10")}}; }

  model::Plan plan;
  NetworkDefaults defaults;
  Surroundings around;
};

TEST_F(MacvlanNetworks, HostHasTheLastFreeAddressAndTheGatewayIsOnTheWire) {
  auto spec = lan();
  spec.exclusions = {"192.168.1.254"};
  const auto made = build(spec).value();
  EXPECT_EQ(made.host_address, ip("192.168.1.253"));
  EXPECT_EQ(made.gateway, ip("192.168.1.1"));
  EXPECT_FALSE(made.nat) << "what leaves does not pass this host";
  spec.ranges = {"192.168.1.100-192.168.1.110"};
  EXPECT_EQ(build(spec)->host_address, ip("192.168.1.110"));
  for (const auto& range : model::candidate_ranges(*build(spec))) EXPECT_FALSE(range.contains(ip("192.168.1.110")));
}

TEST_F(MacvlanNetworks, HostsAddressCanBeSaidAndBeTheGateways) {
  auto spec = lan();
  spec.host_address = "192.168.1.77";
  EXPECT_EQ(build(spec)->host_address, ip("192.168.1.77"));
  spec.host_address = "192.168.1.1";
  EXPECT_TRUE(build(spec)->nat) << "the host is the router";
  spec.host_address = "192.168.2.1";
  expect_refused(spec, ErrorCode::invalid, "the host's address 192.168.2.1 is outside the subnet");
  spec = spec_of("x", "172.16.1.0/24");
  spec.host_address = "172.16.1.9";
  expect_refused(spec, ErrorCode::invalid, "is for the datapath 'macvlan'");
}

TEST_F(MacvlanNetworks, HostThatIsOnTheWireKeepsItsAddressAndNobodyIsGivenIt) {
  host_is_there();
  const auto made = build(lan()).value();
  EXPECT_FALSE(made.host_address);
  EXPECT_EQ(made.exclusions, (std::vector<model::AddressRange>{{ip("192.168.1.10"), ip("192.168.1.10")}}));
  auto spec = lan();
  spec.host_address = "192.168.1.77";
  expect_refused(spec, ErrorCode::conflict, "192.168.1.10 on eth0");
  spec.host_address = "192.168.1.10";
  EXPECT_EQ(*build(spec), made);
}

TEST_F(MacvlanNetworks, OnlyTheWireItselfIsNoObstacle) {
  host_is_there();
  auto spec = lan();
  spec.uplink = "eth1";
  expect_refused(spec, ErrorCode::conflict, "192.168.1.0/24 on eth0");
  spec = lan();
  spec.vlan = "7";
  expect_refused(spec, ErrorCode::conflict, "192.168.1.0/24 on eth0");
  expect_refused(spec_of("bridged", "192.168.1.0/24"), ErrorCode::conflict, "192.168.1.0/24 on eth0");
  have(lan());
  EXPECT_TRUE(check_routes(plan, net("192.168.1.0/24"), around.routes).ok()) << "of the network that is there";
  EXPECT_FALSE(check_routes(plan, net("192.168.1.0/25"), around.routes).ok());
}

TEST(MacvlanWords, OfDockersOwnDriverAreRead) {
  const auto spec = spec_from_engine(request({{"datapath", "macvlan"},
                                              {"parent", "eth1"},
                                              {"macvlan_mode", "bridge"},
                                              {"host_address", "172.16.1.9"}}))
                        .value();
  EXPECT_EQ(spec.uplink, "eth1");
  EXPECT_EQ(spec.host_address, "172.16.1.9");
  EXPECT_EQ(spec_from_engine(request({{"macvlan_mode", "passthru"}})).error().code, ErrorCode::unsupported);
  EXPECT_TRUE(spec_from_engine(request({{"uplink", "eth1"}, {"parent", "eth1"}})).ok());
  EXPECT_EQ(spec_from_engine(request({{"uplink", "eth1"}, {"parent", "eth2"}})).error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace bayplan::control
