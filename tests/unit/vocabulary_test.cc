#include "vocabulary.hh"

#include "error.hh"

#include <gtest/gtest.h>
#include <map>
#include <set>

namespace {

using namespace qt;

// A value in normal form for each type, difficult where the type allows.
const std::map<Type, std::vector<Json>> k_values = {
    {Type::text, {"a", "--b", "", "c=d \"e\" 'f' \n ü"}},
    {Type::bytes, {"\r\n\x1b\x03", std::string("\0\\x", 3), "-"}},
    {Type::regex, {"^a(\\d+)\\.$", "-x"}},
    {Type::duration, {"500ms", "0.5s", "2m"}},
    {Type::size, {"16M", "512K"}},
    {Type::integer, {0, -5, 70000}},
    {Type::status, {0, 255, "any"}},
    {Type::flag, {true}},
    {Type::boolean, {true, false}},
    {Type::console, {0, 15, "virtio-console", false}},
    {Type::json, {{{"a", {1, 2.5, nullptr}}}, "text", 5, false}},
    {Type::table, {Json::object(), {{"a", "--b"}}}},
    {Type::texts, {{"a"}, {"--a", "b c"}}},
    {Type::argv, {{"sh", "-c", "echo 'a b' \"$X\" \\"}, {"a", ""}}},
    {Type::argvs, {Json::array({{"a", "b"}, {"--c"}})}},
    {Type::patterns, {Json::array({{{"text", "a"}}, {{"regex", "-b+"}}, {{"text", "--c"}}})}},
    {Type::checks, {{{"contains", "a"}, {"equals", "-b"}, {"matches", "c"}, {"lacks", "d"}}}},
    {Type::saves, {{{"a", "/0/b"}, {"c", "x=(y)"}}}},
    {Type::range, {{1, 2}, {-0.5, 1e10}}},
};

// Reads option words as a command line does.
Json from_words(const Key& key, const std::vector<std::string>& words) {
  std::set<std::string> forms;
  for (const OptionForm& form : option_forms(key)) {
    forms.insert(form.name);
  }
  Json table = Json::object();
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string form = words[i].substr(2);
    std::string text;
    if (const std::size_t equals = form.find('='); equals != std::string::npos) {
      text = form.substr(equals + 1);
      form.resize(equals);
    } else if (key.type != Type::flag) {
      text = words.at(++i);
    }
    EXPECT_TRUE(forms.contains(form)) << form;
    set_from_option(key, form, text, table);
  }
  return table;
}

TEST(VocabularyTest, OptionsSayWhatDefinitionsSay) {
  for (const auto keys : {step_type_keys(), step_modifier_keys(), dialogue_keys(), vm_keys()}) {
    for (const Key& key : keys) {
      for (const Json& value : k_values.at(key.type)) {
        const Json normal = normal_value(key, value);
        std::vector<std::string> words;
        append_options(key, normal, words);
        const Json table = from_words(key, words);
        ASSERT_TRUE(table.contains(key.name)) << key.name;
        EXPECT_EQ(table.at(key.name), normal) << key.name;
        EXPECT_EQ(normal_value(key, normal), normal) << key.name;
      }
    }
  }
}

TEST(VocabularyTest, StepsKnowTheirModifiers) {
  EXPECT_EQ(find_step_key(StepType::interrupt, "until")->type, Type::text);
  EXPECT_EQ(find_step_key(StepType::qmp, "until")->type, Type::json);
  EXPECT_EQ(find_step_key(StepType::wait, "until"), nullptr);
  EXPECT_EQ(find_step_key(StepType::wait, "line"), nullptr);
  for (const Key& key : step_type_keys()) {
    const StepType type = *step_type_from(key.name);
    EXPECT_EQ(step_type_name(type), key.name);
    EXPECT_EQ(find_step_key(type, key.name), &key);
    EXPECT_NE(find_step_key(type, "timeout"), nullptr);
  }
  EXPECT_FALSE(step_type_from("timeout"));
}

TEST(VocabularyTest, NoTwoKeysOfACommandLineShareAForm) {
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

TEST(VocabularyTest, SaysWhatWasExpected) {
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
  EXPECT_EQ(complaint("fail", Json::array()), "expected texts or { regex = \"…\" }");
}

TEST(VocabularyTest, StepsAreDescribedAsOnACommandLine) {
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

TEST(VocabularyTest, WholeStepsCanBeWrong) {
  const auto mistake = [](StepType type, const Json& values) {
    return step_mistake(Step{type, values, ""});
  };
  EXPECT_NE(mistake(StepType::wait, {{"wait", ""}}), "");
  EXPECT_NE(mistake(StepType::interrupt, {{"interrupt", "x"}}), "");
  EXPECT_NE(mistake(StepType::file, {{"file", "x"}}), "");
  EXPECT_NE(mistake(StepType::fetch, {{"fetch", "x"}}), "");
  EXPECT_NE(mistake(StepType::qmp, {{"qmp", "x"}, {"desc", "y"}}), "");
  EXPECT_EQ(mistake(StepType::qmp, {{"qmp", "x"}, {"error", "E"}, {"desc", "y"}}), "");
}

} // namespace
