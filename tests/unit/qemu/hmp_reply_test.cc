#include "qemu/hmp_reply.hh"

#include <gtest/gtest.h>

namespace hmp_reply_test {

using namespace qt;

TEST(HmpReply, FindsTheLineThatTellsOfAnError) {
  EXPECT_EQ(hmp_error("device_add x", "Error: 'x' is not a valid device model name\r\n"),
            "Error: 'x' is not a valid device model name");
  EXPECT_EQ(hmp_error("info nonsense", "unknown command: 'info nonsense'\r\n"),
            "unknown command: 'info nonsense'");
  EXPECT_EQ(hmp_error("info skeys", "Command 'info skeys' not available until machine "
                                    "initialization has completed.\r\n"),
            "Command 'info skeys' not available until machine initialization has completed.");
  EXPECT_EQ(hmp_error("print 1+", "unexpected end of expression\r\nTry \"help print\" for more "
                                  "information\r\n"),
            "unexpected end of expression");
  EXPECT_EQ(hmp_error("drive_add 0 foo", "warning: short-form boolean option 'foo' deprecated\r\n"
                                         "Please use foo=on instead\r\n"
                                         "Must specify either driver or file\r\n"),
            "Must specify either driver or file");
  EXPECT_EQ(hmp_error("  cpu 99", "invalid CPU index\r\n"), "invalid CPU index");
  EXPECT_EQ(hmp_error("boot_set z", "Invalid boot device 'z'\r\n"), "Invalid boot device 'z'");
  EXPECT_EQ(hmp_error("info registers", "No CPU available\r\n"), "No CPU available");
}

TEST(HmpReply, LeavesOtherTextsAlone) {
  EXPECT_EQ(hmp_error("stop", ""), "");
  EXPECT_EQ(hmp_error("drive_add 0 if=none", "OK\r\n"), "");
  EXPECT_EQ(hmp_error("boot_set n", "boot device list now set to n\r\n"), "");
  EXPECT_EQ(hmp_error("stopcapture 0", "warning: 'stopcapture' is deprecated\r\n"), "");
  EXPECT_EQ(hmp_error("hostfwd_remove tcp::1-:2", "host forwarding rule for tcp::1-:2 removed\r\n"),
            "");
  EXPECT_EQ(hmp_error("info usernet", "  Protocol[State] Error: 0\r\n"), "");
  EXPECT_EQ(hmp_error("mce 0 1 2 3 4 5", "CPU 0: MCE capability is not enabled"), "");
}

} // namespace hmp_reply_test
