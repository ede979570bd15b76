// What somebody put into a container by hand, as the Host sees it, in namespaces of the test's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datapath/host/kernel_host.hpp"
#include "support/private_network.hpp"

namespace bayplan::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A container's namespace, with pipework's interface in it.
class ByHand : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_ROOT();
    inside(
        "ip link set lo up; ip link add eth1 type veth peer name other; ip link set eth1 up; ip link set other up; "
        "ip addr add 172.16.1.9/24 dev eth1; ip addr add 169.254.3.4/16 dev eth1 scope link; "
        "ip route add default via 172.16.1.1");
  }
  // A shell line in there.
  std::string inside(const std::string& line) {
    return must(container_.run<std::string>([&]() -> Result<std::string> { return sh(line); }));
  }
  std::string path() { return fmt::format("/proc/self/fd/{}", container_.fd()); }
  ports::InsideAddress interface() { return must(host_.addresses_inside(path())).at(0); }

  PrivateNetwork outside_;
  kernel::NetworkNamespace container_ = must(kernel::NetworkNamespace::create());
  datapath::KernelHost host_;
};

TEST_F(ByHand, ItsAddressesAreSeenLoopbackAndLinkLocalOnesLeftOut) {
  const auto all = must(host_.addresses_inside(path()));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].interface, "eth1");
  EXPECT_EQ(all[0].address.to_string(), "172.16.1.9");
  EXPECT_EQ(all[0].subnet.to_string(), "172.16.1.0/24");
  ASSERT_TRUE(all[0].gateway.has_value());
  EXPECT_EQ(all[0].gateway->to_string(), "172.16.1.1");
  EXPECT_TRUE(all[0].mac.has_value());
}

TEST_F(ByHand, TheHostsOwnNamespaceIsNeverLookedIntoOrChanged) {
  EXPECT_EQ(host_.addresses_inside("/proc/thread-self/ns/net").error().code, ErrorCode::invalid);
  EXPECT_EQ(host_.put_aside("/proc/thread-self/ns/net", {"lo", {}, {}, {}, {}}).error().code, ErrorCode::invalid);
  EXPECT_EQ(host_.addresses_inside("/proc/self/ns/nothing").error().code, ErrorCode::not_found);
}

TEST_F(ByHand, PutAsideItMakesWayAndPutBackItIsAsBefore) {
  const auto old = interface();
  must(host_.put_aside(path(), old));
  must(host_.put_aside(path(), old));
  EXPECT_THAT(inside("ip -4 route"), Not(HasSubstr("172.16.1.0/24")));
  inside("ip link add eth1 type veth peer name eth2; ip link delete eth1");
  must(host_.put_back(path(), old));
  must(host_.put_back(path(), old));
  EXPECT_THAT(inside("ip -4 route"), HasSubstr("default via 172.16.1.1 dev eth1"));
  EXPECT_EQ(interface().address, old.address);
  EXPECT_EQ(interface().interface, "eth1");
}

TEST_F(ByHand, PutAsideItCanBeRemovedAndNothingElseIs) {
  const auto old = interface();
  must(host_.put_aside(path(), old));
  inside("ip link add eth1 type veth peer name eth2");
  must(host_.remove_aside(path(), old));
  must(host_.remove_aside(path(), old));
  EXPECT_THAT(inside("ip -o link"), HasSubstr("eth1@eth2"));
  EXPECT_THAT(inside("ip -o link"), Not(HasSubstr("bpold")));
  EXPECT_EQ(host_.put_aside(path(), {"eth7", {}, {}, {}, {}}).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace bayplan::test
