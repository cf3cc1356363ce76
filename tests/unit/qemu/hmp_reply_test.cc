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

// As QEMU 7.2 answers.
TEST(HmpReply, KnowsWhatHasNoWordForAnError) {
  const std::vector<std::pair<const char*, const char*>> complaints = {
      {"gdbserver tcp::nosuch", "Could not open gdbserver on device 'tcp::nosuch'"},
      {"gpa2hva 0xffffffffff", "No memory is mapped at address 0xffffffffff"},
      {"info qom-tree /nosuch", "Path '/nosuch' could not be resolved."},
      {"info registers 7", "CPU#7 not available"},
      {"info stats nosuch", "invalid stats target nosuch"},
      {"info trace-events nosuch", "unknown event \"nosuch\""},
      {"calc_dirty_rate 0", "Incorrect period length specified!"},
      {"mce 0 99 0 0 0", "Invalid bank number"},
      {"pcie_aer_inject_error x y", "id or pci device path is invalid or device not found. x"},
      {"replay_break 3", "setting the breakpoint is allowed only in play mode"},
      {"replay_seek 3", "replay must be enabled to seek"},
      {"singlestep x", "unexpected option x"},
      {"wavcapture /f a", "Audiodev 'a' not found"},
      {"x/4xw 0xffffffff80000000", "ffffffff80000000: Cannot access memory"},
      {"xp /2i 0xffffffffffff", "0xffffffffffff: unable to read memory"},
  };
  for (const auto& [command, reply] : complaints) {
    EXPECT_EQ(hmp_error(command, std::string(reply) + "\r\n"), reply);
  }
}

TEST(HmpReply, LeavesOtherTextsAlone) {
  EXPECT_EQ(hmp_error("stop", ""), "");
  EXPECT_EQ(hmp_error("drive_add 0 if=none", "OK\r\n"), "");
  EXPECT_EQ(hmp_error("boot_set n", "boot device list now set to n\r\n"), "");
  EXPECT_EQ(hmp_error("stopcapture 0", "warning: 'stopcapture' is deprecated\r\n"), "");
  EXPECT_EQ(hmp_error("hostfwd_remove tcp::1-:2", "host forwarding rule for tcp::1-:2 removed\r\n"),
            "");
  EXPECT_EQ(hmp_error("info usernet", "  Protocol[State] Error: 0\r\n"), "");
  EXPECT_EQ(hmp_error("mce 0 1 2 3 4 5", "CPU 0: MCE capability is not enabled, raising triple "
                                         "fault"),
            "")
      << "it did what it was asked to";
  EXPECT_EQ(hmp_error("info registers", "CPU#0\r\nEAX=00000663\r\n"), "");
  EXPECT_EQ(hmp_error("x /4x 0", "00000000: 0x00000000 0x00000000\r\n"), "");
  EXPECT_EQ(hmp_error("gdbserver", "Waiting for gdb connection on device 'tcp::1234'\r\n"), "");
}

} // namespace hmp_reply_test
