// Every test begins in the same environment, whatever the developer's shell has set: the build runs
// this one with a shell's settings of the worst kind.
#include "environment.hh"
#include "os/file.hh"

#include <filesystem>
#include <gtest/gtest.h>

namespace {

TEST(Hermetic, NothingOfTheShellReachesATest) {
  for (const char* const name :
       {"QEMU_TEST_TIMEOUT_MULTIPLIER", "QEMU_TEST_QEMU_BINARY", "QEMU_TEST_NO_SUCH_NAME_YET",
        "MESON_TEST_ITERATION", "PAGER", "LC_ALL", "LANG", "XDG_CACHE_HOME", "http_proxy"}) {
    EXPECT_EQ(std::getenv(name), nullptr) << name;
  }
  ASSERT_NE(std::getenv("PATH"), nullptr);
  ASSERT_NE(std::getenv("HOME"), nullptr);
  EXPECT_TRUE(std::filesystem::is_empty(std::getenv("HOME")));
}

TEST(Hermetic, WhatTheBuildSaysDoes) {
  if (std::getenv("QEMU_TEST_SOURCE_ROOT") == nullptr) {
    GTEST_SKIP() << "QEMU_TEST_SOURCE_ROOT is not set; run by meson test";
  }
  EXPECT_TRUE(qt::exists(std::string(std::getenv("QEMU_TEST_SOURCE_ROOT")) + "/README.md"));
}

} // namespace
