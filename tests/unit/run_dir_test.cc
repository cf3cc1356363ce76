#include "run_dir.hh"

#include "error.hh"
#include "file.hh"

#include <gtest/gtest.h>

namespace {

using namespace qt;

TEST(RunDir, ChannelsReadBack) {
  const std::vector<VmChannels> vms = {{"default", 5, 6, 7}, {"b", -1, 9, -1}, {"c", -1, -1, -1}};
  const std::string text = format_vms(vms);
  EXPECT_EQ(text, "default=console:5,qmp:6,exit:7 b=qmp:9 c=");
  const std::vector<VmChannels> read = parse_vms(text);
  ASSERT_EQ(read.size(), 3u);
  EXPECT_EQ(read[0].exit, 7);
  EXPECT_EQ(read[1].qmp, 9);
  EXPECT_EQ(read[2].console, -1);
  EXPECT_TRUE(parse_vms("").empty());
}

TEST(RunDir, RefusesMalformedChannels) {
  for (const char* wrong : {"a", "=console:1", "a=tty:1", "a=console", "a=console:x",
                            "a=console:-1", "a=console:1,,exit:2", "a=console:99999999"}) {
    EXPECT_THROW(parse_vms(wrong), Error) << wrong;
  }
}

TEST(RunDir, VerdictReadsBack) {
  const TempDir folder("run-dir-test-");
  EXPECT_FALSE(read_verdict(folder.path()));
  Verdict verdict;
  verdict.cause = Cause::fail_pattern;
  verdict.message = "message";
  verdict.awaited = "login:";
  verdict.last_lines = {"one", "two \xff"};
  verdict.judged_exits = {{"default", "exited 42"}};
  verdict.details = {{"n", 1}};
  write_verdict(folder.path(), verdict);
  const auto read = read_verdict(folder.path());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->cause, Cause::fail_pattern);
  EXPECT_EQ(read->awaited, "login:");
  EXPECT_EQ(read->last_lines[1], "two \xef\xbf\xbd") << "a JSON text cannot hold any byte";
  EXPECT_EQ(read->judged_exits.at("default"), "exited 42");
  EXPECT_EQ(read->details.at("n"), 1);
}

TEST(RunDir, BrokenVerdictIsNone) {
  const TempDir folder("run-dir-test-");
  for (const char* broken : {"", "{", "[]", "{\"cause\": \"unheard-of\"}", "{\"cause\": 1}"}) {
    write_file(folder.path() + "/verdict.json", broken);
    EXPECT_FALSE(read_verdict(folder.path())) << broken;
  }
}

TEST(RunDir, CauseNamesReadBack) {
  for (int i = 0; i <= static_cast<int>(Cause::host); ++i) {
    const Cause cause = static_cast<Cause>(i);
    EXPECT_EQ(cause_from(cause_name(cause)), cause);
  }
}

} // namespace
