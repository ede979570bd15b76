// Addresses, subnets, ranges and MACs: what is read, what is refused, and their arithmetic.
#include "model/address.hpp"

#include <gtest/gtest.h>

namespace bayplan::model {
namespace {

IpAddress ip(std::string_view text) {
  return IpAddress::parse(text).value();
}
Subnet net(std::string_view text) {
  return Subnet::parse(text).value();
}

TEST(IpAddressText, BothFamiliesComeBackAsTheyWere) {
  for (const char* text : {"0.0.0.0", "172.16.1.2", "255.255.255.255", "::", "::1", "2001:db8::ffff", "fe80::1"}) {
    ASSERT_TRUE(IpAddress::parse(text).ok()) << text;
    EXPECT_EQ(ip(text).to_string(), text);
  }
  EXPECT_EQ(ip("2001:0DB8:0:0::1").to_string(), "2001:db8::1");
}

TEST(IpAddressText, WhatIsNoAddressIsRefusedWithTheText) {
  const std::string with_nul("172.16.1.2\0", 11);
  for (const std::string& text :
       {std::string{}, std::string("172.16.1"), std::string("172.16.1.256"), std::string("172.16.1.2/24"),
        std::string(" 172.16.1.2"), std::string("172.16.1.2 "), std::string("172.16.1.02"), std::string("localhost"),
        std::string("1:2:3"), std::string("fe80::1%eth0"), with_nul, std::string(300, '1')}) {
    const auto parsed = IpAddress::parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid);
    EXPECT_NE(parsed.error().detail.find("is not an IP address"), std::string::npos);
  }
}

TEST(IpAddressText, ControlCharactersDoNotReachTheMessage) {
  EXPECT_EQ(IpAddress::parse("1.2.3\n4").error().detail, "'1.2.3\\x0a4' is not an IP address");
}

TEST(IpAddressValue, OrdersByFamilyThenNumber) {
  EXPECT_LT(ip("172.16.0.255"), ip("172.16.1.0"));
  EXPECT_LT(ip("9.0.0.0"), ip("10.0.0.0"));
  EXPECT_LT(ip("255.255.255.255"), ip("::1"));
  EXPECT_LT(ip("2001:db8::ff"), ip("2001:db8::1:0"));
  EXPECT_NE(ip("0.0.0.0"), ip("::"));
}

TEST(IpAddressValue, CountsAcrossBytesAndStopsAtTheEnd) {
  EXPECT_EQ(ip("172.16.0.255").plus(1), ip("172.16.1.0"));
  EXPECT_EQ(ip("172.16.0.0").plus(65536), ip("172.17.0.0"));
  EXPECT_EQ(ip("255.255.255.255").plus(1), std::nullopt);
  EXPECT_EQ(ip("0.0.0.0").plus(1ULL << 32), std::nullopt);
  EXPECT_EQ(ip("2001:db8::ffff:ffff:ffff:ffff").plus(1), ip("2001:db8:0:1::"));
  EXPECT_EQ(ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").plus(1), std::nullopt);
  EXPECT_EQ(ip("1.2.3.4").plus(0), ip("1.2.3.4"));
}

TEST(IpAddressValue, BytesGoThereAndBack) {
  EXPECT_EQ(IpAddress::from_bytes(ip("172.16.1.2").bytes()).value(), ip("172.16.1.2"));
  EXPECT_EQ(IpAddress::from_bytes(ip("2001:db8::1").bytes()).value(), ip("2001:db8::1"));
  const std::array<std::uint8_t, 5> five{};
  EXPECT_EQ(IpAddress::from_bytes(five).error().code, ErrorCode::corrupt);
  EXPECT_EQ(ip("172.16.1.2").to_v4(), 0xac100102U);
  EXPECT_EQ(IpAddress::v4(0xac100102U), ip("172.16.1.2"));
}

TEST(SubnetText, HostBitsAreRefusedAndTheRightSubnetIsNamed) {
  const auto parsed = Subnet::parse("172.16.1.5/24");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().detail, "'172.16.1.5/24' has host bits set: the subnet is 172.16.1.0/24");
}

TEST(SubnetText, WhatIsNoSubnetIsRefused) {
  for (const char* text :
       {"", "172.16.1.0", "172.16.1.0/", "172.16.1.0/33", "172.16.1.0/-1", "172.16.1.0/+24", "172.16.1.0/24x",
        "172.16.1.0/ 24", "/24", "2001:db8::/129", "172.16.1.0/24/24", "172.16.1.0/99999999999"}) {
    EXPECT_EQ(Subnet::parse(text).error().code, ErrorCode::invalid) << text;
  }
  EXPECT_EQ(net("2001:db8::/32").to_string(), "2001:db8::/32");
  EXPECT_EQ(net("0.0.0.0/0").last(), ip("255.255.255.255"));
}

TEST(SubnetValue, KnowsWhatIsInside) {
  const auto subnet = net("172.16.1.0/24");
  EXPECT_TRUE(subnet.contains(ip("172.16.1.0")));
  EXPECT_TRUE(subnet.contains(ip("172.16.1.255")));
  EXPECT_FALSE(subnet.contains(ip("172.16.2.0")));
  EXPECT_FALSE(subnet.contains(ip("172.16.0.255")));
  EXPECT_FALSE(subnet.contains(ip("::ac10:102")));
  EXPECT_TRUE(subnet.contains(net("172.16.1.128/25")));
  EXPECT_FALSE(subnet.contains(net("172.16.0.0/23")));
}

TEST(SubnetValue, OverlapIsMutualAndNeverAcrossFamilies) {
  EXPECT_TRUE(net("172.16.0.0/12").overlaps(net("172.16.1.0/24")));
  EXPECT_TRUE(net("172.16.1.0/24").overlaps(net("172.16.0.0/12")));
  EXPECT_TRUE(net("172.16.1.0/24").overlaps(net("172.16.1.0/24")));
  EXPECT_FALSE(net("172.16.1.0/24").overlaps(net("172.16.2.0/24")));
  EXPECT_FALSE(net("0.0.0.0/0").overlaps(net("::/0")));
}

TEST(SubnetValue, KeepsNetworkAndBroadcastAddressFromHosts) {
  EXPECT_EQ(net("172.16.1.0/24").first_host(), ip("172.16.1.1"));
  EXPECT_EQ(net("172.16.1.0/24").last_host(), ip("172.16.1.254"));
  EXPECT_EQ(net("172.16.1.0/30").first_host(), ip("172.16.1.1"));
  EXPECT_EQ(net("172.16.1.0/30").last_host(), ip("172.16.1.2"));
  EXPECT_EQ(net("172.16.1.2/31").first_host(), ip("172.16.1.2")) << "RFC 3021";
  EXPECT_EQ(net("172.16.1.2/31").last_host(), ip("172.16.1.3"));
  EXPECT_EQ(net("172.16.1.2/32").first_host(), net("172.16.1.2/32").last_host());
  EXPECT_EQ(net("2001:db8::/64").first_host(), ip("2001:db8::1")) << "RFC 4291, 2.6.1";
  EXPECT_EQ(net("2001:db8::/64").last_host(), ip("2001:db8::ffff:ffff:ffff:ffff")) << "IPv6 has no broadcast";
}

TEST(SubnetValue, IsMadeAroundAnAddress) {
  EXPECT_EQ(Subnet::around(ip("172.16.1.77"), 20), net("172.16.0.0/20"));
  EXPECT_EQ(Subnet::around(ip("172.16.1.77"), 64), net("172.16.1.77/32"));
  EXPECT_EQ(Subnet::around(ip("2001:db8::77"), 64), net("2001:db8::/64"));
}

TEST(AddressRangeText, OneAddressOrTwo) {
  const auto one = AddressRange::parse("172.16.1.9").value();
  EXPECT_EQ(one.first, one.last);
  EXPECT_EQ(one.to_string(), "172.16.1.9");
  const auto more = AddressRange::parse("172.16.1.9-172.16.1.20").value();
  EXPECT_TRUE(more.contains(ip("172.16.1.9")));
  EXPECT_TRUE(more.contains(ip("172.16.1.20")));
  EXPECT_FALSE(more.contains(ip("172.16.1.21")));
  EXPECT_EQ(more.to_string(), "172.16.1.9-172.16.1.20");
}

TEST(AddressRangeText, UpsideDownIsRefusedWithTheRightOne) {
  EXPECT_EQ(AddressRange::parse("172.16.1.20-172.16.1.9").error().detail,
            "the range '172.16.1.20-172.16.1.9' is upside down: write it as 172.16.1.9-172.16.1.20");
  for (const char* text : {"", "-", "172.16.1.9-", "-172.16.1.9", "172.16.1.9-::1", "a-b", "172.16.1.1-2-3"}) {
    EXPECT_EQ(AddressRange::parse(text).error().code, ErrorCode::invalid) << text;
  }
}

TEST(WithPrefix, GoesThereAndBack) {
  const auto [address, subnet] = parse_with_prefix("172.16.1.2/24").value();
  EXPECT_EQ(address, ip("172.16.1.2"));
  EXPECT_EQ(subnet, net("172.16.1.0/24"));
  EXPECT_EQ(with_prefix(address, subnet), "172.16.1.2/24");
  EXPECT_FALSE(parse_with_prefix("172.16.1.2").ok());
}

TEST(Mac, IsMadeOfSaltAndAddress) {
  EXPECT_EQ(mac_of(0x2a, ip("172.16.1.2")).to_string(), "02:2a:ac:10:01:02");
  EXPECT_EQ(mac_of(0x2a, ip("2001:db8::1:2")).to_string(), "02:2a:00:01:00:02");
  EXPECT_EQ(mac_of(0xff, ip("255.255.255.255")).bytes[0] & 0x03, 0x02) << "locally administered, unicast";
}

TEST(Mac, TellsItsAddress) {
  EXPECT_EQ(address_of(mac_of(0x2a, ip("172.16.1.2"))), ip("172.16.1.2"));
  EXPECT_FALSE(address_of(MacAddress::parse("00:2a:ac:10:01:02").value()));
}

TEST(Mac, TextGoesThereAndBack) {
  EXPECT_EQ(MacAddress::parse("02:2A:AC:10:01:02").value(), mac_of(0x2a, ip("172.16.1.2")));
  for (const char* text : {"", "02:2a:ac:10:01", "02:2a:ac:10:01:0g", "02-2a-ac-10-01-02", "022aac100102",
                           "02:2a:ac:10:01:02:", "02:2a:ac:10:01: 2", "02:2a:ac:10:01:-2"}) {
    EXPECT_EQ(MacAddress::parse(text).error().code, ErrorCode::invalid) << text;
  }
}

}  // namespace
}  // namespace bayplan::model
