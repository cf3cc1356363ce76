#include "fetch/fetch_run.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace fetch_report_test {

const WantedAsset k_wanted{{{"http://me:s3cret@host/a"}, std::string(64, 'a'), "a"},
                           {"avr/x.toml"},
                           {"avr/x.t", "avr/x.u"}};
const Fetched k_cached{FetchOutcome::cached, "/nonexistent", ""};
const Fetched k_missing{FetchOutcome::unavailable, "", "asset unavailable: http://host/a: offline",
                        "offline", "offline"};
const Fetched k_failed{FetchOutcome::failed, "", "fetching http://host/a: HTTP status 404",
                       "host: HTTP status 404", "host: HTTP status 404"};

TEST(FetchReport, Counts) {
  EXPECT_EQ(count_outcomes(std::vector{k_cached, k_cached}), "2 cached, 0 downloaded");
  EXPECT_EQ(count_outcomes(std::vector{k_cached, k_missing, k_failed}),
            "1 cached, 0 downloaded, 1 unavailable, 1 failed");
}

TEST(FetchReport, TheWorstDecidesTheExitCode) {
  EXPECT_EQ(exit_code_of({}), ExitCode::done);
  EXPECT_EQ(exit_code_of(std::vector{k_cached}), ExitCode::done);
  EXPECT_EQ(exit_code_of(std::vector{k_cached, k_missing}), ExitCode::absent);
  EXPECT_EQ(exit_code_of(std::vector{k_missing, k_failed, k_cached}), ExitCode::failed);
}

TEST(FetchReport, NamesWhoIsLeftWithout) {
  EXPECT_EQ(missing_line(k_wanted, k_missing),
            "asset unavailable: http://host/a: offline (needed by avr/x.t, avr/x.u)");
  EXPECT_EQ(missing_line({k_wanted.source, {}, {}}, k_missing), k_missing.reason);
}

TEST(FetchReport, TellsOfWhatManyLackOnce) {
  WantedAsset popular = k_wanted;
  popular.tests = {"avr/x.t", "avr/x.u", "avr/x.v", "avr/x.w"};
  const WantedAsset unknown{k_wanted.source, {}, {}};
  Fetched down = k_missing;
  down.why = "host is down";
  down.group = "host";
  Fetched still_down = down;
  still_down.why = "host could not be reached before: host is down";
  const std::vector<MissingGroup> groups = group_missing(
      std::vector{k_wanted, k_wanted, popular, unknown, k_wanted, k_wanted, unknown},
      std::vector{k_cached, still_down, down, still_down, k_missing, k_failed, k_failed});
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].heading, "3 assets unavailable: host is down");
  EXPECT_EQ(groups[0].assets, (std::vector<std::string>{"a (avr/x.t, avr/x.u)",
                                                        "a (avr/x.t, avr/x.u and 2 more)", "a"}));
  EXPECT_EQ(groups[1].heading, missing_line(k_wanted, k_missing));
  EXPECT_TRUE(groups[1].assets.empty());
  EXPECT_EQ(groups[2].outcome, FetchOutcome::failed);
  EXPECT_EQ(groups[2].heading, "2 assets failed: host: HTTP status 404");
  EXPECT_EQ(groups[2].assets,
            (std::vector<std::string>{"http://host/a (avr/x.t, avr/x.u)", "http://host/a"}));
}

TEST(FetchReport, AsJsonWithoutSecrets) {
  const Json missing = outcome_as_json(k_wanted, k_missing);
  EXPECT_EQ(missing["outcome"], "unavailable");
  EXPECT_EQ(missing["reason"], k_missing.reason);
  EXPECT_EQ(missing["urls"][0], "http://host/a");
  EXPECT_EQ(missing["tests"], (Json{"avr/x.t", "avr/x.u"}));
  EXPECT_FALSE(missing.contains("path"));
  const Json there = outcome_as_json(k_wanted, {FetchOutcome::downloaded, "/dev/null", ""});
  EXPECT_EQ(there["path"], "/dev/null");
  EXPECT_EQ(there["size"], 0);
}

} // namespace fetch_report_test
} // namespace qt

namespace qt {
namespace progress_test {

using testing::HasSubstr;

const Clock::time_point k_start = Clock::now();
Clock::time_point after(double seconds) {
  return k_start +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

TEST(Rate, FollowsWhatComes) {
  Rate rate;
  rate.sample(5000, after(0)); // was there before
  EXPECT_EQ(rate.bytes_per_second(), 0);
  rate.sample(7000, after(1));
  EXPECT_NEAR(rate.bytes_per_second(), 2000, 1);
  for (int i = 2; i < 20; ++i) {
    rate.sample(7000, after(i));
  }
  EXPECT_LT(rate.bytes_per_second(), 10); // it stands still
  rate.sample(0, after(20));              // started over
  EXPECT_EQ(rate.bytes_per_second(), 0);
}

TEST(ProgressBoard, IsEmptyWhenNothingIsUnderWay) {
  ProgressBoard board({"a", "b"});
  EXPECT_TRUE(board.lines(after(0), 24, 80).empty());
  board.finished(0);
  EXPECT_TRUE(board.lines(after(1), 24, 80).empty());
}

TEST(ProgressBoard, ALineForEachAndATotal) {
  ProgressBoard board({"https://host/first.tar.xz", "https://host/second.img"});
  board.moved(0, 0, 4 << 20);
  board.moved(1, 1 << 20, 0);
  static_cast<void>(board.lines(after(0), 24, 80));
  board.moved(0, 1 << 20, 4 << 20);
  const std::vector<std::string> lines = board.lines(after(1), 24, 80);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0],
            "https://host/first.tar.xz                   25%    1.0 MiB    1.0 MiB/s     0:03");
  EXPECT_EQ(lines[1],
            "https://host/second.img                            1.0 MiB        0 B/s        -");
  // What was there before the run is not counted.
  EXPECT_EQ(lines[2], "0 of 2 done, 1.0 MiB downloaded, 1.0 MiB/s, more than 0:03 left");
  board.finished(1);
  board.moved(0, 2 << 20, 4 << 20);
  EXPECT_EQ(board.lines(after(2), 24, 80).back(),
            "1 of 2 done, 2.0 MiB downloaded, 1.0 MiB/s, 0:02 left");
}

TEST(ProgressBoard, FitsTheTerminal) {
  std::vector<std::string> names;
  for (int i = 0; i < 40; ++i) {
    names.push_back("https://host/a/rather/long/path/to/some/file-" + std::to_string(i) + ".img");
  }
  ProgressBoard board(names);
  for (std::size_t i = 0; i < names.size(); ++i) {
    board.moved(i, i, 100);
  }
  for (const std::size_t columns : {1u, 4u, 7u, 20u, 40u, 50u, 80u, 200u}) {
    const std::vector<std::string> lines = board.lines(after(1), 10, columns);
    EXPECT_EQ(lines.size(), 10u);
    for (const std::string& line : lines) {
      EXPECT_LE(line.size(), columns) << line;
    }
    EXPECT_EQ(board.lines(after(1), 1, columns).size(), 1u);
  }
  EXPECT_THAT(board.lines(after(1), 10, 50)[3], HasSubstr("file-3.img"));
}

TEST(ProgressBoard, ForeignBytesStayOutOfTheTerminal) {
  ProgressBoard board({"https://host/\x1b[2J\xc3\xa9"});
  board.moved(0, 1, 2);
  EXPECT_THAT(board.lines(after(0), 24, 80)[0], testing::StartsWith("https://host/?[2J??  "));
}

} // namespace progress_test
} // namespace qt
