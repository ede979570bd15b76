// Attached interfaces inside real namespaces: what their root does there is seen, told and put back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "datapath/bridge/bridge_datapath.hpp"
#include "datapath/inside/host_events.hpp"
#include "datapath/inside/kernel_namespaces.hpp"
#include "linux/monitor.hpp"
#include "support/networks.hpp"
#include "support/private_network.hpp"

namespace bayplan::test {
namespace {

using ports::Drift;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class InsideTest : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_ROOT();
    network_.emplace();
    container_.emplace();
    datapath_ = must(datapath::BridgeDatapath::open(std::chrono::milliseconds(50)));
    namespaces_ = must(datapath::KernelNamespaces::open());
    must(datapath_->ensure_network(vlan_));
  }
  static std::string path_of(const FakeContainer& container) {
    return fmt::format("/proc/{}/fd/{}", getpid(), container.network().fd());
  }
  ports::PortSpec port(unsigned n, const FakeContainer& container, const std::string& interface = "eth1") {
    auto spec = port_spec(vlan_, n);
    spec.peer_name = interface;
    spec.netns = path_of(container);
    return spec;
  }
  ports::InsideSpec inside(unsigned n, const FakeContainer& container, const std::string& interface = "eth1") {
    const auto spec = port(n, container, interface);
    return {.netns = spec.netns,
            .host_name = spec.host_name,
            .interface = interface,
            .identity = spec.identity,
            .mac = spec.mac,
            .address = *vlan_.subnet.base().plus(n),
            .network = vlan_};
  }
  ports::InsideSpec attach(unsigned n, const FakeContainer& container, const std::string& interface = "eth1") {
    must(datapath_->add_port(vlan_, port(n, container, interface)));
    auto spec = inside(n, container, interface);
    must(namespaces_->furnish(spec));
    return spec;
  }
  // What root inside does is found as that, put back, and then all is right.
  void expect_mended(const std::string& deed, const std::vector<Drift>& drifts) {
    const auto spec = inside(2, *container_);
    container_->must_sh(deed);
    EXPECT_THAT(must(namespaces_->compare(spec)), ::testing::ElementsAreArray(drifts)) << deed;
    EXPECT_THAT(must(namespaces_->furnish(spec)), ::testing::ElementsAreArray(drifts)) << deed;
    EXPECT_THAT(must(namespaces_->compare(spec)), IsEmpty()) << deed;
    EXPECT_TRUE(container_->reaches("172.16.100.1")) << deed;
  }

  std::optional<PrivateNetwork> network_;  // first: the others live in it
  std::optional<FakeContainer> container_;
  std::unique_ptr<datapath::BridgeDatapath> datapath_;
  std::unique_ptr<datapath::KernelNamespaces> namespaces_;
  const model::Network vlan_ = vlan_network(100);
};

TEST_F(InsideTest, attached_interface_works_at_once_and_says_whose_it_is) {
  attach(2, *container_);
  EXPECT_TRUE(container_->reaches("172.16.100.1"));
  const auto shown = container_->must_sh("ip -d link show eth1; ip addr show eth1; ip route");
  EXPECT_THAT(shown, ::testing::HasSubstr("alias bayplan vlan100 test2"));
  EXPECT_THAT(shown, ::testing::HasSubstr("172.16.100.2/24"));
  EXPECT_THAT(shown, ::testing::HasSubstr("default via 172.16.100.1 dev eth1"));
  EXPECT_THAT(must(namespaces_->interfaces(path_of(*container_))), UnorderedElementsAre("lo", "eth1"));
}

TEST_F(InsideTest, two_attached_containers_reach_each_other_and_other_vlans_do_not) {
  attach(2, *container_);
  FakeContainer second;
  attach(3, second);
  EXPECT_TRUE(container_->reaches("172.16.100.3"));
  EXPECT_TRUE(second.reaches("172.16.100.2"));
}

TEST_F(InsideTest, what_root_inside_changes_is_found_and_put_back) {
  attach(2, *container_);
  expect_mended("ip addr del 172.16.100.2/24 dev eth1", {Drift::address, Drift::route});
  expect_mended("ip addr flush dev eth1; ip addr add 172.16.100.77/24 dev eth1",
                {Drift::address, Drift::foreign_address, Drift::route});
  expect_mended("ip addr add 172.16.100.77/24 dev eth1", {Drift::foreign_address});
  expect_mended("ip addr add 172.16.100.1/32 dev eth1", {Drift::foreign_address});
  expect_mended("ip addr del 172.16.100.2/24 dev eth1; ip addr add 172.16.100.2/16 dev eth1",
                {Drift::address, Drift::route});
  expect_mended("ip route del default", {Drift::route});
  expect_mended("ip route del 172.16.100.0/24", {Drift::route});
  expect_mended("ip link set eth1 down", {Drift::down, Drift::route});
  expect_mended("ip link set eth1 address 02:00:00:00:00:66", {Drift::mac});
  expect_mended("ip link set eth1 down; ip link set eth1 name evil; ip link set evil up", {Drift::name, Drift::route});
  expect_mended("ip link set eth1 alias nothing", {});
}

TEST_F(InsideTest, addresses_that_are_nobody_s_business_stay) {
  auto network = vlan_;
  network.exclusions = {model::AddressRange::parse("172.16.100.200-172.16.100.210").value()};
  auto spec = attach(2, *container_);
  spec.network = network;
  container_->must_sh("ip addr add 172.16.100.200/24 dev eth1; ip addr add 192.0.2.9/24 dev eth1");
  EXPECT_THAT(must(namespaces_->furnish(spec)), IsEmpty());
  EXPECT_THAT(container_->must_sh("ip addr show eth1"), ::testing::HasSubstr("172.16.100.200"));
}

TEST_F(InsideTest, default_route_of_somebody_else_stays_unless_asked) {
  container_->must_sh(
      "ip link add other type veth peer name far; ip link set other up; ip link set far up;"
      "ip addr add 192.0.2.1/24 dev other; ip route add default via 192.0.2.254");
  auto spec = attach(2, *container_);
  EXPECT_THAT(container_->must_sh("ip route show default"), ::testing::HasSubstr("192.0.2.254"));
  EXPECT_THAT(must(namespaces_->compare(spec)), IsEmpty());
  spec.default_route = true;
  EXPECT_THAT(must(namespaces_->furnish(spec)), ElementsAre(Drift::route));
  EXPECT_THAT(must(namespaces_->compare(spec)), IsEmpty());
  EXPECT_THAT(container_->must_sh("ip route show default"), ::testing::HasSubstr("172.16.100.1"));
}

TEST_F(InsideTest, default_route_that_leads_nowhere_is_a_choice) {
  auto spec = attach(2, *container_);
  container_->must_sh("ip route del default; ip route add blackhole default");
  EXPECT_THAT(must(namespaces_->compare(spec)), IsEmpty());
  EXPECT_THAT(must(namespaces_->furnish(spec)), IsEmpty());
  EXPECT_THAT(container_->must_sh("ip route show default"), ::testing::StartsWith("blackhole"));
}

// Its name, alias and default route are not ours, and a bridge inside may have its address.
TEST_F(InsideTest, what_the_engine_made_is_kept_and_no_more) {
  auto spec = attach(2, *container_);
  spec.interface.clear();
  container_->must_sh("ip link set eth1 down; ip link set eth1 name eth7; ip link set eth7 up");
  EXPECT_EQ(must(namespaces_->interface_name(spec)), "eth7");
  EXPECT_THAT(must(namespaces_->compare(spec)), IsEmpty()) << "no default route, another name";
  container_->must_sh("ip addr flush dev eth7");
  EXPECT_THAT(must(namespaces_->furnish(spec)), ElementsAre(Drift::address, Drift::route));
  EXPECT_THAT(must(namespaces_->compare(spec)), IsEmpty());
  EXPECT_EQ(container_->must_sh("ip route show default"), "");
  container_->must_sh(
      "ip addr flush dev eth7; ip link set eth7 address 02:00:00:00:00:66; "
      "ip link add br0 type bridge; ip link set eth7 master br0");
  EXPECT_THAT(must(namespaces_->compare(spec)), IsEmpty()) << "a virtual machine's";
  container_->must_sh("ip link set eth7 down");
  EXPECT_THAT(must(namespaces_->furnish(spec)), ElementsAre(Drift::down));
  EXPECT_THAT(container_->must_sh("ip addr show dev eth7"), ::testing::Not(::testing::HasSubstr("172.16.100.2")));
}

TEST_F(InsideTest, deleted_link_is_a_missing_link_whichever_end_was_deleted) {
  const auto spec = attach(2, *container_);
  container_->must_sh("ip link del eth1");
  EXPECT_THAT(must(namespaces_->compare(spec)), ElementsAre(Drift::link));
  attach(2, *container_);
  sh("ip link del " + spec.host_name);
  EXPECT_THAT(must(namespaces_->compare(spec)), ElementsAre(Drift::link));
  attach(2, *container_);
  FakeContainer elsewhere;
  container_->must_sh(fmt::format("ip link set eth1 netns {}", getpid()));
  EXPECT_THAT(must(namespaces_->compare(spec)), ElementsAre(Drift::link));
  attach(2, *container_);
  EXPECT_TRUE(container_->reaches("172.16.100.1"));
}

TEST_F(InsideTest, host_s_own_namespace_and_other_files_are_refused) {
  EXPECT_EQ(namespaces_->check("/proc/thread-self/ns/net").error().code, ErrorCode::invalid);
  EXPECT_EQ(namespaces_->check("/proc/self/ns/mnt").error().code, ErrorCode::invalid);
  EXPECT_EQ(namespaces_->check("/run/netns/bayplan-nobody").error().code, ErrorCode::not_found);
}

// --- the kernel's events

class MonitorTest : public InsideTest {
 protected:
  void listen() {
    monitor_ = must(kernel::Monitor::open({.namespaces = [this](const auto& ids) { note(ids); },
                                           .host = [this](const auto& events) { note(events); },
                                           .mounts = [this] { note_mount(); },
                                           .lost = [] {}}));
  }
  void TearDown() override { monitor_.reset(); }
  void note(const std::set<int>& ids) {
    const std::scoped_lock lock(mutex_);
    paths_.merge(namespaces_->paths_of(ids));
    heard_.notify_all();
  }
  void note(const std::vector<kernel::HostEvent>& events) {
    const std::scoped_lock lock(mutex_);
    for (const auto& event : events) {
      if (!datapath::calls_for_look(event)) continue;
      ++host_calls_;
      said_ += fmt::format("{} {} '{}'; ", static_cast<int>(event.kind), event.link, event.alias);
    }
    heard_.notify_all();
  }
  void note_mount() {
    const std::scoped_lock lock(mutex_);
    ++mounts_;
    heard_.notify_all();
  }
  bool hears(const std::string& path) {
    std::unique_lock lock(mutex_);
    return heard_.wait_for(lock, std::chrono::seconds(10), [&] { return paths_.contains(path); });
  }
  bool hears_of_host() {
    std::unique_lock lock(mutex_);
    return heard_.wait_for(lock, std::chrono::seconds(10), [&] { return host_calls_ > 0; });
  }
  void forget() {
    const std::scoped_lock lock(mutex_);
    paths_.clear();
    host_calls_ = 0;
  }

  std::mutex mutex_;
  std::condition_variable heard_;
  std::set<std::string> paths_;
  int host_calls_ = 0;
  int mounts_ = 0;
  std::string said_;
  std::unique_ptr<kernel::Monitor> monitor_;
};

TEST_F(MonitorTest, deeds_inside_a_namespace_are_told_with_its_path) {
  attach(2, *container_);
  FakeContainer second;
  attach(3, second);
  // The kernel notices a carrier some time after the link came up, and tells of that, too.
  second.must_sh("for i in $(seq 1000); do ip link show eth1 | grep -q 'state UP' && exit 0; done; exit 1");
  listen();
  for (const auto* deed : {"ip addr del 172.16.100.2/24 dev eth1", "ip addr add 172.16.100.2/24 dev eth1",
                           "ip link set eth1 down", "ip link set eth1 up", "ip link set eth1 address 02:00:00:00:00:66",
                           "ip route add default via 172.16.100.1", "ip route del default"}) {
    forget();
    container_->must_sh(deed);
    EXPECT_TRUE(hears(path_of(*container_))) << deed;
    const std::scoped_lock lock(mutex_);
    EXPECT_FALSE(paths_.contains(path_of(second))) << deed;
  }
}

TEST_F(MonitorTest, deeds_on_the_host_that_undo_something_are_told) {
  const auto spec = attach(2, *container_);
  const std::string bridge = "bp-100";
  for (const auto& deed : {"ip link set " + spec.host_name + " down", "ip link set " + spec.host_name + " nomaster",
                           "ip addr flush dev " + bridge, "ip link set " + bridge + " down",
                           "ip link del " + spec.host_name, "ip link del " + bridge}) {
    listen();
    forget();
    sh(deed);
    EXPECT_TRUE(hears_of_host()) << deed;
    monitor_.reset();
  }
}

// As Open vSwitch makes its internal ports with the userspace datapath.
TEST_F(MonitorTest, gateway_on_open_vswitch_that_is_put_down_is_told) {
  sh("ip tuntap add dev vlan100 mode tap; ip link set vlan100 up alias 'bayplan-ovs vlan100'");
  listen();
  forget();
  sh("ip link set vlan100 down");
  EXPECT_TRUE(hears_of_host());
}

TEST_F(MonitorTest, making_things_calls_for_nothing) {
  listen();
  attach(2, *container_);
  must(datapath_->ensure_network(vlan_network(200)));
  container_->must_sh("ip addr add 192.0.2.1/24 dev eth1");  // told last
  EXPECT_TRUE(hears(path_of(*container_)));
  const std::scoped_lock lock(mutex_);
  EXPECT_EQ(host_calls_, 0) << said_;
}

}  // namespace
}  // namespace bayplan::test
