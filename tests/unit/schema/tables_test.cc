#include "schema/tables.hh"

#include "base/error.hh"
#include "schema/empty_value.hh"
#include "schema/key_option.hh"
#include "schema/step.hh"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <set>

namespace tables_test {

using namespace qt;
using testing::ElementsAre;
using testing::HasSubstr;

struct NamedKey {
  std::string table;
  Key key;
};

void PrintTo(const NamedKey& named, std::ostream* out) {
  *out << named.table << " " << named.key.name;
}

std::vector<NamedKey> all_keys() {
  std::vector<NamedKey> all;
  const auto add = [&all](const std::string& table, std::span<const Key> keys) {
    for (const Key& key : keys) {
      all.push_back({table, key});
    }
  };
  add("step", step_type_keys());
  add("modifier", step_modifier_keys());
  add("dialogue", dialogue_keys());
  add("vm", vm_keys());
  add("file", file_keys());
  add("asset", asset_keys());
  add("requires", requires_keys());
  return all;
}

// Values as a definition gives them: what a shell, an option parser or UTF-8 could trip over.
std::vector<Json> samples(const Key& key) {
  const Json nasty =
      Json::array({"a b", "-x", "--", "it's \"quoted\"", "a=b", "é\n\\", "${scratch}"});
  std::vector<Json> texts(nasty.begin(), nasty.end());
  if (key.name == "ready") { // one of a choice
    return {"unix:/a b", Json::array({"log:it's", "tcp:5", "unix:--"})};
  }
  if (key.name == "confine") {
    return {"none", "sandbox"};
  }
  switch (key.type) {
  case Type::text:
  case Type::regex:
    texts.push_back("");
    return texts;
  case Type::bytes:
    texts.push_back(std::string("\r\n\t\x1b\0\x7f\x03\xff\\x41", 12));
    return texts;
  case Type::duration:
    return {"500ms", "0.5s", "30s", "2m"};
  case Type::size:
    return {"4096", "16M"};
  case Type::integer:
    return {0, 5, -5};
  case Type::status:
    return {0, 255, "any"};
  case Type::flag:
    return {true};
  case Type::boolean:
    return {true, false};
  case Type::console:
    return {0, 3, "sclpconsole", false};
  case Type::ending:
    texts.push_back(true);
    return texts;
  case Type::json:
    return {5, "text", "-", 0.5, true, nullptr, nasty, {{"a", {1, "b"}}}};
  case Type::table:
    return {Json::object(), {{"a b", {{"c", nasty}}}}};
  case Type::texts:
    return {nasty, "one", Json::array({""})};
  case Type::argv:
    return {nasty, Json::array({""})};
  case Type::argvs:
    return {Json::array({nasty, Json::array({"x"})}), nasty};
  case Type::patterns:
    return {
        "one",
        Json::array(
            {"-a", {{"regex", "-o+ps"}}, {{"text", "c"}}, {{"regex", "d"}}, {{"set", "linux"}}})};
  case Type::checks:
    return {"-one",
            {{"contains", "a"}, {"equals", "-b"}, {"matches", "c"}, {"lacks", "d"}},
            Json::array({"a", {{"lacks", "-b"}, {"matches", "c"}}, "d", {{"lacks", "e"}}})};
  case Type::values:
    return {{{"name", "/a=b"}, {"other", "-(x)"}}};
  case Type::saves:
    return {{{"name", "/a=b"}, {"other", "-(x)"}},
            {{"name", {{"at", "/a=b"}, {"default", "-1=2"}}},
             {"other", "/c"},
             {"third", {{"at", ""}, {"default", ""}}}}};
  case Type::range:
    return {{-1, 5}, {0.5, 1e9}, {0, 0}};
  }
  return {};
}

const Key* key_of_form(const Key& key, const std::string& form) {
  const std::vector<OptionForm> forms = option_forms(key);
  const bool known = std::any_of(forms.begin(), forms.end(),
                                 [&form](const OptionForm& other) { return other.name == form; });
  return known ? &key : nullptr;
}

// Reads option words back as an option parser does: "--k V", "--k=V", "--k" for a flag.
Json read_back(const Key& key, const std::vector<std::string>& words) {
  Json table = Json::object();
  for (std::size_t i = 0; i < words.size(); ++i) {
    EXPECT_TRUE(words[i].starts_with("--")) << words[i];
    const std::size_t equals = words[i].find('=');
    const std::string form = words[i].substr(2, equals == std::string::npos ? equals : equals - 2);
    const bool flag = key.type == Type::flag || (key.type == Type::ending && form == key.name);
    EXPECT_NE(key_of_form(key, form), nullptr) << form;
    EXPECT_TRUE(flag || equals != std::string::npos || i + 1 < words.size());
    const std::string text = equals != std::string::npos ? words[i].substr(equals + 1)
                             : flag                      ? ""
                                                         : words[++i];
    if (equals == std::string::npos) {
      EXPECT_FALSE(text.starts_with('-')) << "a parser could take it for an option: " << text;
    }
    set_from_option(key, form, text, table);
  }
  return table;
}

class RoundTrip : public testing::TestWithParam<NamedKey> {};

TEST_P(RoundTrip, OptionsSayWhatTheDefinitionSays) {
  const Key& key = GetParam().key;
  ASSERT_FALSE(samples(key).empty());
  for (const Json& sample : samples(key)) {
    const Json normal = normal_value(key, sample);
    EXPECT_EQ(normal_value(key, normal), normal) << "normal form stays as it is";
    std::vector<std::string> words;
    append_options(key, normal, words);
    const Json table = read_back(key, words);
    EXPECT_EQ(table, Json({{std::string(key.name), normal}})) << sample;
  }
}

INSTANTIATE_TEST_SUITE_P(AllKeys, RoundTrip, testing::ValuesIn(all_keys()));

class Wrong : public testing::TestWithParam<NamedKey> {};

TEST_P(Wrong, ValuesAreRefusedWithWhatWasExpected) {
  const Key& key = GetParam().key;
  const std::vector<Json> all = {nullptr,
                                 true,
                                 false,
                                 5,
                                 -1,
                                 0.5,
                                 "x",
                                 "",
                                 Json::array(),
                                 Json::array({5}),
                                 Json::array({"a"}),
                                 Json::array({Json::array({"a"})}),
                                 Json::object(),
                                 {{"regex", "x"}, {"text", "y"}},
                                 {{"contains", 5}}};
  std::size_t refused = 0;
  for (const Json& value : all) {
    try {
      normal_value(key, value);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      EXPECT_THAT(error.what(), HasSubstr("expected "));
      ++refused;
    }
  }
  EXPECT_TRUE(refused > 0 || key.type == Type::json);
}

INSTANTIATE_TEST_SUITE_P(AllKeys, Wrong, testing::ValuesIn(all_keys()));

std::string empty_mistake_of(std::string_view name, StepType type, const Json& value) {
  const Key& key = *find_step_key(type, name);
  return empty_mistake(key, normal_value(key, value));
}

TEST(Vocabulary, AValueThatSaysNothingIsAMistake) {
  const auto says_nothing = [](std::string_view name, StepType type, const Json& value) {
    return !empty_mistake_of(name, type, value).empty();
  };
  EXPECT_TRUE(says_nothing("wait", StepType::wait, ""));
  EXPECT_TRUE(says_nothing("lacks", StepType::qmp, ""));
  EXPECT_TRUE(says_nothing("desc", StepType::qmp, ""));
  EXPECT_TRUE(says_nothing("mark", StepType::wait, ""));
  EXPECT_TRUE(says_nothing("fail", StepType::wait, Json::array({"a", ""})));
  EXPECT_TRUE(says_nothing("fail", StepType::wait, {{"regex", "x*"}}));
  EXPECT_TRUE(says_nothing("stdout", StepType::run, ""));
  EXPECT_TRUE(says_nothing("stdout", StepType::run, {{"equals", "x"}, {"lacks", ""}}));
  EXPECT_TRUE(says_nothing("stdout", StepType::run, {{"matches", "(ok)?"}}));
  EXPECT_TRUE(says_nothing("returns", StepType::qmp, Json::array()));
  EXPECT_TRUE(says_nothing("returns", StepType::qmp, Json::object()));
  EXPECT_TRUE(says_nothing("until", StepType::qmp, Json::object()));
  EXPECT_TRUE(says_nothing("data", StepType::event, Json::object()));
  EXPECT_TRUE(says_nothing("running", StepType::running, "0s"));
  EXPECT_TRUE(says_nothing("timeout", StepType::wait, "0ms"));
  EXPECT_TRUE(says_nothing("min-size", StepType::file, "0K"));
  EXPECT_TRUE(says_nothing("range", StepType::qmp, {-1e300, 1e300}));
  EXPECT_TRUE(says_nothing("range", StepType::qmp, {INT64_MIN, INT64_MAX}));

  EXPECT_FALSE(says_nothing("line", StepType::line, ""));
  EXPECT_FALSE(says_nothing("equals", StepType::qmp, Json::array()));
  EXPECT_FALSE(says_nothing("equals", StepType::qmp, ""));
  EXPECT_FALSE(says_nothing("arguments", StepType::qmp, Json::object()));
  EXPECT_FALSE(says_nothing("stdout", StepType::run, {{"equals", ""}}));
  EXPECT_FALSE(says_nothing("returns", StepType::qmp, {{"a", Json::array()}}));
  EXPECT_FALSE(says_nothing("range", StepType::qmp, {0, INT64_MAX}));
  EXPECT_FALSE(says_nothing("pace", StepType::line, "0s"));
  EXPECT_FALSE(says_nothing("wait", StepType::wait, "${known.later}"));
  EXPECT_FALSE(says_nothing("lacks", StepType::qmp, "${known.later}"));
}

TEST(Vocabulary, AnExpressionThatMatchesEverythingIsAMistake) {
  const auto mistake = [](const char* expression) {
    return empty_mistake_of("matches", StepType::hmp, expression);
  };
  for (const char* all :
       {"", ".*", "x*", "(login)?", "^", "$", "a|", "(?s).*", "\\s*", "(?:)", "[a-z]*$"}) {
    EXPECT_NE(mistake(all), "") << all;
  }
  for (const char* some :
       {"x", ".+", "^$", "\\A\\z", "^(?!.*panic)", "(?<!x)$", "\\b", "a.*", "(?=x)"}) {
    EXPECT_EQ(mistake(some), "") << some;
  }
}

TEST(Vocabulary, AnExpressionThatMatchesNothingIsAMistake) {
  const auto mistake = [](const char* expression) {
    return empty_mistake_of("matches", StepType::hmp, expression);
  };
  for (const char* none :
       {"(?!)", "x(?!)", "(*FAIL)", "a(*F)b", "[^\\s\\S]", "ab[^\\d\\D]c", "[^\\x00-\\xff]",
        "cost: US$5", "2^3", "^(?!.*)", "(?!x*)panic", "$a", "\\b(?!)", "(panic)(?!)", "(a(?!))"}) {
    EXPECT_THAT(mistake(none), testing::HasSubstr("matches no text at all")) << none;
  }
  for (const char* some : {"x",
                           "x(?!y)",
                           "(?!)|x",
                           "(?!)?x",
                           "(x(?!))?y",
                           "[^\\s]",
                           "[^[:space:]]x",
                           "[^]x]",
                           "US\\$5",
                           "[$]5",
                           "a$\\s*b",
                           "a\\n^b",
                           "^$",
                           "\\Ax",
                           "(?<=foo)bar",
                           "(?<v>\\d+)$",
                           "\\Q2^3\\E",
                           "x\\z",
                           "(?x) a $5 # (?!)",
                           "(?#(?!) x",
                           "a(*ACCEPT)(?!)",
                           "(?!^)x",
                           "\\Bx",
                           "(?<!x)x",
                           "(?i)2\\^3",
                           "(?:a|b$)",
                           "x{2}y",
                           "x{,y",
                           "\\x00",
                           "\\r\\n",
                           "[\\r\\n]",
                           "(?(DEFINE)(?<x>a))(?&x)",
                           "\\Kx"}) {
    EXPECT_EQ(mistake(some), "") << some;
  }
}

TEST(Vocabulary, OfTheConsoleAnExpressionNeedsAText) {
  for (const char* none : {"\\b", "(?=panic)", "(?=panic)|x", "x*", "^", "\\bx?", "(?!)", "a$b"}) {
    EXPECT_NE(empty_mistake_of("wait-regex", StepType::wait_regex, none), "") << none;
    EXPECT_NE(empty_mistake_of("fail", StepType::wait, {{"regex", none}}), "") << none;
  }
  for (const char* some : {"\\bx", "(?=panic).", "^x", "x$", "(?<c>[0-9]+)", "(x)\\1", "(?:a|b)\\b",
                           "a(?R)?b", "(?|a|b)", "(x(?1)?)", "^\\r\\n", "(?(?=a)ab|c)"}) {
    EXPECT_EQ(empty_mistake_of("wait-regex", StepType::wait_regex, some), "") << some;
    EXPECT_EQ(empty_mistake_of("fail", StepType::wait, {{"regex", some}}), "") << some;
  }
}

TEST(Vocabulary, OnlyWhatIsWrittenWithEscapesHoldsNul) {
  const std::string nul("hel\0XYZ", 7);
  for (const NamedKey& named : all_keys()) {
    // What is written with escapes, or as JSON, on a command line.
    const Type type = named.key.type;
    const bool can = type == Type::bytes || type == Type::json || type == Type::table;
    EXPECT_EQ(may_hold_nul(type), can);
    const auto refused = [&named](const Json& value) {
      try {
        normal_value(named.key, value);
        return false;
      } catch (const Error& error) {
        return std::string(error.what()).find("U+0000") != std::string::npos;
      }
    };
    for (const Json& value : {Json(nul), Json::array({"a", nul}), Json::array({Json::array({nul})}),
                              Json({{"regex", nul}}), Json({{nul, "/a"}})}) {
      EXPECT_EQ(refused(value), !can) << named.table << " " << named.key.name;
    }
  }
}

TEST(Vocabulary, TakesPow2OnlyWhereItMeansSomething) {
  EXPECT_EQ(normal_value(*find_key(file_keys(), "resize"), "pow2"), "pow2");
  EXPECT_THROW(normal_value(*find_key(requires_keys(), "locked-memory"), "pow2"), Error);
  EXPECT_THROW(normal_value(*find_step_key(StepType::file, "min-size"), "pow2"), Error);
}

TEST(Vocabulary, NamesAreUniqueAmongTheOptionsOfAProgram) {
  for (const std::span<const Key> keys :
       {step_type_keys(), dialogue_keys(), vm_keys(), file_keys(), asset_keys(), requires_keys()}) {
    std::set<std::string> seen;
    for (const Key& key : keys) {
      std::set<std::string> helps; // each form has a help of its own
      for (const OptionForm& form : option_forms(key)) {
        EXPECT_TRUE(helps.insert(form.help).second) << form.name;
        EXPECT_TRUE(seen.insert(form.name).second) << form.name;
      }
    }
  }
}

TEST(Vocabulary, NoStepKnowsAKeyTwice) {
  for (const Key& type : step_type_keys()) {
    const StepType step = *step_type_from(type.name);
    EXPECT_EQ(step_type_name(step), type.name);
    EXPECT_EQ(find_step_key(step, type.name), find_key(step_type_keys(), type.name));
    std::set<std::string_view> seen = {type.name};
    for (const Key& key : step_modifier_keys()) {
      if ((key.steps & type.steps) != 0) {
        EXPECT_TRUE(seen.insert(key.name).second) << type.name << " " << key.name;
        EXPECT_EQ(find_step_key(step, key.name), &key);
      }
    }
  }
  EXPECT_EQ(find_step_key(StepType::wait, "returns"), nullptr);
  EXPECT_EQ(find_step_key(StepType::wait, "line"), nullptr);
  EXPECT_EQ(find_step_key(StepType::interrupt, "until")->type, Type::text);
  EXPECT_EQ(find_step_key(StepType::qmp, "until")->type, Type::json);
  EXPECT_EQ(find_step_key(StepType::hmp, "until")->type, Type::regex);
}

TEST(Vocabulary, SaysAStepAsOptionWords) {
  Step step;
  step.type = StepType::interrupt;
  step.values = {{"interrupt", "\r"},
                 {"until", "=> "},
                 {"timeout", "5s"},
                 {"fail", {{{"text", "-bad"}}, {{"regex", "o+"}}}}};
  EXPECT_THAT(step_words(step), ElementsAre("--interrupt", "\\r", "--timeout", "5s", "--fail=-bad",
                                            "--fail-regex", "o+", "--until", "=> "));
  EXPECT_EQ(describe_step(step),
            "--interrupt '\\r' --timeout 5s --fail=-bad --fail-regex o+ --until '=> '");
}

TEST(Vocabulary, NoTwoKeysOfACommandLineShareAForm) {
  std::map<std::string, std::string_view> owners;
  for (const auto keys : {step_type_keys(), step_modifier_keys(), dialogue_keys()}) {
    for (const Key& key : keys) {
      for (const OptionForm& form : option_forms(key)) {
        const auto [entry, is_new] = owners.emplace(form.name, key.name);
        EXPECT_TRUE(is_new || entry->second == key.name) << form.name;
      }
    }
  }
}

TEST(Vocabulary, SaysWhatWasExpected) {
  const auto complaint = [](std::string_view name, const Json& value) {
    try {
      normal_value(*find_key(step_modifier_keys(), name), value);
      return std::string("none");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      return std::string(error.what());
    }
  };
  EXPECT_EQ(complaint("timeout", 5), "expected a time such as \"500ms\", \"30s\" or \"2m\"");
  EXPECT_EQ(complaint("timeout", "5"), "expected a time such as \"500ms\", \"30s\" or \"2m\"");
  EXPECT_EQ(complaint("range", {2, 1}), "expected [minimum, maximum]");
  EXPECT_EQ(complaint("open", "yes"), "expected true or false");
  EXPECT_EQ(complaint("status", 256), "expected an exit status from 0 to 255, or \"any\"");
  EXPECT_EQ(complaint("fail", Json::array()),
            "expected texts, { regex = \"…\" } or { set = \"…\" }");
  EXPECT_EQ(complaint("fail", {{"set", "linus"}}),
            "expected one of the sets edk2, linux, uboot, zephyr");
}

TEST(Vocabulary, StepsAreDescribedAsOnACommandLine) {
  Step step;
  step.type = StepType::wait;
  step.values = {{"wait", "Hit any key"},
                 {"fail", Json::array({{{"text", "panic"}}, {{"regex", "-x"}}})},
                 {"timeout", "5s"}};
  EXPECT_EQ(describe_step(step), "--wait 'Hit any key' --timeout 5s --fail panic --fail-regex=-x");
  step = {StepType::send, {{"send", "\x03\r"}}, ""};
  EXPECT_EQ(describe_step(step), "--send '\\x03\\r'");
  step = {StepType::quit, {{"quit", true}}, ""};
  EXPECT_EQ(describe_step(step), "--quit");
}

TEST(Vocabulary, WholeStepsCanBeWrong) {
  const auto mistake = [](StepType type, const Json& values) {
    return step_mistake(Step{type, values, ""});
  };
  EXPECT_NE(mistake(StepType::wait, {{"wait", ""}}), "");
  EXPECT_NE(mistake(StepType::interrupt, {{"interrupt", "x"}}), "");
  EXPECT_NE(mistake(StepType::file, {{"file", "x"}}), "");
  EXPECT_NE(mistake(StepType::fetch, {{"fetch", "x"}}), "");
  EXPECT_NE(mistake(StepType::qmp, {{"qmp", "x"}, {"desc", "y"}}), "");
  EXPECT_EQ(mistake(StepType::qmp, {{"qmp", "x"}, {"error", "E"}, {"desc", "y"}}), "");
  EXPECT_NE(mistake(StepType::qmp, {{"qmp", "x"}, {"error", "E"}, {"matches", "y"}}), "");
  EXPECT_NE(mistake(StepType::qmp, {{"qmp", "x"}, {"error", "E"}, {"length", 1}}), "");
  EXPECT_NE(mistake(StepType::qmp, {{"qmp", "query-cpus-fast"}, {"lacks", "y"}}), "");
  EXPECT_EQ(mistake(StepType::qmp, {{"qmp", "query-cpus-fast"}, {"at", "/0"}, {"lacks", "y"}}), "");
  EXPECT_NE(mistake(StepType::qmp, {{"qmp", "x"}, {"lacks", "y"}, {"returns", {{{"a", 1}}}}}), "");
  EXPECT_NE(mistake(StepType::wait, {{"wait", "x"}, {"console", false}}), "");
  EXPECT_NE(mistake(StepType::running, {{"running", "0s"}}), "");
}

TEST(Vocabulary, SomeStepsCannotFail) {
  const auto judged = [](StepType type, const Json& values) {
    return judges(Step{type, values, ""});
  };
  EXPECT_FALSE(judged(StepType::line, {{"line", "x"}}));
  EXPECT_FALSE(judged(StepType::sleep, {{"sleep", "1s"}}));
  EXPECT_FALSE(judged(StepType::run, {{"run", {"x"}}, {"status", "any"}}));
  EXPECT_TRUE(judged(StepType::run, {{"run", {"x"}}}));
  EXPECT_TRUE(
      judged(StepType::run, {{"run", {"x"}}, {"status", "any"}, {"stdout", {{{"lacks", "y"}}}}}));
  EXPECT_TRUE(judged(StepType::run, {{"run", {"x"}}, {"status", "any"}, {"save", {{"n", "y"}}}}));
  EXPECT_FALSE(judged(
      StepType::run,
      {{"run", {"x"}}, {"status", "any"}, {"save", {{"n", {{"at", "y"}, {"default", "0"}}}}}}));
  EXPECT_TRUE(judged(StepType::qmp, {{"qmp", "stop"}}));
}

// The last one would win, and hide one that fails.
TEST(SetFromOption, TakesNoSecondValueInPlaceOfTheFirst) {
  const auto twice = [](const Key& key, const char* form, const char* first, const char* second) {
    Json table = Json::object();
    set_from_option(key, form, first, table);
    set_from_option(key, form, second, table);
  };
  const auto host_key = [](const char* name) { return *find_step_key(StepType::run, name); };
  EXPECT_THROW(twice(host_key("status"), "status", "3", "0"), Error);
  EXPECT_THROW(twice(host_key("save"), "save", "n=a", "n=b"), Error);
  EXPECT_THROW(twice(*find_key(dialogue_keys(), "set"), "set", "n=a", "n=b"), Error);
  EXPECT_THROW(twice(*find_step_key(StepType::file, "lacks"), "lacks", "a", "b"), Error);
  EXPECT_NO_THROW(twice(host_key("save"), "save", "n=a", "m=b"));
  EXPECT_NO_THROW(twice(host_key("stdout"), "stdout-lacks", "a", "b")); // both must hold
  EXPECT_NO_THROW(twice(*find_key(vm_keys(), "output"), "output-lacks", "a", "b"));
  EXPECT_NO_THROW(twice(*find_key(vm_keys(), "ready"), "ready", "tcp:1", "tcp:2"));
  EXPECT_NO_THROW(twice(*find_key(vm_keys(), "pvpanic"), "pvpanic", "", ""));
}

TEST(SetFromOption, ADefaultBelongsToWhatIsSaved) {
  const Key& key = *find_step_key(StepType::qmp, "save");
  Json table = Json::object();
  EXPECT_THROW(set_from_option(key, "save-default", "n=0", table), Error);
  set_from_option(key, "save", "n=/x", table);
  EXPECT_THROW(set_from_option(key, "save-default", "m=0", table), Error);
  set_from_option(key, "save-default", "n=0", table);
  EXPECT_EQ(table, Json({{"save", {{"n", {{"at", "/x"}, {"default", "0"}}}}}}));
  EXPECT_THROW(set_from_option(key, "save-default", "n=1", table), Error);
  EXPECT_THROW(set_from_option(key, "save", "n=/y", table), Error);
}

TEST(NormalValue, OfADefaultIsText) {
  const Key& key = *find_step_key(StepType::qmp, "save");
  const auto normal = [&key](const Json& other) {
    return normal_value(key, {{"n", {{"at", "/x"}, {"default", other}}}})["n"]["default"];
  };
  EXPECT_EQ(normal(0), "0");
  EXPECT_EQ(normal(true), "true");
  EXPECT_EQ(normal("a"), "a");
  EXPECT_THROW(normal(nullptr), Error);
  EXPECT_THROW(normal(Json::array()), Error);
  EXPECT_THROW(normal_value(key, {{"n", {{"at", "/x"}}}}), Error);
  EXPECT_THROW(normal_value(key, {{"n", {{"default", "0"}}}}), Error);
  EXPECT_THROW(normal_value(key, {{"n", {{"at", 5}, {"default", "0"}}}}), Error);
}

} // namespace tables_test
