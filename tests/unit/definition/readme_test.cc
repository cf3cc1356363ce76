// The pages for people against what they are about: their definitions load, their links lead
// somewhere, and what they promise to list is all there.
#include "definition_text.hh"

#include <cstdlib>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <regex>
#include <set>

namespace {

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
    source = std::string(root) + "/";
  }
  std::string text(const std::string& page) const { return read_file(source + page); }

  std::string source;
  const std::vector<std::string> pages = {"README.md", "lib/README.md", "tests/README.md",
                                          "tests/functional/README.md"};
};

// What stands in the first column of a table below a heading.
std::vector<std::string> first_column(const std::string& page, const std::string& heading) {
  std::vector<std::string> cells;
  bool is_below = heading.empty();
  for (const std::string& line : split(page, '\n')) {
    is_below = line.starts_with("## ") ? line == heading : is_below;
    if (is_below && line.starts_with("| ") && !line.starts_with("| |")) {
      cells.push_back(line.substr(2, line.find(" |") - 2));
    }
  }
  if (!cells.empty()) {
    cells.erase(cells.begin()); // of the table's head
  }
  return cells;
}

TEST_F(Readme, IsShort) { EXPECT_LE(text("README.md").size(), 5000u); }

TEST_F(Readme, ShowsDefinitionsThatLoad) {
  for (const std::string page : {"README.md", "tests/functional/README.md"}) {
    const std::string shown = text(page);
    const std::regex block("```toml\n([^`]*)```");
    std::sregex_iterator at(shown.begin(), shown.end(), block);
    EXPECT_NE(at, std::sregex_iterator()) << page;
    for (; at != std::sregex_iterator(); ++at) {
      EXPECT_THAT(mistakes_of((*at)[1].str()), IsEmpty()) << (*at)[1].str();
    }
  }
}

TEST_F(Readme, HasLinksThatLeadSomewhere) {
  const std::regex link("\\]\\(([^)#:]+)\\)");
  for (const std::string& page : pages) {
    const std::string shown = text(page);
    for (std::sregex_iterator at(shown.begin(), shown.end(), link), end; at != end; ++at) {
      const std::string target = parent_of(source + page) + "/" + (*at)[1].str();
      EXPECT_TRUE(exists(target)) << page << ": " << (*at)[1].str();
    }
  }
}

TEST_F(Readme, NamesEveryFolderOfLib) {
  std::set<std::string> named;
  const std::regex word("`([a-z]+)`");
  for (const std::string& cell : first_column(text("lib/README.md"), "")) {
    for (std::sregex_iterator at(cell.begin(), cell.end(), word), end; at != end; ++at) {
      named.insert((*at)[1].str());
    }
  }
  std::set<std::string> there;
  for (const auto& entry : std::filesystem::directory_iterator(source + "lib")) {
    if (entry.is_directory()) {
      there.insert(entry.path().filename());
    }
  }
  EXPECT_EQ(named, there);
}

TEST_F(Readme, ExplainsAFewWordsOnce) {
  std::set<std::string> words;
  std::size_t count = 0;
  for (const std::string& cell : first_column(text("lib/README.md"), "## Words")) {
    for (const std::string& word : split(cell, ',')) {
      words.insert(std::string(trim(word)));
      ++count;
    }
  }
  EXPECT_EQ(words.size(), count);
  EXPECT_LE(count, 25u);
  EXPECT_GE(count, 15u);
}

TEST_F(Readme, NamesEveryVariableThatADefinitionAsksFor) {
  const std::string folder = source + "tests/functional";
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
    EXPECT_THAT(text("tests/functional/README.md"), HasSubstr("`" + name + "`"));
  }
}

} // namespace
