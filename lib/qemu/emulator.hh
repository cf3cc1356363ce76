// Which QEMU a subtest runs on: --qemu, else the machine's key "qemu", else QEMU_TEST_QEMU_BINARY,
// else qemu-system-ARCH on PATH. Nothing here starts it (probe.hh asks it).
#pragma once

#include <string>

namespace qt {

inline constexpr const char* k_qemu_variable = "QEMU_TEST_QEMU_BINARY";
inline constexpr const char* k_qemu_img_variable = "QEMU_TEST_QEMU_IMG";

struct Emulator {
  std::string wanted;  // as it was asked for: a name on PATH or a path
  std::string program; // absolute path; empty if there is no such program
  std::string arch;    // "riscv64" of "qemu-system-riscv64"; the whole name if it is not like that
};

// `forced`: the value of --qemu or empty. `key`: the machine's own emulator or empty. `arch`: the
// definition's, where "generic" means the host's. What is wanted, without a look at the host.
std::string wanted_emulator(const std::string& forced, const std::string& key,
                            const std::string& arch);
std::string emulator_arch(const std::string& wanted); // Emulator::arch
// And looked for.
Emulator choose_emulator(const std::string& forced, const std::string& key,
                         const std::string& arch);

// That there is no such emulator, for people: why a test is skipped. Not every QEMU has every
// architecture, so to install it is advice only with that condition; and the folder of a
// definition, taken for the architecture, may be none.
std::string absence_of(const Emulator& emulator);

// qemu-img: QEMU_TEST_QEMU_IMG, else the one beside `emulator` (a path), else on PATH. `program` is
// empty if there is none.
Emulator choose_qemu_img(const std::string& emulator);

// The host's architecture as QEMU's programs are named: "x86_64", "aarch64", "ppc64".
std::string host_arch();

} // namespace qt
