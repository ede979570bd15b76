#include "store/sqlite/lists.hpp"

#include <gtest/gtest.h>

#include "store/sqlite/seal.hpp"
#include "support/sample_records.hpp"

namespace bayplan::store {
namespace {

using testing::ip;

TEST(StoreListsTest, RangesOfBothFamiliesComeBackTheSame) {
  const std::vector<model::AddressRange> ranges{
      {ip("10.0.0.1"), ip("10.0.0.9")}, {ip("10.0.0.20"), ip("10.0.0.20")}, {ip("2001:db8::1"), ip("2001:db8::ffff")}};
  const auto text = write_ranges(ranges);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, "10.0.0.1-10.0.0.9 10.0.0.20 2001:db8::1-2001:db8::ffff");
  EXPECT_EQ(*read_ranges(*text), ranges);
  EXPECT_TRUE(read_ranges(*write_ranges({}))->empty());
}

TEST(StoreListsTest, PublishedPortsComeBackTheSame) {
  const std::vector<model::PublishedPort> ports{{"tcp", 80, ip("0.0.0.0"), 8080}, {"udp", 65535, ip("::"), 0}};
  const auto text = write_ports(ports);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, "tcp/80/0.0.0.0/8080 udp/65535/::/0");
  EXPECT_EQ(*read_ports(*text), ports);
  EXPECT_TRUE(read_ports(*write_ports({}))->empty());
}

TEST(StoreListsTest, WhatCouldNotBeReadBackIsNotWritten) {
  EXPECT_EQ(write_ranges({{ip("10.0.0.9"), ip("10.0.0.1")}}).error().code, ErrorCode::internal);
  EXPECT_EQ(write_ports({{"t p", 80, ip("0.0.0.0"), 80}}).error().code, ErrorCode::internal);
  EXPECT_EQ(write_ports({{"a/b", 80, ip("0.0.0.0"), 80}}).error().code, ErrorCode::internal);
}

TEST(StoreListsTest, WhatWritingCanNotHaveMadeIsCorrupt) {
  for (const char* text : {" ", "10.0.0.1 ", " 10.0.0.1", "10.0.0.1  10.0.0.2", "10.0.0.9-10.0.0.1", "10.0.0.1-", "x",
                           "10.0.0.1-10.0.0.2-10.0.0.3", "10.0.0.1,10.0.0.2"}) {
    const auto ranges = read_ranges(text);
    ASSERT_FALSE(ranges.ok()) << text;
    EXPECT_EQ(ranges.error().code, ErrorCode::corrupt) << text;
  }
  for (const char* text : {"tcp/80/0.0.0.0", "tcp/80/0.0.0.0/8080/", "tcp/65536/0.0.0.0/1", "tcp/-1/0.0.0.0/1",
                           "tcp/80/host/1", "tcp/80/0.0.0.0/", "tcp/8 0/0.0.0.0/1", "tcp/0x50/0.0.0.0/1"}) {
    const auto ports = read_ports(text);
    ASSERT_FALSE(ports.ok()) << text;
    EXPECT_EQ(ports.error().code, ErrorCode::corrupt) << text;
  }
}

std::int64_t seal_of(std::initializer_list<std::string_view> texts) {
  Seal seal;
  for (const std::string_view text : texts) seal.text(text);
  return seal.value();
}

TEST(SealTest, EveryValueItsTypeAndItsPlaceCount) {
  EXPECT_EQ(seal_of({"a", "b"}), seal_of({"a", "b"}));
  EXPECT_NE(seal_of({"a", "b"}), seal_of({"b", "a"}));
  EXPECT_NE(seal_of({"ab", ""}), seal_of({"a", "b"}));
  EXPECT_NE(seal_of({"", ""}), seal_of({""}));
  Seal text;
  Seal blob;
  Seal number;
  Seal null;
  text.text("");
  blob.blob("");
  number.integer(0);
  null.null();
  EXPECT_EQ((std::set{text.value(), blob.value(), number.value(), null.value()}).size(), 4U);
}

}  // namespace
}  // namespace bayplan::store
