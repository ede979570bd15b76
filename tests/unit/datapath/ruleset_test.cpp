#include "datapath/firewall/ruleset.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datapath/common/names.hpp"
#include "support/networks.hpp"

namespace bayplan::datapath {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ports::FirewallRules two_networks() {
  ports::FirewallRules rules;
  rules.networks = {test::vlan_network(300), test::vlan_network(100)};
  rules.networks[0].nat = false;
  return rules;
}

ports::Publication publication(const std::string& protocol, const std::string& host, std::uint16_t host_port,
                               std::uint16_t port) {
  return {"vlan100",
          model::IpAddress::parse("172.16.100.2").value(),
          {protocol, port, model::IpAddress::parse(host).value(), host_port}};
}

std::string text_of(const ports::FirewallRules& rules, const std::vector<std::string>& lan = {}) {
  return ruleset(rules, bridge_name, lan);
}

TEST(Ruleset, only_nat_networks_are_masqueraded_and_closed) {
  const auto text = text_of(two_networks());
  EXPECT_THAT(text, HasSubstr("set networks {\n    type ifname\n    elements = { \"bp-100\", \"bp-300\" }"));
  EXPECT_THAT(text, HasSubstr("set nat_networks {\n    type ifname\n    elements = { \"bp-100\" }"));
  EXPECT_THAT(text,
              HasSubstr("set nat_subnets {\n    type ipv4_addr; flags interval\n    elements = { 172.16.100.0/24 }"));
}

TEST(Ruleset, does_not_depend_on_the_order_it_is_given) {
  auto rules = two_networks();
  rules.published = {publication("tcp", "0.0.0.0", 8080, 80), publication("udp", "0.0.0.0", 53, 53)};
  auto reversed = rules;
  std::ranges::reverse(reversed.networks);
  std::ranges::reverse(reversed.published);
  EXPECT_EQ(text_of(rules), text_of(reversed));
}

TEST(Ruleset, published_ports_are_rewritten_the_named_address_first) {
  auto rules = two_networks();
  rules.published = {publication("tcp", "0.0.0.0", 8080, 80), publication("tcp", "10.0.0.1", 8080, 81)};
  EXPECT_THAT(text_of(rules), HasSubstr("  chain published {\n"
                                        "    ip daddr 10.0.0.1 tcp dport 8080 dnat to 172.16.100.2:81\n"
                                        "    tcp dport 8080 dnat to 172.16.100.2:80\n  }\n"));
}

TEST(Ruleset, answers_of_containers_on_the_wire_come_back_by_this_host) {
  auto rules = two_networks();
  EXPECT_THAT(text_of(rules), HasSubstr("    ip saddr 172.16.100.0/24 ip daddr 172.16.100.0/24 ct status dnat"));
  rules.networks[1].datapath = model::DatapathKind::macvlan;
  EXPECT_THAT(text_of(rules), HasSubstr("    ip daddr 172.16.100.0/24 ct status dnat masquerade"));
  rules.networks[1].host_address = rules.networks[1].gateway;
  EXPECT_THAT(text_of(rules), HasSubstr("    ip saddr 172.16.100.0/24 ip daddr 172.16.100.0/24 ct status dnat"));
}

TEST(Ruleset, ipv6_addresses_of_the_host_are_left_out) {
  auto rules = two_networks();
  rules.published = {publication("tcp", "::", 8080, 80)};
  EXPECT_THAT(text_of(rules), HasSubstr("  chain published {\n  }\n"));
}

TEST(Ruleset, bridges_of_the_lan_are_named) {
  EXPECT_THAT(text_of(two_networks(), {"br-lan"}), HasSubstr("elements = { \"br-lan\" }"));
  EXPECT_THAT(text_of(two_networks()), HasSubstr("set lan_bridges {\n    type ifname\n  }"));
}

TEST(Ruleset, docker_s_own_bridge_names_are_told_from_others) {
  EXPECT_TRUE(is_engine_bridge("docker0"));
  EXPECT_TRUE(is_engine_bridge("br-0123456789ab"));
  EXPECT_FALSE(is_engine_bridge("br-lan"));
  EXPECT_FALSE(is_engine_bridge("br-0123456789aB"));
  EXPECT_FALSE(is_engine_bridge("bp-100"));
  EXPECT_TRUE(is_lan_bridge("br-lan"));
  EXPECT_FALSE(is_lan_bridge("br-0123456789ab"));
  EXPECT_FALSE(is_lan_bridge("br-*")) << "nft would take it for all of them";
  EXPECT_FALSE(is_lan_bridge("br-\"x"));
}

}  // namespace
}  // namespace bayplan::datapath
