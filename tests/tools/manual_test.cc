// The manual pages against the programs and the tables: each option, exit status, variable and key
// that there is has an entry, and each entry is of one that there is. The examples of definitions
// are read as definitions are.
#include "base/text.hh"
#include "definition/merge.hh"
#include "definition/requirement.hh"
#include "definition/step_reader.hh"
#include "definition/variables.hh"
#include "definition_text.hh"
#include "environment.hh"
#include "os/process.hh"
#include "schema/build_word.hh"
#include "schema/tables.hh"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <regex>
#include <set>

namespace {

using namespace qt;
using testing::ElementsAre;
using testing::IsEmpty;

using Names = std::set<std::string>;

// An entry of a list of a page: the words of its ".It" line, and its example.
struct Entry {
  std::string section; // the ".Ss" that it stands in, else the ".Sh"
  std::vector<std::string> words;
  std::string example; // between ".Bd -literal" and ".Ed"
};

// The text that a line of a page stands for.
std::string plain(std::string line) {
  const std::pair<std::string_view, std::string_view> escapes[] = {
      {"\\e", "\\"}, {"\\&", ""}, {"\\(aq", "'"}, {"\\(dq", "\""}};
  for (const auto& [escape, text] : escapes) {
    for (std::size_t at = line.find(escape); at != std::string::npos;
         at = line.find(escape, at + text.size())) {
      line.replace(at, escape.size(), text);
    }
  }
  return line;
}

std::vector<Entry> entries_of(const std::string& page) {
  std::vector<Entry> entries;
  std::string section;
  bool is_example = false;
  for (const std::string& line : split(page, '\n')) {
    if (line.starts_with(".Sh ") || line.starts_with(".Ss ")) {
      section = line.substr(4);
    } else if (line.starts_with(".It ")) {
      entries.push_back({section, split(line.substr(4), ' '), ""});
    } else if (line.starts_with(".Bd -literal") || line == ".Ed") {
      is_example = line != ".Ed";
    } else if (is_example && !entries.empty()) {
      entries.back().example += plain(line) + "\n";
    }
  }
  return entries;
}

// The entries whose line begins with this macro, in these sections (none: in all), without the
// commas between words. Several macros of a line are one word: "-help -h", "-member PATH".
Names named(const std::string& page, const std::string& macro, const Names& sections = {}) {
  Names names;
  for (const Entry& entry : entries_of(page)) {
    if (entry.words.front() != macro || (!sections.empty() && !sections.contains(entry.section))) {
      continue;
    }
    for (std::size_t i = 1; i < entry.words.size(); ++i) {
      if (entry.words[i] != ",") {
        names.insert(entry.words[i]);
      }
    }
  }
  return names;
}

// What is in one list only, said for people.
std::vector<std::string> differences(const std::string& page, const Names& entries,
                                     const Names& there) {
  std::vector<std::string> found;
  for (const std::string& name : there) {
    if (!entries.contains(name)) {
      found.push_back(format("{}: no entry for {}", page, name));
    }
  }
  for (const std::string& name : entries) {
    if (!there.contains(name)) {
      found.push_back(format("{}: an entry for {}, which there is not", page, name));
    }
  }
  return found;
}

// "--output -o PATH": the forms of an option, the long one first, and its argument.
Names options_in(const std::string& page) {
  Names options;
  for (const Entry& entry : entries_of(page)) {
    if (entry.words.front() != "Fl") {
      continue;
    }
    std::string letter;
    std::string name;
    std::string argument;
    for (std::size_t i = 1; i < entry.words.size(); ++i) {
      const std::string& word = entry.words[i];
      if (word == "Ar") {
        argument = " " + join(std::span(entry.words).subspan(i + 1), " ");
        break;
      }
      if (word != ",") {
        (word.starts_with('-') ? name : letter) = word;
      }
    }
    options.insert("-" + name + (letter.empty() ? "" : " -" + letter) + argument);
  }
  return options;
}

std::string output_of(const std::vector<std::string>& words) {
  return run_captured(words, {}, Deadline::after(std::chrono::seconds(60)))->out;
}

Names options_of(const std::string& program) {
  Names options;
  for (const std::string& line : split(output_of({support::tool(program), "--options"}), '\n')) {
    const std::vector<std::string> fields = split(line, '\t');
    if (fields.size() >= 3) {
      options.insert(fields[0] + (fields[1].empty() ? "" : " " + fields[1]));
    }
  }
  return options;
}

// What --help says at its end: "0 done · 126/127 cannot execute".
Names statuses_of(const std::string& program) {
  const std::string help = output_of({support::tool(program), "--help"});
  const std::string begin = "Exit codes: ";
  const std::string text = help.substr(help.find(begin) + begin.size());
  Names statuses;
  const std::regex status("(?:^|·\\s)([0-9]+(?:/[0-9]+)?(?:\\+n)?)\\s");
  for (std::sregex_iterator at(text.begin(), text.end(), status), end; at != end; ++at) {
    for (const std::string& one : split((*at)[1].str(), '/')) {
      statuses.insert(one);
    }
  }
  return statuses;
}

Names statuses_in(const std::string& page) {
  Names statuses;
  for (const Entry& entry : entries_of(page)) {
    if (entry.section == "EXIT STATUS") {
      for (const std::string& word : entry.words) {
        if (word != ",") {
          statuses.insert(word);
        }
      }
    }
  }
  return statuses;
}

Names names_of(std::span<const Key> keys) {
  const std::vector<std::string_view> names = key_names(keys);
  return {names.begin(), names.end()};
}

// The names of a list that are none of `keys`.
Names others(const std::vector<std::string_view>& names, std::span<const Key> keys) {
  Names left(names.begin(), names.end());
  for (const Key& key : keys) {
    left.erase(std::string(key.name));
  }
  return left;
}

const std::map<std::string, std::span<const Key>>& tables() {
  static const std::map<std::string, std::span<const Key>> k_tables = {
      {"Assets", asset_keys()},
      {"Files", file_keys()},
      {"Machines", vm_keys()},
      {"Requirements", requires_keys()}};
  return k_tables;
}

const Names& modifier_sections() {
  static const Names k_sections = {"Modifiers of any step", "Modifiers of waiting and typing",
                                   "Modifiers of the monitor", "Modifiers on the host"};
  return k_sections;
}

// All of the page of definitions against all tables.
std::vector<std::string> definition_differences(const std::string& page) {
  std::vector<std::string> found;
  const auto compare = [&](const Names& sections, const Names& there) {
    const std::vector<std::string> more =
        differences("qt-definition.5", named(page, "Ic", sections), there);
    found.insert(found.end(), more.begin(), more.end());
  };
  for (const auto& [section, keys] : tables()) {
    compare({section}, names_of(keys));
  }
  compare({"The file"}, others(definition_keys(), {}));
  compare({"Tests"}, others(test_keys(), vm_keys()));
  compare({"Steps"}, names_of(step_type_keys()));
  compare(modifier_sections(), names_of(step_modifier_keys()));
  return found;
}

// A fragment of [test.t] as a whole definition.
std::string with_test(const std::string& fragment) {
  if (fragment.find("[test.") != std::string::npos) {
    return fragment;
  }
  const auto has = [&](const char* key) {
    return ("\n" + fragment).find(key) != std::string::npos;
  };
  return "[test.t]\n" + fragment + (has("\nmachine") ? "" : "machine = \"virt\"\n") +
         (has("\nsteps") ? "" : "steps = [{ wait = \"login:\" }]\n");
}

// What is wrong with the example of one entry of the page of definitions.
std::vector<std::string> example_mistakes(const Entry& entry) {
  const std::string& name = entry.words.at(1);
  if (entry.example.find(name) == std::string::npos) {
    return {name + ": the example does not have it"};
  }
  const auto includes = OtherFiles{{"../linux.toml", "[template.unused]\nmachine = \"virt\"\n"}};
  if (entry.section == "Tests") {
    return mistakes_of(with_test(entry.example));
  }
  if (entry.section == "The file") {
    const std::string test = entry.example.find("[test.") == std::string::npos
                                 ? "[test.t]\nmachine = \"virt\"\nsteps = [{ wait = \"x\" }]\n"
                                 : "";
    return mistakes_of(entry.example + test, includes);
  }
  Mistakes mistakes;
  const Reader reader(mistakes, Texts::final);
  const auto table = tables().find(entry.section);
  const bool is_step = table == tables().end();
  const auto parsed = parse_toml((is_step ? "step = " : "") + entry.example, entry.section);
  if (const Mistake* const mistake = std::get_if<Mistake>(&parsed)) {
    return {name + ": " + mistake->text};
  }
  const Value& root = std::get<Value>(parsed);
  const Value* const holder = is_step ? root.find("step") : &root;
  if (holder == nullptr || holder->find(name) == nullptr) {
    return {name + ": the example does not have it"};
  }
  if (is_step) {
    for (const Value& step : single_steps(*holder, nullptr)) {
      (void)read_step(step, StepPlace::dialogue, "steps", reader);
    }
  } else if (entry.section == "Requirements") {
    (void)read_requires(*holder, reader);
  } else {
    (void)reader.value(*find_key(table->second, name), *holder->find(name));
  }
  return mistakes.empty() ? std::vector<std::string>() : split(mistakes.report().what(), '\n');
}

class Manual : public testing::Test {
protected:
  void SetUp() override {
    if (source().empty()) {
      GTEST_SKIP() << "QEMU_TEST_SOURCE_ROOT does not say where the source is; run by meson test";
    }
  }
  static std::string source() {
    const char* const root = std::getenv("QEMU_TEST_SOURCE_ROOT");
    return root != nullptr ? root : "";
  }
  static std::string page(const std::string& name) {
    return read_file(source() + "/tools/" + name);
  }
  // Those of tools/ whose names end so, without the end.
  static std::vector<std::string> names_with(const std::string& extension) {
    std::vector<std::string> found;
    for (const auto& file : std::filesystem::directory_iterator(source() + "/tools")) {
      if (file.path().extension() == extension) {
        found.push_back(file.path().stem());
      }
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  // Each program is tools/PROGRAM.cc.
  const std::vector<std::string> programs = names_with(".cc");
};

TEST_F(Manual, HasAPageForEachProgram) {
  EXPECT_GE(programs.size(), 5u);
  EXPECT_EQ(names_with(".1"), programs);
}

TEST_F(Manual, HasEveryOptionAndNoOther) {
  for (const std::string& program : programs) {
    EXPECT_THAT(differences(program + ".1", options_in(page(program + ".1")), options_of(program)),
                IsEmpty());
  }
}

TEST_F(Manual, HasEveryExitStatusAndNoOther) {
  for (const std::string& program : programs) {
    EXPECT_GE(statuses_of(program).size(), 4u);
    EXPECT_THAT(
        differences(program + ".1", statuses_in(page(program + ".1")), statuses_of(program)),
        IsEmpty());
  }
}

TEST_F(Manual, HasEveryVariableOfTheEnvironmentAndNoOther) {
  Names there;
  for (const char* folder : {"/lib", "/tools"}) {
    for (const auto& file : std::filesystem::recursive_directory_iterator(source() + folder)) {
      const std::string extension = file.path().extension();
      if (extension != ".cc" && extension != ".hh") {
        continue;
      }
      const std::string text = read_file(file.path());
      const std::regex literal("\"(QEMU_TEST_[A-Z_]*[A-Z])\"");
      for (std::sregex_iterator at(text.begin(), text.end(), literal), end; at != end; ++at) {
        there.insert((*at)[1].str());
      }
    }
  }
  Names entries;
  for (const std::string& program : programs) {
    for (const std::string& name : named(page(program + ".1"), "Ev")) {
      if (name.starts_with("QEMU_TEST_")) {
        entries.insert(name);
      }
    }
  }
  EXPECT_THAT(differences("the pages of programs", entries, there), IsEmpty());
}

TEST_F(Manual, HasEveryKeyAndNoOther) {
  EXPECT_THAT(definition_differences(page("qt-definition.5")), IsEmpty());
}

TEST_F(Manual, HasEveryWordOfABuildAndNoOther) {
  Names words;
  for (const BuildWord& word : build_words()) {
    words.insert(std::string(word.word));
  }
  EXPECT_THAT(
      differences("qt-definition.5", named(page("qt-definition.5"), "Li", {"Requirements"}), words),
      IsEmpty());
}

TEST_F(Manual, HasEveryNameThatTextsMayUseAndNoOther) {
  const Names entries = named(page("qt-definition.5"), "Ic", {"VARIABLES"});
  for (const std::string_view name : plain_variables()) {
    EXPECT_TRUE(entries.contains(std::string(name))) << name;
  }
  for (const std::string& entry : entries) {
    EXPECT_TRUE(is_program_variable(entry) || entry == "params.NAME" || entry == "fd.NAME")
        << entry;
  }
}

TEST_F(Manual, ShowsExamplesThatAreRight) {
  for (const Entry& entry : entries_of(page("qt-definition.5"))) {
    if (entry.words.front() == "Ic" && entry.section != "VARIABLES") {
      EXPECT_THAT(entry.example, testing::Not(IsEmpty())) << entry.words.at(1);
      EXPECT_THAT(example_mistakes(entry), IsEmpty())
          << entry.section << ", " << entry.words.at(1) << ":\n"
          << entry.example;
    }
  }
}

// The tests above can fail: of a page that lacks an entry, or has one too many.
TEST_F(Manual, IsFoundOutWhereItIsWrong) {
  const auto broken = [](std::string text, const std::string& line, const std::string& instead) {
    const std::size_t at = text.find("\n" + line + "\n");
    EXPECT_NE(at, std::string::npos) << line;
    return text.replace(at + 1, line.size(), instead);
  };
  const std::string program = page("qt-extract.1");
  const auto option_differences = [&](const std::string& text) {
    return differences("page", options_in(text), options_of("qt-extract"));
  };
  EXPECT_THAT(option_differences(broken(program, ".It Fl -first", "gone")),
              ElementsAre("page: no entry for --first"));
  EXPECT_THAT(option_differences(broken(program, ".It Fl -first", ".It Fl -first\n.It Fl -frist")),
              ElementsAre("page: an entry for --frist, which there is not"));
  EXPECT_THAT(option_differences(broken(program, ".It Fl -member Ar PATH", ".It Fl -member Ar P")),
              ElementsAre("page: no entry for --member PATH",
                          "page: an entry for --member P, which there is not"));
  EXPECT_THAT(differences("page", statuses_in(broken(program, ".It 77", ".It 78")),
                          statuses_of("qt-extract")),
              ElementsAre("page: no entry for 77", "page: an entry for 78, which there is not"));
  const std::string definition = page("qt-definition.5");
  EXPECT_THAT(definition_differences(broken(definition, ".It Ic skip-devices", "gone")),
              ElementsAre("qt-definition.5: no entry for skip-devices"));
  EXPECT_THAT(definition_differences(broken(definition, ".It Ic pace", ".It Ic speed")),
              ElementsAre("qt-definition.5: no entry for pace",
                          "qt-definition.5: an entry for speed, which there is not"));
  EXPECT_THAT(example_mistakes({"Files", {"Ic", "resize"}, "resize = \"large\"\n"}),
              testing::SizeIs(1));
  EXPECT_THAT(example_mistakes({"Steps", {"Ic", "fetch"}, "{ fetch = \"http://h/\" }\n"}),
              testing::SizeIs(1));
  EXPECT_THAT(example_mistakes({"Tests", {"Ic", "fail"}, "fial = [\"x\"]\n"}), testing::SizeIs(1));
}

TEST_F(Manual, IsRenderedWithoutWarnings) {
  const auto has = [](const char* program) { return find_program(program).has_value(); };
  if (!has("groff") && !has("mandoc")) {
    GTEST_SKIP() << "no groff on this host";
  }
  std::vector<std::string> pages = {"qt-definition.5"};
  for (const std::string& program : programs) {
    pages.push_back(program + ".1");
  }
  for (const std::string& name : pages) {
    const std::string file = source() + "/tools/" + name;
    if (has("groff")) {
      const auto result = run_captured({"groff", "-mandoc", "-Tutf8", "-ww", file}, {},
                                       Deadline::after(std::chrono::seconds(60)));
      EXPECT_THAT(result->err, IsEmpty());
      EXPECT_FALSE(result->out.empty());
    }
    if (has("mandoc")) { // whose database of pages need not know those of other packages
      const auto result = run_captured({"mandoc", "-T", "lint", "-W", "warning", file}, {},
                                       Deadline::after(std::chrono::seconds(60)));
      EXPECT_THAT(result->out, IsEmpty());
    }
  }
}

} // namespace
