#include "boot/boot_options.hh"

#include "../support/environment.hh"
#include "base/error.hh"
#include "ipc/run_dir.hh"
#include "os/file.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace boot_options_test {

using support::ScopedVariable;
using testing::HasSubstr;

class BootRequestTest : public testing::Test {
protected:
  // What is wrong with it; empty: nothing.
  static std::string mistake(const BootRequest& request) {
    try {
      (void)boot_options(request);
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      return error.what();
    }
  }
  static std::string mistake_of_name(const std::string& name) {
    BootRequest request;
    request.name = name;
    return mistake(request);
  }

private:
  ScopedVariable m_vms{k_vms_variable, std::nullopt};
  ScopedVariable m_backdoor{"QEMU_TEST_QMP_BACKDOOR", std::nullopt};
};

TEST_F(BootRequestTest, WithoutAnyWishItIsTheHostsMachineWithConsoleAndMonitors) {
  const BootOptions boot = boot_options({});
  EXPECT_THAT(boot.machine.qemu, HasSubstr("qemu-system-"));
  EXPECT_FALSE(boot.machine.machine);
  EXPECT_FALSE(boot.expected.machine_named);
  EXPECT_EQ(boot.machine.console, 0);
  EXPECT_EQ(boot.machine.backdoor, "");
  EXPECT_EQ(boot.machine.sandbox, MachineOptions::Sandbox::off);
  EXPECT_EQ(boot.machine.network, MachineOptions::Network::usual);
  EXPECT_TRUE(boot.expected.exit.is_null());
  EXPECT_TRUE(boot.monitors);
  EXPECT_EQ(boot.name, "default");
  EXPECT_FALSE(boot.timeout);
}

TEST_F(BootRequestTest, TheKeysOfAMachineGoToTheirPlaces) {
  BootRequest request;
  request.machine = {{"qemu", "qemu-system-arm"},
                     {"machine", "virt"},
                     {"cpu", ""},
                     {"console", false},
                     {"qmp", false},
                     {"exit", 3},
                     {"confine", "sandbox"},
                     {"ready", Json::array({"up"})},
                     {"service", Json::array({Json::array({"a", "b"})})}};
  const BootOptions boot = boot_options(request);
  EXPECT_EQ(boot.machine.qemu, "qemu-system-arm");
  EXPECT_EQ(boot.machine.machine, "virt");
  EXPECT_TRUE(boot.expected.machine_named);
  EXPECT_EQ(boot.machine.cpu, "");
  EXPECT_FALSE(boot.machine.accel);
  EXPECT_EQ(boot.machine.console, false);
  EXPECT_FALSE(boot.monitors);
  EXPECT_EQ(boot.expected.exit, 3);
  EXPECT_EQ(boot.machine.sandbox, MachineOptions::Sandbox::on);
  EXPECT_EQ(boot.machine.network, MachineOptions::Network::restricted);
  EXPECT_EQ(boot.ready, std::vector<std::string>{"up"});
  EXPECT_EQ(boot.services, (std::vector<std::vector<std::string>>{{"a", "b"}}));
}

TEST_F(BootRequestTest, AMachinesNameIsAFileNameAndNewInTheChain) {
  const ScopedVariable chain(k_vms_variable, "server=exit:7");
  for (const char* name : {"", ".hidden", "a/b", "a b"}) {
    EXPECT_THAT(mistake_of_name(name), HasSubstr("option --name: '" + std::string(name))) << name;
  }
  EXPECT_THAT(mistake_of_name("server"), HasSubstr("there is a machine called 'server' already"));
  EXPECT_EQ(mistake_of_name("client-2.0_a"), "");
}

TEST_F(BootRequestTest, DescriptorsAreOpen) {
  BootRequest request;
  request.descriptors = {"0", "2"};
  EXPECT_EQ(boot_options(request).inherited, (std::vector<int>{0, 2}));
  for (const char* word : {"-1", "x", "1048575", "99999999999999999999"}) {
    request.descriptors = {"0", word};
    EXPECT_EQ(mistake(request),
              "option --fd: '" + std::string(word) + "' is not an open descriptor");
  }
}

TEST_F(BootRequestTest, MachinesOfOneChainDoNotShareABackdoor) {
  const ScopedVariable path("QEMU_TEST_QMP_BACKDOOR", "/tmp/door");
  BootRequest request;
  EXPECT_EQ(boot_options(request).machine.backdoor, "/tmp/door");
  request.name = "client";
  EXPECT_EQ(boot_options(request).machine.backdoor, "/tmp/door.client");
  request.machine["qmp"] = false;
  EXPECT_EQ(boot_options(request).machine.backdoor, "");
}

class BootAdmissionTest : public testing::Test {
protected:
  TempDir m_folder{"admission"};
  ScopedVariable m_pool{"XDG_RUNTIME_DIR", m_folder.path()};
  ScopedVariable m_admitted{k_admitted_variable, std::nullopt};
  ScopedVariable m_vms{k_max_vms_variable, std::nullopt};
  ScopedVariable m_memory{k_max_memory_variable, std::nullopt};
  ScopedVariable m_chain{k_vms_variable, std::nullopt};
  BootOptions m_boot;
};

TEST_F(BootAdmissionTest, WithoutLimitsThereIsNothingToWaitFor) {
  EXPECT_EQ(admit(m_boot), nullptr);
}

TEST_F(BootAdmissionTest, AMachineInsideAChainIsCountedAndDoesNotWait) {
  const ScopedVariable one(k_max_vms_variable, "1");
  const auto outer = admit(m_boot);
  ASSERT_NE(outer, nullptr);
  const ScopedVariable chain(k_vms_variable, "outer=exit:7");
  const auto inner = admit(m_boot); // would block for ever
  ASSERT_NE(inner, nullptr);
}

TEST_F(BootAdmissionTest, AMachineThatCanNeverRunIsAReasonToSkip) {
  m_boot.machine.qemu = "qemu-system-riscv64";
  m_boot.machine.machine = "virt";
  m_boot.machine.arguments = {"-m", "2G"};
  if (!find_program(m_boot.machine.qemu)) {
    GTEST_SKIP() << "no " << m_boot.machine.qemu << " on this host";
  }
  const ScopedVariable little(k_max_memory_variable, "1G");
  try {
    (void)admit(m_boot);
    FAIL() << "it has been admitted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::absent);
    EXPECT_THAT(error.what(), HasSubstr(k_max_memory_variable));
  }
}

} // namespace boot_options_test
} // namespace qt
