#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "http/message.hpp"
#include "http/target.hpp"

namespace bayplan::http {
namespace {

TEST(HttpTarget, DecodesPathAndQuery) {
  const auto target = parse_target("/v1/networks/a%20b?match=10.0.0.1%2F24&state=held&empty&plus=a+b");
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(target->path, "/v1/networks/a b");
  const std::map<std::string, std::string> query{
      {"match", "10.0.0.1/24"}, {"state", "held"}, {"empty", ""}, {"plus", "a b"}};
  EXPECT_EQ(target->query, query);
}

TEST(HttpTarget, PlusIsASpaceInTheQueryOnly) {
  const auto target = parse_target("/a+b?c+d=e+f");
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(target->path, "/a+b");
  EXPECT_EQ(target->query.at("c d"), "e f");
}

TEST(HttpTarget, AbsoluteFormIsTheSame) {
  EXPECT_EQ(parse_target("http://docker/a?b=c").value().path, "/a");
  EXPECT_EQ(parse_target("http://docker").value().path, "/");
}

TEST(HttpTarget, RefusesABrokenPercentEncoding) {
  for (const auto* text : {"/a%", "/a%4", "/a%zz", "/a?b=%+1", "/%-1"}) {
    const auto target = parse_target(text);
    ASSERT_FALSE(target.ok()) << text;
    EXPECT_EQ(target.error().code, ErrorCode::invalid);
  }
}

RC_GTEST_PROP(HttpTarget, WhatIsFormattedIsReadBack, ()) {
  const auto path = "/" + *rc::gen::arbitrary<std::string>();
  const auto query = *rc::gen::arbitrary<std::map<std::string, std::string>>();
  const auto text = format_target(path, query);
  RC_ASSERT(text.find_first_of(" \r\n") == std::string::npos);
  const auto target = parse_target(text);
  RC_ASSERT(target.ok());
  RC_ASSERT(target->path == path);
  RC_ASSERT(target->query == query);
}

TEST(HttpHeaders, NamesCompareWithoutRegardToCase) {
  const Headers headers{{"Content-Type", "text/plain"}, {"content-type", "second"}};
  EXPECT_EQ(headers.get("CONTENT-TYPE"), "text/plain");
  EXPECT_EQ(headers.get("Content"), "");
}

}  // namespace
}  // namespace bayplan::http
