// Whose a device on an uplink is, and how the uplink is given back, on links as the kernel lists them: this way also
// where the kernel has no VLAN devices.
#include "datapath/bridge/uplink.hpp"

#include <gtest/gtest.h>
#include <net/if.h>

#include "datapath/common/give_back.hpp"
#include "datapath/common/ownership.hpp"

namespace bayplan::datapath {
namespace {

using kernel::Link;

constexpr int kEth1 = 2;
constexpr int kBridge100 = 10;
constexpr int kBridge200 = 20;
const std::string kWasDown = "(eth1 was down)";

Link link(int index, const std::string& name, const std::string& kind, const std::string& alias = {}) {
  Link made;
  made.index = index;
  made.name = name;
  made.kind = kind;
  made.alias = alias;
  return made;
}

Link vlan_device(int index, std::uint16_t tag, int bridge, const std::string& alias) {
  Link made = link(index, "eth1." + std::to_string(tag), "vlan", alias);
  made.vlan = tag;
  made.lower = kEth1;
  made.master = bridge;
  return made;
}

Link eth1(int master = 0) {
  Link made = link(kEth1, "eth1", "");
  made.flags = IFF_UP;
  made.master = master;
  return made;
}

// vlan100 on eth1, which was down before.
std::vector<Link> one_network() {
  return {eth1(), link(kBridge100, "bp-100", "bridge", "bayplan vlan100"),
          vlan_device(11, 100, kBridge100, "bayplan vlan100 " + kWasDown)};
}

std::vector<Link> two_networks() {
  auto links = one_network();
  links.push_back(link(kBridge200, "bp-200", "bridge", "bayplan vlan200"));
  links.push_back(vlan_device(21, 200, kBridge200, "bayplan vlan200"));
  return links;
}

TEST(GiveBack, uplink_that_was_down_is_put_down_by_the_last_who_needs_it) {
  const auto steps = give_back("vlan100", one_network(), {});
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].link, kEth1);
  EXPECT_EQ(steps[0].change.up, false);
}

TEST(GiveBack, uplink_that_was_up_stays_up) {
  auto links = one_network();
  links[2].alias = "bayplan vlan100";
  EXPECT_TRUE(give_back("vlan100", links, {}).empty());
}

TEST(GiveBack, uplink_on_which_the_host_has_an_address_by_now_stays_up) {
  kernel::InterfaceAddress address{kEth1, model::IpAddress::parse("192.0.2.1").value(), 24, false};
  EXPECT_TRUE(give_back("vlan100", one_network(), {address}).empty());
  address.link_local = true;
  EXPECT_EQ(give_back("vlan100", one_network(), {address}).size(), 1U);
  address = {kBridge100, model::IpAddress::parse("172.16.100.1").value(), 24, false};
  EXPECT_EQ(give_back("vlan100", one_network(), {address}).size(), 1U) << "not on the uplink";
}

TEST(GiveBack, uplink_on_which_somebody_elses_device_stands_stays_up) {
  for (const std::string kind : {"vlan", "macvlan", "ipvlan"}) {
    auto links = one_network();
    links.push_back(vlan_device(30, 7, 0, "mine"));
    links.back().kind = kind;
    EXPECT_TRUE(give_back("vlan100", links, {}).empty()) << kind;
  }
  auto links = one_network();
  links.push_back(link(31, "peer", "veth"));
  links.back().lower = kEth1;
  EXPECT_EQ(give_back("vlan100", links, {}).size(), 1U) << "the other end of a veth does not stand on it";
}

TEST(GiveBack, uplink_that_became_a_port_of_somebody_elses_bridge_stays_up) {
  auto links = one_network();
  links.push_back(link(40, "br0", "bridge", "mine"));
  links[0].master = 40;
  EXPECT_TRUE(give_back("vlan100", links, {}).empty());
}

TEST(GiveBack, that_it_was_down_is_left_to_another_network_of_ours) {
  auto links = two_networks();
  auto steps = give_back("vlan100", links, {});
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].link, 21);
  EXPECT_EQ(steps[0].change.alias, "bayplan vlan200 " + kWasDown);
  EXPECT_EQ(steps[0].change.up, std::nullopt);
  links[4].alias = *steps[0].change.alias;
  std::erase_if(links, [](const Link& left) { return is_of_network(left, "vlan100"); });
  steps = give_back("vlan200", links, {});
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].change.up, false) << "the last one puts it down";
}

TEST(GiveBack, that_it_was_down_is_left_to_a_network_that_has_the_whole_interface) {
  auto links = one_network();
  links.push_back(link(50, "bp-office", "bridge", "bayplan office"));
  links[0].master = 50;
  const auto steps = give_back("vlan100", links, {});
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].link, 50);
  EXPECT_EQ(steps[0].change.alias, "bayplan office " + kWasDown);
}

TEST(GiveBack, whole_interface_leaves_the_bridge_and_goes_down_only_if_no_vlan_device_needs_it) {
  std::vector<Link> links{eth1(50), link(50, "bp-office", "bridge", "bayplan office " + kWasDown)};
  auto steps = give_back("office", links, {});
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].change.master, 0);
  EXPECT_EQ(steps[1].change.up, false);
  links.push_back(vlan_device(21, 200, kBridge200, "bayplan vlan200"));
  steps = give_back("office", links, {});
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[1].link, 21);
}

TEST(GiveBack, vlan_device_whose_bridge_is_gone_gives_its_uplink_back_too) {
  auto links = one_network();
  links[2].master = 0;
  links.erase(links.begin() + 1);
  EXPECT_EQ(give_back("vlan100", links, {}).size(), 1U);
  EXPECT_EQ(networks_of(links), std::vector<std::string>{"vlan100"});
  EXPECT_EQ(links_of_network("vlan100", links), std::vector<int>{11});
}

// --- whose it is

model::Network network_100() {
  model::Network network;
  network.name = "vlan100";
  network.vlan = 100;
  network.uplink = "eth1";
  return network;
}

TEST(UplinkOwnership, vlan_device_is_ours_by_its_alias_or_by_the_mark_of_one_being_made) {
  auto device = vlan_device(11, 100, kBridge100, "bayplan vlan100");
  EXPECT_TRUE(is_vlan_device_of(device, eth1(), network_100()));
  device.alias.clear();
  EXPECT_FALSE(is_vlan_device_of(device, eth1(), network_100())) << "somebody's, without an alias";
  device.group = kMakingGroup;
  EXPECT_TRUE(is_vlan_device_of(device, eth1(), network_100())) << "its making was cut short";
  for (auto change : std::vector<void (*)(Link&)>{
           [](Link& wrong) { wrong.vlan = 101; }, [](Link& wrong) { wrong.lower = 9; },
           [](Link& wrong) { wrong.kind = "macvlan"; }, [](Link& wrong) { wrong.alias = "bayplan other"; }}) {
    auto wrong = device;
    change(wrong);
    EXPECT_FALSE(is_vlan_device_of(wrong, eth1(), network_100()));
  }
}

TEST(UplinkOwnership, half_made_vlan_device_goes_with_its_network_and_is_not_let_go_as_a_stranger) {
  auto links = one_network();
  links[2].alias.clear();
  links[2].group = kMakingGroup;
  EXPECT_EQ(links_of_network("vlan100", links), (std::vector<int>{kBridge100, 11}));
  EXPECT_TRUE(give_back("vlan100", links, {}).empty());
  links[2].group = 0;
  EXPECT_EQ(links_of_network("vlan100", links), std::vector<int>{kBridge100});
  ASSERT_EQ(give_back("vlan100", links, {}).size(), 1U);
  EXPECT_EQ(give_back("vlan100", links, {})[0].change.master, 0);
}

// --- macvlan

Link shim(int index, int parent, const std::string& network) {
  Link made = link(index, "bp-" + network, "macvlan", "bayplan " + network);
  made.lower = parent;
  return made;
}

TEST(MacvlanOwnership, bridge_datapath_has_neither_shims_nor_the_vlan_devices_under_them) {
  auto links = one_network();
  links.push_back(vlan_device(31, 300, 0, "bayplan vlan300"));
  links.push_back(shim(32, 31, "vlan300"));
  links.push_back(shim(33, kEth1, "lan"));
  EXPECT_EQ(networks_of(links), std::vector<std::string>{"vlan100"});
  links.erase(links.end() - 2);
  EXPECT_EQ(networks_of(links), (std::vector<std::string>{"vlan100", "vlan300"})) << "or it would be nobody's";
}

TEST(MacvlanOwnership, device_on_a_bridge_is_no_shim_and_a_strangers_is_none) {
  auto device = shim(32, kEth1, "lan");
  EXPECT_TRUE(is_our_macvlan(device));
  device.master = kBridge100;
  EXPECT_FALSE(is_our_macvlan(device));
  device = shim(32, kEth1, "lan");
  device.alias = "somebody's";
  EXPECT_FALSE(is_our_macvlan(device));
}

TEST(MacvlanOwnership, parent_that_was_down_is_put_down_by_the_last_who_needs_it) {
  std::vector<Link> links{eth1(), shim(32, kEth1, "lan")};
  links[1].alias += " " + kWasDown;
  ASSERT_EQ(give_back("lan", links, {}).size(), 1U);
  EXPECT_EQ(give_back("lan", links, {})[0].change.up, false);
  links.push_back(vlan_device(11, 100, 0, "bayplan vlan100"));
  links.push_back(shim(12, 11, "vlan100"));
  const auto steps = give_back("lan", links, {});
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].link, 11) << "its VLAN device carries the note on";
  EXPECT_EQ(steps[0].change.alias, "bayplan vlan100 " + kWasDown);
}

}  // namespace
}  // namespace bayplan::datapath
