#include "report/results.hh"

#include "base/error.hh"
#include "base/format.hh"
#include "os/file.hh"
#include "report/summary.hh"

#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace results_test {

using namespace qt;
using testing::ElementsAre;
using testing::HasSubstr;

class ResultsTest : public testing::Test {
protected:
  std::string leave(const std::string& directory, Cause cause, const std::string& message = "") {
    const std::string path = m_folder.path() + "/" + directory;
    make_directories(path);
    Verdict verdict;
    verdict.cause = cause;
    verdict.message = message;
    write_verdict(path, verdict);
    return path;
  }
  std::vector<SubtestResult> read(std::vector<std::string> folders = {""}) {
    for (std::string& folder : folders) {
      folder = m_folder.path() + "/" + folder;
    }
    return read_results(folders);
  }

  const TempDir m_folder{"results-test-"};
};

TEST_F(ResultsTest, AreNamedByTheirFolders) {
  leave("arm/virt.smp", Cause::pass);
  leave("arm/virt.cpu[max,aarch64=off]", Cause::skip);
  leave("ppc/74xx.a%20b.2", Cause::timeout);
  leave("x86_64/linux-6%2E1.boot%2E2", Cause::pass);
  const std::vector<SubtestResult> results = read();
  ASSERT_EQ(results.size(), 4u);
  EXPECT_EQ(results[0].name, "arm/virt:cpu[max,aarch64=off]");
  EXPECT_TRUE(results[0].skipped());
  EXPECT_EQ(results[1].name, "arm/virt:smp");
  EXPECT_TRUE(results[1].passed());
  EXPECT_EQ(results[2].subtest, "a b.2");
  EXPECT_TRUE(results[2].failed());
  EXPECT_EQ(results[3].name, "x86_64/linux-6.1:boot.2");
  EXPECT_EQ(results[2].subject(), "ppc/74xx:a b");
  EXPECT_EQ(results[3].subject(), results[3].name) << "no repetition: the dot is its own";
  EXPECT_EQ(results[3].file, "linux-6.1");
  EXPECT_EQ(counts_text(results), "2 passed, 1 failed, 1 skipped");
}

// A line break would begin a line of the report, which may be a command of a CI service.
TEST_F(ResultsTest, NamesHoldNoControlCharacters) {
  Verdict verdict;
  verdict.cause = Cause::check;
  verdict.message = "1 of 1 checks failed";
  verdict.checks.resize(1);
  verdict.checks[0].name = "a\n::error::b";
  verdict.checks[0].cause = Cause::assertion;
  const std::string folder = leave("a\x1b[2J/virt%0A::warning::x.t%0Au", Cause::pass);
  write_verdict(folder, verdict);
  write_file(folder + "/base.log", "[ 0.0] qt-tap: subtest t of /t\x1b[1m.toml\n"
                                   "[ 0.1] qt-tap: again: x\x1b[2Jy\n");
  const std::vector<SubtestResult> results = read();
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].name, "a\\e[2J/virt\\n::warning::x:t\\nu");
  EXPECT_EQ(results[1].subtest, "t\\nu/a\\n::error::b");
  std::vector<std::string> lines = summary_lines(results);
  for (const auto& more : {github_annotations(results), duration_lines(results)}) {
    lines.insert(lines.end(), more.begin(), more.end());
  }
  for (const std::string& line : lines) {
    EXPECT_EQ(line.find_first_of("\n\r\x1b"), std::string::npos) << line;
  }
}

TEST_F(ResultsTest, ChecksAreResultsOfTheirOwn) {
  Verdict verdict;
  verdict.cause = Cause::check;
  verdict.checks.resize(2);
  verdict.checks[0].name = "disk";
  verdict.checks[1].name = "net";
  verdict.checks[1].cause = Cause::assertion;
  verdict.checks[1].message = "no link";
  write_verdict(leave("arm/virt.smp", Cause::pass), verdict);
  const std::vector<SubtestResult> results = read();
  ASSERT_EQ(results.size(), 3u);
  EXPECT_TRUE(results[0].passed());
  EXPECT_EQ(results[1].name, "arm/virt:smp/disk");
  EXPECT_TRUE(results[1].passed());
  EXPECT_EQ(results[2].subtest, "smp/net");
  EXPECT_TRUE(results[2].failed());
  EXPECT_EQ(reason_of(results[2]), "assertion: no link");
}

TEST_F(ResultsTest, WhatDidNotEndHasFailed) {
  make_directories(m_folder.path() + "/arm/virt.smp");
  write_file(m_folder.path() + "/arm/virt.smp/base.log",
             "[   0.0000] qt-tap: subtest smp of /tests/arm/virt.toml\n"
             "[   0.0070] qt-boot default: started /usr/bin/qemu -M virt (process 12)\n"
             "[   0.0090] qt-tap: timeout: again: no\n"
             "[   0.0001] qt-tap: again: QEMU=x qt-tap --filter smp /tests/arm/virt.toml\n");
  std::vector<SubtestResult> results = read();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_TRUE(results[0].failed());
  EXPECT_THAT(reason_of(results[0]), HasSubstr("did not come to its end"));
  EXPECT_EQ(results[0].definition, "/tests/arm/virt.toml");
  EXPECT_EQ(results[0].command, "/usr/bin/qemu -M virt");
  EXPECT_EQ(results[0].again, "QEMU=x qt-tap --filter smp /tests/arm/virt.toml");

  for (const char* const damaged : {"", "{", "[]", "{\"cause\": \"passed\"}", "{\"cause\": 1}"}) {
    write_file(m_folder.path() + "/arm/virt.smp/verdict.json", damaged);
    results = read();
    ASSERT_EQ(results.size(), 1u);
    EXPECT_TRUE(results[0].failed()) << damaged;
    EXPECT_THAT(reason_of(results[0]), HasSubstr("damaged"));
  }
}

// Anything may lie where a verdict should: it is judged as a run without one, at once.
TEST_F(ResultsTest, WhatIsNoFileIsNoVerdict) {
  leave("arm/virt.smp", Cause::pass);
  write_file(m_folder.path() + "/arm/virt.smp/base.log", "");
  const std::string verdict = m_folder.path() + "/arm/virt.smp/verdict.json";
  const std::vector<std::function<void()>> plants = {
      [&] { ASSERT_EQ(::mkfifo(verdict.c_str(), 0600), 0); },
      [&] { ASSERT_EQ(::mkdir(verdict.c_str(), 0700), 0); },
      [&] { ASSERT_EQ(::symlink("/dev/zero", verdict.c_str()), 0); },
      [&] { ASSERT_EQ(::symlink(verdict.c_str(), verdict.c_str()), 0); },
      [&] {
        write_file(verdict, "");
        ASSERT_EQ(::truncate(verdict.c_str(), std::int64_t{1} << 40), 0);
      },
      [&] { write_file(verdict, "{\"cause\": \"pass\", \"checks\": [[[]]]}"); },
      [&] { write_file(verdict, std::string(1 << 20, '[')); }};
  for (std::size_t i = 0; i < plants.size(); ++i) {
    remove_tree(verdict);
    plants[i]();
    const std::vector<SubtestResult> results = read();
    ASSERT_EQ(results.size(), 1u) << i;
    EXPECT_TRUE(results[0].failed()) << i;
  }
}

TEST_F(ResultsTest, OfOneNameTheWorstCounts) {
  leave("one/arm/virt.a", Cause::timeout);
  leave("two/arm/virt.a", Cause::pass);
  leave("one/arm/virt.b", Cause::pass);
  leave("two/arm/virt.b", Cause::skip);
  for (const std::vector<std::string>& order :
       {std::vector<std::string>{"one", "two"}, std::vector<std::string>{"two", "one"}}) {
    const std::vector<SubtestResult> results = read(order);
    ASSERT_EQ(results.size(), 2u);
    EXPECT_TRUE(results[0].failed());
    EXPECT_TRUE(results[1].passed());
  }
}

TEST_F(ResultsTest, NothingIsNoSuccess) {
  leave("one/arm/virt.a", Cause::pass);
  make_directories(m_folder.path() + "/two/arm");
  for (const std::vector<std::string>& folders :
       {std::vector<std::string>{"two"}, std::vector<std::string>{"one", "two"},
        std::vector<std::string>{"one", "three"}}) {
    try {
      read(folders);
      ADD_FAILURE() << folders.back();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage) << error.what();
    }
  }
}

TEST_F(ResultsTest, ARepetitionIsNoSubtestOfThatName) {
  leave("arm/virt.pc", Cause::pass);
  leave("arm/virt.pc.2", Cause::timeout);
  leave("arm/virt.pc%2E2", Cause::pass);
  EXPECT_EQ(counts_text(read()), "2 passed, 1 failed, 0 skipped");
}

TEST_F(ResultsTest, LinksAreFollowed) {
  leave("elsewhere/arm/virt.a", Cause::timeout);
  leave("here/x86_64/pc.a", Cause::pass);
  ASSERT_EQ(::symlink("../elsewhere/arm", (m_folder.path() + "/here/arm").c_str()), 0);
  EXPECT_EQ(counts_text(read({"here"})), "1 passed, 1 failed, 0 skipped");
}

// What lies in a run directory belongs to it, such as a phase's; links may lead in a circle.
TEST_F(ResultsTest, ARunDirectoryIsOneResult) {
  leave("arm/virt.a", Cause::skip);
  leave("arm/virt.a/phase-2", Cause::pass);
  ASSERT_EQ(::symlink("..", (m_folder.path() + "/arm/up").c_str()), 0);
  const std::vector<SubtestResult> results = read();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_TRUE(results[0].skipped());
  EXPECT_TRUE(read({"arm/virt.a"})[0].skipped()) << "a run directory itself";
}

TEST(ResultTexts, ForPeople) {
  SubtestResult result;
  result.verdict.last_lines = {"first", "\x1b[1;31mpanic\x1b[0m now\r", "", "\x1b[2J"};
  EXPECT_EQ(last_line_of(result), "panic now");
  result.verdict.cause = Cause::skip;
  result.verdict.message = "asset unavailable: https://host/x?y: not found; see http://a/b";
  EXPECT_EQ(kind_of_skip(result), "asset unavailable: URL: not found; see URL");
  EXPECT_EQ(reason_of(result), result.verdict.message);
}

} // namespace results_test
