// What every Datapath does alike: one suite, run against the fake and, as root, against the bridge, Open vSwitch and
// macvlan.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datapath/bridge/bridge_datapath.hpp"
#include "datapath/macvlan/macvlan_datapath.hpp"
#include "datapath/ovs/ovs_datapath.hpp"
#include "support/fake_datapath.hpp"
#include "support/networks.hpp"
#include "support/private_network.hpp"
#include "support/private_ovs.hpp"

namespace bayplan::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// A host with a datapath on it, and what happens to hosts.
class World {
 public:
  virtual ~World() = default;
  virtual ports::Datapath& datapath() = 0;
  virtual void add_interface(const std::string& name, std::uint32_t mtu = 1500) = 0;
  virtual void add_address(const std::string& interface) = 0;
  virtual void put_into_foreign_bridge(const std::string& interface) = 0;
  virtual void add_foreign_bridge(const std::string& name) = 0;
  virtual void remove_link(const std::string& name) = 0;
  virtual void take_peer(const std::string& peer_name) = 0;
  virtual void displace_port(const std::string& host_name) = 0;
  virtual void damage_network(const model::Network& network) = 0;
  // The path of a container's network namespace; the same at every call.
  virtual std::string netns() = 0;
  virtual bool is_inside(const std::string& name) = 0;
  // Somebody's own device in there.
  virtual void add_inside(const std::string& name) = 0;
  virtual void remove_inside(const std::string& name) = 0;
  // A number that is another one when a link was made anew; 0 when there is none.
  virtual unsigned made(const std::string& name) = 0;
  virtual bool is_used_by(const std::string& interface, const model::Network& network) = 0;
  // The device with a network's gateway.
  virtual std::string device_of(const model::Network& network) { return datapath::bridge_name(network); }
  // Networks share an uplink, and need a tag.
  virtual bool only_tagged() { return false; }
  // The host may go on using a network's uplink, addresses and all.
  virtual bool shares_uplink() { return false; }
  // A port has an end that stays on the host.
  virtual bool has_host_end() { return true; }
  // A network that can be made here, and what it needs for that.
  virtual model::Network network(std::uint16_t tag) { return vlan_network(tag); }
};

class FakeWorld final : public World {
 public:
  ports::Datapath& datapath() override { return datapath_; }
  void add_interface(const std::string& name, std::uint32_t mtu) override {
    FakeDatapath::Interface interface;
    interface.mtu = mtu;
    datapath_.add_interface(name, interface);
  }
  void add_address(const std::string& interface) override {
    change(interface, &FakeDatapath::Interface::has_addresses, true);
  }
  void put_into_foreign_bridge(const std::string& interface) override {
    change(interface, &FakeDatapath::Interface::in_foreign_bridge, true);
  }
  void add_foreign_bridge(const std::string& name) override {
    datapath_.add_interface(name);
    change(name, &FakeDatapath::Interface::can_be_uplink, false);
  }
  void remove_link(const std::string& name) override { datapath_.remove_link(name); }
  void take_peer(const std::string& peer_name) override { datapath_.take_peer(peer_name); }
  void displace_port(const std::string& host_name) override { datapath_.displace_port(host_name); }
  void damage_network(const model::Network& network) override { datapath_.damage_network(network.name); }
  std::string netns() override { return FakeDatapath::kNetns; }
  bool is_inside(const std::string& name) override { return datapath_.is_inside(name); }
  void add_inside(const std::string& name) override { datapath_.add_inside(name); }
  void remove_inside(const std::string& name) override { datapath_.remove_inside(name); }
  unsigned made(const std::string& name) override {
    const auto ports = datapath_.ports();
    if (const auto at = ports.find(name); at != ports.end()) return at->second.made;
    return datapath_.interfaces().contains(name) ? 1 : 0;
  }
  bool is_used_by(const std::string& interface, const model::Network& network) override {
    return datapath_.interfaces().at(interface).network == network.name;
  }

 private:
  void change(const std::string& name, bool FakeDatapath::Interface::* member, bool value) {
    auto interface = datapath_.interfaces().at(name);
    interface.*member = value;
    datapath_.add_interface(name, interface);
  }
  FakeDatapath datapath_;
};

// What is alike on every datapath of the kernel's devices.
class KernelWorld : public World {
 public:
  void add_interface(const std::string& name, std::uint32_t mtu) override {
    sh(fmt::format("ip link add {0} mtu {1} type veth peer name {0}far mtu {1}", name, mtu));
  }
  void add_address(const std::string& interface) override { sh("ip addr add 192.0.2.1/24 dev " + interface); }
  void put_into_foreign_bridge(const std::string& interface) override {
    sh("ip link add theirs type bridge; ip link set " + interface + " master theirs");
  }
  void add_foreign_bridge(const std::string& name) override { sh("ip link add " + name + " type bridge"); }
  void remove_link(const std::string& name) override { sh("ip link delete " + name); }
  void take_peer(const std::string& peer_name) override {
    must(netlink_.change_link(static_cast<int>(made(peer_name)), {.namespace_fd = container_.network().fd()}));
  }
  void damage_network(const model::Network& network) override {
    sh(fmt::format("ip link set {} down", device_of(network)));
  }
  std::string netns() override { return fmt::format("/proc/{}/fd/{}", getpid(), container_.network().fd()); }
  bool is_inside(const std::string& name) override { return container_.run({"ip", "link", "show", name}).first == 0; }
  void add_inside(const std::string& name) override { container_.must_sh("ip link add " + name + " type bridge"); }
  void remove_inside(const std::string& name) override { container_.must_sh("ip link delete " + name); }
  unsigned made(const std::string& name) override {
    const auto link = must(netlink_.find_link(name));
    return link ? static_cast<unsigned>(link->index) : 0;
  }

 protected:
  PrivateNetwork network_;  // first: the others live in it
  FakeContainer container_;
  kernel::NetlinkSocket netlink_ = must(kernel::NetlinkSocket::open());
};

class BridgeWorld final : public KernelWorld {
 public:
  ports::Datapath& datapath() override { return *datapath_; }
  void displace_port(const std::string& host_name) override { sh("ip link set " + host_name + " nomaster"); }
  bool is_used_by(const std::string& interface, const model::Network& network) override {
    const auto bridge = must(netlink_.find_link(datapath::bridge_name(network)));
    return bridge && must(netlink_.find_link(interface))->master == bridge->index;
  }

 private:
  std::unique_ptr<datapath::BridgeDatapath> datapath_ = must(datapath::BridgeDatapath::open());
};

class OvsWorld final : public KernelWorld {
 public:
  ports::Datapath& datapath() override { return *datapath_; }
  void displace_port(const std::string& host_name) override { ovs_.ctl("del-port " + host_name); }
  bool is_used_by(const std::string& interface, const model::Network& network) override {
    const auto listed = ovs_.ctl("--bare --columns=trunks find port name=" + interface);
    return listed.find(std::to_string(*network.vlan)) != std::string::npos;
  }
  std::string device_of(const model::Network& network) override { return datapath::ovs_device_name(network); }
  bool only_tagged() override { return true; }

 private:
  PrivateOvs ovs_;  // its processes are forked before there are threads
  std::unique_ptr<datapath::OvsDatapath> datapath_ =
      must(datapath::OvsDatapath::open({ovs_.socket(), "ovs2", datapath::OvsKind::netdev}));
};

class MacvlanWorld final : public KernelWorld {
 public:
  ports::Datapath& datapath() override { return *datapath_; }
  void displace_port(const std::string&) override {}
  bool is_used_by(const std::string& interface, const model::Network& network) override {
    const auto shim = must(netlink_.find_link(datapath::bridge_name(network)));
    return shim && must(netlink_.find_link(interface))->index == shim->lower;
  }
  bool shares_uplink() override { return true; }
  bool has_host_end() override { return false; }
  // The kernel at hand may have no 802.1Q: without a tag, on an interface each.
  model::Network network(std::uint16_t tag) override {
    auto network = vlan_network(tag);
    network.vlan.reset();
    network.datapath = model::DatapathKind::macvlan;
    network.uplink = fmt::format("wire{}", tag);
    add_interface(network.uplink, 1500);
    return network;
  }
  // A port may be inside by now.
  unsigned made(const std::string& name) override {
    const auto here = KernelWorld::made(name);
    if (here != 0 || !datapath::is_port_name(name)) return here;
    const auto there = must(container_.network().run<std::optional<kernel::Link>>(
        [&] { return must(kernel::NetlinkSocket::open()).find_link(name); }));
    return there ? 1000U + static_cast<unsigned>(there->index) : 0;
  }

 private:
  std::unique_ptr<datapath::MacvlanDatapath> datapath_ = must(datapath::MacvlanDatapath::open());
};

class DatapathContract : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() != "fake") REQUIRE_ROOT();
    make_world();
    network_ = world_->network(100);
    other_ = world_->network(300);
  }
  void make_world() {
    if (GetParam() == "fake") world_ = std::make_unique<FakeWorld>();
    if (GetParam() == "macvlan") world_ = std::make_unique<MacvlanWorld>();
    if (GetParam() == "bridge") world_ = std::make_unique<BridgeWorld>();
    if (GetParam() == "ovs") world_ = std::make_unique<OvsWorld>();
  }
  ports::Datapath& datapath() { return world_->datapath(); }
  // A network with an uplink: without a tag where that can be, and so with all of the interface.
  model::Network office(const std::string& uplink) {
    auto network = vlan_network(5);
    network.name = "office";
    if (!world_->only_tagged()) network.vlan.reset();
    network.uplink = uplink;
    return network;
  }
  template <typename T>
  static void expect_error(ErrorCode code, const Result<T>& result, const std::string& named) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(to_string(result.error().code), to_string(code)) << result.error().message();
    EXPECT_NE(result.error().message().find(named), std::string::npos) << result.error().message();
  }
  std::vector<std::string> port_names() {
    std::vector<std::string> names;
    for (const auto& port : must(datapath().list_ports())) names.push_back(port.host_name);
    return names;
  }

  std::unique_ptr<World> world_;
  model::Network network_;
  model::Network other_;
};

INSTANTIATE_TEST_SUITE_P(, DatapathContract, ::testing::Values("fake", "bridge", "ovs", "macvlan"),
                         [](const auto& tested) { return tested.param; });

TEST_P(DatapathContract, second_ensure_changes_nothing) {
  EXPECT_TRUE(must(datapath().ensure_network(network_)));
  EXPECT_FALSE(must(datapath().ensure_network(network_)));
}

TEST_P(DatapathContract, damaged_network_is_mended) {
  must(datapath().ensure_network(network_));
  world_->damage_network(network_);
  EXPECT_TRUE(must(datapath().ensure_network(network_)));
  EXPECT_FALSE(must(datapath().ensure_network(network_)));
}

TEST_P(DatapathContract, inspection_tells_what_is_missing_and_changes_nothing) {
  using enum ports::NetworkFault::What;
  const auto before = must(datapath().inspect_network(network_));
  ASSERT_FALSE(before.empty());
  EXPECT_EQ(before[0].what, device);
  EXPECT_THAT(must(datapath().list_networks()), IsEmpty());
  must(datapath().ensure_network(network_));
  EXPECT_THAT(must(datapath().inspect_network(network_)), IsEmpty());
  world_->damage_network(network_);
  for (int look = 0; look < 2; ++look) {
    const auto faults = must(datapath().inspect_network(network_));
    ASSERT_FALSE(faults.empty());
    EXPECT_EQ(faults[0].what, down) << to_string(faults[0].what);
    EXPECT_EQ(faults[0].device, world_->device_of(network_));
  }
  must(datapath().ensure_network(network_));
  EXPECT_THAT(must(datapath().inspect_network(network_)), IsEmpty());
}

TEST_P(DatapathContract, inspection_tells_what_stands_in_the_way) {
  auto network = office("nowhere");
  network.datapath = network_.datapath;
  const auto faults = must(datapath().inspect_network(network));
  ASSERT_FALSE(faults.empty());
  EXPECT_EQ(faults[0].what, ports::NetworkFault::What::blocked);
  EXPECT_NE(faults[0].wanted.find("nowhere"), std::string::npos) << faults[0].wanted;
}

TEST_P(DatapathContract, networks_are_listed_until_removed_and_removing_twice_is_success) {
  must(datapath().ensure_network(network_));
  must(datapath().ensure_network(other_));
  EXPECT_THAT(must(datapath().list_networks()), UnorderedElementsAre("vlan100", "vlan300"));
  must(datapath().remove_network("vlan100"));
  must(datapath().remove_network("vlan100"));
  EXPECT_THAT(must(datapath().list_networks()), ElementsAre("vlan300"));
}

TEST_P(DatapathContract, removing_a_network_takes_its_ports_and_no_others) {
  must(datapath().ensure_network(network_));
  must(datapath().ensure_network(other_));
  must(datapath().add_port(network_, port_spec(network_, 2)));
  must(datapath().add_port(network_, port_spec(network_, 3)));
  must(datapath().add_port(other_, port_spec(other_, 2)));
  must(datapath().remove_network("vlan100"));
  EXPECT_THAT(port_names(), ElementsAre(port_spec(other_, 2).host_name));
}

TEST_P(DatapathContract, networks_are_made_and_inspected_together_as_each_alone) {
  auto nowhere = office("nowhere");
  nowhere.datapath = network_.datapath;
  const std::vector<model::Network> all{network_, nowhere, other_};
  for (const bool changed : {true, false}) {
    const auto ensured = datapath().ensure_networks(all);
    ASSERT_EQ(ensured.size(), 3U);
    EXPECT_EQ(must(ensured[0]), changed);
    EXPECT_FALSE(ensured[1].ok()) << "its trouble keeps no other from being made";
    EXPECT_EQ(must(ensured[2]), changed);
  }
  world_->damage_network(other_);
  const auto faults = datapath().inspect_networks(all);
  ASSERT_EQ(faults.size(), 3U);
  EXPECT_THAT(must(faults[0]), IsEmpty());
  EXPECT_EQ(must(faults[1]).at(0).what, ports::NetworkFault::What::blocked);
  EXPECT_EQ(must(faults[2]).at(0).what, ports::NetworkFault::What::down);
}

TEST_P(DatapathContract, own_ports_are_removed_and_other_names_returned) {
  must(datapath().ensure_network(network_));
  must(datapath().add_port(network_, port_spec(network_, 2)));
  must(datapath().add_port(network_, port_spec(network_, 3)));
  world_->add_interface("theirs0");
  const auto others = must(datapath().remove_own_ports({"bpffffffff", port_spec(network_, 2).host_name, "theirs0"}));
  EXPECT_THAT(others, UnorderedElementsAre("bpffffffff", "theirs0"));
  EXPECT_THAT(port_names(), ElementsAre(port_spec(network_, 3).host_name));
  EXPECT_NE(world_->made("theirs0"), 0U);
}

TEST_P(DatapathContract, port_is_listed_with_whose_it_is) {
  must(datapath().ensure_network(network_));
  must(datapath().add_port(network_, port_spec(network_, 2)));
  const auto ports = must(datapath().list_ports());
  ASSERT_EQ(ports.size(), 1U);
  EXPECT_EQ(ports[0].host_name, port_spec(network_, 2).host_name);
  EXPECT_EQ(ports[0].network, "vlan100");
  EXPECT_EQ(ports[0].identity, "test2");
  EXPECT_TRUE(ports[0].in_place);
}

TEST_P(DatapathContract, port_without_an_identity_is_listed_too) {
  must(datapath().ensure_network(network_));
  auto port = port_spec(network_, 2);
  port.identity.clear();
  must(datapath().add_port(network_, port));
  EXPECT_EQ(must(datapath().list_ports()).at(0).identity, "");
  port.identity = "web";
  must(datapath().mend_port(network_, port));
  EXPECT_EQ(must(datapath().list_ports()).at(0).identity, "web");
}

TEST_P(DatapathContract, port_of_a_network_that_is_not_there_is_refused) {
  expect_error(ErrorCode::not_found, datapath().add_port(network_, port_spec(network_, 2)), "vlan100");
  expect_error(ErrorCode::not_found, datapath().announce(network_, network_.gateway, {}), "vlan100");
}

TEST_P(DatapathContract, port_that_is_as_wanted_is_kept) {
  const auto port = port_spec(network_, 2);
  must(datapath().ensure_network(network_));
  must(datapath().add_port(network_, port));
  const auto made = world_->made(port.host_name);
  must(datapath().add_port(network_, port));
  EXPECT_EQ(world_->made(port.host_name), made);
}

TEST_P(DatapathContract, port_whose_container_end_is_gone_is_made_anew) {
  const auto port = port_spec(network_, 2);
  must(datapath().ensure_network(network_));
  must(datapath().add_port(network_, port));
  const auto made = world_->made(port.host_name);
  world_->take_peer(port.peer_name);
  must(datapath().add_port(network_, port));
  EXPECT_NE(world_->made(port.host_name), made);
  EXPECT_EQ(port_names().size(), 1U);
}

TEST_P(DatapathContract, port_of_another_mac_is_made_anew) {
  auto port = port_spec(network_, 2);
  must(datapath().ensure_network(network_));
  must(datapath().add_port(network_, port));
  const auto made = world_->made(port.host_name);
  port.mac.bytes[5] = 0x77;
  must(datapath().add_port(network_, port));
  EXPECT_NE(world_->made(port.host_name), made);
}

TEST_P(DatapathContract, left_over_port_that_has_the_peer_name_makes_way) {
  must(datapath().ensure_network(network_));
  auto port = port_spec(network_, 2);
  must(datapath().add_port(network_, port));
  port.host_name = "bpaaaaaaaa";
  must(datapath().add_port(network_, port));
  EXPECT_THAT(port_names(), ElementsAre("bpaaaaaaaa"));
}

TEST_P(DatapathContract, foreign_device_of_a_port_s_name_is_left_alone) {
  must(datapath().ensure_network(network_));
  const auto port = port_spec(network_, 2);
  world_->add_foreign_bridge(port.host_name);
  const auto made = world_->made(port.host_name);
  expect_error(ErrorCode::conflict, datapath().add_port(network_, port), port.host_name);
  expect_error(ErrorCode::conflict, datapath().mend_port(network_, port), port.host_name);
  EXPECT_EQ(world_->made(port.host_name), made);
}

TEST_P(DatapathContract, foreign_device_of_a_peer_s_name_is_left_alone) {
  must(datapath().ensure_network(network_));
  const auto port = port_spec(network_, 2);
  world_->add_foreign_bridge(port.peer_name);
  const auto made = world_->made(port.peer_name);
  expect_error(ErrorCode::conflict, datapath().add_port(network_, port), port.peer_name);
  EXPECT_EQ(world_->made(port.peer_name), made);
  EXPECT_THAT(port_names(), IsEmpty());
}

// --- ports whose container's end is born inside a namespace

TEST_P(DatapathContract, port_can_be_born_inside_a_namespace_and_is_kept_there) {
  must(datapath().ensure_network(network_));
  auto port = port_spec(network_, 2);
  port.peer_name = "eth1";
  port.netns = world_->netns();
  must(datapath().add_port(network_, port));
  EXPECT_TRUE(world_->is_inside("eth1"));
  EXPECT_EQ(world_->made("eth1"), 0U);  // not here
  EXPECT_TRUE(must(datapath().list_ports()).at(0).in_place);
  const auto made = world_->made(port.host_name);
  must(datapath().add_port(network_, port));
  EXPECT_EQ(world_->made(port.host_name), made);
}

TEST_P(DatapathContract, port_whose_end_inside_is_gone_or_of_another_mac_is_made_anew) {
  must(datapath().ensure_network(network_));
  auto port = port_spec(network_, 2);
  port.peer_name = "eth1";
  port.netns = world_->netns();
  must(datapath().add_port(network_, port));
  world_->remove_inside("eth1");
  must(datapath().add_port(network_, port));
  EXPECT_TRUE(world_->is_inside("eth1"));
  const auto made = world_->made(port.host_name);
  port.mac.bytes[5] = 0x77;
  must(datapath().add_port(network_, port));
  EXPECT_NE(world_->made(port.host_name), made);
  EXPECT_TRUE(world_->is_inside("eth1"));
  EXPECT_THAT(port_names(), ElementsAre(port.host_name));
}

TEST_P(DatapathContract, somebody_s_device_of_that_name_inside_stays_and_nothing_is_left_behind) {
  must(datapath().ensure_network(network_));
  auto port = port_spec(network_, 2);
  port.peer_name = "eth1";
  port.netns = world_->netns();
  world_->add_inside("eth1");
  expect_error(ErrorCode::exists, datapath().add_port(network_, port), "eth1");
  EXPECT_TRUE(world_->is_inside("eth1"));
  EXPECT_THAT(port_names(), IsEmpty());
}

TEST_P(DatapathContract, port_into_a_namespace_that_is_not_there_is_refused) {
  must(datapath().ensure_network(network_));
  auto port = port_spec(network_, 2);
  port.netns = "/run/netns/bayplan-nobody-made-this";
  expect_error(ErrorCode::not_found, datapath().add_port(network_, port), port.netns);
  EXPECT_THAT(port_names(), IsEmpty());
}

TEST_P(DatapathContract, removing_ports_skips_what_is_gone_and_refuses_what_is_foreign) {
  must(datapath().ensure_network(network_));
  std::vector<std::string> names{"bp0badcafe"};
  for (unsigned n = 2; n < 6; ++n) {
    must(datapath().add_port(network_, port_spec(network_, n)));
    names.push_back(port_spec(network_, n).host_name);
  }
  const auto kept = names.back();
  names.pop_back();
  must(datapath().remove_ports(names));
  EXPECT_THAT(port_names(), ElementsAre(kept));
  world_->add_foreign_bridge("bp12345678");
  expect_error(ErrorCode::conflict, datapath().remove_ports({"bp12345678", kept}), "bp12345678");
  EXPECT_THAT(port_names(), IsEmpty());
  EXPECT_NE(world_->made("bp12345678"), 0U);
}

TEST_P(DatapathContract, displaced_port_is_seen_and_mended_as_it_is) {
  must(datapath().ensure_network(network_));
  if (!world_->has_host_end()) return;  // the next test is theirs
  const auto port = port_spec(network_, 2);
  must(datapath().add_port(network_, port));
  world_->take_peer(port.peer_name);
  const auto made = world_->made(port.host_name);
  world_->displace_port(port.host_name);
  EXPECT_FALSE(must(datapath().list_ports()).at(0).in_place);
  must(datapath().mend_port(network_, port));
  EXPECT_TRUE(must(datapath().list_ports()).at(0).in_place);
  EXPECT_EQ(world_->made(port.host_name), made);
}

TEST_P(DatapathContract, port_that_went_inside_as_a_whole_is_listed_left_alone_and_removed) {
  if (world_->has_host_end()) return;
  must(datapath().ensure_network(network_));
  const auto port = port_spec(network_, 2);
  must(datapath().add_port(network_, port));
  world_->take_peer(port.peer_name);
  const auto made = world_->made(port.host_name);
  EXPECT_TRUE(must(datapath().list_ports()).at(0).in_place);
  EXPECT_TRUE(must(datapath().list_ports()).at(0).out_of_reach);
  must(datapath().mend_port(network_, port));
  EXPECT_EQ(world_->made(port.host_name), made);
  must(datapath().remove_ports({port.host_name}));
  EXPECT_THAT(port_names(), IsEmpty());
  EXPECT_FALSE(world_->is_inside(port.peer_name));
}

TEST_P(DatapathContract, port_whose_link_is_gone_can_t_be_mended) {
  must(datapath().ensure_network(network_));
  const auto port = port_spec(network_, 2);
  must(datapath().add_port(network_, port));
  world_->remove_link(port.host_name);
  expect_error(ErrorCode::not_found, datapath().mend_port(network_, port), port.host_name);
}

TEST_P(DatapathContract, foreign_device_of_the_network_s_name_is_left_alone) {
  const auto name = world_->device_of(network_);
  world_->add_foreign_bridge(name);
  const auto made = world_->made(name);
  expect_error(ErrorCode::conflict, datapath().validate(network_), name);
  expect_error(ErrorCode::conflict, datapath().ensure_network(network_), name);
  must(datapath().remove_network("vlan100"));
  EXPECT_EQ(world_->made(name), made);
  EXPECT_THAT(must(datapath().list_networks()), IsEmpty());
}

TEST_P(DatapathContract, uplink_is_taken_and_given_back) {
  world_->add_interface("up0");
  const auto network = office("up0");
  must(datapath().validate(network));
  EXPECT_FALSE(world_->is_used_by("up0", network)) << "validate changes nothing";
  EXPECT_TRUE(must(datapath().ensure_network(network)));
  EXPECT_TRUE(world_->is_used_by("up0", network));
  EXPECT_FALSE(must(datapath().ensure_network(network)));
  must(datapath().remove_network("office"));
  EXPECT_FALSE(world_->is_used_by("up0", network));
  EXPECT_NE(world_->made("up0"), 0U);
}

TEST_P(DatapathContract, uplink_that_is_missing_or_not_free_is_refused_and_nothing_made) {
  const auto network = office("up0");
  const auto expect_refused = [&](ErrorCode code) {
    expect_error(code, datapath().validate(network), "up0");
    expect_error(code, datapath().ensure_network(network), "up0");
    EXPECT_THAT(must(datapath().list_networks()), IsEmpty());
  };
  expect_refused(ErrorCode::not_found);
  world_->add_interface("up0");
  world_->put_into_foreign_bridge("up0");
  expect_refused(ErrorCode::conflict);
  world_->remove_link("up0");
  if (world_->shares_uplink()) return;
  world_->add_interface("up0");
  world_->add_address("up0");
  expect_refused(ErrorCode::conflict);
  world_->remove_link("up0");
  world_->add_foreign_bridge("up0");
  expect_refused(ErrorCode::invalid);
}

TEST_P(DatapathContract, uplink_that_the_host_uses_itself_is_shared) {
  if (!world_->shares_uplink()) return;
  world_->add_interface("up0");
  world_->add_address("up0");
  EXPECT_TRUE(must(datapath().ensure_network(office("up0"))));
  EXPECT_FALSE(must(datapath().ensure_network(office("up0"))));
  must(datapath().remove_network("office"));
  EXPECT_NE(world_->made("up0"), 0U);
}

TEST_P(DatapathContract, uplink_of_an_untagged_network_is_refused_to_another) {
  if (world_->only_tagged()) return;  // the next test is theirs
  world_->add_interface("up0");
  must(datapath().ensure_network(office("up0")));
  auto second = office("up0");
  second.name = "lab";
  expect_error(ErrorCode::conflict, datapath().ensure_network(second), "up0");
}

TEST_P(DatapathContract, uplink_of_tagged_networks_stays_until_the_last_is_removed) {
  if (!world_->only_tagged()) return;  // it would take 802.1Q devices, which not every kernel has
  world_->add_interface("up0");
  auto one = office("up0");
  auto two = vlan_network(6);
  two.uplink = "up0";
  must(datapath().ensure_network(one));
  must(datapath().ensure_network(two));
  EXPECT_FALSE(must(datapath().ensure_network(one)));
  must(datapath().remove_network(one.name));
  EXPECT_FALSE(world_->is_used_by("up0", one));
  EXPECT_TRUE(world_->is_used_by("up0", two));
  must(datapath().remove_network(two.name));
  EXPECT_FALSE(world_->is_used_by("up0", two));
}

TEST_P(DatapathContract, mtu_larger_than_the_uplink_s_is_refused) {
  world_->add_interface("up0", 1400);
  auto network = office("up0");
  network.mtu = 1500;
  expect_error(ErrorCode::invalid, datapath().validate(network), "MTU");
}

TEST_P(DatapathContract, announcing_succeeds_and_does_not_block) {
  must(datapath().ensure_network(network_));
  const auto port = port_spec(network_, 2);
  const auto start = std::chrono::steady_clock::now();
  must(datapath().announce(network_, *network_.subnet.base().plus(2), port.mac));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(500));
}

}  // namespace
}  // namespace bayplan::test
