#include "qemu/option_list.hh"

#include <gtest/gtest.h>

namespace qt {
namespace option_list_test {

TEST(OptionList, KnowsWhatQemuReadsAsAList) {
  for (const char* const option : {"-drive", "--drive", "-M", "-machine", "-icount", "-vnc"}) {
    EXPECT_TRUE(is_option_list(option, "file=/x")) << option;
  }
  for (const char* const option : {"-bios", "-kernel", "-append", "-D", "drive", "-pidfile", ""}) {
    EXPECT_FALSE(is_option_list(option, "/x")) << option;
  }
  EXPECT_TRUE(is_option_list("-run-with", "chroot=/x"));
  EXPECT_TRUE(is_option_list("-global", "driver=loader,property=file,value=/x"));
  EXPECT_FALSE(is_option_list("-global", "loader.file=/x"));
  EXPECT_FALSE(is_option_list("-blockdev", "{\"driver\": \"file\"}"));
  EXPECT_TRUE(is_option_list("-serial", "unix:/x,server=on"));
  EXPECT_FALSE(is_option_list("-serial", "file:/x"));
}

TEST(OptionList, KnowsSuchCommandsOfTheMonitor) {
  EXPECT_TRUE(is_list_command("drive_add 0 file=/x"));
  EXPECT_FALSE(is_list_command("screendump /x"));
  EXPECT_FALSE(is_list_command("drive_add2"));
}

TEST(OptionList, DoublesCommas) {
  EXPECT_EQ(doubled_commas("/a,b,,c"), "/a,,b,,,,c");
  EXPECT_EQ(doubled_commas(""), "");
}

} // namespace option_list_test
} // namespace qt
