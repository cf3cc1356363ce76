#include "fetch_report.hh"

#include <gtest/gtest.h>

namespace qt {
namespace {

const WantedAsset k_wanted{{{"http://me:s3cret@host/a"}, std::string(64, 'a'), "a"},
                           {"avr/x.toml"},
                           {"avr/x.t", "avr/x.u"}};
const Fetched k_cached{FetchOutcome::cached, "/nonexistent", ""};
const Fetched k_missing{FetchOutcome::unavailable, "", "asset unavailable: http://host/a: offline"};
const Fetched k_failed{FetchOutcome::failed, "", "fetching http://host/a: HTTP status 404"};

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

} // namespace
} // namespace qt
