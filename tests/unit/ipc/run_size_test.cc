#include "ipc/run_dir.hh"

#include "os/file.hh"

#include <gtest/gtest.h>

namespace run_size_test {

using namespace qt;

TEST(RunSize, PhasesShareTheScratchFolderOfTheirSubtest) {
  const TempDir folder("run-size-test-");
  const std::string phase = folder.path() + "/phase2";
  EXPECT_EQ(scratch_of_run(phase), phase + "/scratch");
  make_directories(folder.path() + "/scratch");
  EXPECT_EQ(scratch_of_run(phase), folder.path() + "/scratch");
  EXPECT_EQ(scratch_of_run(folder.path() + "/a"), folder.path() + "/a/scratch");
  make_directories(phase + "/scratch");
  EXPECT_EQ(scratch_of_run(phase), phase + "/scratch");
}

} // namespace run_size_test
