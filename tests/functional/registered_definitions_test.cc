// What meson.build makes of the definitions against what they say: each is a test of Meson's, in
// the suites of its kind, with its time.
#include "base/duration.hh"
#include "base/format.hh"
#include "data/json.hh"
#include "definition/definition.hh"
#include "os/file.hh"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace qt;
using testing::ElementsAre;
using testing::IsEmpty;

// "arm/canona1100.toml" of a definition's path.
std::string short_name(const std::string& path) {
  return base_name(parent_of(path)) + "/" + base_name(path);
}

// What is wrong with the tests of one definition. `tests` is Meson's meson-info/intro-tests.json.
std::vector<std::string> mistakes(const Definition& definition, const Json& tests) {
  const std::string name = short_name(definition.path);
  const std::string suite = format("qemu-test-toolkit:func-{}", suite_name(definition.suite));
  std::vector<std::string> found;
  bool is_registered = false;
  for (const Json& test : tests) {
    const Json& command = test.at("cmd");
    const std::string called = test.at("name").get<std::string>();
    const auto is_it = [&](const Json& word) {
      return word.get<std::string>().ends_with("/" + name);
    };
    if (!called.starts_with("func-") || std::none_of(command.begin(), command.end(), is_it)) {
      continue;
    }
    is_registered = true;
    const Json& suites = test.at("suite");
    if (std::find(suites.begin(), suites.end(), suite) == suites.end()) {
      found.push_back(format("{}: {} is not in {}: wrong list in the meson.build beside it", name,
                             called, suite));
    }
    if (const std::chrono::seconds time(test.at("timeout").get<int>());
        time != definition.timeout) {
      found.push_back(format("{}: {} has {} under Meson, {} by hand", name, called,
                             format_duration(time), format_duration(definition.timeout)));
    }
  }
  if (!is_registered) {
    found.push_back(name + ": in no list of the meson.build beside it");
  }
  return found;
}

std::string folder_in(const char* variable) {
  const char* const folder = std::getenv(variable);
  return folder != nullptr ? folder : "";
}

class RegisteredDefinitions : public testing::Test {
protected:
  void SetUp() override {
    if (folder_in("QEMU_TEST_BUILD_ROOT").empty()) {
      GTEST_SKIP() << "QEMU_TEST_BUILD_ROOT does not say where the build is; run by meson test";
    }
    const std::string file = folder_in("QEMU_TEST_BUILD_ROOT") + "/meson-info/intro-tests.json";
    tests = parse_json(read_file(file), file);
  }
  // Of tests/functional, by what follows.
  static Definition load(const std::string& name) {
    return load_definition(folder_in("QEMU_TEST_SOURCE_ROOT") + "/tests/functional/" + name);
  }

  Json tests;
};

TEST_F(RegisteredDefinitions, AreAllThereInTheirSuitesWithTheirTime) {
  int count = 0;
  for (const auto& folder : std::filesystem::directory_iterator(folder_in("QEMU_TEST_SOURCE_ROOT") +
                                                                "/tests/functional")) {
    if (!folder.is_directory()) {
      continue;
    }
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      if (file.path().extension() == ".toml") {
        EXPECT_THAT(mistakes(load_definition(file.path()), tests), IsEmpty());
        ++count;
      }
    }
  }
  EXPECT_GT(count, 0);
}

TEST_F(RegisteredDefinitions, WhatIsWrongIsSaid) {
  Definition definition = load("riscv64/opensbi.toml");
  ASSERT_THAT(mistakes(definition, tests), IsEmpty());
  definition.suite = Suite::thorough;
  definition.timeout = std::chrono::seconds(30);
  EXPECT_THAT(
      mistakes(definition, tests),
      ElementsAre("riscv64/opensbi.toml: func-riscv64-opensbi is not in "
                  "qemu-test-toolkit:func-thorough: wrong list in the meson.build beside it",
                  "riscv64/opensbi.toml: func-riscv64-opensbi has 90s under Meson, 30s by "
                  "hand"));
  EXPECT_THAT(mistakes(definition, Json::array()),
              ElementsAre("riscv64/opensbi.toml: in no list of the meson.build beside it"));
}

} // namespace
