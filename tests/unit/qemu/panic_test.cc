#include "qemu/panic.hh"

#include <gtest/gtest.h>

namespace qt {
namespace panic_test {

const std::string k_isa = "bus: main-system-bus\n  type System\n  bus: isa.0\n    type ISA\r\n";
const std::string k_pci = "bus: main-system-bus\n  type System\n  bus: pcie.0\n    type PCIE\n";

TEST(PanicDevice, IsTheOneThatTheMachineHasABusFor) {
  const std::vector<std::string> both = {"pvpanic", "pvpanic-pci"};
  EXPECT_EQ(choose_panic_device(k_isa + k_pci, both).name, "pvpanic");
  EXPECT_EQ(choose_panic_device(k_isa + k_pci, {"pvpanic-pci"}).name, "pvpanic-pci");
  EXPECT_EQ(choose_panic_device(k_pci, both).name, "pvpanic-pci");
  EXPECT_EQ(choose_panic_device(k_isa, {"pvpanic-pci"}).name, "");
  EXPECT_EQ(choose_panic_device(k_isa, {}).why_not,
            "this emulator has no pvpanic for the machine's bus");
  EXPECT_EQ(choose_panic_device("bus: main-system-bus\n  type System\n", both).why_not,
            "the machine has neither an ISA nor a PCI bus");
}

TEST(PanicDevice, AMachineThatCannotBeLookedAtHasNone) {
  const PanicDevice device = find_panic_device("/nonexistent/qemu", std::nullopt, std::nullopt);
  EXPECT_EQ(device.name, "");
  EXPECT_NE(device.why_not.find("/nonexistent/qemu"), std::string::npos);
}

} // namespace panic_test
} // namespace qt
