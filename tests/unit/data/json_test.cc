#include "data/json.hh"

#include "base/error.hh"

#include <gtest/gtest.h>

namespace json_test {

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

TEST(JsonValue, NumbersAreComparedExactly) {
  const auto equal = [](const char* one, const char* other) {
    const bool forth = json_equal(parse_json(one, "a"), parse_json(other, "b"));
    EXPECT_EQ(forth, json_equal(parse_json(other, "b"), parse_json(one, "a")));
    return forth;
  };
  EXPECT_TRUE(equal("1", "1.0"));
  EXPECT_TRUE(equal("0", "-0.0"));
  EXPECT_TRUE(equal("18446744073709551615", "18446744073709551615"));
  EXPECT_TRUE(equal("9007199254740992", "9007199254740992.0"));
  EXPECT_TRUE(equal("9223372036854775808", "9223372036854775808.0"));
  EXPECT_TRUE(equal("-9223372036854775808", "-9223372036854775808.0"));
  EXPECT_FALSE(equal("9007199254740993", "9007199254740992.0"));
  EXPECT_FALSE(equal("9007199254740993", "9007199254740992"));
  EXPECT_FALSE(equal("18446744073709551615", "-1"));
  EXPECT_FALSE(equal("18446744073709551615", "18446744073709551616.0"));
  EXPECT_FALSE(equal("9223372036854775807", "9223372036854775808.0"));
  EXPECT_FALSE(equal("1", "1.5"));
  EXPECT_FALSE(equal("1", "true"));
  EXPECT_FALSE(equal("0", "null"));
  EXPECT_FALSE(equal("1", "\"1\""));
  EXPECT_FALSE(equal("[1]", "[1, 1]"));
  EXPECT_FALSE(equal("{\"a\": 1}", "{\"b\": 1}"));
  EXPECT_TRUE(equal("{\"a\": [1.0, null]}", "{\"a\": [1, null]}"));
  EXPECT_TRUE(compare_numbers(-1, 18446744073709551615U) < 0);
  EXPECT_TRUE(compare_numbers(18446744073709551615U, -0.5) > 0);
  EXPECT_TRUE(compare_numbers(-1, -0.5) < 0);
  EXPECT_TRUE(compare_numbers(1.5, 1) > 0);
  EXPECT_TRUE(compare_numbers(1e300, 5) > 0);
  EXPECT_TRUE(compare_numbers(5, "5") == std::partial_ordering::unordered);
}

TEST(JsonValue, ContainsTellsNullFromNothingAndLooksIntoNestedLists) {
  const Json value = parse_json(
      R"({"null": null, "m": [[1, 2], [3, [4, null]]], "big": 9007199254740993, "e": []})", "t");
  const auto contains = [&value](const char* wanted) {
    return json_contains(value, parse_json(wanted, "w"));
  };
  EXPECT_TRUE(contains(R"({"null": null})"));
  EXPECT_FALSE(contains(R"({"e": null})"));
  EXPECT_FALSE(contains(R"({"null": {}})"));
  EXPECT_TRUE(contains(R"({"m": [[2]]})"));
  EXPECT_TRUE(contains(R"({"m": [[3, [null]]]})"));
  EXPECT_TRUE(contains(R"({"m": [[], [1, 2]]})"));
  EXPECT_FALSE(contains(R"({"m": [[], [1, 1]]})"));
  EXPECT_FALSE(contains(R"({"m": [[1, 3]]})"));
  EXPECT_FALSE(contains(R"({"m": [1]})"));
  EXPECT_FALSE(contains(R"({"e": [null]})"));
  EXPECT_TRUE(contains(R"({"big": 9007199254740993})"));
  EXPECT_FALSE(contains(R"({"big": 9007199254740992})"));
}

TEST(JsonValue, EachElementThatIsAskedForNeedsOneOfItsOwn) {
  const auto contains = [](const char* value, const char* wanted) {
    return json_contains(parse_json(value, "v"), parse_json(wanted, "w"));
  };
  EXPECT_FALSE(contains("[1]", "[1, 1]"));
  EXPECT_TRUE(contains("[1, 1]", "[1, 1]"));
  EXPECT_TRUE(contains("[3, 2, 1]", "[1, 3]"));
  EXPECT_FALSE(contains("[{\"a\": [1]}]", "[{\"a\": [1, 1]}]"));
  EXPECT_FALSE(contains("[]", "[{}]"));
  // The first could take either; only one of the ways to share them out is right.
  const char* const cpus = R"([{"id": 0, "hot": true}, {"id": 1}, {"id": 2, "hot": true}])";
  EXPECT_TRUE(contains(cpus, R"([{}, {"hot": true}, {"id": 0}])"));
  EXPECT_TRUE(contains(cpus, R"([{"hot": true}, {"id": 0}, {}])"));
  EXPECT_TRUE(contains(cpus, R"([{"hot": true}, {"hot": true}, {"id": 1}])"));
  EXPECT_FALSE(contains(cpus, R"([{"hot": true}, {"hot": true}, {"id": 0}])"));
  EXPECT_FALSE(contains(cpus, R"([{}, {}, {}, {}])"));
  EXPECT_EQ(json_unmatched(parse_json("[1, 2]", "v"), parse_json("[2, 1, 2]", "w")), 2u);
}

TEST(JsonValue, ALongListIsSharedOutInTime) {
  Json list = Json::array();
  for (int i = 0; i < 400; ++i) {
    list.push_back({{"id", i}, {"kind", i % 2}});
  }
  Json wanted = Json::array();
  for (int i = 400; i-- > 0;) {
    wanted.push_back({{"id", i}});
  }
  EXPECT_TRUE(json_contains(list, list));
  EXPECT_TRUE(json_contains(list, wanted));
  wanted[0] = {{"kind", 2}};
  EXPECT_FALSE(json_contains(list, wanted));
}

TEST(JsonValue, WhatOthersWroteMayBeOfAnyKind) {
  const Json odd =
      parse_json(R"({"text": 5, "list": {"a": 1}, "texts": ["a", 1, "b"], "t": "x"})", "t");
  EXPECT_EQ(json_text(odd, "text"), "");
  EXPECT_EQ(json_text(odd, "t"), "x");
  EXPECT_EQ(json_list(odd, "list"), Json::array());
  EXPECT_EQ(json_texts(odd, "texts"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(json_member(odd, "none").is_null());
  for (const Json& other : {Json(), Json(5), Json("x"), Json::array({1})}) {
    EXPECT_TRUE(json_member(other, "a").is_null());
    EXPECT_EQ(json_text(other, "a"), "");
  }
}

TEST(JsonValue, IsNeverDeeperThanWhatMayRecurse) {
  const auto nested = [](unsigned depth) {
    return std::string(depth, '[') + "\"[\\\"[\"" + std::string(depth, ']');
  };
  EXPECT_NO_THROW(parse_json(nested(k_deepest_json), "t"));
  EXPECT_THROW(parse_json(nested(k_deepest_json + 1), "t"), Error);
  EXPECT_THROW(parse_json(std::string(10'000'000, '['), "t"), Error);
  EXPECT_THROW(parse_json("1e999", "t"), Error); // nor a number beyond what can be held
}

TEST(JsonValue, IsCutAtCharacters) {
  EXPECT_EQ(cut_json("\"abc\"", 5), "\"abc\"");
  EXPECT_EQ(cut_json("\"a\xc3\xa9z\"", 3), "\"a…");
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

TEST(JsonValue, AMistakeIsToldShortly) {
  try {
    parse_json("{\"" + std::string(100'000, '\t'), "t");
    FAIL();
  } catch (const Error& error) {
    EXPECT_LT(std::string(error.what()).size(), 320u);
  }
  try {
    parse_json("\"" + std::string(100'000, 'x'), "t");
    FAIL();
  } catch (const Error& error) {
    EXPECT_LT(std::string(error.what()).size(), 320u);
  }
}

TEST(JsonValue, WritesAnyBytes) { EXPECT_EQ(dump_json(Json("a\xff")), "\"a\xef\xbf\xbd\""); }

} // namespace json_test
