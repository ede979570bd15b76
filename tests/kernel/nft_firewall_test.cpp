// The packet filter against the kernel: who reaches whom, and what is left behind.
#include "datapath/firewall/nft_firewall.hpp"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/syscall.h>

#include <thread>

#include "datapath/bridge/bridge_datapath.hpp"
#include "datapath/common/names.hpp"
#include "support/networks.hpp"
#include "support/private_network.hpp"
#include "support/tcp.hpp"

namespace bayplan::test {
namespace {

// A host with two networks, and a machine outside (192.0.2.2) that knows no way to the containers' addresses.
class NftFirewallTest : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_ROOT();
    network_.emplace();
    datapath_ = must(datapath::BridgeDatapath::open());
    firewall_ = must(datapath::NftFirewall::open(datapath::bridge_name));
    outside_.emplace();
    sh("ip link add up0 type veth peer name up1; ip link set up0 up; ip addr add 192.0.2.1/24 dev up0");
    outside_->plug("up1", "192.0.2.2/24");
    host_.emplace(must(kernel::NetworkNamespace::of_this_thread()));
    rules_.networks = {vlan_network(100), vlan_network(300)};
    rules_.may_forward = true;
    for (const auto& network : rules_.networks) must(datapath_->ensure_network(network));
  }
  FakeContainer container(const model::Network& network, unsigned n) {
    const auto port = port_spec(network, n);
    must(datapath_->add_port(network, port));
    FakeContainer made;
    made.plug(port.peer_name, nth_address(network, n) + "/24", network.gateway.to_string());
    if (!made.reaches(network.gateway.to_string())) throw std::runtime_error("the gateway does not answer");
    return made;
  }
  void publish(const std::string& host_address, std::uint16_t host_port, unsigned n, std::uint16_t port) {
    const auto& network = rules_.networks.front();
    rules_.published.push_back({network.name,
                                *network.subnet.base().plus(n),
                                {"tcp", port, must(model::IpAddress::parse(host_address)), host_port}});
  }

  std::optional<PrivateNetwork> network_;
  std::unique_ptr<datapath::BridgeDatapath> datapath_;
  std::unique_ptr<datapath::NftFirewall> firewall_;
  std::optional<FakeContainer> outside_;
  std::optional<kernel::NetworkNamespace> host_;
  ports::FirewallRules rules_;
};

TEST_F(NftFirewallTest, second_ensure_changes_nothing_also_by_another_process) {
  EXPECT_TRUE(must(firewall_->ensure(rules_)));
  const auto handles = sh("nft -a list ruleset");
  EXPECT_FALSE(must(firewall_->ensure(rules_)));
  auto restarted = must(datapath::NftFirewall::open(datapath::bridge_name));
  EXPECT_FALSE(must(restarted->ensure(rules_)));
  EXPECT_EQ(sh("nft -a list ruleset"), handles);
}

TEST_F(NftFirewallTest, what_somebody_flushed_is_put_back) {
  publish("0.0.0.0", 8080, 2, 80);
  must(firewall_->ensure(rules_));
  const auto intact = sh("nft list ruleset");
  for (const std::string damage :
       {"nft flush ruleset", "nft flush chain ip bayplan forward",
        "nft delete element ip bayplan nat_networks '{ \"bp-100\" }'", "nft add rule ip bayplan forward accept",
        "sysctl -qw net.ipv4.ip_forward=0", "sysctl -qw net.ipv4.conf.bp-100.route_localnet=0"}) {
    EXPECT_TRUE(must(firewall_->differences(rules_)).empty()) << "before " << damage;
    sh(damage);
    EXPECT_FALSE(must(firewall_->differences(rules_)).empty()) << damage;
    EXPECT_FALSE(must(firewall_->differences(rules_)).empty()) << "looking changes nothing: " << damage;
    EXPECT_TRUE(must(firewall_->ensure(rules_))) << damage;
    EXPECT_EQ(sh("nft list ruleset"), intact) << damage;
    EXPECT_FALSE(must(firewall_->ensure(rules_))) << damage;
  }
}

TEST_F(NftFirewallTest, forwarding_is_left_to_the_engine_until_it_has_come_up) {
  sh("sysctl -qw net.ipv4.ip_forward=0");
  rules_.may_forward = false;
  EXPECT_TRUE(must(firewall_->ensure(rules_)));
  EXPECT_EQ(sh("sysctl -n net.ipv4.ip_forward"), "0\n");
  rules_.may_forward = true;
  EXPECT_TRUE(must(firewall_->ensure(rules_)));
  EXPECT_EQ(sh("sysctl -n net.ipv4.ip_forward"), "1\n");
  rules_.may_forward = false;
  EXPECT_FALSE(must(firewall_->ensure(rules_))) << "and never turned off";
}

TEST_F(NftFirewallTest, without_networks_nothing_is_left) {
  const auto before = sh("nft list ruleset; iptables -S");
  must(firewall_->ensure(rules_));
  EXPECT_FALSE(must(firewall_->differences({})).empty());
  EXPECT_TRUE(must(firewall_->ensure({})));
  EXPECT_TRUE(must(firewall_->differences({})).empty());
  EXPECT_EQ(sh("nft list ruleset; iptables -S"), before);
  EXPECT_FALSE(must(firewall_->ensure({})));
}

// iptables-legacy's chains outlive `nft flush ruleset`.
TEST_F(NftFirewallTest, docker_s_chain_is_cleaned_also_when_our_table_is_gone) {
  sh("iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN; iptables -A FORWARD -j DOCKER-USER");
  must(firewall_->ensure({{vlan_network(100)}, {}}));
  ASSERT_NE(sh("iptables -S").find("-N BAYPLAN"), std::string::npos);
  sh("nft delete table ip bayplan");
  EXPECT_TRUE(must(firewall_->ensure({})));
  EXPECT_EQ(sh("iptables -S").find("BAYPLAN"), std::string::npos);
  EXPECT_FALSE(must(firewall_->ensure({})));
}

TEST_F(NftFirewallTest, networks_do_not_reach_each_other_nor_the_others_gateway) {
  must(firewall_->ensure(rules_));
  const auto one = container(rules_.networks[0], 2);
  const auto two = container(rules_.networks[0], 3);
  const auto three = container(rules_.networks[1], 2);
  EXPECT_TRUE(one.reaches("172.16.100.3"));
  EXPECT_TRUE(one.reaches("172.16.100.1"));
  EXPECT_TRUE(three.reaches("172.16.44.1"));
  EXPECT_TRUE(one.is_cut_off_from("172.16.44.2"));
  EXPECT_TRUE(three.is_cut_off_from("172.16.100.2"));
  EXPECT_TRUE(one.is_cut_off_from("172.16.44.1"));
  EXPECT_TRUE(three.is_cut_off_from("172.16.100.1"));
}

TEST_F(NftFirewallTest, egress_is_masqueraded_only_with_nat) {
  rules_.networks[1].nat = false;
  must(firewall_->ensure(rules_));
  const auto masked = container(rules_.networks[0], 2);
  const auto routed = container(rules_.networks[1], 2);
  const Listener server(outside_->network(), 80);
  EXPECT_TRUE(connects(masked.network(), "192.0.2.2", 80));
  EXPECT_EQ(server.next_peer(), "192.0.2.1");
  EXPECT_FALSE(connects(routed.network(), "192.0.2.2", 80)) << "outside knows no way back";
  outside_->must_sh("ip route add 172.16.44.0/24 via 192.0.2.1; ip route add 172.16.100.0/24 via 192.0.2.1");
  EXPECT_TRUE(connects(routed.network(), "192.0.2.2", 80));
  EXPECT_EQ(server.next_peer(), "172.16.44.2");
  EXPECT_TRUE(outside_->reaches("172.16.44.2")) << "without NAT a network is routed";
  EXPECT_TRUE(outside_->is_cut_off_from("172.16.100.2")) << "into a NAT network only answers get through";
}

TEST_F(NftFirewallTest, published_port_is_reached_from_outside_the_host_and_a_neighbour) {
  publish("0.0.0.0", 8080, 2, 80);
  publish("192.0.2.1", 8081, 2, 80);
  must(firewall_->ensure(rules_));
  const auto one = container(rules_.networks[0], 2);
  const auto neighbour = container(rules_.networks[0], 3);
  const auto stranger = container(rules_.networks[1], 2);
  const Listener server(one.network(), 80);
  EXPECT_TRUE(connects(outside_->network(), "192.0.2.1", 8080));
  EXPECT_EQ(server.next_peer(), "192.0.2.2") << "the container sees who asks";
  EXPECT_TRUE(connects(outside_->network(), "192.0.2.1", 8081));
  EXPECT_TRUE(connects(*host_, "192.0.2.1", 8080));
  EXPECT_TRUE(connects(*host_, "127.0.0.1", 8080));
  EXPECT_FALSE(connects(*host_, "127.0.0.1", 8081)) << "published at another address";
  EXPECT_TRUE(connects(neighbour.network(), "192.0.2.1", 8080));
  EXPECT_TRUE(connects(stranger.network(), "192.0.2.1", 8080));
  EXPECT_FALSE(connects(stranger.network(), "172.16.100.2", 80));
  EXPECT_FALSE(connects(outside_->network(), "192.0.2.1", 80));
}

TEST_F(NftFirewallTest, containers_do_not_reach_the_hosts_loopback) {
  publish("0.0.0.0", 8080, 2, 80);
  must(firewall_->ensure(rules_));
  const auto one = container(rules_.networks[0], 3);
  const Listener local(*host_, 6379);
  one.must_sh(
      "sysctl -qw net.ipv4.conf.eth0.route_localnet=1; ip addr del 127.0.0.1/8 dev lo;"
      "ip route add 127.0.0.1 via 172.16.100.1 dev eth0 src 172.16.100.3");
  EXPECT_FALSE(connects(one.network(), "127.0.0.1", 6379));
  sh("nft flush chain ip bayplan guard");
  EXPECT_TRUE(connects(one.network(), "127.0.0.1", 6379)) << "the guard is what keeps it out";
}

// What dockerd sets up, by hand.
constexpr const char* kDockerRules =
    "iptables -N DOCKER-USER; iptables -A FORWARD -j DOCKER-USER; iptables -A DOCKER-USER -j RETURN;"
    "iptables -P FORWARD DROP; sysctl -qw net.bridge.bridge-nf-call-iptables=1";

TEST_F(NftFirewallTest, docker_s_forward_policy_does_not_part_neighbours) {
  sh(kDockerRules);
  const auto one = container(rules_.networks[0], 2);
  const auto two = container(rules_.networks[0], 3);
  const auto three = container(rules_.networks[1], 2);
  EXPECT_TRUE(one.is_cut_off_from("172.16.100.3")) << "or this test shows nothing";
  EXPECT_TRUE(must(firewall_->ensure(rules_)));
  EXPECT_TRUE(one.reaches("172.16.100.3"));
  EXPECT_TRUE(one.reaches("192.0.2.2"));
  EXPECT_TRUE(one.is_cut_off_from("172.16.44.2"));
  EXPECT_FALSE(must(firewall_->ensure(rules_)));
  sh("iptables -F DOCKER-USER");
  EXPECT_TRUE(must(firewall_->ensure(rules_)));
  EXPECT_TRUE(two.reaches("172.16.100.2"));
  const auto rules = sh("iptables -S");
  must(firewall_->ensure({}));
  EXPECT_EQ(sh("iptables -S").find("BAYPLAN"), std::string::npos) << rules;
}

TEST_F(NftFirewallTest, user_s_rules_in_docker_user_are_asked_first) {
  sh(kDockerRules);
  sh("iptables -I DOCKER-USER -s 172.16.100.2 -d 192.0.2.2 -j DROP");
  must(firewall_->ensure(rules_));
  EXPECT_TRUE(container(rules_.networks[0], 2).is_cut_off_from("192.0.2.2"));
  EXPECT_TRUE(container(rules_.networks[0], 3).reaches("192.0.2.2"));
}

TEST_F(NftFirewallTest, docker_s_networks_are_not_reached_but_a_bridge_of_the_lan_is) {
  sh("ip link add docker0 type bridge; ip addr add 172.17.0.1/24 dev docker0; ip link set docker0 up;"
     "ip link add br-0123456789ab type bridge; ip addr add 172.18.0.1/24 dev br-0123456789ab;"
     "ip link set br-0123456789ab up; ip link add br-lan type bridge; ip addr add 172.19.0.1/24 dev br-lan;"
     "ip link set br-lan up");
  rules_.networks[1].nat = false;
  must(firewall_->ensure(rules_));
  std::vector<FakeContainer> others;
  for (const auto& [bridge, net] : std::vector<std::pair<std::string, std::string>>{
           {"docker0", "172.17.0"}, {"br-0123456789ab", "172.18.0"}, {"br-lan", "172.19.0"}}) {
    const std::string port = "v" + std::to_string(others.size());
    sh("ip link add " + port + " master " + bridge + " type veth peer name p" + port + "; ip link set " + port + " up");
    others.emplace_back().plug("p" + port, net + ".2/24", net + ".1");
    ASSERT_TRUE(others.back().reaches(net + ".1"));
  }
  const auto one = container(rules_.networks[1], 2);
  EXPECT_TRUE(one.is_cut_off_from("172.17.0.2"));
  EXPECT_TRUE(one.is_cut_off_from("172.18.0.2"));
  EXPECT_TRUE(one.reaches("172.19.0.2"));
  EXPECT_TRUE(others[0].is_cut_off_from("172.16.44.2"));
  EXPECT_TRUE(others[1].is_cut_off_from("172.16.44.2"));
  EXPECT_TRUE(others[2].reaches("172.16.44.2"));
}

TEST_F(NftFirewallTest, without_rights_it_is_denied_and_nothing_is_done) {
  const auto before = sh("nft list ruleset");
  std::thread([&] {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> none{};
    ASSERT_EQ(syscall(SYS_capset, &header, none.data()), 0);
    const auto refused = firewall_->ensure(rules_);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::denied) << refused.error().message();
  }).join();
  EXPECT_EQ(sh("nft list ruleset"), before);
}

TEST_F(NftFirewallTest, connection_outlives_a_replacement) {
  must(firewall_->ensure(rules_));
  const auto one = container(rules_.networks[0], 2);
  std::string output;
  std::thread stream(
      [&] { output = one.run({"ping", "-n", "-i", "0.005", "-c", "100", "-W", "1", "192.0.2.2"}).second; });
  for (std::uint16_t port = 8000; port < 8010; ++port) {
    publish("0.0.0.0", port, 2, 80);
    EXPECT_TRUE(must(firewall_->ensure(rules_)));
  }
  stream.join();
  EXPECT_NE(output.find(" 0% packet loss"), std::string::npos) << output;
}

}  // namespace
}  // namespace bayplan::test
