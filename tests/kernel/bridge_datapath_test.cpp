// The bridge datapath against the kernel, with real frames.
#include "datapath/bridge/bridge_datapath.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <thread>

#include "datapath/common/names.hpp"
#include "support/networks.hpp"
#include "support/private_network.hpp"

namespace bayplan::test {
namespace {

class BridgeDatapathTest : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_ROOT();
    network_.emplace();
    datapath_ = must(datapath::BridgeDatapath::open(std::chrono::milliseconds(50)));
    netlink_.emplace(must(kernel::NetlinkSocket::open()));
  }
  kernel::Link link(const std::string& name) {
    const auto found = must(netlink_->find_link(name));
    if (!found) throw std::runtime_error("no link " + name);
    return *found;
  }
  bool exists(const std::string& name) { return must(netlink_->find_link(name)).has_value(); }
  // A port with a container behind it.
  FakeContainer container(const model::Network& network, unsigned n) {
    const auto port = port_spec(network, n);
    must(datapath_->add_port(network, port));
    FakeContainer made;
    made.plug(port.peer_name, nth_address(network, n) + "/24", network.gateway.to_string());
    if (!made.reaches(network.gateway.to_string())) throw std::runtime_error("the gateway does not answer");
    return made;
  }

  std::optional<PrivateNetwork> network_;
  std::unique_ptr<datapath::BridgeDatapath> datapath_;
  std::optional<kernel::NetlinkSocket> netlink_;
};

TEST_F(BridgeDatapathTest, containers_reach_their_neighbour_and_gateway) {
  const auto network = vlan_network(100);
  EXPECT_TRUE(must(datapath_->ensure_network(network)));
  const auto one = container(network, 2);
  const auto two = container(network, 3);
  EXPECT_TRUE(one.reaches("172.16.100.3"));
  EXPECT_TRUE(two.reaches("172.16.100.2"));
  EXPECT_TRUE(one.reaches("172.16.100.1"));
}

TEST_F(BridgeDatapathTest, bridge_is_as_configured) {
  auto network = vlan_network(100);
  network.mtu = 1400;
  must(datapath_->ensure_network(network));
  const auto bridge = link("bp-100");
  EXPECT_EQ(bridge.alias, "bayplan vlan100");
  EXPECT_EQ(bridge.mtu, 1400U);
  EXPECT_EQ(bridge.mac->to_string(), "02:2a:ac:10:64:01");
  EXPECT_EQ(bridge.bridge, kernel::BridgeState{});
  EXPECT_TRUE(bridge.is_up());
  EXPECT_NE(sh("ip -4 addr show bp-100").find("172.16.100.1/24 brd 172.16.100.255"), std::string::npos);
  must(datapath_->add_port(network, port_spec(network, 2)));
  EXPECT_EQ(link(port_spec(network, 2).host_name).mtu, 1400U);
  EXPECT_EQ(link(port_spec(network, 2).peer_name).mtu, 1400U);
  EXPECT_EQ(link("bp-100").mac->to_string(), "02:2a:ac:10:64:01") << "a port must not change the bridge's MAC";
}

TEST_F(BridgeDatapathTest, removed_network_leaves_nothing) {
  const auto before = snapshot();
  const auto network = vlan_network(100);
  must(datapath_->ensure_network(network));
  const auto one = container(network, 2);
  must(datapath_->add_port(network, port_spec(network, 3)));
  must(datapath_->remove_network("vlan100"));
  EXPECT_EQ(snapshot(), before);
  must(datapath_->remove_network("vlan100"));
}

TEST_F(BridgeDatapathTest, many_ports_go_in_one_wait) {
  const auto network = vlan_network(100);
  must(datapath_->ensure_network(network));
  std::vector<std::string> names;
  for (unsigned n = 2; n < 42; ++n) {
    must(datapath_->add_port(network, port_spec(network, n)));
    names.push_back(port_spec(network, n).host_name);
  }
  EXPECT_EQ(must(datapath_->list_ports()).size(), 40U);
  names.emplace_back("bpffffffff");
  // What a wait takes on this machine: some milliseconds, or a hundred where the processor is emulated.
  const auto before = std::chrono::steady_clock::now();
  for (int n = 0; n < 4; ++n) {
    must(datapath_->remove_ports({names.front()}));
    names.erase(names.begin());
  }
  const auto alone = (std::chrono::steady_clock::now() - before) / 4;
  const auto start = std::chrono::steady_clock::now();
  must(datapath_->remove_ports(names));
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_TRUE(must(datapath_->list_ports()).empty());
  EXPECT_LT(took, alone * 20) << "36 single deletions take 36 times as long as one";
  RecordProperty("milliseconds", static_cast<int>(took / std::chrono::milliseconds(1)));
}

TEST_F(BridgeDatapathTest, half_made_or_damaged_bridge_is_mended) {
  auto network = vlan_network(100);
  network.mtu = 1400;
  must(datapath_->ensure_network(network));
  must(datapath_->add_port(network, port_spec(network, 2)));
  const auto intact = snapshot();
  for (const std::string damage :
       {"ip addr flush dev bp-100", "ip link set bp-100 down", "ip link set bp-100 mtu 1300",
        "ip link set bp-100 alias ''", "ip link set bp-100 address 02:00:00:00:00:01",
        "ip link set bp-100 type bridge stp_state 1", "ip link set bp-100 type bridge stp_state 1 forward_delay 1500",
        "ip route del 172.16.100.0/24 dev bp-100", "ip addr flush dev bp-100; ip link set bp-100 down alias ''"}) {
    sh(damage);
    EXPECT_NE(snapshot(), intact) << damage << " does no damage";
    EXPECT_TRUE(must(datapath_->ensure_network(network))) << damage;
    EXPECT_EQ(snapshot(), intact) << damage;
    EXPECT_FALSE(must(datapath_->ensure_network(network))) << damage;
  }
}

TEST_F(BridgeDatapathTest, ensure_and_mend_disturb_no_packet) {
  const auto network = vlan_network(100);
  must(datapath_->ensure_network(network));
  const auto one = container(network, 2);
  const auto two = container(network, 3);
  std::string output;
  std::thread stream(
      [&] { output = one.run({"ping", "-n", "-i", "0.005", "-c", "100", "-W", "1", "172.16.100.3"}).second; });
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(must(datapath_->ensure_network(network)));
    must(datapath_->mend_port(network, port_spec(network, 2)));
    must(datapath_->add_port(network, port_spec(network, 4)));
    must(datapath_->remove_ports({port_spec(network, 4).host_name}));
  }
  stream.join();
  EXPECT_NE(output.find(" 0% packet loss"), std::string::npos) << output;
}

TEST_F(BridgeDatapathTest, restart_finds_everything_by_itself) {
  const auto network = vlan_network(100);
  must(datapath_->ensure_network(network));
  const auto one = container(network, 2);
  datapath_ = must(datapath::BridgeDatapath::open());
  EXPECT_FALSE(must(datapath_->ensure_network(network)));
  EXPECT_EQ(must(datapath_->list_networks()), std::vector<std::string>{"vlan100"});
  EXPECT_TRUE(must(datapath_->list_ports()).at(0).in_place);
}

TEST_F(BridgeDatapathTest, port_that_is_elsewhere_is_listed_with_where_it_is_and_where_it_belongs) {
  const auto network = vlan_network(100);
  must(datapath_->ensure_network(network));
  must(datapath_->add_port(network, port_spec(network, 2)));
  sh("ip link add theirs type bridge");
  const std::string name = port_spec(network, 2).host_name;
  for (const auto& [damage, place] : {std::pair{"ip link set " + name + " master theirs", "bridge theirs"},
                                      std::pair{"ip link set " + name + " nomaster", "no bridge"}}) {
    sh(damage);
    const auto port = must(datapath_->list_ports()).at(0);
    EXPECT_FALSE(port.in_place) << damage;
    EXPECT_EQ(port.place, place);
    EXPECT_EQ(port.wanted_place, "bridge bp-100");
  }
  must(datapath_->mend_port(network, port_spec(network, 2)));
  EXPECT_EQ(must(datapath_->list_ports()).at(0).place, "");
}

TEST_F(BridgeDatapathTest, port_whose_making_was_cut_short_is_listed_and_removed) {
  const auto network = vlan_network(100);
  must(datapath_->ensure_network(network));
  sh("ip link add bp0000dead master bp-100 type veth peer name bq0000dead");
  const auto ports = must(datapath_->list_ports());
  ASSERT_EQ(ports.size(), 1U);
  EXPECT_EQ(ports[0].network, "vlan100");
  EXPECT_FALSE(ports[0].in_place);
  must(datapath_->remove_ports({"bp0000dead"}));
  EXPECT_FALSE(exists("bp0000dead"));
}

TEST_F(BridgeDatapathTest, device_that_only_looks_like_ours_is_not_touched) {
  sh("ip link add bp-100 type bridge; ip link add bp0000beef type bridge; ip link set bp-100 alias mine");
  const auto before = snapshot();
  EXPECT_EQ(datapath_->ensure_network(vlan_network(100)).error().code, ErrorCode::conflict);
  EXPECT_EQ(datapath_->remove_ports({"bp0000beef"}).error().code, ErrorCode::conflict);
  must(datapath_->remove_network("vlan100"));
  EXPECT_TRUE(must(datapath_->list_networks()).empty());
  EXPECT_EQ(snapshot(), before);
}

TEST_F(BridgeDatapathTest, networks_whose_bridges_have_the_same_name_are_refused_by_name) {
  auto one = vlan_network(100);
  auto two = vlan_network(101);
  one.name = "lan";
  two.name = "other";
  two.vlan = 100;
  must(datapath_->ensure_network(one));
  const auto refused = datapath_->ensure_network(two);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().detail.find("is that of network lan already"), std::string::npos);
}

TEST_F(BridgeDatapathTest, frames_cross_the_uplink_and_it_is_given_back_as_it_was) {
  FakeContainer outside;
  sh("ip link add up0 mtu 1450 type veth peer name up1");
  outside.plug("up1", "172.16.5.200/24");
  auto network = vlan_network(5);
  network.name = "office";
  network.vlan.reset();
  network.uplink = "up0";
  const auto before = snapshot();
  must(datapath_->ensure_network(network));
  EXPECT_EQ(link("bp-office").mtu, 1450U) << "the uplink's, where none is configured";
  EXPECT_EQ(link("bp-office").mac->to_string(), "02:2a:ac:10:05:01");
  {
    const auto one = container(network, 2);
    EXPECT_TRUE(one.reaches("172.16.5.200"));
    EXPECT_TRUE(outside.reaches("172.16.5.2"));
    EXPECT_FALSE(must(datapath_->ensure_network(network)));
  }
  must(datapath_->remove_network("office"));
  EXPECT_EQ(snapshot(), before) << "it was down, and is";
  sh("ip link set up0 up");
  must(datapath_->ensure_network(network));
  must(datapath_->remove_network("office"));
  EXPECT_TRUE(link("up0").is_up()) << "it was up, and is";
}

TEST_F(BridgeDatapathTest, mtu_of_a_network_stands_against_its_uplink_s) {
  sh("ip link add up0 mtu 9000 type veth peer name up1 mtu 9000");
  auto network = vlan_network(5);
  network.vlan.reset();
  network.uplink = "up0";
  network.mtu = 1500;
  must(datapath_->ensure_network(network));
  EXPECT_EQ(link(datapath::bridge_name(network)).mtu, 1500U);
  must(datapath_->add_port(network, port_spec(network, 2)));
  EXPECT_EQ(link(port_spec(network, 2).peer_name).mtu, 1500U);
  EXPECT_FALSE(must(datapath_->ensure_network(network)));
}

TEST_F(BridgeDatapathTest, uplink_of_a_tagged_network_becomes_a_vlan_device) {
  sh("ip link add up0 type veth peer name up1; ip link set up0 addrgenmode none; ip link set up1 addrgenmode none up");
  auto network = vlan_network(100);
  network.uplink = "up0";
  const auto before = snapshot();
  const auto made = datapath_->ensure_network(network);
  if (!made.ok()) {
    EXPECT_EQ(made.error().code, ErrorCode::unsupported);
    EXPECT_NE(made.error().detail.find("8021q"), std::string::npos) << made.error().message();
    EXPECT_EQ(snapshot(), before) << "nothing half made";
    GTEST_SKIP() << "this kernel has no 802.1Q: only the refusal was tested";
  }
  EXPECT_EQ(link("up0.100").master, link("bp-100").index);
  EXPECT_TRUE(link("up0").is_up());
  must(datapath_->remove_network("vlan100"));
  EXPECT_EQ(snapshot(), before);
  sh("ip addr add 192.0.2.1/24 dev up0");
  must(datapath_->ensure_network(network));
  must(datapath_->remove_network("vlan100"));
  EXPECT_TRUE(link("up0").is_up()) << "the host has an address on it";
}

// The kernel at hand may have no VLAN devices: a macvlan on the uplink, as a port of the bridge and with the alias of
// one, stands in.
class UplinkThatWasDown : public BridgeDatapathTest {
 protected:
  void SetUp() override {
    BridgeDatapathTest::SetUp();
    if (IsSkipped()) return;
    sh("ip link add up0 type veth peer name up1; ip link set up1 up; ip link set up0 up");
    stand_in(100, " (up0 was down)");
  }
  void stand_in(std::uint16_t tag, const std::string& note) {
    must(datapath_->ensure_network(vlan_network(tag)));
    sh(
        fmt::format("ip link add link up0 name up0.{0} type macvlan; ip link set up0.{0} master bp-{0} up;"
                    "ip link set up0.{0} alias 'bayplan vlan{0}{1}'",
                    tag, note));
  }
};

TEST_F(UplinkThatWasDown, is_put_down_again) {
  must(datapath_->remove_network("vlan100"));
  EXPECT_FALSE(link("up0").is_up());
  EXPECT_FALSE(exists("up0.100"));
}

TEST_F(UplinkThatWasDown, stays_up_when_the_host_has_an_address_on_it_by_now) {
  sh("ip addr add 192.0.2.1/24 dev up0");
  must(datapath_->remove_network("vlan100"));
  EXPECT_TRUE(link("up0").is_up());
  EXPECT_FALSE(exists("up0.100"));
}

TEST_F(UplinkThatWasDown, is_put_down_by_the_last_network_on_it) {
  stand_in(300, "");
  must(datapath_->remove_network("vlan100"));
  EXPECT_TRUE(link("up0").is_up());
  EXPECT_EQ(link("up0.300").alias, "bayplan vlan300 (up0 was down)");
  must(datapath_->remove_network("vlan300"));
  EXPECT_FALSE(link("up0").is_up());
}

TEST_F(UplinkThatWasDown, network_whose_bridge_somebody_deleted_is_listed_and_removed) {
  // Off its bridge a macvlan would be one of the datapath of that name.
  sh("ip link delete bp-100; ip link delete up0.100; ip link add link up0 name up0.100 type macvtap;"
     "ip link set up0.100 alias 'bayplan vlan100 (up0 was down)'");
  EXPECT_EQ(must(datapath_->list_networks()), std::vector<std::string>{"vlan100"});
  must(datapath_->remove_network("vlan100"));
  EXPECT_FALSE(exists("up0.100"));
  EXPECT_FALSE(link("up0").is_up());
  EXPECT_TRUE(must(datapath_->list_networks()).empty());
}

TEST_F(BridgeDatapathTest, lost_route_is_mended_under_a_route_that_leads_nowhere) {
  const auto network = vlan_network(100);
  must(datapath_->ensure_network(network));
  for (const std::string type : {"blackhole", "prohibit", "unreachable", "throw"}) {
    sh("ip route add " + type + " 172.16.0.0/12; ip route del 172.16.100.0/24 dev bp-100");
    EXPECT_TRUE(must(datapath_->ensure_network(network))) << type;
    EXPECT_NE(sh("ip route show 172.16.100.0/24").find("dev bp-100"), std::string::npos) << type;
    EXPECT_FALSE(must(datapath_->ensure_network(network))) << type;
    sh("ip route del " + type + " 172.16.0.0/12");
  }
}

// The announcements of an address that arrive at an interface, until `count` came or two seconds passed.
class Arrivals {
 public:
  explicit Arrivals(const kernel::NetworkNamespace& where)
      : socket_(must(where.run<UniqueFd>([]() -> Result<UniqueFd> {
          return UniqueFd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ARP)));
        }))) {}
  std::vector<std::string> wait(std::size_t count) const {
    std::vector<std::string> seen;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    while (seen.size() < count && std::chrono::steady_clock::now() < deadline) {
      pollfd ready{socket_.get(), POLLIN, 0};
      if (poll(&ready, 1, 100) != 1) continue;
      std::array<std::uint8_t, 64> frame{};
      if (recv(socket_.get(), frame.data(), frame.size(), 0) < 42) continue;
      const bool announces = std::equal(frame.begin() + 28, frame.begin() + 32, frame.begin() + 38);
      if (!announces) continue;
      model::MacAddress from;
      model::MacAddress told;
      std::copy_n(frame.begin() + 6, 6, from.bytes.begin());
      std::copy_n(frame.begin() + 22, 6, told.bytes.begin());
      seen.push_back(from.to_string() + " " + told.to_string() + " " +
                     must(model::IpAddress::from_bytes(std::span(frame).subspan(28, 4))).to_string());
    }
    return seen;
  }

 private:
  UniqueFd socket_;
};

TEST_F(BridgeDatapathTest, address_is_announced_three_times_to_neighbours_and_the_uplink) {
  FakeContainer outside;
  sh("ip link add up0 type veth peer name up1");
  outside.plug("up1", "172.16.5.200/24");
  auto network = vlan_network(5);
  network.vlan.reset();
  network.uplink = "up0";
  must(datapath_->ensure_network(network));
  const auto neighbour = container(network, 3);
  const Arrivals at_uplink(outside.network());
  const Arrivals at_neighbour(neighbour.network());
  const auto mac = port_spec(network, 2).mac;
  const auto start = std::chrono::steady_clock::now();
  must(datapath_->announce(network, *network.subnet.base().plus(2), mac));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(40)) << "does not block";
  const std::vector<std::string> wanted(3, mac.to_string() + " " + mac.to_string() + " 172.16.5.2");
  EXPECT_EQ(at_uplink.wait(3), wanted);
  EXPECT_EQ(at_neighbour.wait(3), wanted);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(100)) << "50 ms apart here";
}

TEST_F(BridgeDatapathTest, without_rights_every_change_is_denied_and_nothing_is_done) {
  const auto network = vlan_network(100);
  must(datapath_->ensure_network(network));
  const auto before = snapshot();
  std::thread([&] {
    // Of this thread only: without capabilities, root is nobody.
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> none{};
    ASSERT_EQ(syscall(SYS_capset, &header, none.data()), 0);
    EXPECT_EQ(datapath::BridgeDatapath::open().error().code, ErrorCode::denied);
    EXPECT_EQ(datapath_->ensure_network(vlan_network(300)).error().code, ErrorCode::denied);
    EXPECT_EQ(datapath_->add_port(network, port_spec(network, 2)).error().code, ErrorCode::denied);
    EXPECT_EQ(datapath_->remove_network("vlan100").error().code, ErrorCode::denied);
  }).join();
  EXPECT_EQ(snapshot(), before);
}

}  // namespace
}  // namespace bayplan::test
