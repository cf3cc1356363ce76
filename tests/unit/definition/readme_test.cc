// The README's reference of definitions against the programs: its examples are loaded, and it names
// every key.
#include "definition_text.hh"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

namespace readme_test {

using namespace qt;
using testing::HasSubstr;
using testing::IsEmpty;

class Readme : public testing::Test {
protected:
  void SetUp() override {
    const char* const root = std::getenv("QEMU_TEST_SOURCE_ROOT");
    if (root == nullptr) {
      GTEST_SKIP() << "QEMU_TEST_SOURCE_ROOT does not say where the source is; run by meson test";
    }
    text = read_file(std::string(root) + "/README.md");
  }

  std::string text;
};

TEST_F(Readme, ShowsDefinitionsThatLoad) {
  const std::string begin = "```toml\n";
  std::size_t count = 0;
  for (std::size_t at = text.find(begin); at != std::string::npos; at = text.find(begin, at)) {
    at += begin.size();
    const std::string example = text.substr(at, text.find("```", at) - at);
    EXPECT_THAT(mistakes_of(example), IsEmpty()) << example;
    ++count;
  }
  EXPECT_GE(count, 2u);
}

TEST_F(Readme, NamesEveryVariableThatADefinitionAsksFor) {
  const std::string folder =
      std::string(std::getenv("QEMU_TEST_SOURCE_ROOT")) + "/tests/functional";
  std::set<std::string> names;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string arch = file.path().parent_path().filename();
    if (file.path().extension() != ".toml" || arch == "functional") { // the latter are included
      continue;
    }
    const Definition definition = load_definition(file.path());
    for (const auto& [name, asset] : definition.assets) {
      names.insert(asset.env);
    }
    for (const Subtest& subtest : definition.subtests) {
      if (subtest.required.contains("env")) {
        for (const Json& required : subtest.required["env"]) { // "NAME" or "NAME=EXAMPLE"
          const auto variable = required.get<std::string>();
          names.insert(variable.substr(0, variable.find('=')));
        }
      }
    }
  }
  names.erase("");
  EXPECT_FALSE(names.empty());
  for (const std::string& name : names) {
    EXPECT_THAT(text, HasSubstr("`" + name + "`"));
  }
}

TEST_F(Readme, NamesEveryKey) {
  std::string prose = text; // whose lines may end inside of `key = value`
  std::replace(prose.begin(), prose.end(), '\n', ' ');
  for (const std::span<const Key> keys : {asset_keys(), file_keys(), vm_keys(), requires_keys(),
                                          step_type_keys(), step_modifier_keys()}) {
    for (const Key& key : keys) {
      const std::string name(key.name);
      const bool named = prose.find("`" + name + "`") != std::string::npos ||
                         prose.find("`" + name + " = ") != std::string::npos;
      EXPECT_TRUE(named) << "`" << name << "` is nowhere in the README";
    }
  }
}

} // namespace readme_test
