#include "qemu/machine.hh"

#include "base/text.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace machine_test {

const std::string k_unheard = " -action panic=exit-failure";

// Without what stands in each command of a machine without a monitor.
std::string command(const MachineOptions& options, const MachineChannels& channels) {
  std::string words = join(qemu_command(options, channels), " ");
  const std::size_t at = words.find(k_unheard);
  return at != std::string::npos ? words.erase(at, k_unheard.size()) : words;
}

TEST(QemuCommand, LetsTheStatusTellOfAPanicWhereThereIsNoMonitor) {
  const auto words = [](const std::vector<std::string>& arguments, const std::vector<int>& fds) {
    return join(qemu_command({"q", {}, {}, {}, false, arguments, "", ""}, {-1, fds}), " ");
  };
  EXPECT_EQ(words({}, {}), "q -display none -vga none" + k_unheard);
  MachineOptions wanted{"q", {}, {}, {}, false, {}, "", ""};
  wanted.unheard_panic = MachineOptions::UnheardPanic::stops;
  EXPECT_EQ(join(qemu_command(wanted, {-1, {}}), " "),
            "q -display none -vga none -action panic=pause");
  EXPECT_EQ(words({"-action", "panic=none"}, {}), "q -display none -vga none -action panic=none");
  EXPECT_EQ(words({}, {3}).find(k_unheard), std::string::npos);
}

TEST(QemuCommand, HasNoWindowAndTheConsoleAsFirstPort) {
  EXPECT_EQ(command({"q", "virt", {}, {}, 0, {}, "", ""}, {7, {}}),
            "q -display none -vga none -machine virt -chardev socket,id=console,fd=7 "
            "-serial chardev:console");
}

TEST(QemuCommand, PutsEverythingInOrderAndTheUsersArgumentsLast) {
  EXPECT_EQ(command({"q", "pc,graphics=off", "max", "tcg", 2, {"-m", "1G"}, "", ""}, {7, {8, 9}}),
            "q -display none -vga none -chardev socket,id=qt-monitor0,fd=8 "
            "-qmp chardev:qt-monitor0 -chardev socket,id=qt-monitor1,fd=9 "
            "-qmp chardev:qt-monitor1 -machine pc,graphics=off "
            "-cpu max -accel tcg "
            "-chardev socket,id=console,fd=7 -serial null -serial null -serial chardev:console "
            "-m 1G -action panic=pause,shutdown=pause");
}

TEST(QemuCommand, PutsAConsoleDeviceBehindTheBusThatTheUserAdds) {
  EXPECT_EQ(
      command({"q", {}, {}, {}, "virtconsole", {"-device", "virtio-serial"}, "", ""}, {7, {}}),
      "q -display none -vga none -chardev socket,id=console,fd=7 -serial none "
      "-device virtio-serial -device virtconsole,chardev=console");
}

TEST(QemuCommand, HasNoConsoleIfNoneIsWanted) {
  EXPECT_EQ(command({"q", "none", {}, {}, false, {}, "", ""}, {-1, {3}}),
            "q -display none -vga none -chardev socket,id=qt-monitor0,fd=3 "
            "-qmp chardev:qt-monitor0 -machine none -action panic=pause,shutdown=pause");
}

TEST(QemuCommand, HandsAnEmptyModelOn) {
  EXPECT_EQ(command({"q", "none", "", {}, false, {}, "", ""}, {-1, {}}),
            "q -display none -vga none -machine none -cpu ");
}

TEST(QemuCommand, AddsThePanicDeviceBehindTheArguments) {
  EXPECT_EQ(command({"q", {}, {}, {}, "semihosting", {"-m", "1G"}, "", ""}, {5, {}}),
            "q -display none -vga none -chardev socket,id=console,fd=5 -serial none -m 1G "
            "-semihosting-config enable=on,target=native,chardev=console");
  EXPECT_EQ(command({"q", {}, {}, {}, "virtconsole", {"-m", "1G"}, "", "pvpanic"}, {5, {}}),
            "q -display none -vga none -chardev socket,id=console,fd=5 -serial none -m 1G "
            "-device pvpanic -device virtconsole,chardev=console");
}

TEST(QemuCommand, OpensABackdoorWhateverItsPath) {
  EXPECT_EQ(command({"q", {}, {}, {}, false, {}, "/tmp/a,b", ""}, {-1, {3}}),
            "q -display none -vga none -chardev socket,id=qt-monitor0,fd=3 "
            "-qmp chardev:qt-monitor0 "
            "-chardev socket,id=backdoor,path=/tmp/a,,b,server=on,wait=off "
            "-qmp chardev:backdoor -action panic=pause,shutdown=pause");
}

TEST(Machine, KeepsAnEarlyEndUnlessAPanicEndsItInAWayOfItsOwn) {
  MachineOptions options;
  for (const std::vector<std::string>& silent : {std::vector<std::string>{},
                                                 {"-action", "reboot=shutdown"},
                                                 {"-no-shutdown"},
                                                 {"-action"}}) {
    options.arguments = silent;
    EXPECT_TRUE(keeps_early_end(options));
  }
  for (const char* word : {"-action", "--action"}) {
    options.arguments = {word, "reboot=shutdown,panic=none"};
    EXPECT_EQ(panic_action(options), "none");
    EXPECT_TRUE(keeps_early_end(options));
    const std::string words = command(options, {5, {3}});
    EXPECT_GT(words.find("panic=pause,shutdown=pause"), words.find("panic=none"))
        << "the last one counts";
    options.arguments = {word, "panic=exit-failure"};
    EXPECT_FALSE(keeps_early_end(options));
    EXPECT_EQ(command(options, {5, {3}}).find("panic=pause"), std::string::npos);
  }
}

TEST(Machine, StaysAfterAShutdownIfItsArgumentsSaySo) {
  MachineOptions options;
  EXPECT_FALSE(stays_after_shutdown(options));
  for (const std::vector<std::string>& words : {std::vector<std::string>{"-no-shutdown"},
                                                {"--no-shutdown"},
                                                {"-action", "shutdown=pause"}}) {
    options.arguments = words;
    EXPECT_TRUE(stays_after_shutdown(options));
  }
}

TEST(NoSuchMachine, IsSaidByOldAndNewQemu) {
  EXPECT_TRUE(says_no_such_machine("qemu-system-arm: unsupported machine type\n"
                                   "Use -machine help to list supported machines\n"));
  EXPECT_TRUE(says_no_such_machine("noise\nqemu-system-arm: unsupported machine type: \"x\"\n"
                                   "Use -machine help to list supported machines\n"));
}

TEST(NoSuchMachine, IsNotSaidByOtherRefusals) {
  EXPECT_FALSE(says_no_such_machine("qemu-system-arm: No machine specified, and there is no "
                                    "default\nUse -machine help to list supported machines\n"));
  EXPECT_FALSE(says_no_such_machine("qemu-system-arm: -device x: unsupported machine type\n"));
  EXPECT_FALSE(says_no_such_machine(""));
}

TEST(Machine, AConfinedOneReachesNothingUnlessItsArgumentsSaySo) {
  MachineOptions options;
  options.qemu = "q";
  options.console = false;
  options.sandbox = MachineOptions::Sandbox::on;
  options.network = MachineOptions::Network::restricted;
  const std::string start =
      "q -display none -vga none -sandbox "
      "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";
  EXPECT_EQ(command(options, {-1, {}}), start + " -net nic -net user,restrict=on");
  for (const char* word : {"-netdev", "--netdev", "-nic", "-net", "-nodefaults"}) {
    options.arguments = {word};
    EXPECT_TRUE(says_network(options.arguments));
    EXPECT_EQ(command(options, {-1, {}}), start + " " + word);
  }
  for (const char* word : {"net", "-device", "-network"}) { // nothing about it, to QEMU
    options.arguments = {word};
    EXPECT_FALSE(says_network(options.arguments));
    EXPECT_EQ(command(options, {-1, {}}), start + " -net nic -net user,restrict=on " + word);
  }
  options.arguments = {};
  options.network = MachineOptions::Network::none;
  EXPECT_EQ(command(options, {-1, {}}), start + " -nic none");
  options.sandbox = MachineOptions::Sandbox::off;
  EXPECT_EQ(command(options, {-1, {}}), "q -display none -vga none -nic none");
  options.machine = "none";
  EXPECT_EQ(command(options, {-1, {}}), "q -display none -vga none -machine none");
}

} // namespace machine_test
} // namespace qt

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
