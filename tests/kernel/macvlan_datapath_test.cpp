// The macvlan datapath against the kernel, with real frames: a veth pair is the wire, a namespace at its far end the
// router.
#include "datapath/macvlan/macvlan_datapath.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "datapath/common/names.hpp"
#include "datapath/inside/kernel_namespaces.hpp"
#include "support/networks.hpp"
#include "support/private_network.hpp"

namespace bayplan::test {
namespace {

using ports::Drift;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// 172.16.100.0/24 on wire100, whose router has .1; the host has .254.
model::Network wired(std::uint16_t number) {
  auto network = vlan_network(number);
  network.vlan.reset();
  network.datapath = model::DatapathKind::macvlan;
  network.uplink = fmt::format("wire{}", number);
  network.host_address = *network.subnet.base().plus(254);
  network.nat = false;
  return network;
}

// snapshot(), but for what depends on the order in which things were made; nor does a device that is down tell the
// kernel's truth about its promiscuity.
std::string sorted_snapshot() {
  const auto text = std::regex_replace(snapshot(), std::regex(" promiscuity [0-9]+"), "");
  std::vector<std::string> lines;
  std::istringstream rest(text);
  for (std::string line; std::getline(rest, line);) lines.push_back(line);
  std::ranges::sort(lines);
  return fmt::format("{}", fmt::join(lines, "\n"));
}

class MacvlanDatapathTest : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_ROOT();
    host_.emplace();
    datapath_ = must(datapath::MacvlanDatapath::open(std::chrono::milliseconds(50)));
    netlink_.emplace(must(kernel::NetlinkSocket::open()));
  }
  // The wire, and the router at its other end.
  FakeContainer wire(const model::Network& network) {
    sh(fmt::format("ip link add {0} type veth peer name far; ip link set {0} up", network.uplink));
    FakeContainer router;
    router.plug("far", network.gateway.to_string() + "/24");
    return router;
  }
  // A port with a container behind it.
  FakeContainer container(const model::Network& network, unsigned n) {
    const auto port = port_spec(network, n);
    must(datapath_->add_port(network, port));
    FakeContainer made;
    made.plug(port.peer_name, nth_address(network, n) + "/24", network.gateway.to_string());
    return made;
  }
  static bool host_reaches(const std::string& address) {
    return run({"ping", "-n", "-c", "1", "-w", "10", address}).first == 0;
  }
  kernel::Link link(const std::string& name) {
    const auto found = must(netlink_->find_link(name));
    if (!found) throw std::runtime_error("no link " + name);
    return *found;
  }
  bool exists(const std::string& name) { return must(netlink_->find_link(name)).has_value(); }
  template <typename T>
  static void expect_error(ErrorCode code, const Result<T>& result, const std::string& saying) {
    ASSERT_FALSE(result.ok()) << saying;
    EXPECT_EQ(to_string(result.error().code), to_string(code)) << result.error().message();
    EXPECT_THAT(result.error().message(), HasSubstr(saying));
  }
  std::vector<std::string> port_names() {
    std::vector<std::string> names;
    for (const auto& port : must(datapath_->list_ports())) names.push_back(port.host_name);
    return names;
  }

  std::optional<PrivateNetwork> host_;  // first: the others live in it
  std::unique_ptr<datapath::MacvlanDatapath> datapath_;
  std::optional<kernel::NetlinkSocket> netlink_;
  const model::Network network_ = wired(100);
  const std::string shim_ = datapath::bridge_name(network_);
};

TEST_F(MacvlanDatapathTest, containers_the_host_and_the_router_on_the_wire_reach_each_other) {
  const auto router = wire(network_);
  EXPECT_TRUE(must(datapath_->ensure_network(network_)));
  const auto one = container(network_, 2);
  const auto two = container(network_, 3);
  EXPECT_TRUE(one.reaches("172.16.100.3"));
  EXPECT_TRUE(two.reaches("172.16.100.2"));
  EXPECT_TRUE(one.reaches("172.16.100.1")) << "the router";
  EXPECT_TRUE(router.reaches("172.16.100.2"));
  EXPECT_TRUE(one.reaches("172.16.100.254")) << "the host";
  EXPECT_TRUE(host_reaches("172.16.100.2"));
  EXPECT_TRUE(host_reaches("172.16.100.1"));
}

TEST_F(MacvlanDatapathTest, host_with_an_address_on_the_wire_and_its_containers_reach_each_other_by_that) {
  const auto router = wire(network_);
  auto network = network_;
  network.host_address.reset();
  sh("ip addr add 172.16.100.10/24 dev wire100");
  must(datapath_->ensure_network(network));
  EXPECT_FALSE(must(datapath_->ensure_network(network)));
  const auto one = container(network, 2);
  EXPECT_FALSE(must(datapath_->ensure_network(network)));
  EXPECT_TRUE(one.reaches("172.16.100.10"));
  EXPECT_TRUE(host_reaches("172.16.100.2"));
  EXPECT_THAT(sh("ip route get 172.16.100.2"), HasSubstr("dev " + shim_ + " src 172.16.100.10"));
  EXPECT_THAT(sh("ip route get 172.16.100.1"), HasSubstr("dev wire100 src 172.16.100.10"));
  EXPECT_TRUE(router.reaches("172.16.100.10"));
  EXPECT_TRUE(one.reaches("172.16.100.1"));
  EXPECT_THAT(router.must_sh("ip neigh show 172.16.100.10"), HasSubstr(link("wire100").mac->to_string()))
      << "only the parent answers the wire for the host's address";
  EXPECT_EQ(sh("ip -4 addr show dev " + shim_), "") << "the shim has none of its own";
  must(datapath_->remove_ports({port_spec(network, 2).host_name}));
  EXPECT_EQ(sh("ip route show dev " + shim_), "");
  EXPECT_TRUE(router.reaches("172.16.100.10"));
}

TEST_F(MacvlanDatapathTest, host_that_gets_an_address_on_the_wire_or_loses_it_is_followed) {
  const auto router = wire(network_);
  must(datapath_->ensure_network(network_));
  const auto one = container(network_, 2);
  EXPECT_TRUE(one.reaches("172.16.100.254"));
  sh("ip addr add 172.16.100.10/24 dev wire100");
  EXPECT_TRUE(must(datapath_->ensure_network(network_)));
  EXPECT_FALSE(must(datapath_->ensure_network(network_)));
  EXPECT_TRUE(one.reaches("172.16.100.10"));
  EXPECT_THAT(sh("ip route get 172.16.100.2"), HasSubstr("dev " + shim_ + " src 172.16.100.10"));
  sh("ip addr flush dev wire100");
  EXPECT_TRUE(must(datapath_->ensure_network(network_)));
  EXPECT_TRUE(host_reaches("172.16.100.2"));
  EXPECT_TRUE(one.reaches("172.16.100.254"));
  EXPECT_FALSE(must(datapath_->ensure_network(network_)));
}

TEST_F(MacvlanDatapathTest, networks_on_two_wires_do_not_reach_each_other) {
  const auto other_network = wired(300);
  const auto router = wire(network_);
  const auto other_router = wire(other_network);
  must(datapath_->ensure_network(network_));
  must(datapath_->ensure_network(other_network));
  const auto one = container(network_, 2);
  const auto other = container(other_network, 2);
  EXPECT_TRUE(one.reaches("172.16.100.1"));
  EXPECT_TRUE(other.reaches("172.16.44.1"));
  EXPECT_TRUE(one.is_cut_off_from("172.16.44.2"));
  EXPECT_TRUE(other.is_cut_off_from("172.16.100.2"));
  // As if they were on one wire.
  one.must_sh("ip addr add 172.16.44.99/24 dev eth0");
  other.must_sh("ip addr add 172.16.100.99/24 dev eth0");
  EXPECT_TRUE(one.is_cut_off_from("172.16.44.2"));
  EXPECT_TRUE(other.is_cut_off_from("172.16.100.2"));
  EXPECT_TRUE(other_router.is_cut_off_from("172.16.100.2"));
}

TEST_F(MacvlanDatapathTest, devices_are_as_configured) {
  const auto router = wire(network_);
  auto network = network_;
  network.mtu = 1400;
  must(datapath_->ensure_network(network));
  must(datapath_->add_port(network, port_spec(network, 2)));
  EXPECT_EQ(link(shim_).alias, "bayplan vlan100");
  EXPECT_EQ(link(shim_).mtu, 1400U);
  EXPECT_EQ(link(shim_).mac->to_string(), "02:2a:ac:10:64:fe");
  const auto port = link(port_spec(network, 2).peer_name);
  EXPECT_EQ(port.index, link(port_spec(network, 2).host_name).index) << "its second name";
  EXPECT_EQ(port.alias, "bayplan vlan100 test2");
  EXPECT_EQ(port.mtu, 1400U);
  EXPECT_EQ(port.mac, port_spec(network, 2).mac);
  EXPECT_EQ(port.group, 0U);
}

TEST_F(MacvlanDatapathTest, half_made_or_damaged_shim_is_mended) {
  const auto router = wire(network_);
  must(datapath_->ensure_network(network_));
  const auto one = container(network_, 2);
  const auto intact = sorted_snapshot();
  for (const std::string damage :
       {"ip addr flush dev {}", "ip link set {} down", "ip link set {} mtu 1300",
        "ip link set {} address 02:00:00:00:00:01", "ip link set {} alias '' group 1651507455",
        "ip link set {} alias ''", "ip route del 172.16.100.0/24 dev {}",
        "ip addr flush dev {0}; ip link set {0} down alias '' group 1651507455", "ip link set wire100 down"}) {
    sh(fmt::format(fmt::runtime(damage), shim_));
    EXPECT_NE(sorted_snapshot(), intact) << damage << " does no damage";
    EXPECT_TRUE(must(datapath_->ensure_network(network_))) << damage;
    EXPECT_EQ(sorted_snapshot(), intact) << damage;
    EXPECT_FALSE(must(datapath_->ensure_network(network_))) << damage;
  }
  for (const std::string& damage :
       {"ip link del " + shim_, "echo 0 > /proc/sys/net/ipv4/conf/" + shim_ + "/arp_filter"}) {
    sh(damage);
    EXPECT_TRUE(must(datapath_->ensure_network(network_))) << damage;
    EXPECT_FALSE(must(datapath_->ensure_network(network_))) << damage;
    EXPECT_TRUE(one.reaches("172.16.100.254")) << damage;
  }
  EXPECT_THAT(port_names(), ElementsAre(port_spec(network_, 2).host_name));
}

TEST_F(MacvlanDatapathTest, removed_network_leaves_nothing_in_containers_either) {
  const auto router = wire(network_);
  sh("ip link set wire100 down");
  const auto before = sorted_snapshot();
  must(datapath_->ensure_network(network_));
  const auto one = container(network_, 2);
  must(datapath_->add_port(network_, port_spec(network_, 3)));
  EXPECT_TRUE(one.reaches("172.16.100.1"));
  must(datapath_->remove_network("vlan100"));
  EXPECT_EQ(sorted_snapshot(), before) << "the wire is down again, too";
  EXPECT_THAT(one.must_sh("ip -o link"), Not(HasSubstr("eth0")));
  EXPECT_THAT(port_names(), IsEmpty());
  must(datapath_->remove_network("vlan100"));
}

// Docker does so when a container leaves.
TEST_F(MacvlanDatapathTest, port_that_was_moved_back_is_found_and_removed) {
  const auto router = wire(network_);
  must(datapath_->ensure_network(network_));
  const auto one = container(network_, 2);
  const auto here = must(kernel::NetworkNamespace::of_this_thread());
  must(one.network().run<void>([&]() -> Result<> {
    auto inside = TRY(kernel::NetlinkSocket::open());
    const auto port = TRY(inside.find_link("eth0"));
    return inside.change_link(port->index, {.up = false, .namespace_fd = here.fd()});
  }));
  EXPECT_TRUE(exists(port_spec(network_, 2).host_name));
  EXPECT_THAT(port_names(), ElementsAre(port_spec(network_, 2).host_name));
  must(datapath_->remove_ports({port_spec(network_, 2).host_name}));
  EXPECT_THAT(port_names(), IsEmpty());
}

TEST_F(MacvlanDatapathTest, ports_are_taken_out_of_containers_alone_and_many_at_once) {
  const auto router = wire(network_);
  must(datapath_->ensure_network(network_));
  std::vector<FakeContainer> containers;
  std::vector<std::string> names;
  for (unsigned n = 2; n < 9; ++n) {
    containers.push_back(container(network_, n));
    names.push_back(port_spec(network_, n).host_name);
  }
  EXPECT_THAT(must(datapath_->remove_own_ports({"bp0000dead", names.front()})), ElementsAre("bp0000dead"));
  EXPECT_EQ(port_names().size(), names.size() - 1);
  EXPECT_THAT(containers.front().must_sh("ip -o link"), Not(HasSubstr("eth0")));
  names.emplace_back("bp0000dead");
  must(datapath_->remove_ports(names));
  EXPECT_THAT(port_names(), IsEmpty());
  EXPECT_THAT(containers.back().must_sh("ip -o link"), Not(HasSubstr("eth0")));
}

TEST_F(MacvlanDatapathTest, port_goes_with_its_namespace_and_its_route_with_the_next_look) {
  const auto router = wire(network_);
  sh("ip addr add 172.16.100.10/24 dev wire100");
  must(datapath_->ensure_network(network_));
  {
    const auto one = container(network_, 2);
    EXPECT_TRUE(one.reaches("172.16.100.10"));
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!port_names().empty() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_THAT(port_names(), IsEmpty());
  EXPECT_TRUE(must(datapath_->ensure_network(network_)));
  EXPECT_EQ(sh("ip route show dev " + shim_), "");
}

TEST_F(MacvlanDatapathTest, route_to_a_container_that_somebody_took_or_turned_is_told_and_put_back) {
  const auto router = wire(network_);
  sh("ip addr add 172.16.100.10/24 dev wire100; ip addr add 172.16.100.11/24 dev wire100");
  must(datapath_->ensure_network(network_));
  const auto one = container(network_, 2);
  const auto two = container(network_, 3);
  EXPECT_THAT(must(datapath_->inspect_network(network_)), IsEmpty());
  const std::string way = "172.16.100.2 dev " + shim_;
  for (const auto& [damage, found] :
       {std::pair{"ip route del " + way, ""},
        std::pair{"ip route replace " + way + " src 172.16.100.11", "source 172.16.100.11"}}) {
    sh(damage);
    EXPECT_THAT(must(datapath_->inspect_network(network_)),
                ElementsAre(ports::NetworkFault{ports::NetworkFault::What::route, shim_, found, "172.16.100.2/32"}))
        << damage;
    EXPECT_TRUE(must(datapath_->ensure_network(network_))) << damage;
    EXPECT_THAT(must(datapath_->inspect_network(network_)), IsEmpty()) << damage;
  }
  sh("ip route del " + way + "; ip route add 172.16.100.2 dev wire100");
  EXPECT_THAT(must(datapath_->inspect_network(network_)), IsEmpty()) << "elsewhere on purpose";
}

TEST_F(MacvlanDatapathTest, nobody_inside_draws_routes_or_takes_another_s_name) {
  const auto router = wire(network_);
  sh("ip addr add 172.16.100.10/24 dev wire100");
  must(datapath_->ensure_network(network_));
  const auto one = container(network_, 2);
  const auto two = container(network_, 3);
  one.must_sh("ip link set eth0 address " + model::mac_of(network_.mac_salt, network_.gateway).to_string());
  must(datapath_->ensure_network(network_));
  EXPECT_THAT(sh("ip route get 172.16.100.1"), HasSubstr("dev wire100"));
  one.must_sh(
      fmt::format("ip link add link eth0 name fake type macvlan mode bridge; ip link set fake alias 'bayplan "
                  "vlan100 test3'; ip link property add dev fake altname {}",
                  port_spec(network_, 3).host_name));
  EXPECT_EQ(port_names().size(), 2U);
}

TEST_F(MacvlanDatapathTest, parent_that_somebody_has_to_himself_is_refused_and_one_that_is_shared_is_not) {
  const auto router = wire(network_);
  sh("ip link add theirs type bridge; ip link set wire100 master theirs");
  expect_error(ErrorCode::conflict, datapath_->validate(network_), "wire100");
  expect_error(ErrorCode::conflict, datapath_->ensure_network(network_), "port of a bridge");
  sh("ip link set wire100 nomaster; ip link add link wire100 name alone type macvlan mode passthru");
  expect_error(ErrorCode::conflict, datapath_->validate(network_), "alone (macvlan)");
  // One inside a container is not seen before it is tried.
  FakeContainer theirs;
  must(netlink_->change_link(link("alone").index, {.namespace_fd = theirs.network().fd()}));
  EXPECT_FALSE(datapath_->ensure_network(network_).ok());
  EXPECT_FALSE(exists(shim_));
  theirs.must_sh("ip link del alone");
  sh("ip link add link wire100 name dockers type macvlan mode bridge");
  EXPECT_TRUE(must(datapath_->ensure_network(network_)));
  must(datapath_->remove_network("vlan100"));
  EXPECT_TRUE(exists("dockers"));
}

TEST_F(MacvlanDatapathTest, parent_that_can_t_be_one_is_named) {
  auto network = network_;
  expect_error(ErrorCode::not_found, datapath_->validate(network), "wire100");
  network.uplink = "eth0.50";
  expect_error(ErrorCode::not_found, datapath_->validate(network), "--uplink eth0 --vlan 50");
  network.uplink = "lo";
  expect_error(ErrorCode::invalid, datapath_->validate(network), "lo can't be the uplink");
  network.uplink.clear();
  expect_error(ErrorCode::invalid, datapath_->validate(network), "no uplink");
  const auto router = wire(network_);
  sh("ip link add link wire100 name mv type macvlan mode bridge; ip link add theirs type bridge");
  network.uplink = "mv";
  expect_error(ErrorCode::invalid, datapath_->validate(network), "mv can't be the uplink");
  network.uplink = "theirs";
  EXPECT_TRUE(must(datapath_->ensure_network(network))) << "a bridge of the host's leads outside, too";
}

TEST_F(MacvlanDatapathTest, network_with_a_tag_stands_on_a_vlan_device_or_is_refused_with_a_way_out) {
  const auto router = wire(network_);
  auto network = network_;
  network.vlan = 100;
  const auto before = sorted_snapshot();
  if (const auto made = datapath_->ensure_network(network); !made.ok()) {
    expect_error(ErrorCode::unsupported, made, "load the module 8021q, or leave out the tag");
    EXPECT_EQ(sorted_snapshot(), before) << "nothing half made";
    GTEST_SKIP() << "this kernel has no 802.1Q: only the refusal was tested";
  }
  EXPECT_EQ(link("bp-100").lower, link("wire100.100").index);
  EXPECT_EQ(link("wire100.100").alias, "bayplan vlan100");
  must(datapath_->remove_network("vlan100"));
  EXPECT_FALSE(exists("wire100.100"));
}

TEST_F(MacvlanDatapathTest, parent_that_goes_takes_all_and_all_but_the_containers_is_made_again) {
  {
    const auto router = wire(network_);
    must(datapath_->ensure_network(network_));
    const auto one = container(network_, 2);
    sh("ip link del wire100");
    EXPECT_THAT(port_names(), IsEmpty());
    expect_error(ErrorCode::not_found, datapath_->ensure_network(network_), "wire100");
    expect_error(ErrorCode::not_found, datapath_->mend_port(network_, port_spec(network_, 2)), "vlan100");
  }
  const auto router = wire(network_);
  EXPECT_TRUE(must(datapath_->ensure_network(network_)));
  EXPECT_TRUE(container(network_, 2).reaches("172.16.100.254"));
}

TEST_F(MacvlanDatapathTest, address_is_announced_on_the_wire) {
  const auto router = wire(network_);
  must(datapath_->ensure_network(network_));
  router.must_sh("ip neigh replace 172.16.100.2 lladdr 02:00:00:00:00:99 dev eth0 nud stale");
  const auto mac = port_spec(network_, 2).mac;
  must(datapath_->announce(network_, *network_.subnet.base().plus(2), mac));
  const auto learned = [&] {
    return router.must_sh("ip neigh show 172.16.100.2").find(mac.to_string()) != std::string::npos;
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!learned() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_TRUE(learned());
}

// --- attached interfaces

TEST_F(MacvlanDatapathTest, attached_interface_is_furnished_mended_made_again_and_taken_out) {
  const auto router = wire(network_);
  must(datapath_->ensure_network(network_));
  auto namespaces = must(datapath::KernelNamespaces::open());
  const FakeContainer container;
  auto port = port_spec(network_, 2);
  port.peer_name = "eth1";
  port.netns = fmt::format("/proc/{}/fd/{}", getpid(), container.network().fd());
  const ports::InsideSpec inside{.netns = port.netns,
                                 .host_name = port.host_name,
                                 .interface = "eth1",
                                 .identity = port.identity,
                                 .mac = port.mac,
                                 .address = *network_.subnet.base().plus(2),
                                 .network = network_};
  must(datapath_->add_port(network_, port));
  must(namespaces->furnish(inside));
  EXPECT_TRUE(container.reaches("172.16.100.1"));
  EXPECT_TRUE(container.reaches("172.16.100.254"));
  for (const auto& [deed, drift] :
       {std::pair{"ip addr flush dev eth1", Drift::address}, std::pair{"ip link set eth1 down", Drift::down},
        std::pair{"ip addr add 172.16.100.254/24 dev eth1", Drift::foreign_address},
        std::pair{"ip link set eth1 down name x; ip link set x up", Drift::name},
        std::pair{"ip link set eth1 address 02:00:00:00:00:07", Drift::mac}}) {
    container.must_sh(deed);
    EXPECT_THAT(must(namespaces->furnish(inside)), ::testing::Contains(drift)) << deed;
    EXPECT_THAT(must(namespaces->compare(inside)), IsEmpty()) << deed;
    EXPECT_TRUE(container.reaches("172.16.100.1")) << deed;
  }
  container.must_sh("ip link del eth1");
  EXPECT_THAT(must(namespaces->compare(inside)), ElementsAre(Drift::link));
  EXPECT_THAT(port_names(), IsEmpty());
  must(datapath_->add_port(network_, port));
  must(namespaces->furnish(inside));
  EXPECT_TRUE(container.reaches("172.16.100.1"));
  must(datapath_->remove_ports({port.host_name}));
  EXPECT_THAT(must(namespaces->interfaces(port.netns)), ElementsAre("lo"));
}

TEST_F(MacvlanDatapathTest, interface_whose_namespace_is_another_now_is_made_there_and_gone_from_the_old_one) {
  const auto router = wire(network_);
  must(datapath_->ensure_network(network_));
  const FakeContainer before;
  const FakeContainer after;
  auto port = port_spec(network_, 2);
  port.peer_name = "eth1";
  const auto add_to = [&](const FakeContainer& container) {
    port.netns = fmt::format("/proc/{}/fd/{}", getpid(), container.network().fd());
    must(datapath_->add_port(network_, port));
    return container.must_sh("ip -o link show eth1");
  };
  const auto made = add_to(before);
  EXPECT_EQ(add_to(before), made) << "the same one";
  add_to(after);
  EXPECT_NE(before.sh("ip link show eth1").first, 0);
  EXPECT_THAT(port_names(), ElementsAre(port.host_name));
}

// A crash between its creation and its names.
TEST_F(MacvlanDatapathTest, interface_whose_making_was_cut_short_inside_or_here_makes_way) {
  const auto router = wire(network_);
  must(datapath_->ensure_network(network_));
  const FakeContainer container;
  const auto parent = link("wire100").index;
  must(netlink_->create_macvlan(
      {.name = "eth1", .parent = parent, .group = 0x627000ff, .namespace_fd = container.network().fd()}));
  auto port = port_spec(network_, 2);
  port.peer_name = "eth1";
  port.netns = fmt::format("/proc/{}/fd/{}", getpid(), container.network().fd());
  must(datapath_->add_port(network_, port));
  EXPECT_THAT(container.must_sh("ip link show eth1"), HasSubstr("bayplan vlan100 test2"));
  must(netlink_->create_macvlan({.name = "bc00000001", .parent = parent, .group = 0x627000ff}));
  EXPECT_THAT(port_names(), ElementsAre("bc00000001", port.host_name));
  must(datapath_->remove_ports({"bc00000001"}));
  EXPECT_FALSE(exists("bc00000001"));
}

}  // namespace
}  // namespace bayplan::test
