#include "schema/failure_sets.hh"

#include "base/error.hh"
#include "data/regex.hh"
#include "schema/empty_value.hh"
#include "schema/tables.hh"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace failure_sets_test {

using namespace qt;

bool fails(const std::string& set, const std::string& console) {
  const Json patterns = with_sets_put_in({{{"set", set}}});
  return std::any_of(patterns.begin(), patterns.end(), [&](const Json& pattern) {
    const auto looked_for = pattern.begin()->get<std::string>();
    return pattern.contains("regex") ? Regex(looked_for).search(console).has_value()
                                     : console.find(looked_for) != std::string::npos;
  });
}

TEST(FailureSets, KnowsWhatSystemsPrintWhenTheyHaveFailed) {
  for (const char* const said : {
           "[    1.0] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n",
           "[    1.0] Oops: 0002 [#1] PREEMPT SMP PTI\r\n",
           "[    1.0] Oops: Oops: 0002 [#1] SMP\r\n",
           "[    1.0] Internal error: Oops: 0000000096000004 [#1] SMP\r\n",
           "Internal error: synchronous external abort: 0000000096000010 [#1] PREEMPT SMP\r\n",
           "[    1.0] Oops[#1]:\r\n",
           "[    1.0] Oops [#12]\r\n",
           "[    1.0] Oops: Kernel access of bad area, sig: 11 [#1]\r\n",
           "[    1.0] kernel BUG at mm/slub.c:305!\r\n",
           "[    1.0] BUG: unable to handle page fault for address: ffff\r\n",
           "[    1.0] BUG: kernel NULL pointer dereference, address: 0000\r\n",
       }) {
    EXPECT_TRUE(fails("linux", said)) << said;
  }
  EXPECT_TRUE(fails("uboot", "### ERROR ### Please RESET the board ###\r\n"));
  EXPECT_TRUE(fails("uboot", "\"Synchronous Abort\" handler, esr 0x96000010\r\n"));
  EXPECT_TRUE(fails("uboot", "data abort\r\npc : [<7ff5>]\r\n"));
  EXPECT_TRUE(fails("edk2", "!!!! X64 Exception Type - 0D(#GP)\r\n"));
  EXPECT_TRUE(fails("edk2", "ASSERT [DxeCore] /edk2/MdePkg.c(123): FALSE\r\n"));
  EXPECT_TRUE(fails("zephyr", "E: >>> ZEPHYR FATAL ERROR 4: Kernel panic on CPU 0\r\n"));
}

TEST(FailureSets, TakeNothingElseForIt) {
  for (const char* const said : {
           "Kernel command line: panic=-1 oops=panic\r\n",
           "[Firmware Bug]: TSC_DEADLINE disabled\r\n",
           "watchdog: BUG: soft lockup - CPU#0 stuck for 22s!\r\n", // a slow host does that
           "Oops tracing is on\r\nmd0: [#1]\r\n",
       }) {
    EXPECT_FALSE(fails("linux", said)) << said;
  }
  EXPECT_FALSE(fails("uboot", "U-Boot 2023.01\r\n### JFFS2 loading\r\n"));
}

TEST(FailureSets, AreSaidWithTheirNameAndHoldNothingThatAlwaysMatches) {
  const Key& fail = *find_key(dialogue_keys(), "fail");
  EXPECT_FALSE(failure_set_names().empty());
  for (const std::string& name : failure_set_names()) {
    const Json& patterns = *find_failure_set(name);
    EXPECT_EQ(normal_value(fail, patterns), patterns) << name;
    EXPECT_EQ(empty_mistake(fail, patterns), "") << name;
    EXPECT_EQ(empty_mistake(fail, {{{"set", name}}}), "");
  }
  const Json mixed = {{{"text", "a"}}, {{"set", "zephyr"}}, {{"regex", "b"}}};
  EXPECT_EQ(with_sets_put_in(mixed).size(), 3u);
  EXPECT_EQ(with_sets_put_in(mixed)[1], Json({{"text", "ZEPHYR FATAL ERROR"}}));
  EXPECT_THROW(with_sets_put_in({{{"set", "none"}}}), Error);
}

} // namespace failure_sets_test
