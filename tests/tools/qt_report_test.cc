// qt-report as a process, on what qt-tap leaves of real boots.
#include "base/shell_words.hh"
#include "data/json.hh"
#include "tap_fixture.hh"

#include <gmock/gmock.h>

namespace {

using namespace qt;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class QtReport : public support::TapFixture {
protected:
  Captured report(Words words) const {
    words.insert(words.begin(), support::tool("qt-report"));
    return *run_captured(words, {}, Deadline::after(std::chrono::seconds(60)));
  }
  // What a page shows in a browser.
  std::string shown(const std::string& page) const {
    return run_captured({"chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
                         "--user-data-dir=" + folder.path() + "/profile", "--dump-dom",
                         "file://" + page},
                        {}, Deadline::after(std::chrono::minutes(2)))
        ->out;
  }
  // One that passes, one that fails and one that is skipped, and more.
  void boot(const std::string& more = "") {
    run({define("x86_64", "board", more + R"(
[test.good]
machine = "none"
steps = [{ qmp = "query-status", returns = { status = "running" } }]
[test.bad]
machine = "none"
steps = [{ qmp = "query-status", returns = { status = "paused" } }]
[test.absent]
machine = "no-such-machine"
steps = [{ wait = "never" }]
)")});
  }
  // What passed is skipped, what failed is mended, what was skipped is gone.
  void boot_later(const std::string& more = "") {
    tap({"--output", after, define("x86_64", "board", more + R"(
[test.good]
machine = "no-such-machine"
steps = [{ wait = "never" }]
[test.bad]
machine = "none"
steps = [{ qmp = "query-status", returns = { status = "running" } }]
)")});
  }

  const std::string after = folder.path() + "/after";
};

TEST_F(QtReport, TellsWhatARunCameTo) {
  boot();
  const Captured result = report({output});
  EXPECT_EQ(result.status.code(), 1) << result.err;
  EXPECT_THAT(result.out, HasSubstr("3 subtests: 1 passed, 1 failed, 1 skipped"));
  EXPECT_THAT(result.out, HasSubstr("FAILED x86_64/board:bad\n  assertion: "));
  EXPECT_THAT(result.out, HasSubstr("no machine no-such-machine"));
  // The command that it prints does run it again.
  const std::string again = result.out.substr(result.out.find("again: ") + 7);
  const Captured repeated = *run_captured({"/bin/sh", "-c", again.substr(0, again.find('\n'))}, {},
                                          Deadline::after(std::chrono::seconds(60)));
  EXPECT_THAT(repeated.out, HasSubstr("not ok 1 bad"));
}

TEST_F(QtReport, ASkipReplacesAnEarlierPass) {
  const std::string good = "[test.t]\nmachine = \"none\"\nsteps = [{ qmp = \"query-status\", "
                           "returns = { status = \"running\" } }]\n";
  run({define("x86_64", "board", good)});
  EXPECT_THAT(report({output}).out, HasSubstr("1 passed"));
  for (const char* const requires_key :
       {"commands = [\"no-such-program\"]", "qemu-version = \"> 99\""}) {
    run({define("x86_64", "board", good + "requires = { " + requires_key + " }\n")});
    const Captured result = report({output});
    EXPECT_EQ(result.status.code(), 0) << "a skip is no failure";
    EXPECT_THAT(result.out, HasSubstr("0 passed, 0 failed, 1 skipped")) << requires_key;
    write_file(folder.path() + "/known", "# none\n");
    EXPECT_EQ(report({"--expect-skips", folder.path() + "/known", output}).status.code(), 1);
    write_file(folder.path() + "/known", "x86_64/board:t\n");
    EXPECT_EQ(report({"--expect-skips", folder.path() + "/known", output}).status.code(), 0);
    run({define("x86_64", "board", good)});
  }
  const Captured refused = report({"--expect-skips", folder.path(), output});
  EXPECT_EQ(refused.status.code(), 2);
  EXPECT_THAT(refused.err, HasSubstr("it is a folder, not a regular file"));
}

TEST_F(QtReport, WritesWhatOthersRead) {
  boot();
  const std::string page = folder.path() + "/page.html";
  const std::string junit = folder.path() + "/junit.xml";
  const std::string times = folder.path() + "/times";
  const Captured result =
      report({"--json", "--html", page, "--junit", junit, "--durations", times, output});
  EXPECT_EQ(result.status.code(), 1) << "whatever is written, a failure is one";
  const Json first = parse_json(result.out.substr(0, result.out.find('\n')), "line");
  EXPECT_EQ(first.at("name"), "x86_64/board:absent");
  EXPECT_EQ(first.at("outcome"), "skipped");
  EXPECT_THAT(read_file(page), HasSubstr("1 passed, 1 failed, 1 skipped"));
  EXPECT_THAT(read_file(junit), HasSubstr("failures=\"1\" errors=\"0\" skipped=\"1\""));
  EXPECT_THAT(read_file(times), testing::MatchesRegex("x86_64/board [0-9]+[.][0-9]{3}\n"));
  EXPECT_THAT(report({"--github", output}).out, HasSubstr("::error file=/"));
  EXPECT_THAT(report({"--gitlab", output}).out, HasSubstr("section_start:"));
  // Nothing is lost where nothing can be written.
  EXPECT_EQ(report({"--html", folder.path() + "/none/page.html", output}).status.code(), 99);
}

// As somebody does who gets it: unpacked by tar, read by qt-report.
TEST_F(QtReport, ABundleTellsTheSameFailures) {
  boot();
  const std::string run_dir = output + "/x86_64/board.bad";
  write_file(run_dir + "/console.log", "https://me:s3cret@host/x?token=abc " + output + "/x\n");
  make_directories(run_dir + "/scratch");
  write_file(run_dir + "/scratch/disk", "large");
  const std::string bundle = folder.path() + "/failures.tar.zst";
  EXPECT_EQ(report({"--bundle", bundle, output}).status.code(), 1) << "a failure is one";
  const std::string bytes = read_file(bundle);
  report({"--bundle", bundle, output});
  EXPECT_EQ(read_file(bundle), bytes) << "the same results";

  const std::string there = folder.path() + "/there";
  make_directories(there);
  const Captured unpacked = *run_captured({"tar", "-C", there, "--zstd", "-xvf", bundle}, {},
                                          Deadline::after(std::chrono::seconds(60)));
  ASSERT_EQ(unpacked.status.code(), 0) << unpacked.err;
  EXPECT_EQ(unpacked.err, "") << "no absolute name, nothing that tar warns of";
  EXPECT_THAT(unpacked.out,
              testing::StartsWith("failures/summary.txt\nfailures/x86_64/board.bad/"));
  EXPECT_THAT(unpacked.out, Not(HasSubstr("board.good")));
  EXPECT_THAT(unpacked.out, Not(HasSubstr("scratch")));
  EXPECT_EQ(read_file(there + "/failures/x86_64/board.bad/console.log"),
            "https://host/x?token=*** RESULTS/x\n");
  for (const char* const name : {"summary.txt", "x86_64/board.bad/base.log"}) {
    const std::string text = read_file(there + "/failures/" + name);
    EXPECT_THAT(text, Not(HasSubstr(output))) << name;
    EXPECT_THAT(
        text, ContainsRegex("TOOLS/qt-tap'? --output RESULTS --filter bad DEFINITIONS/x86_64/bo"));
  }
  const Captured again = report({there + "/failures"});
  EXPECT_EQ(again.status.code(), 1);
  EXPECT_THAT(again.out, HasSubstr("1 subtests: 0 passed, 1 failed, 0 skipped"));
  EXPECT_THAT(again.out, HasSubstr("FAILED x86_64/board:bad\n  assertion: "));
  EXPECT_EQ(report({"--bundle", folder.path() + "/failures.zip", output}).status.code(), 2);
  EXPECT_FALSE(exists(folder.path() + "/failures.zip"));
}

// In a real browser, where there is one. What a guest printed is hostile.
TEST_F(QtReport, ThePageWorksInABrowser) {
  if (!find_program("chromium")) {
    GTEST_SKIP() << "no chromium on this host";
  }
  boot();
  const std::string console = "\x1b[31mred\x1b[0m </script><img src=x onerror=document.title=1>\n";
  write_file(output + "/x86_64/board.bad/console.log", console);
  const std::string page = folder.path() + "/page.html";
  report({"--html", page, output});
  const std::string all = shown(page + "#x86_64/board:bad");
  EXPECT_THAT(all, HasSubstr("3 of 3"));
  EXPECT_THAT(all, HasSubstr("1 failed"));
  EXPECT_THAT(all, HasSubstr("<h2>console.log</h2>")) << "it is open";
  EXPECT_THAT(all, HasSubstr(">red</span> &lt;/script&gt;&lt;img src=x"));
  EXPECT_THAT(all, Not(HasSubstr("<img")));
  const std::string skipped = shown(page + "?outcome=skipped");
  EXPECT_THAT(skipped, HasSubstr("1 of 3"));
  EXPECT_THAT(skipped, HasSubstr(">x86_64/<wbr>board:<wbr>absent</button>"));
  EXPECT_THAT(skipped, Not(HasSubstr("board:<wbr>good</button>")));
  EXPECT_THAT(shown(page + "?search=ONERROR"), HasSubstr("1 of 3")) << "consoles are searched";
}

TEST_F(QtReport, ComparesTwoRuns) {
  boot();
  const std::string before = output;
  boot_later();
  EXPECT_THAT(report({"--compare", before, before}).out, HasSubstr("nothing has changed"));
  EXPECT_EQ(report({"--compare", before, before}).status.code(), 0) << "what failed before, too";
  const Captured result = report({"--compare", before, after});
  EXPECT_EQ(result.status.code(), 1) << "what passed is skipped now";
  EXPECT_THAT(result.out, HasSubstr("newly skipped: 1\n  x86_64/board:good: passed → skipped: "));
  EXPECT_THAT(result.out, HasSubstr("gone: 1\n  x86_64/board:absent: "));
  EXPECT_THAT(result.out, HasSubstr("fixed: 1\n  x86_64/board:bad: "));
  EXPECT_THAT(report({"--compare", "--json", before, after}).out,
              HasSubstr("{\"change\":\"newly-skipped\",\"name\":\"x86_64/board:good\""));
}

TEST_F(QtReport, ThePageOfAComparisonShowsBothRuns) {
  if (!find_program("chromium")) {
    GTEST_SKIP() << "no chromium on this host";
  }
  const std::string same = R"(
[test.same]
machine = "none"
steps = [{ qmp = "query-status", returns = { status = "running" } }]
)";
  boot(same);
  boot_later(same);
  write_file(output + "/x86_64/board.bad/console.log", "it was </script><b>bad</b>\n");
  const std::string page = folder.path() + "/page.html";
  EXPECT_EQ(report({"--compare", "--html", page, output, after}).status.code(), 1);
  const std::string all = shown(page + "#x86_64/board:bad");
  EXPECT_THAT(all, HasSubstr("before: 2 passed, 1 failed, 1 skipped · after: 2 passed, 0 failed"));
  EXPECT_THAT(all, HasSubstr("3 of 4")) << "what is as it was is not shown";
  EXPECT_THAT(all, HasSubstr(">1 newly skipped</button>"));
  EXPECT_THAT(all, HasSubstr(">1 gone</button>"));
  EXPECT_THAT(all, HasSubstr(">1 fixed</button>"));
  EXPECT_THAT(all, HasSubstr("<h2>before: console.log</h2>")) << "it is open";
  EXPECT_THAT(all, HasSubstr("it was &lt;/script&gt;&lt;b&gt;bad"));
  EXPECT_LT(all.find("board:<wbr>good</button>"), all.find("board:<wbr>bad</button>"))
      << "what is worse stands first";
  EXPECT_THAT(shown(page + "?outcome=unchanged"), HasSubstr("1 of 4"));
  EXPECT_THAT(shown(page + "?outcome=gone"), HasSubstr("board:<wbr>absent</button>"));
}

TEST_F(QtReport, RefusesWhatSaysNothing) {
  make_directories(output);
  for (const Words& words : {Words{},
                             {output},
                             {output + "/none"},
                             {"--compare", output},
                             {"--compare", "--junit", "x", output, output},
                             {"--json", "--github", output}}) {
    const Captured result = report(words);
    EXPECT_EQ(result.status.code(), 2) << shell_join(words) << ": " << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr("qt-report: error: "));
  }
  EXPECT_THAT(report({output}).err, HasSubstr("there is no result in it"));
}

} // namespace
