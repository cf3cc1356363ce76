#include "ipc/run_dir.hh"

#include "base/error.hh"
#include "os/file.hh"

#include <gtest/gtest.h>

namespace run_dir_test {

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

} // namespace run_dir_test
