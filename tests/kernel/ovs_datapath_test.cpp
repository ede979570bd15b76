// The Open vSwitch datapath beyond the contract: frames, drift of every kind, and Open vSwitch being away.
#include "datapath/ovs/ovs_datapath.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>

#include "datapath/bridge/bridge_datapath.hpp"
#include "datapath/router/router.hpp"
#include "support/networks.hpp"
#include "support/ovsdb_server.hpp"
#include "support/private_network.hpp"
#include "support/private_ovs.hpp"

namespace bayplan::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Hears what arrives at a link.
class Listener {
 public:
  explicit Listener(const std::string& link) : fd_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL))) {
    sockaddr_ll name{};
    name.sll_family = AF_PACKET;
    name.sll_protocol = htons(ETH_P_ALL);
    name.sll_ifindex = static_cast<int>(if_nametoindex(link.c_str()));
    const int on = 1;
    const timeval bound{10, 0};
    ::setsockopt(fd_.get(), SOL_PACKET, PACKET_AUXDATA, &on, sizeof on);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) throw std::runtime_error("bind");
  }
  // The VLAN tag of the next ARP frame (the kernel takes it out of the frame); -1 when none comes, 0 without a tag.
  [[nodiscard]] int tag_of_next_arp() const {
    while (true) {
      ether_header frame{};
      alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(tpacket_auxdata))> control{};
      iovec data{&frame, sizeof frame};
      msghdr message{nullptr, 0, &data, 1, control.data(), control.size(), 0};
      if (::recvmsg(fd_.get(), &message, 0) < 0) return -1;
      if (frame.ether_type != htons(ETHERTYPE_ARP)) continue;
      const cmsghdr* header = CMSG_FIRSTHDR(&message);
      tpacket_auxdata about{};
      if (header != nullptr) std::memcpy(&about, CMSG_DATA(header), sizeof about);
      return about.tp_vlan_tci;
    }
  }

 private:
  UniqueFd fd_;
};

class OvsDatapathTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root, for network namespaces";
    network_space_ = std::make_unique<PrivateNetwork>();
    ovs_ = std::make_unique<PrivateOvs>();
    datapath_ = must(datapath::OvsDatapath::open({ovs_->socket(), "ovs2", datapath::OvsKind::automatic}));
  }
  void plug(const model::Network& network, unsigned n, FakeContainer& container) {
    const auto port = port_spec(network, n);
    must(datapath_->add_port(network, port));
    container.plug(port.peer_name, nth_address(network, n) + "/24", nth_address(network, 1));
  }
  template <typename Result>
  static std::string error_of(const Result& result) {
    return result.ok() ? "no error" : result.error().message();
  }

  std::unique_ptr<PrivateNetwork> network_space_;
  std::unique_ptr<PrivateOvs> ovs_;
  std::unique_ptr<datapath::OvsDatapath> datapath_;
  const model::Network one_ = vlan_network(100);
  const model::Network two_ = vlan_network(300);
};

TEST_F(OvsDatapathTest, neighbours_and_gateway_are_reached_and_the_other_vlan_is_not) {
  FakeContainer a, b, other;
  must(datapath_->ensure_network(one_));
  must(datapath_->ensure_network(two_));
  plug(one_, 2, a);
  plug(one_, 3, b);
  plug(two_, 2, other);
  EXPECT_TRUE(a.reaches(nth_address(one_, 3)));
  EXPECT_TRUE(b.reaches(nth_address(one_, 1)));
  EXPECT_TRUE(other.reaches(nth_address(two_, 1)));
  // On layer 2, whatever the host would route: the other's address in the own subnet.
  other.must_sh("ip addr add 172.16.100.99/24 dev eth0");
  EXPECT_TRUE(a.is_cut_off_from("172.16.100.99"));
  EXPECT_TRUE(other.is_cut_off_from(nth_address(one_, 2)));
}

TEST_F(OvsDatapathTest, drift_of_every_kind_is_mended_and_what_others_wrote_stays) {
  must(datapath_->ensure_network(one_));
  ovs_->ctl("set port vlan100 external_ids:theirs=kept");
  for (const std::string damage :
       {"set port vlan100 tag=7", "clear port vlan100 tag", "set port vlan100 vlan_mode=trunk",
        "set port vlan100 trunks=1,2", "remove port vlan100 external_ids bayplan-network",
        "set interface vlan100 mtu_request=1200", R"(set interface vlan100 'mac="02:00:00:00:00:77"')"}) {
    ovs_->ctl(damage);
    EXPECT_TRUE(must(datapath_->ensure_network(one_))) << damage;
    EXPECT_FALSE(must(datapath_->ensure_network(one_))) << damage;
    EXPECT_THAT(ovs_->ctl("get port vlan100 external_ids"), HasSubstr("theirs=kept")) << damage;
  }
  for (const std::string damage : {"ip addr flush dev vlan100", "ip link set vlan100 down", "ip link delete vlan100"}) {
    // With the kernel's module only Open vSwitch can delete an internal port.
    if (damage.find("delete") != std::string::npos && ovs_->ctl("get bridge ovs2 datapath_type") != "netdev\n")
      continue;
    sh(damage);
    EXPECT_TRUE(must(datapath_->ensure_network(one_))) << damage;
    EXPECT_FALSE(must(datapath_->ensure_network(one_))) << damage;
    EXPECT_THAT(sh("ip addr show dev vlan100"), HasSubstr("172.16.100.1/24")) << damage;
  }
}

TEST_F(OvsDatapathTest, port_that_is_elsewhere_is_listed_with_where_it_is_and_where_it_belongs) {
  must(datapath_->ensure_network(one_));
  must(datapath_->ensure_network(two_));
  must(datapath_->add_port(one_, port_spec(one_, 2)));
  const std::string name = port_spec(one_, 2).host_name;
  const auto place = [&] {
    const auto port = must(datapath_->list_ports()).at(0);
    return fmt::format("{}, {}, {}", port.in_place, port.place, port.wanted_place);
  };
  EXPECT_EQ(place(), "true, , ");
  for (const auto& [damage, said] : {std::pair{"set port " + name + " tag=7", "false, tag 7, tag 100"},
                                     std::pair{"set port " + name + " tag=300", "false, tag 300, tag 100"},
                                     std::pair{"clear port " + name + " tag", "false, no tag, tag 100"},
                                     std::pair{"set port " + name + " trunks=1,2", "false, trunks 1 2, tag 100"},
                                     std::pair{"del-port " + name, "false, no bridge, bridge ovs2"}}) {
    ovs_->ctl(damage);
    EXPECT_EQ(place(), said) << damage;
    must(datapath_->mend_port(one_, port_spec(one_, 2)));
    EXPECT_EQ(place(), "true, , ") << damage;
  }
}

TEST_F(OvsDatapathTest, rows_of_links_that_are_gone_are_dropped_with_the_next_look) {
  must(datapath_->ensure_network(one_));
  must(datapath_->add_port(one_, port_spec(one_, 2)));
  sh("ip link delete " + port_spec(one_, 2).host_name);
  EXPECT_TRUE(must(datapath_->ensure_network(one_)));
  EXPECT_THAT(ovs_->ctl("list-ports ovs2"), Not(HasSubstr("bp")));
  EXPECT_FALSE(must(datapath_->ensure_network(one_)));
}

TEST_F(OvsDatapathTest, last_network_takes_the_bridge_unless_it_is_or_carries_somebody_s) {
  must(datapath_->ensure_network(one_));
  must(datapath_->remove_network(one_.name));
  EXPECT_EQ(ovs_->ctl("list-br"), "");
  must(datapath_->ensure_network(one_));
  ovs_->ctl("add-port ovs2 theirs -- set interface theirs type=internal");
  must(datapath_->remove_network(one_.name));
  EXPECT_EQ(ovs_->ctl("list-ports ovs2"), "theirs\n");
}

TEST_F(OvsDatapathTest, foreign_port_of_the_gateway_s_name_is_left_alone) {
  ovs_->ctl(
      "add-br ovs2 -- set bridge ovs2 datapath_type=netdev -- add-port ovs2 vlan100 -- set interface vlan100 "
      "type=internal");
  EXPECT_THAT(error_of(datapath_->ensure_network(one_)), HasSubstr("not Bayplan's"));
  must(datapath_->remove_network(one_.name));
  EXPECT_EQ(ovs_->ctl("list-ports ovs2"), "vlan100\n");
}

TEST_F(OvsDatapathTest, uplink_that_was_down_is_down_again_and_announcements_leave_by_it_with_the_tag) {
  sh("ip link add up0 type veth peer name far0");
  auto network = one_;
  network.uplink = "up0";
  must(datapath_->ensure_network(network));
  EXPECT_THAT(sh("ip -br link show up0"), HasSubstr(",UP"));
  EXPECT_EQ(ovs_->ctl("get port up0 trunks"), "[100]\n");
  sh("ip link set far0 up");
  const Listener listener("far0");
  must(datapath_->announce(network, *network.subnet.base().plus(2), port_spec(network, 2).mac));
  EXPECT_EQ(listener.tag_of_next_arp(), 100);
  must(datapath_->remove_network(network.name));
  EXPECT_THAT(sh("ip -br link show up0"), Not(HasSubstr(",UP")));
}

TEST_F(OvsDatapathTest, without_vswitchd_a_port_is_refused_within_a_bound_and_leaves_nothing) {
  must(datapath_->ensure_network(one_));
  ovs_->kill_switch();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(error_of(datapath_->add_port(one_, port_spec(one_, 2))), HasSubstr("ovs-vswitchd"));
  const auto first = std::chrono::steady_clock::now() - start;
  EXPECT_THAT(error_of(datapath_->add_port(one_, port_spec(one_, 3))), HasSubstr("ovs-vswitchd"));
  const auto second = std::chrono::steady_clock::now() - start - first;
  EXPECT_LT(first, std::chrono::seconds(15));
  EXPECT_LT(second, first) << "known to be away";
  EXPECT_THAT(must(datapath_->list_ports()), IsEmpty());
  EXPECT_THAT(ovs_->ctl("--no-wait list-ports ovs2"), Not(HasSubstr("bp")));
  ovs_->start_switch();
  ovs_->ctl("set bridge ovs2 external_ids:restarted=yes");  // comes back when that is carried out
  must(datapath_->ensure_network(one_));
  must(datapath_->add_port(one_, port_spec(one_, 2)));
}

TEST_F(OvsDatapathTest, without_the_database_ports_are_listed_and_removed_and_nothing_is_made) {
  must(datapath_->ensure_network(one_));
  must(datapath_->add_port(one_, port_spec(one_, 2)));
  must(datapath_->add_port(one_, port_spec(one_, 3)));
  ovs_->kill_database();
  EXPECT_THAT(must(datapath_->list_networks()), ElementsAre("vlan100"));
  const auto ports = must(datapath_->list_ports());
  ASSERT_EQ(ports.size(), 2U);
  EXPECT_TRUE(ports[0].in_place && ports[1].in_place);
  EXPECT_THAT(error_of(datapath_->ensure_network(one_)), HasSubstr("ovsdb-server"));
  EXPECT_THAT(error_of(datapath_->check_reachable()), HasSubstr("ovsdb-server"));
  must(datapath_->remove_ports({port_spec(one_, 2).host_name}));
  ovs_->start_database();
  must(datapath_->ensure_network(one_));
  EXPECT_THAT(ovs_->ctl("list-ports ovs2"), Not(HasSubstr(port_spec(one_, 2).host_name)));
  EXPECT_THAT(ovs_->ctl("list-ports ovs2"), HasSubstr(port_spec(one_, 3).host_name));
}

TEST_F(OvsDatapathTest, database_that_hangs_holds_up_other_networks_once_and_is_used_when_it_is_back) {
  const auto bridge = must(datapath::BridgeDatapath::open());
  auto bridged = vlan_network(200);
  bridged.datapath = model::DatapathKind::bridge;
  auto switched = one_;
  switched.datapath = model::DatapathKind::ovs;
  datapath::Router router({{model::DatapathKind::bridge, bridge.get()}, {model::DatapathKind::ovs, datapath_.get()}});
  must(router.ensure_network(switched));
  must(router.add_port(switched, port_spec(switched, 2)));
  ovs_->signal_database(SIGSTOP);
  const auto start = std::chrono::steady_clock::now();
  for (int pass = 0; pass < 5; ++pass) {
    EXPECT_TRUE(router.list_networks().ok());
    EXPECT_TRUE(router.list_ports().ok());
    const auto ensured = router.ensure_networks({switched, bridged});
    EXPECT_THAT(error_of(ensured[0]), HasSubstr("ovsdb-server"));
    EXPECT_TRUE(ensured[1].ok());
    must(router.add_port(bridged, port_spec(bridged, 2)));
    must(router.remove_ports({port_spec(bridged, 2).host_name}));
    EXPECT_FALSE(router.inspect_network(switched).ok());
  }
  must(router.remove_ports({port_spec(switched, 2).host_name}));
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_LT(took, std::chrono::seconds(3)) << "one wait of 5 s for the database is too long";
  RecordProperty("milliseconds", static_cast<int>(took / std::chrono::milliseconds(1)));
  ovs_->signal_database(SIGCONT);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!router.ensure_network(switched).ok() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  must(router.add_port(switched, port_spec(switched, 3)));
  EXPECT_THAT(ovs_->ctl("list-ports ovs2"), Not(HasSubstr(port_spec(switched, 2).host_name)));
}

TEST_F(OvsDatapathTest, removal_of_others_ports_does_not_ask_the_database) {
  must(datapath_->ensure_network(one_));
  must(datapath_->add_port(one_, port_spec(one_, 2)));
  ovs_->kill_database();
  const std::string own = port_spec(one_, 2).host_name;
  sh("ip link add bp0000beef type veth peer name far; ip link set bp0000beef alias 'bayplan vlan200 web'");
  EXPECT_THAT(must(datapath_->remove_own_ports({"bp0000beef", "bp0000dead", own})),
              ElementsAre("bp0000beef", "bp0000dead"));
  EXPECT_THAT(must(datapath_->list_ports()), IsEmpty());
}

TEST_F(OvsDatapathTest, many_networks_are_made_and_looked_at_together_as_each_alone) {
  sh("ip link add up0 type veth peer name far0");
  auto one = one_;
  auto two = two_;
  one.uplink = two.uplink = "up0";
  auto untagged = vlan_network(7);
  untagged.vlan.reset();
  const std::vector<model::Network> all{one, untagged, two};
  const auto results = [&] {
    std::string said;
    for (const auto& result : datapath_->ensure_networks(all))
      said += !result.ok() ? "error " : *result ? "made " : "intact ";
    return said;
  };
  EXPECT_EQ(results(), "made error made ");
  EXPECT_EQ(ovs_->ctl("get port up0 trunks"), "[100, 300]\n") << "the second saw what the first had made";
  EXPECT_EQ(results(), "intact error intact ");
  ovs_->ctl("set port vlan300 tag=7");
  const auto faults = datapath_->inspect_networks(all);
  EXPECT_THAT(must(faults[0]), IsEmpty());
  EXPECT_EQ(must(faults[1]).at(0).what, ports::NetworkFault::What::blocked);
  EXPECT_EQ(must(faults[2]).at(0).found, "tag 7");
  EXPECT_EQ(results(), "intact error made ");
}

// A database that answers signs of life, and everything else with the same.
void answer_all_with(OvsdbPeer& peer, const std::string& bytes) {
  for (auto text = peer.read(); !text.empty(); text = peer.read()) {
    peer.say(text.find("\"echo\"") != std::string::npos ? kOvsdbAlive : bytes);
  }
}

TEST_F(OvsDatapathTest, database_that_is_wrong_in_any_way_keeps_no_listing_from_being_made) {
  must(datapath_->ensure_network(one_));
  must(datapath_->add_port(one_, port_spec(one_, 2)));
  const auto result = [](int id, const std::string& what) {
    return fmt::format(R"({{"id":{},"error":null,"result":{}}})", id, what);
  };
  const std::string no_rows = R"([{"rows":[]},{"rows":[7]},{"rows":[]},{"rows":[]}])";
  const std::string denied = R"([{"error":"permission error"}])";
  const std::string unknown = R"([{"error":"unknown database"}])";
  for (const auto& [what, code] : {std::pair<std::string, std::string>{"nonsense", "corrupt"},
                                   {result(1, no_rows), "corrupt"},
                                   {result(1, denied), "denied"},
                                   {result(1, unknown), "kernel"}}) {
    // Each time by a client whose first transaction it is, as the answer's id wants it.
    const auto asked = [&](const auto& work) {
      OvsdbServer server({[&](OvsdbPeer& peer) { answer_all_with(peer, what); }});
      auto datapath = must(datapath::OvsDatapath::open({server.path(), "ovs2", datapath::OvsKind::automatic}));
      work(*datapath);
    };
    asked([&](auto& datapath) { EXPECT_THAT(must(datapath.list_networks()), ElementsAre("vlan100")) << what; });
    asked([&](auto& datapath) { EXPECT_TRUE(must(datapath.list_ports()).at(0).in_place) << what; });
    asked([&](auto& datapath) {
      EXPECT_EQ(to_string(datapath.ensure_network(one_).error().code), code) << "and it is said: " << what;
    });
  }
}

}  // namespace
}  // namespace bayplan::test
