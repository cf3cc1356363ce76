// Values as TOML: what is written is read again as the same.
#include "record/definition_text.hh"

#include "base/error.hh"
#include "data/toml.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace definition_text_test {
namespace {

using testing::HasSubstr;

Json read_again(const std::string& value) {
  const auto parsed = parse_toml("key = " + value + "\n", "test");
  if (const auto* const mistake = std::get_if<Mistake>(&parsed)) {
    ADD_FAILURE() << value << ": " << mistake->text;
    return {};
  }
  return json_of(*std::get<Value>(parsed).find("key"));
}

TEST(DefinitionText, HostileTextsComeBackAsTheyWere) {
  std::string controls;
  for (char byte = 0; byte < ' '; ++byte) {
    controls += byte;
  }
  for (const std::string& text :
       {std::string(), std::string("plain"), controls, std::string("a\0b", 3), std::string("\x7f"),
        std::string("'''"), std::string("\"\"\""), std::string("\\\\\"'\\u0041\\"),
        std::string("\x1b[0m"), std::string("line\r\nline\ttab"),
        std::string("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), std::string("# no comment = [x]")}) {
    EXPECT_EQ(read_again(toml_value(text)), Json(text)) << toml_value(text);
    EXPECT_EQ(toml_value(text).find('\n'), std::string::npos) << "it is one line";
  }
}

TEST(DefinitionText, WhatTomlCannotHoldIsAnError) {
  for (const Json& value : {Json("\xff"), Json("\xc3"), Json(nullptr), Json({{"a", nullptr}}),
                            Json({1, {{"b", "\xed\xa0\x80"}}}), Json(18446744073709551615U)}) {
    EXPECT_THROW(toml_value(value), Error);
  }
}

TEST(DefinitionText, OtherValues) {
  for (const Json& value :
       {Json(0), Json(-5), Json(9223372036854775807), Json(1.5), Json(1e300), Json(2.0), Json(true),
        Json::array(), Json({"a", 1, false}), Json::object(),
        Json({{"plain-key_1", 1}, {"key with blank", {{"", "x"}, {"\n\"", {1, 2}}}}})}) {
    EXPECT_TRUE(json_equal(read_again(toml_value(value)), value)) << toml_value(value);
  }
}

TEST(DefinitionText, NoTextHasAVariable) {
  EXPECT_EQ(without_variables("echo ${x} $y ${"), "echo $${x} $y $${");
  EXPECT_EQ(without_variables("$${x}"), "$$${x}");
  EXPECT_EQ(toml_literal({{"a", "${x}"}}), "{ a = \"$${x}\" }");
}

TEST(DefinitionText, AWholeDefinition) {
  RecordedDefinition definition;
  definition.summary = "A \"recorded\" dialogue";
  definition.timeout = "2m";
  definition.assets = {{"kernel", "/boot/vmlinuz", "", "", false},
                       {"disk", "", "https://host/disk", std::string(64, 'a'), true}};
  definition.test = "pc";
  definition.keys = {{"machine", "pc"}, {"idle-timeout", "30s"}};
  definition.args = {"-kernel", "${asset.kernel}"};
  definition.steps = {
      {DraftStep::Role::text, 0, {{"wait", "a"}}},
      {DraftStep::Role::input, 0, {{"line", "ls"}}},
      {DraftStep::Role::text, 1, {{"wait", "b"}}},
      {DraftStep::Role::end, 1, {{"exit", 0}}},
  };
  EXPECT_EQ(
      definition_text(definition),
      R"(# Recorded with qt-boot --record. Look it over: what is waited for came again in each run.
summary = "A \"recorded\" dialogue"
timeout = "2m"

[asset.kernel]
path = "/boot/vmlinuz"

[asset.disk]
url    = "https://host/disk"
sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

[file.disk]
from     = "disk"
writable = true

[test.pc]
machine      = "pc"
idle-timeout = "30s"
args         = ["-kernel", "${asset.kernel}"]
steps        = [
  { wait = "a" },
  { line = "ls", wait = "b" },
  { exit = 0 },
]
)");
}

} // namespace
} // namespace definition_text_test
} // namespace qt
