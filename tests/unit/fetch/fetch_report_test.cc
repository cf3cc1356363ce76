#include "fetch/fetch_report.hh"

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
