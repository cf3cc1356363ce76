#include "json.hh"

#include "error.hh"

#include <gtest/gtest.h>

namespace {

using namespace qt;

TEST(JsonValue, ContainsIsASubsetAtEveryLevel) {
  const Json reply = parse_json(
      R"({"status": "running", "list": [{"id": 1, "x": 2}, {"id": 3}], "n": 1.0, "e": {}})", "t");
  const auto contains = [&reply](const char* wanted) {
    return json_contains(reply, parse_json(wanted, "w"));
  };
  EXPECT_TRUE(contains(R"({})"));
  EXPECT_TRUE(contains(R"({"status": "running"})"));
  EXPECT_TRUE(contains(R"({"list": [{"id": 3}, {"x": 2}]})"));
  EXPECT_TRUE(contains(R"({"list": []})"));
  EXPECT_TRUE(contains(R"({"n": 1})"));
  EXPECT_TRUE(contains(R"({"e": {}})"));
  EXPECT_FALSE(contains(R"({"list": [{"id": 1, "x": 3}]})"));
  EXPECT_FALSE(contains(R"({"status": "paused"})"));
  EXPECT_FALSE(contains(R"({"absent": null})"));
  EXPECT_FALSE(contains(R"([])"));
}

TEST(JsonValue, PointerFindsOrGivesNothing) {
  const Json value = parse_json(R"({"a": [{"b/c": 5}]})", "t");
  ASSERT_NE(json_at(value, "/a/0/b~1c"), nullptr);
  EXPECT_EQ(*json_at(value, "/a/0/b~1c"), 5);
  EXPECT_EQ(json_at(value, ""), &value);
  for (const char* wrong : {"/a/1", "/a/x", "a", "/z", "/a/0/b~2"}) {
    EXPECT_EQ(json_at(value, wrong), nullptr) << wrong;
  }
}

TEST(JsonValue, SaysWhereAMistakeIs) {
  try {
    parse_json("{\"a\": }", "--arguments");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_EQ(std::string(error.what()).rfind("--arguments: parse error at line 1, column 7", 0),
              0u)
        << error.what();
  }
}

TEST(JsonValue, WritesAnyBytes) { EXPECT_EQ(dump_json(Json("a\xff")), "\"a\xef\xbf\xbd\""); }

} // namespace
