// What a network may give, and in which order.
#include "model/pool.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "support/sample_records.hpp"

namespace bayplan::model {
namespace {

using testing::ip;

constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();

Network network(const std::string& subnet, const std::string& gateway = "") {
  Network made;
  made.name = "net";
  made.subnet = Subnet::parse(subnet).value();
  made.gateway = gateway.empty() ? made.subnet.first_host() : ip(gateway);
  return made;
}
AddressRange range(const std::string& text) {
  return AddressRange::parse(text).value();
}
std::vector<std::string> texts(const std::vector<AddressRange>& ranges) {
  std::vector<std::string> out;
  for (const auto& each : ranges) out.push_back(each.to_string());
  return out;
}
// Everything it gives, in order, each taken as it comes.
std::vector<std::string> drain(Pool& pool) {
  std::vector<std::string> given;
  while (const auto free = pool.lowest_free()) {
    given.push_back(free->to_string());
    pool.take(*free);
  }
  return given;
}
using Texts = std::vector<std::string>;

TEST(Candidates, NetworkGatewayAndBroadcastAddressAreKeptOut) {
  EXPECT_EQ(texts(candidate_ranges(network("172.16.1.0/24"))), Texts{"172.16.1.2-172.16.1.254"});
  EXPECT_EQ(texts(candidate_ranges(network("172.16.1.0/24", "172.16.1.254"))), Texts{"172.16.1.1-172.16.1.253"});
  EXPECT_EQ(texts(candidate_ranges(network("172.16.1.0/24", "172.16.1.9"))),
            (Texts{"172.16.1.1-172.16.1.8", "172.16.1.10-172.16.1.254"}));
}

TEST(Candidates, ASmallestNetworkHasOne) {
  Pool pool(network("172.16.1.0/30"));
  EXPECT_EQ(pool.size(), 1U);
  EXPECT_EQ(drain(pool), Texts{"172.16.1.2"});
}

TEST(Candidates, RangesMayOverlapAndStandInAnyOrder) {
  auto with = network("172.16.1.0/24");
  with.ranges = {range("172.16.1.100-172.16.1.120"), range("172.16.1.0-172.16.1.5"), range("172.16.1.110-172.16.1.130"),
                 range("172.16.1.250-172.16.1.255")};
  EXPECT_EQ(texts(candidate_ranges(with)),
            (Texts{"172.16.1.2-172.16.1.5", "172.16.1.100-172.16.1.130", "172.16.1.250-172.16.1.254"}));
}

TEST(Candidates, ExclusionsMakeHoles) {
  auto with = network("172.16.1.0/28");
  with.exclusions = {range("172.16.1.4"), range("172.16.1.8-172.16.1.15"), range("172.16.1.1-172.16.1.2")};
  EXPECT_EQ(texts(candidate_ranges(with)), (Texts{"172.16.1.3", "172.16.1.5-172.16.1.7"}));
  Pool pool(with);
  EXPECT_EQ(pool.size(), 4U);
  EXPECT_FALSE(pool.contains(ip("172.16.1.4")));
  EXPECT_EQ(drain(pool), (Texts{"172.16.1.3", "172.16.1.5", "172.16.1.6", "172.16.1.7"}));
}

TEST(Candidates, NothingMayBeLeft) {
  auto with = network("172.16.1.0/30");
  with.exclusions = {range("172.16.1.2")};
  Pool pool(with);
  EXPECT_EQ(pool.size(), 0U);
  EXPECT_EQ(pool.lowest_free(), std::nullopt);
  EXPECT_EQ(Pool().lowest_free(), std::nullopt);
}

TEST(Pools, GiveTheLowestFreeAddress) {
  Pool pool(network("172.16.1.0/24"));
  EXPECT_EQ(pool.lowest_free(), ip("172.16.1.2"));
  EXPECT_EQ(pool.lowest_free(), ip("172.16.1.2")) << "looking takes nothing";
  pool.take(ip("172.16.1.2"));
  pool.take(ip("172.16.1.4"));
  EXPECT_EQ(pool.lowest_free(), ip("172.16.1.3"));
  pool.take(ip("172.16.1.3"));
  EXPECT_EQ(pool.lowest_free(), ip("172.16.1.5")) << "what was taken ahead is skipped";
  pool.give_back(ip("172.16.1.3"));
  EXPECT_EQ(pool.lowest_free(), ip("172.16.1.3")) << "a hole comes first";
  pool.give_back(ip("172.16.1.2"));
  EXPECT_EQ(pool.lowest_free(), ip("172.16.1.2"));
}

TEST(Pools, CountEachAddressOnceWhateverIsRepeated) {
  Pool pool(network("172.16.1.0/29"));
  EXPECT_EQ(pool.size(), 5U);
  for (int i = 0; i < 3; ++i) pool.take(ip("172.16.1.4"));
  for (const char* no_candidate : {"172.16.1.0", "172.16.1.1", "172.16.1.7", "172.16.9.9", "::1"}) {
    pool.take(ip(no_candidate));
    pool.give_back(ip(no_candidate));
  }
  EXPECT_EQ(pool.taken(), 1U);
  for (int i = 0; i < 3; ++i) pool.give_back(ip("172.16.1.4"));
  EXPECT_EQ(pool.taken(), 0U);
}

TEST(Pools, FullAndFreeAgain) {
  Pool pool(network("172.16.1.0/29"));
  EXPECT_EQ(drain(pool).size(), 5U);
  EXPECT_EQ(pool.taken(), pool.size());
  pool.give_back(ip("172.16.1.6"));
  pool.give_back(ip("172.16.1.3"));
  EXPECT_EQ(drain(pool), (Texts{"172.16.1.3", "172.16.1.6"}));
}

TEST(Pools, ARangeBoundsTheSearch) {
  Pool pool(network("172.16.1.0/24", "172.16.1.17"));
  const auto within = range("172.16.1.16-172.16.1.18");
  EXPECT_EQ(pool.lowest_free(within), ip("172.16.1.16"));
  pool.take(ip("172.16.1.16"));
  EXPECT_EQ(pool.lowest_free(within), ip("172.16.1.18")) << "the gateway is no candidate";
  pool.take(ip("172.16.1.18"));
  EXPECT_EQ(pool.lowest_free(within), std::nullopt);
  EXPECT_EQ(pool.lowest_free(), ip("172.16.1.1"));
  EXPECT_EQ(pool.lowest_free(range("172.16.1.255")), std::nullopt);
}

TEST(Pools, HugeSubnetsCostNothing) {
  Pool eight(network("10.0.0.0/8"));
  EXPECT_EQ(eight.size(), (1U << 24) - 3);
  EXPECT_EQ(eight.lowest_free(), ip("10.0.0.2"));
  eight.take(ip("10.255.255.254"));
  EXPECT_EQ(eight.lowest_free(range("10.255.255.253-10.255.255.255")), ip("10.255.255.253"));
}

TEST(Pools, SizesOfIpv6Saturate) {
  const auto sizes_to = [](const std::string& subnet) { return Pool(network(subnet)).size(); };
  EXPECT_EQ(sizes_to("2001:db8::/126"), 2U) << "anycast and gateway address are out";
  EXPECT_EQ(sizes_to("2001:db8::/64"), kMost - 1);
  EXPECT_EQ(sizes_to("2001:db8::/63"), kMost);
  EXPECT_EQ(sizes_to("::/0"), kMost);
  Pool pool(network("2001:db8::/64"));
  EXPECT_EQ(pool.lowest_free(), ip("2001:db8::2"));
  pool.take(ip("2001:db8::ffff:ffff:ffff:ffff"));
  EXPECT_EQ(pool.taken(), 1U);
}

TEST(Pools, TheVeryEndOfTheAddressSpaceIsAnEnd) {
  auto with = network("255.255.255.248/29");
  with.ranges = {range("255.255.255.253-255.255.255.255")};
  Pool pool(with);
  EXPECT_EQ(drain(pool), (Texts{"255.255.255.253", "255.255.255.254"}));
  Pool last(network("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc/126"));
  EXPECT_EQ(drain(last).size(), 2U);
  EXPECT_EQ(last.lowest_free(range("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")), std::nullopt);
}

}  // namespace
}  // namespace bayplan::model
