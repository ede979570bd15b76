// Probes on a bridge of the kernel's, with containers that answer, don't, or answer for others.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "datapath/bridge/bridge_datapath.hpp"
#include "datapath/common/names.hpp"
#include "datapath/probe/kernel_prober.hpp"
#include "support/networks.hpp"
#include "support/private_network.hpp"

namespace bayplan::test {
namespace {

using ports::ProbeAnswer;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::uint16_t kPort = 2222;

class ProbeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_ROOT();
    private_.emplace();
    datapath_ = must(datapath::BridgeDatapath::open(milliseconds(50)));
    must(datapath_->ensure_network(network_));
  }
  // A container with the network's n-th address.
  FakeContainer& container(unsigned n) {
    const auto port = port_spec(network_, n);
    must(datapath_->add_port(network_, port));
    auto& made = *containers_.emplace_back(std::make_unique<FakeContainer>());
    made.plug(port.peer_name, nth_address(network_, n) + "/24", network_.gateway.to_string());
    if (!made.reaches(network_.gateway.to_string())) throw std::runtime_error("the gateway does not answer");
    return made;
  }
  // Listens in there at kPort until the test ends.
  void serve(const FakeContainer& where) {
    listeners_.push_back(must(where.network().run<UniqueFd>([]() -> Result<UniqueFd> {
      UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in any{};
      any.sin_family = AF_INET;
      any.sin_port = htons(kPort);
      if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0 ||
          listen(socket.get(), 16) != 0) {
        return fail_errno(ErrorCode::kernel, "listen", errno);
      }
      return socket;
    })));
  }
  [[nodiscard]] model::IpAddress address(unsigned n) const { return *network_.subnet.base().plus(n); }
  [[nodiscard]] model::MacAddress mac(unsigned n) const { return model::mac_of(network_.mac_salt, address(n)); }

  std::map<model::IpAddress, ProbeAnswer> probe(const std::vector<unsigned>& hosts, std::uint16_t tcp_port = 0) {
    datapath::ProbePace pace;
    pace.settle = milliseconds(200);
    pace.patience = milliseconds(700);
    datapath::KernelProber prober(&datapath::bridge_name, pace);
    ports::ProbeTask task{network_, tcp_port, hosts.size(), {}};
    for (const unsigned n : hosts) task.addresses.push_back(address(n));
    const auto begun = std::chrono::steady_clock::now();
    const auto report = must(prober.probe({task}, [&](std::size_t done) { done_.push_back(done); }));
    took_ = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begun);
    longest_ = prober.duration({task});
    EXPECT_THAT(report.failures, IsEmpty());
    std::map<model::IpAddress, ProbeAnswer> answers;
    for (const auto& answer : report.answers) answers[answer.address] = answer;
    return answers;
  }

  std::optional<PrivateNetwork> private_;
  model::Network network_ = vlan_network(100);
  std::unique_ptr<datapath::BridgeDatapath> datapath_;
  std::vector<std::unique_ptr<FakeContainer>> containers_;
  std::vector<UniqueFd> listeners_;
  std::vector<std::size_t> done_;
  milliseconds took_{};
  milliseconds longest_{};
};

TEST_F(ProbeTest, arp_is_answered_by_those_who_are_there_with_their_mac) {
  container(2);
  container(3);
  const auto answers = probe({2, 3, 4});
  EXPECT_THAT(answers.at(address(2)).macs, ElementsAre(mac(2)));
  EXPECT_THAT(answers.at(address(3)).macs, ElementsAre(mac(3)));
  EXPECT_EQ(answers.at(address(4)).kind, ProbeAnswer::Kind::silent);
  ASSERT_FALSE(done_.empty());
  EXPECT_TRUE(std::ranges::is_sorted(done_));
}

TEST_F(ProbeTest, duplicate_is_told_with_both_macs) {
  container(2);
  container(9).must_sh("ip addr add " + nth_address(network_, 2) + "/24 dev eth0");
  EXPECT_THAT(probe({2}).at(address(2)).macs, UnorderedElementsAre(mac(2), mac(9)));
}

TEST_F(ProbeTest, stolen_address_is_told_with_the_mac_of_who_has_it) {
  container(9).must_sh("ip addr add " + nth_address(network_, 5) + "/24 dev eth0");
  EXPECT_THAT(probe({5}).at(address(5)).macs, ElementsAre(mac(9)));
}

TEST_F(ProbeTest, interface_that_is_down_is_silent) {
  container(2).must_sh("ip link set eth0 down");
  EXPECT_EQ(probe({2}).at(address(2)).kind, ProbeAnswer::Kind::silent);
}

TEST_F(ProbeTest, neighbours_learn_nothing_from_a_probe) {
  const auto& there = container(2);
  there.must_sh("ip neigh flush dev eth0");
  probe({2});
  EXPECT_EQ(there.must_sh("ip neigh show dev eth0"), "");
}

TEST_F(ProbeTest, tcp_tells_listening_refusing_and_silent_apart) {
  serve(container(2));
  container(3);
  const auto answers = probe({2, 3, 4}, kPort);
  EXPECT_EQ(answers.at(address(2)).kind, ProbeAnswer::Kind::answered);
  EXPECT_EQ(answers.at(address(3)).kind, ProbeAnswer::Kind::refused);
  EXPECT_EQ(answers.at(address(4)).kind, ProbeAnswer::Kind::silent);
  EXPECT_EQ(done_.back(), 3U);
}

TEST_F(ProbeTest, tcp_leaves_nothing_in_the_neighbour_table) {
  container(2);
  sh("ip neigh flush dev bp-100");
  probe({2, 3}, kPort);
  EXPECT_EQ(sh("ip neigh show dev bp-100 nud all to 172.16.100.0/24"), "");
}

TEST_F(ProbeTest, tcp_leaves_entries_that_are_there_for_good) {
  container(2);
  const std::string entry = fmt::format("{} lladdr {}", address(2).to_string(), mac(2).to_string());
  sh("ip neigh replace " + entry + " nud permanent dev bp-100");
  probe({2, 3}, kPort);
  EXPECT_EQ(sh("ip neigh show dev bp-100 nud permanent"), entry + " PERMANENT \n");
}

TEST_F(ProbeTest, tcp_needs_an_address_of_the_hosts_there) {
  sh("ip address flush dev bp-100");
  datapath::KernelProber prober(&datapath::bridge_name);
  const auto report = must(prober.probe({{network_, kPort, 1, {address(2)}}}, [](auto) {}));
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].why, "bp-100 has no address in 172.16.100.0/24: probe it by ARP");
  EXPECT_THAT(report.answers, IsEmpty());
}

TEST_F(ProbeTest, takes_no_longer_than_it_says) {
  std::vector<unsigned> hosts;
  for (unsigned n = 2; n < 252; ++n) hosts.push_back(n);
  EXPECT_EQ(probe(hosts).size(), hosts.size());
  EXPECT_LE(took_, longest_ + milliseconds(500));
  EXPECT_GE(took_, longest_ / 2) << "silent addresses are asked for three times, paced";
}

TEST_F(ProbeTest, is_ended_by_a_stop) {
  ports::ProbeTask task{network_, 0, 250, {}};
  for (unsigned n = 2; n < 252; ++n) task.addresses.push_back(address(n));
  datapath::KernelProber prober(&datapath::bridge_name);
  const auto begun = std::chrono::steady_clock::now();
  const auto ended = prober.probe({task}, [&](auto) { prober.stop(); });
  EXPECT_EQ(ended.error().code, ErrorCode::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, prober.duration({task}) / 2);
}

TEST_F(ProbeTest, network_without_a_device_is_told_and_the_others_are_asked) {
  container(2);
  const auto other = vlan_network(101);
  datapath::KernelProber prober(&datapath::bridge_name);
  const auto report = must(prober.probe({{network_, 0, 1, {address(2)}}, {other, 0, 1, {other.gateway}}}, [](auto) {}));
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].network, "vlan101");
  ASSERT_EQ(report.answers.size(), 1U);
  EXPECT_EQ(report.answers[0].kind, ProbeAnswer::Kind::answered);
}

}  // namespace
}  // namespace bayplan::test
