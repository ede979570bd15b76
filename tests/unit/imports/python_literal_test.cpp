// Python's literals as the old practice's monitor wrote them, and everything that is none.
#include "imports/python_literal.hpp"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

namespace bayplan::imports {
namespace {

using ::testing::HasSubstr;

std::string text_of(const PythonValue& value, std::string_view key) {
  const auto* found = std::get<PythonDict>(value.value).find(key);
  return found == nullptr ? "(none)" : std::get<std::string>(found->value);
}

std::string string_in(std::string_view literal) {
  const auto value = parse_python_literal(literal);
  return value.ok() ? std::get<std::string>(value->value) : value.error().message();
}

std::string refusal(std::string_view literal) {
  const auto value = parse_python_literal(literal);
  return value.ok() ? "(accepted)" : value.error().message();
}

TEST(PythonLiteral, ReadsTheRecordAsTheScriptWroteIt) {
  const auto record = parse_python_literal(
      "{'Physics_ip':'10.10.17.3','Container_name':'test1','Container_ip':'172.16.1.2/24','Container_vlan':'100',"
      "'Container_vlan_gateway':'172.16.1.1/24','Container_create':'2015-03-02 "
      "14:59:59','Container_status':'running'}");
  ASSERT_TRUE(record.ok()) << record.error().message();
  EXPECT_EQ(text_of(*record, "Container_name"), "test1");
  EXPECT_EQ(text_of(*record, "Container_ip"), "172.16.1.2/24");
  EXPECT_EQ(text_of(*record, "Container_create"), "2015-03-02 14:59:59");
}

TEST(PythonLiteral, ReadsWhatTheMonitorMadeOfIt) {
  const auto record = parse_python_literal(R"( { u'Container_name' : "it's" , "Container_ip":u"172.16.1.2/24", } )");
  ASSERT_TRUE(record.ok()) << record.error().message();
  EXPECT_EQ(text_of(*record, "Container_name"), "it's");
  EXPECT_EQ(text_of(*record, "Container_ip"), "172.16.1.2/24");
}

TEST(PythonLiteral, ReadsEveryKindOfValue) {
  const auto value = parse_python_literal(
      "{'a': None, 'b': True, 'c': False, 'd': -12, 'e': 1.5e-3, 'f': 7L, "
      "'g': [1, (2,), ()], 4: {}}");
  ASSERT_TRUE(value.ok()) << value.error().message();
  const auto& dict = std::get<PythonDict>(value->value);
  EXPECT_EQ(*dict.find("a"), PythonValue{});
  EXPECT_EQ(*dict.find("b"), PythonValue{true});
  EXPECT_EQ(*dict.find("d"), PythonValue{PythonNumber{"-12"}});
  EXPECT_EQ(*dict.find("e"), PythonValue{PythonNumber{"1.5e-3"}});
  EXPECT_EQ(*dict.find("f"), PythonValue{PythonNumber{"7"}});
  EXPECT_EQ(std::get<PythonList>(dict.find("g")->value).items.size(), 3U);
}

TEST(PythonLiteral, ReadsEscapesAsPythonDoes) {
  EXPECT_EQ(string_in(R"('a\'b\"c\\d\n\t\x41\101\0')"), std::string("a'b\"c\\d\n\tAA\0", 12));
  EXPECT_EQ(string_in(R"(u'\u00fc\xfc\U0001f40b')"), "\xc3\xbc\xc3\xbc\xf0\x9f\x90\x8b");
  EXPECT_EQ(string_in(R"('\xc3\xbc')"), "\xc3\xbc");  // Python 2's bytes
  EXPECT_EQ(string_in(R"('\q')"), "\\q");
  EXPECT_EQ(string_in("'a\\\nb'"), "ab");
}

TEST(PythonLiteral, TheLastOfTwoEqualKeysCounts) {
  EXPECT_EQ(text_of(*parse_python_literal("{'a':'1','a':'2'}"), "a"), "2");
}

TEST(PythonLiteral, EvaluatesNothing) {
  for (const auto* code :
       {"__import__('os').system('id')", "{'a': open('x')}", "'a' + 'b'", "'a' 'b'", "{'a': x}", "[x for x in y]",
        "{'a'}", "r'a'", "f'{a}'", "'''a'''", "1+2", "'a'*9", "{**a}", "lambda: 1", "'a' # comment", "{'a':1};"}) {
    EXPECT_THAT(refusal(code), HasSubstr("no Python literal")) << code;
  }
}

TEST(PythonLiteral, RefusesWhatIsBrokenAndSaysWhere) {
  EXPECT_THAT(refusal(""), HasSubstr("a value is missing at character 1"));
  EXPECT_THAT(refusal("{'a':'b'"), HasSubstr("a comma or '}' is expected at character 9"));
  EXPECT_THAT(refusal("{'a' 'b'}"), HasSubstr("a string stands beside a string"));
  EXPECT_THAT(refusal("{'a':"), HasSubstr("a value is missing"));
  for (const auto* broken : {"{",          "}",
                             "{'a'",       "{'a':'b",
                             "{'a':'b\\",  "{'a':'b',,}",
                             "{,}",        "[,]",
                             "[1 2]",      "(",
                             "'",          "\"",
                             "u'",         "u",
                             "ub'a'",      "'\\x4'",
                             "u'\\ud800'", "u'\\U00110000'",
                             "'\\777'",    "'a\nb'",
                             "-",          ".",
                             "1e",         "1e+",
                             "012",        "00",
                             "1x",         "1.5L",
                             "--1",        "Nonex",
                             "none",       "{'a':1 'b':2}"}) {
    EXPECT_THAT(refusal(broken), HasSubstr("no Python literal")) << broken;
  }
}

TEST(PythonLiteral, IsBoundedInDepthAndSize) {
  EXPECT_TRUE(parse_python_literal("[[[[[[[[]]]]]]]]").ok());
  EXPECT_THAT(refusal(std::string(60'000, '[')), HasSubstr("nested too deep"));
  EXPECT_THAT(refusal("'" + std::string(kLiteralSize, 'a') + "'"), HasSubstr("at most 65536"));
}

// --- properties

// As Python's repr writes a string of bytes.
std::string repr(const std::string& text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out += std::string("\\") + c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + quote;
}

RC_GTEST_PROP(PythonLiteralProperty, WhatReprWritesIsReadBack, (const std::map<std::string, std::string>& record)) {
  std::string literal = "{";
  for (const auto& [key, value] : record) {
    const char quote = *rc::gen::element('\'', '"');
    literal += repr(key, quote) + *rc::gen::element<std::string>(":", " : ", ":\n") + repr(value, '\'') +
               *rc::gen::element<std::string>(",", ", ", "\t,\n");
  }
  const auto read = parse_python_literal(literal + "}");
  RC_ASSERT(read.ok());
  RC_ASSERT(std::get<PythonDict>(read->value).items.size() == record.size());
  for (const auto& [key, value] : record) RC_ASSERT(text_of(*read, key) == value);
}

// Each number a piece of the grammar.
RC_GTEST_PROP(PythonLiteralProperty, NoTextIsTooMuchForIt, (const std::vector<std::uint8_t>& choices)) {
  static const std::vector<std::string> kPieces{"{",    "}",  "[",    "]",     "(",
                                                ")",    "'",  "\"",   ":",     ",",
                                                "u'",   "\\", "\\x4", "\\u12", "None",
                                                "True", "1",  "-",    ".",     "e",
                                                "L",    " ",  "\n",   "a",     std::string(1, '\0'),
                                                "\xff"};
  std::string text;
  for (const auto choice : choices) text += kPieces[choice % kPieces.size()];
  const auto read = parse_python_literal(text);
  // Outside the macro: inside it, g++ 12 with the address sanitizer takes the error from a wrong place.
  const bool told = read.ok() || !read.error().message().empty();
  RC_ASSERT(told);
}

}  // namespace
}  // namespace bayplan::imports
