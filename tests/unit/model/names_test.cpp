// Which names are refused, each with a sentence that says what is allowed.
#include "model/names.hpp"

#include <gtest/gtest.h>

namespace bayplan::model {
namespace {

template <typename T>
void expect_refused(const Result<T>& result, const std::string& about) {
  ASSERT_FALSE(result.ok()) << about;
  EXPECT_EQ(result.error().code, ErrorCode::invalid) << about;
  for (const char c : result.error().detail) EXPECT_FALSE(static_cast<unsigned char>(c) < 0x20) << about;
}

const std::vector<std::string> kBadEverywhere{
    "",      std::string(300, 'a'), "we\nb",    "we\tb", std::string("a\0b", 3),
    "a\x7f", "gr\xc3\xbc\xc3\x9f",  "\xff\xfe", "a b"};

TEST(NetworkNames, AreLettersDigitsAndALittleMore) {
  for (const char* name : {"a", "vlan100", "net-172.16.1.0-24", "9_x", "A.b-C"}) {
    EXPECT_EQ(parse_network_name(name).value(), name);
  }
  EXPECT_TRUE(parse_network_name(std::string(63, 'a')).ok());
}

TEST(NetworkNames, WhatIsBadIsRefused) {
  for (const auto& name : kBadEverywhere) expect_refused(parse_network_name(name), name);
  for (const char* name : {"-a", ".a", "_a", "a/b", "a:b", "a'b", "..", "*"}) {
    expect_refused(parse_network_name(name), name);
  }
  expect_refused(parse_network_name(std::string(64, 'a')), "64 characters");
}

TEST(Identities, AreVisibleAscii) {
  for (const char* name : {"web", "a", "shop_db_1", "x@y:z", "{curly}"}) EXPECT_EQ(parse_identity(name).value(), name);
  EXPECT_TRUE(parse_identity(std::string(255, 'i')).ok());
  expect_refused(parse_identity(std::string(256, 'i')), "256 characters");
  for (const auto& name : kBadEverywhere) {
    expect_refused(parse_identity(name), name);
    expect_refused(parse_identity(name, true), name);
  }
}

TEST(Identities, ASlashStandsInsideAndOnlyWhereItIsAllowed) {
  expect_refused(parse_identity("shop/web"), "slash");
  EXPECT_EQ(parse_identity("shop/web", true).value(), "shop/web");
  for (const char* name : {"/", "/web", "shop/", "/shop/web"}) expect_refused(parse_identity(name, true), name);
}

TEST(Vlans, AreOneTo4094) {
  EXPECT_EQ(parse_vlan("1").value(), 1);
  EXPECT_EQ(parse_vlan("4094").value(), 4094);
  for (const char* tag :
       {"0", "4095", "abc", "", "-1", "+1", "1.0", "0x10", " 1", "1 ", "99999999999999999999", "1e2"}) {
    expect_refused(parse_vlan(tag), tag);
  }
}

TEST(Vlans, HaveOneSpelling) {
  expect_refused(parse_vlan("0100"), "a name would be made of it: vlan0100");
}

TEST(Mtus, AreWithinIpv4sBounds) {
  EXPECT_EQ(parse_mtu("68").value(), 68U);
  EXPECT_EQ(parse_mtu("65535").value(), 65535U);
  for (const char* mtu : {"67", "65536", "", "abc", "-1500", "1500.0"}) expect_refused(parse_mtu(mtu), mtu);
}

TEST(InterfaceNames, AreTheKernels) {
  EXPECT_EQ(parse_interface_name("eth0.100").value(), "eth0.100");
  EXPECT_TRUE(parse_interface_name(std::string(15, 'e')).ok());
  for (const char* name : {"", ".", "..", "a/b", "a:b", "a b", "0123456789abcdef", "\xc3\xbc"}) {
    expect_refused(parse_interface_name(name), name);
  }
}

}  // namespace
}  // namespace bayplan::model
