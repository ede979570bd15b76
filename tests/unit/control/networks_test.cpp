// Which networks may be made, and where the next one goes.
#include "control/networks.hpp"

#include <gtest/gtest.h>

#include "support/sample_records.hpp"

namespace bayplan::control {
namespace {

using testing::ip;

model::Subnet net(const std::string& text) {
  return model::Subnet::parse(text).value();
}
NetworkSpec spec_of(const std::string& name, const std::optional<std::string>& subnet = {}) {
  NetworkSpec spec;
  spec.name = name;
  spec.subnet = subnet;
  return spec;
}

class Networks : public ::testing::Test {
 protected:
  Result<model::Network> build(const NetworkSpec& spec) { return build_network(plan, spec, defaults, around, {}); }
  void have(const NetworkSpec& spec) { ASSERT_TRUE(plan.apply(testing::put(build(spec).value())).ok()); }
  void expect_refused(const NetworkSpec& spec, ErrorCode code, const std::string& saying) {
    const auto built = build(spec);
    ASSERT_FALSE(built.ok()) << saying;
    EXPECT_EQ(built.error().code, code) << built.error().message();
    EXPECT_NE(built.error().message().find(saying), std::string::npos) << built.error().message();
  }
  std::string next() {
    const auto found = next_free_subnet(plan, 1, defaults, around);
    return found ? found->to_string() : std::string(to_string(found.error().code));
  }

  model::Plan plan;
  NetworkDefaults defaults;
  Surroundings around;
};

TEST_F(Networks, HaveSensibleDefaults) {
  NetworkSpec spec;
  spec.vlan = "100";
  const auto made = build(spec).value();
  EXPECT_EQ(made.name, "vlan100");
  EXPECT_EQ(made.vlan, 100);
  EXPECT_EQ(made.subnet, net("172.16.1.0/24"));
  EXPECT_EQ(made.gateway, ip("172.16.1.1"));
  EXPECT_TRUE(made.nat);
  EXPECT_EQ(made.datapath, model::DatapathKind::bridge);
  EXPECT_EQ(default_network_name(spec_of("", "172.16.9.0/24")), "net-172.16.9.0-24");
}

TEST_F(Networks, BadWordsAreRefused) {
  for (const char* tag : {"0", "4095", "abc", "", "-1"}) {
    auto spec = spec_of("x");
    spec.vlan = tag;
    expect_refused(spec, ErrorCode::invalid, "is not a VLAN");
  }
  for (const auto& name :
       {std::string(300, 'x'), std::string("a/b"), std::string("a\nb"), std::string("gr\xc3\xbcn")}) {
    EXPECT_EQ(build(spec_of(name)).error().code, ErrorCode::invalid);
  }
  auto spec = spec_of("x", "172.16.1.0/24");
  spec.mtu = "67";
  expect_refused(spec, ErrorCode::invalid, "is not an MTU");
  spec = spec_of("x", "172.16.1.0/24");
  spec.uplink = "no such/thing";
  expect_refused(spec, ErrorCode::invalid, "interface");
  spec = spec_of("x", "172.16.1.0/24");
  spec.datapath = "vxlan";
  expect_refused(spec, ErrorCode::invalid, "it is one of bridge, ovs, macvlan");
  spec.datapath = "macvlan";
  expect_refused(spec, ErrorCode::invalid, "needs an uplink");
}

TEST_F(Networks, OvsNeedsATagAndHasItsDevicesRoutesForItsOwn) {
  auto spec = spec_of("x", "172.16.1.0/24");
  spec.datapath = "ovs";
  expect_refused(spec, ErrorCode::invalid, "needs a VLAN tag");
  spec.vlan = "100";
  have(spec);
  auto second = spec_of("y", "172.16.2.0/24");
  const auto subnet = *model::Subnet::parse("172.16.2.0/24");
  around.routes = {{subnet, "vlan100"}};
  EXPECT_TRUE(build(second).ok()) << "a device of ours, whose old route is still there";
  around.routes = {{subnet, "vlan200"}};
  expect_refused(second, ErrorCode::conflict, "vlan200");
}

TEST_F(Networks, SubnetsThatCannotBeAreRefused) {
  expect_refused(spec_of("x", "172.16.1.7/24"), ErrorCode::invalid, "the subnet is 172.16.1.0/24");
  expect_refused(spec_of("x", "10.0.0.0/7"), ErrorCode::invalid, "10.0.0.0/7");
  expect_refused(spec_of("x", "172.16.1.0/31"), ErrorCode::invalid, "from 8 to 30");
  expect_refused(spec_of("x", "2001:db8::/64"), ErrorCode::unsupported, "IPv6");
  expect_refused(spec_of("x", "nonsense"), ErrorCode::invalid, "nonsense");
  for (const char* special : {"127.0.0.0/8", "127.1.2.0/24", "0.0.0.0/8", "224.0.0.0/24", "239.255.0.0/16",
                              "240.0.0.0/8", "255.255.255.0/24"}) {
    expect_refused(spec_of("x", special), ErrorCode::invalid, "can't be a network's subnet");
  }
  EXPECT_TRUE(build(spec_of("x", "223.255.255.0/24")).ok());
  EXPECT_TRUE(build(spec_of("x", "10.0.0.0/8")).ok());
  EXPECT_TRUE(build(spec_of("x", "172.16.1.0/30")).ok());
}

TEST_F(Networks, OverlapIsRefusedWithTheOther) {
  have(spec_of("first", "172.16.1.0/24"));
  expect_refused(spec_of("second", "172.16.0.0/16"), ErrorCode::conflict, "172.16.1.0/24 of the network 'first'");
  expect_refused(spec_of("second", "172.16.1.128/25"), ErrorCode::conflict, "'first'");
  around.routes = {{net("192.168.0.0/16"), "eth0"}};
  expect_refused(spec_of("second", "192.168.7.0/24"), ErrorCode::conflict, "route to 192.168.0.0/16 on eth0");
  around.routes = {{net("192.168.7.0/24"), "bp-7"}};
  EXPECT_TRUE(build(spec_of("second", "192.168.7.0/24")).ok()) << "what an earlier run of ours left is no obstacle";
}

TEST_F(Networks, NameAndVlanHaveOneOwner) {
  auto first = spec_of("first", "172.16.1.0/24");
  first.vlan = "100";
  have(first);
  expect_refused(spec_of("first", "172.16.2.0/24"), ErrorCode::exists, "bayplan network inspect first");
  auto second = spec_of("second", "172.16.2.0/24");
  second.vlan = "100";
  expect_refused(second, ErrorCode::conflict, "VLAN 100 belongs to the network 'first'");
}

TEST_F(Networks, AnUplinkIsWholeForOneNetworkOrTaggedForMany) {
  auto first = spec_of("first", "172.16.1.0/24");
  first.uplink = "eth1";
  have(first);
  auto second = spec_of("second", "172.16.2.0/24");
  second.uplink = "eth1";
  expect_refused(second, ErrorCode::conflict, "the uplink eth1 belongs to the network 'first'");
  second.vlan = "200";
  have(second);
  auto third = spec_of("third", "172.16.3.0/24");
  third.uplink = "eth1";
  third.vlan = "300";
  EXPECT_TRUE(build(third).ok());
  third.vlan.reset();
  third.uplink = "eth2";
  EXPECT_TRUE(build(third).ok());
}

TEST_F(Networks, ListsOfRangesAndExclusionsAreBounded) {
  auto spec = spec_of("x", "10.0.0.0/8");
  spec.exclusions.assign(1024, "10.0.0.9");
  EXPECT_TRUE(build(spec).ok());
  spec.exclusions.emplace_back("10.0.0.9");
  expect_refused(spec, ErrorCode::invalid, "1025 exclusions are too many: give at most 1024");
  spec.exclusions.clear();
  spec.ranges.assign(80'000, "10.0.1.0-10.0.1.9");
  expect_refused(spec, ErrorCode::invalid, "80000 ranges are too many");
}

TEST_F(Networks, TheGatewayIsAHostOfTheSubnet) {
  for (const auto& [gateway, why] : std::map<std::string, std::string>{{"172.16.2.1", "outside the subnet"},
                                                                       {"172.16.1.0", "network address"},
                                                                       {"172.16.1.255", "broadcast address"},
                                                                       {"::1", "outside the subnet"},
                                                                       {"gw", "not an IP address"}}) {
    auto spec = spec_of("x", "172.16.1.0/24");
    spec.gateway = gateway;
    expect_refused(spec, ErrorCode::invalid, why);
  }
}

TEST_F(Networks, RangesAndExclusionsStandInTheSubnet) {
  auto spec = spec_of("x", "172.16.1.0/24");
  spec.ranges = {"172.16.1.20-172.16.1.10"};
  expect_refused(spec, ErrorCode::invalid, "upside down");
  spec.ranges = {"172.16.1.250-172.16.2.3"};
  expect_refused(spec, ErrorCode::invalid, "the range 172.16.1.250-172.16.2.3 is outside");
  spec.ranges.clear();
  spec.exclusions = {"172.16.2.3"};
  expect_refused(spec, ErrorCode::invalid, "the exclusion 172.16.2.3 is outside");
  spec.exclusions = {"172.16.1.2-172.16.1.254"};
  expect_refused(spec, ErrorCode::invalid, "no address of 172.16.1.0/24 is left");
  spec.exclusions = {"172.16.1.2-172.16.1.253"};
  EXPECT_TRUE(build(spec).ok());
}

TEST_F(Networks, TheNextSubnetSkipsWhatIsTaken) {
  EXPECT_EQ(next(), "172.16.0.0/24");
  have(spec_of("a", "172.16.0.0/24"));
  have(spec_of("b", "172.16.2.0/23"));
  EXPECT_EQ(next(), "172.16.1.0/24");
  have(spec_of("c", "172.16.1.0/24"));
  EXPECT_EQ(next(), "172.16.4.0/24");
  around.routes = {{net("172.16.4.0/22"), "eth0"}};
  EXPECT_EQ(next(), "172.16.8.0/24");
  around.engine_subnets = {net("172.16.8.128/25"), net("172.16.9.0/24")};
  EXPECT_EQ(next(), "172.16.10.0/24");
}

TEST_F(Networks, TheNextSubnetCarriesOverTheThirdByte) {
  around.routes = {{net("172.16.0.0/16"), "docker0"}};
  EXPECT_EQ(next(), "172.17.0.0/24");
  around.routes.push_back({net("172.17.0.0/17"), "eth1"});
  EXPECT_EQ(next(), "172.17.128.0/24");
}

TEST_F(Networks, TheFirstSubnetIsVlan1s) {
  NetworkSpec spec;
  spec.vlan = "100";
  EXPECT_EQ(build(spec)->subnet, net("172.16.1.0/24"));
  have(spec);
  spec.vlan = "1";
  EXPECT_EQ(build(spec)->subnet, net("172.16.0.0/24"));
  spec.subnet = "10.0.0.0/24";
  have(spec);
  spec = {};
  spec.vlan = "200";
  EXPECT_EQ(build(spec)->subnet, net("172.16.0.0/24")) << "VLAN 1 has another";
}

TEST_F(Networks, NoSubnetIsChosenWhileTheEnginesAreNotKnown) {
  around.engine_trouble = "no answer";
  NetworkSpec spec;
  spec.vlan = "100";
  expect_refused(spec, ErrorCode::unavailable, "name one with --subnet");
  spec.subnet = "172.16.9.0/24";
  EXPECT_TRUE(build(spec).ok());
}

TEST_F(Networks, ASupernetCanBeFull) {
  defaults.supernet = net("255.255.254.0/23");
  // Nobody can make networks there, but the search must end all the same.
  const auto have_at = [&](const std::string& subnet) {
    auto network = build(spec_of("net-at-" + subnet.substr(0, subnet.find('/')), "10.0.0.0/24")).value();
    network.subnet = net(subnet);
    network.gateway = network.subnet.first_host();
    ASSERT_TRUE(plan.apply(testing::put(network)).ok());
  };
  have_at("255.255.254.0/24");
  EXPECT_EQ(next(), "255.255.255.0/24");
  have_at("255.255.255.0/24");
  EXPECT_EQ(next(), "exhausted") << "also at the end of the address space";
  NetworkSpec spec;
  spec.vlan = "7";
  expect_refused(spec, ErrorCode::exhausted, "widen networks.supernet");
}

// --- what docker network create says

ports::NetworkRequest request(std::vector<std::pair<std::string, std::string>> options,
                              const std::string& subnet = "172.16.1.0/24") {
  ports::NetworkRequest made;
  made.id = std::string(64, 'a');
  made.options = std::move(options);
  made.subnet = subnet;
  made.gateway = "172.16.1.1/24";
  return made;
}

TEST_F(Networks, DockersOptionsAreRead) {
  auto asked = request({{"vlan", "100"},
                        {"nat", "false"},
                        {"com.docker.network.driver.mtu", "1400"},
                        {"com.docker.network.enable_ipv6", "false"},
                        {"network", "blue"},
                        {"uplink", "eth1"}});
  asked.auxiliary = {"172.16.1.9/24", "172.16.1.10"};
  const auto spec = spec_from_engine(asked).value();
  EXPECT_EQ(spec.name, "blue");
  EXPECT_EQ(spec.vlan, "100");
  EXPECT_FALSE(spec.nat);
  EXPECT_EQ(spec.mtu, "1400");
  EXPECT_EQ(spec.uplink, "eth1");
  EXPECT_EQ(spec.gateway, "172.16.1.1");
  EXPECT_EQ(spec.exclusions, (std::vector<std::string>{"172.16.1.9", "172.16.1.10"}));
}

TEST_F(Networks, AnUnknownOptionIsRefusedWithTheKnownOnes) {
  const auto refused = spec_from_engine(request({{"vlna", "100"}}));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(
      refused.error().detail,
      "-o vlna: no such option; there are vlan, network, datapath, uplink (or parent), host_address, nat, repair and "
      "mtu");
  EXPECT_EQ(spec_from_engine(request({{"nat", "maybe"}})).error().detail, "-o nat=maybe: give true or false");
  EXPECT_EQ(spec_from_engine(request({{"vlan", "4095"}})).error().code, ErrorCode::invalid);
  EXPECT_EQ(spec_from_engine(request({{"network", "a/b"}})).error().code, ErrorCode::invalid);
}

class Matching : public Networks {
 protected:
  void SetUp() override {
    auto spec = spec_of("blue", "172.16.1.0/24");
    spec.vlan = "100";
    have(spec);
  }
  Result<const model::Network*> match(const NetworkSpec& spec) { return matching_network(plan, spec); }
};

TEST_F(Matching, ByNameByVlanOrBySubnet) {
  NetworkSpec by_vlan;
  by_vlan.vlan = "100";
  for (const auto& spec : {spec_of("blue"), by_vlan, spec_of("", "172.16.1.0/24")}) {
    ASSERT_TRUE(match(spec).ok());
    ASSERT_NE(*match(spec), nullptr);
    EXPECT_EQ((*match(spec))->name, "blue");
  }
  by_vlan.vlan = "101";
  EXPECT_EQ(*match(by_vlan), nullptr);
  EXPECT_EQ(*match(spec_of("", "172.16.2.0/24")), nullptr);
}

TEST_F(Matching, WhatContradictsIsRefusedWithBothSides) {
  const auto expect_conflict = [&](const NetworkSpec& spec, const std::string& saying) {
    ASSERT_FALSE(match(spec).ok()) << saying;
    EXPECT_EQ(match(spec).error().code, ErrorCode::conflict);
    EXPECT_NE(match(spec).error().detail.find(saying), std::string::npos) << match(spec).error().detail;
  };
  auto spec = spec_of("blue", "172.16.2.0/24");
  expect_conflict(spec, "the network 'blue' is there already with subnet 172.16.1.0/24, not 172.16.2.0/24");
  spec = spec_of("blue");
  spec.vlan = "7";
  expect_conflict(spec, "VLAN 100, not 7");
  spec = spec_of("red");
  spec.vlan = "100";
  expect_conflict(spec, "name blue, not red");
  spec = spec_of("blue");
  spec.gateway = "172.16.1.254";
  expect_conflict(spec, "gateway 172.16.1.1, not 172.16.1.254");
  spec = spec_of("blue");
  spec.mtu = "1400";
  expect_conflict(spec, "MTU none, not 1400");
  spec = spec_of("blue");
  spec.uplink = "eth1";
  expect_conflict(spec, "uplink none, not eth1");
  spec = spec_of("blue");
  spec.nat = false;
  expect_conflict(spec, "nat true, not false");
}

TEST_F(Matching, AViewCountsWhatIsThere) {
  auto reserved = testing::sample_reservation("a", "172.16.1.10", "blue");
  ASSERT_TRUE(plan.apply(testing::put(reserved)).ok());
  reserved = testing::sample_reservation("b", "172.16.1.11", "blue");
  reserved.state = model::ReservationState::held;
  ASSERT_TRUE(plan.apply(testing::put(reserved)).ok());
  ASSERT_TRUE(plan.apply(testing::put(testing::sample_engine_network("n1", "blue"))).ok());
  const auto view = view_of(plan, *plan.network("blue"));
  EXPECT_EQ(view.size, 253U);
  EXPECT_EQ(view.free, 251U);
  EXPECT_EQ(view.removed, 1U);
  EXPECT_EQ(view.held, 1U);
  EXPECT_EQ(view.attached, 0U);
  EXPECT_EQ(view.engine_networks, std::vector<std::string>{"n1"});
}

}  // namespace
}  // namespace bayplan::control
