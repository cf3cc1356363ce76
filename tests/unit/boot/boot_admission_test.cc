#include "boot/boot_admission.hh"

#include "../support/environment.hh"
#include "base/error.hh"
#include "ipc/run_dir.hh"
#include "os/file.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace boot_admission_test {

using support::ScopedVariable;
using testing::HasSubstr;

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

} // namespace boot_admission_test
} // namespace qt
