// The adapters of src/linux and the host's view, against the kernel.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "datapath/host/kernel_host.hpp"
#include "linux/held_port.hpp"
#include "linux/nftables.hpp"
#include "linux/sysctl.hpp"
#include "support/private_network.hpp"

namespace bayplan::test {
namespace {

class LinuxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_ROOT();
    network_.emplace();
    netlink_.emplace(must(kernel::NetlinkSocket::open()));
  }
  std::optional<PrivateNetwork> network_;
  std::optional<kernel::NetlinkSocket> netlink_;
};

TEST_F(LinuxTest, kernel_errors_have_their_kind_and_words) {
  const auto gone = netlink_->delete_link(99999);
  EXPECT_EQ(gone.error().code, ErrorCode::not_found);
  EXPECT_EQ(gone.error().message(), "delete the link: No such device");
  must(netlink_->create_bridge("br0", {{2, 0, 0, 0, 0, 1}}));
  const auto twice = netlink_->create_bridge("br0", {{2, 0, 0, 0, 0, 1}});
  EXPECT_EQ(twice.error().code, ErrorCode::exists);
  EXPECT_EQ(twice.error().message(), "create bridge br0: File exists");
  EXPECT_FALSE(must(netlink_->find_link("nothing")).has_value());
}

TEST_F(LinuxTest, listing_is_complete_while_links_come_and_go) {
  for (int i = 0; i < 60; ++i) must(netlink_->create_bridge("stay" + std::to_string(i), {{2, 0, 0, 0, 0, 1}}));
  const auto here = must(kernel::NetworkNamespace::of_this_thread());
  std::jthread churn([&](const std::stop_token& stop) {
    auto other = must(kernel::NetlinkSocket::open());
    while (!stop.stop_requested()) {
      must(other.create_veth({"come", "go", {{2, 0, 0, 0, 0, 2}}}));
      must(other.delete_link(must(other.find_link("come"))->index));
    }
  });
  for (int i = 0; i < 50; ++i) {
    int stayed = 0;
    for (const auto& link : must(netlink_->links())) stayed += link.name.starts_with("stay") ? 1 : 0;
    EXPECT_EQ(stayed, 60);
  }
}

TEST_F(LinuxTest, work_in_a_namespace_happens_there_and_the_socket_comes_back) {
  const auto inside = must(kernel::NetworkNamespace::create());
  auto socket = must(inside.run<kernel::NetlinkSocket>([] { return kernel::NetlinkSocket::open(); }));
  must(socket.create_bridge("inside", {{2, 0, 0, 0, 0, 1}}));
  EXPECT_TRUE(must(socket.find_link("inside")).has_value());
  EXPECT_FALSE(must(netlink_->find_link("inside")).has_value());
  EXPECT_EQ(inside.run<int>([]() -> Result<int> { return fail(ErrorCode::exists, "so it is"); }).error().detail,
            "so it is");
}

TEST_F(LinuxTest, namespace_paths_are_checked) {
  EXPECT_EQ(kernel::NetworkNamespace::open("/proc/self/ns/nothing").error().code, ErrorCode::not_found);
  EXPECT_EQ(kernel::NetworkNamespace::open("/proc/self/ns/mnt").error().code, ErrorCode::invalid);
  EXPECT_EQ(kernel::NetworkNamespace::open("/dev/null").error().code, ErrorCode::invalid);
  EXPECT_TRUE(kernel::NetworkNamespace::of_process(getpid()).ok());
}

TEST_F(LinuxTest, host_tells_its_routes_and_interfaces) {
  sh("ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 up; ip addr add 10.1.2.3/16 dev up0;"
     "ip route add default via 10.1.0.1; ip route add 192.168.7.0/24 via 10.1.0.1; ip route add blackhole 10.9.0.0/16");
  datapath::KernelHost host;
  std::vector<std::string> found;
  for (const auto& route : must(host.routes())) {
    if (route.destination.base().is_v4()) found.push_back(route.destination.to_string() + " " + route.device);
  }
  EXPECT_THAT(found, ::testing::UnorderedElementsAre("10.1.0.0/16 up0", "192.168.7.0/24 up0"));
  EXPECT_TRUE(must(host.has_interface("up0")));
  EXPECT_FALSE(must(host.has_interface("up7")));
}

TEST_F(LinuxTest, nftables_command_is_all_or_nothing) {
  auto nftables = must(kernel::Nftables::open());
  EXPECT_FALSE(must(nftables.list_table("ip", "bayplan")).has_value());
  const auto refused = nftables.apply("add table ip bayplan\nadd rule ip bayplan absent accept\n");
  EXPECT_EQ(refused.error().code, ErrorCode::not_found) << refused.error().message();
  EXPECT_FALSE(must(nftables.list_table("ip", "bayplan")).has_value());
  EXPECT_EQ(nftables.apply("nonsense").error().code, ErrorCode::kernel);
}

TEST_F(LinuxTest, settings_are_changed_only_where_they_differ) {
  sh("echo 0 > /proc/sys/net/ipv4/ip_forward");  // a new namespace may have it from the machine's own
  EXPECT_EQ(must(kernel::read_sysctl("net/ipv4/ip_forward")), "0");
  EXPECT_TRUE(must(kernel::ensure_sysctl("net/ipv4/ip_forward", "1")));
  EXPECT_FALSE(must(kernel::ensure_sysctl("net/ipv4/ip_forward", "1")));
  EXPECT_EQ(kernel::ensure_sysctl("net/ipv4/conf/nothing/forwarding", "1").error().code, ErrorCode::not_found);
}

TEST_F(LinuxTest, link_in_another_namespace_is_found_by_either_of_its_names) {
  auto netlink = must(kernel::NetlinkSocket::open());
  auto inside = must(kernel::NetworkNamespace::create());
  const int id = must(netlink.namespace_id(inside.fd()));
  must(inside.run<void>([]() -> Result<> {
    sh("ip link add eth1 type bridge; ip link property add dev eth1 altname bp01234567");
    return {};
  }));
  EXPECT_EQ(must(netlink.find_link_in(id, "eth1"))->name, "eth1");
  EXPECT_EQ(must(netlink.find_link_in(id, "bp01234567"))->name, "eth1");
  EXPECT_FALSE(must(netlink.find_link_in(id, "bp01234568")).has_value());
  EXPECT_EQ(netlink.find_link_in(id + 1000, "eth1").error().code, ErrorCode::not_found);
}

model::PublishedPort port_of(const std::string& protocol, const std::string& address, std::uint16_t port) {
  return {protocol, 80, must(model::IpAddress::parse(address)), port};
}

TEST_F(LinuxTest, a_held_port_is_nobody_else_s_until_it_is_let_go) {
  sh("ip link set lo up");
  for (const std::string protocol : {"tcp", "udp"}) {
    auto held = must(kernel::hold_port(port_of(protocol, "0.0.0.0", 8080)));
    const auto again = kernel::hold_port(port_of(protocol, "0.0.0.0", 8080));
    EXPECT_EQ(again.error().code, ErrorCode::conflict);
    EXPECT_EQ(again.error().message(), fmt::format("the host's port 0.0.0.0:8080/{} is in use already", protocol));
    EXPECT_EQ(kernel::hold_port(port_of(protocol, "127.0.0.1", 8080)).error().code, ErrorCode::conflict);
    must(kernel::hold_port(port_of(protocol, "127.0.0.1", 8081)));
    held.reset();
    must(kernel::hold_port(port_of(protocol, "0.0.0.0", 8080)));
  }
  must(kernel::hold_port(port_of("sctp", "0.0.0.0", 8080)));
  const auto elsewhere = kernel::hold_port(port_of("tcp", "192.0.2.77", 8080));
  EXPECT_EQ(elsewhere.error().code, ErrorCode::invalid);
  EXPECT_NE(elsewhere.error().message().find("192.0.2.77 is not an address of this host"), std::string::npos);
}

TEST(Process, result_is_what_the_program_did) {
  const auto result =
      must(kernel::run_process({"sh", "-c", "cat; echo wrong >&2; exit 3"}, "typed", std::chrono::seconds(10)));
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.output, "typed");
  EXPECT_EQ(result.errors, "wrong\n");
  EXPECT_EQ(must(kernel::run_process({"sh", "-c", "kill -9 $$"}, {}, std::chrono::seconds(10))).status, 137);
}

TEST(Process, program_that_hangs_is_ended) {
  const auto start = std::chrono::steady_clock::now();
  const auto result = kernel::run_process({"sleep", "60"}, {}, std::chrono::milliseconds(50));
  EXPECT_EQ(result.error().code, ErrorCode::timeout);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Process, missing_program_is_named) {
  const auto result = kernel::run_process({"no-such-program"}, {}, std::chrono::seconds(1));
  EXPECT_EQ(result.error().code, ErrorCode::not_found);
  EXPECT_EQ(result.error().detail, "run no-such-program: No such file or directory");
}

TEST(Process, child_inherits_no_descriptor) {
  const UniqueFd open(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const auto result = must(kernel::run_process({"sh", "-c", "ls /proc/$$/fd"}, {}, std::chrono::seconds(10)));
  EXPECT_EQ(result.output, "0\n1\n2\n");
}

}  // namespace
}  // namespace bayplan::test
