#include "definition_text.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace definition_test {

using namespace qt;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Definition, ReadsAWholeBoard) {
  const DefinitionFolder file(R"(
summary = "barebox boots on the Canon A1100"

[asset.day18]
url    = "https://example.org/day18.tar.xz"
sha256 = "28E71874CE985BE66B7FD1345ED88CB2523B982F899C8D2900D6353054A1BE49"

[file.bios]
from   = "day18"
member = "day18/barebox.canon-a1100.bin"

[test.canona1100]
requires = { flaky = "https://example.org/issues/1" }
machine  = "canon-a1100"
args     = ["-bios", "${file.bios}"]
steps    = [{ wait = "running /env/bin/init", timeout = "5s" }]
)");
  const Definition definition = load_definition(file.path());
  EXPECT_EQ(definition.path, file.path());
  EXPECT_EQ(definition.folder, file.folder());
  EXPECT_EQ(definition.arch, "riscv64");
  EXPECT_EQ(definition.stem, "board");
  EXPECT_EQ(definition.summary, "barebox boots on the Canon A1100");

  const Asset& asset = definition.assets.at("day18");
  EXPECT_THAT(asset.urls, ElementsAre("https://example.org/day18.tar.xz"));
  EXPECT_EQ(asset.digest, "28e71874ce985be66b7fd1345ed88cb2523b982f899c8d2900d6353054a1be49");
  EXPECT_EQ(definition.files.at("bios").member, "day18/barebox.canon-a1100.bin");
  EXPECT_EQ(definition.assets_for("bios"), std::set<std::string>{"day18"});

  ASSERT_EQ(definition.subtests.size(), 1u);
  const Subtest& subtest = definition.subtests[0];
  EXPECT_EQ(subtest.name, "canona1100");
  EXPECT_EQ(subtest.required,
            Json({{"flaky", "https://example.org/issues/1"}, {"machine", {"canon-a1100"}}}));
  EXPECT_THAT(subtest.variables, ElementsAre("file.bios"));
  ASSERT_EQ(subtest.phases.size(), 1u);
  const Phase& phase = subtest.phases[0];
  ASSERT_EQ(phase.vms.size(), 1u);
  EXPECT_EQ(phase.vms[0].name, "default");
  EXPECT_EQ(phase.vms[0].values,
            Json({{"machine", "canon-a1100"}, {"args", {"-bios", "${file.bios}"}}}));
  ASSERT_EQ(phase.steps.size(), 1u);
  EXPECT_EQ(describe_step(phase.steps[0]), "--wait 'running /env/bin/init' --timeout 5s");
  EXPECT_EQ(phase.steps[0].where, file.path() + ":16:13");
}

TEST(Definition, KeepsTheOrderOfTheFile) {
  std::string names;
  for (const Subtest& subtest : load_text("[test.z]\nverify=[{run=['a']}]\n[test.a]\n"
                                          "verify=[{run=['a']}]\n[test.m]\nverify=[{run=['a']}]\n")
                                    .subtests) {
    names += subtest.name;
  }
  EXPECT_EQ(names, "zam");
}

TEST(Definition, TellsOfAllMistakesInOrder) {
  EXPECT_THAT(mistakes_of("summry = 'x'\n"
                          "[test.a]\n"
                          "machin = 'virt'\n"
                          "machine = 5\n"
                          "steps = [{ wait = 'x', timeout = 30 }]\n"
                          "[tests.b]\n"),
              ElementsAre("board.toml:1:1: error: unknown key 'summry' in a definition; did you "
                          "mean 'summary'?",
                          "board.toml:3:1: error: unknown key 'machin' in [test.a]; did you mean "
                          "'machine'?",
                          "board.toml:4:11: error: machine: expected a text, got 5",
                          "board.toml:5:34: error: timeout: expected a time such as \"500ms\", "
                          "\"30s\" or \"2m\", got 30",
                          "board.toml:6:2: error: unknown key 'tests' in a definition; did you "
                          "mean 'test'?"));
}

TEST(Definition, TellsWhereTomlEnds) {
  EXPECT_THAT(mistakes_of("a = 1\n[test.a\n"),
              ElementsAre(testing::HasSubstr("board.toml:2:8: error: parsing table header")));
}

TEST(Definition, NeedsSomething) {
  EXPECT_THAT(mistakes_of("# nothing\n"),
              ElementsAre("board.toml:1:1: error: the file is empty; expected [test.NAME] tables"));
  EXPECT_THAT(mistakes_of("[asset.a]\npath = '/x'\n"), IsEmpty()) << "for qt-fetch alone";
}

TEST(Definition, IsARegularFileThatPeopleCouldWrite) {
  const auto complaint = [](const std::string& path) {
    try {
      load_definition(path);
      return std::string();
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  EXPECT_THAT(complaint("/dev/zero"), testing::HasSubstr("it is a device, not a regular file"));
  const TempDir folder("definition-test");
  ASSERT_EQ(::mkfifo((folder.path() + "/fifo").c_str(), 0600), 0);
  EXPECT_THAT(complaint(folder.path() + "/fifo"), testing::HasSubstr("it is a fifo"));
  write_file(folder.path() + "/large.toml", std::string(2 << 20, '#'));
  EXPECT_THAT(complaint(folder.path() + "/large.toml"),
              testing::HasSubstr("holds more than 1 MiB"));
  for (const char* endless : {"/dev/zero", "/dev/tty", "."}) {
    EXPECT_THAT(mistakes_of(std::string("include='") + endless + "'\n[test.t]\nexit=0\n"),
                ElementsAre(testing::HasSubstr("board.toml:1:9: error: include: ")))
        << endless;
  }
}

TEST(Definition, AnyShapeOfNestingIsReadOrRefused) {
  std::string parts;
  for (int i = 0; i < 20000; ++i) {
    parts += ".a";
  }
  for (const std::string& text : {"[test" + parts + "]\n", "[test.t]\na" + parts + " = 1\n",
                                  "[test.t]\nsteps = [{qmp='x', returns={a" + parts + "=1}}]\n",
                                  "[[test.t.phase" + parts + "]]\n"}) {
    EXPECT_THAT(mistakes_of(text), ElementsAre(testing::HasSubstr("nested more than 100 deep")));
  }
}

TEST(Definition, CannotReadWhatIsNotThere) {
  try {
    load_definition("/nonexistent/x.toml");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    EXPECT_EQ(error.form(), Error::Form::message);
  }
}

} // namespace definition_test
