#include "qemu/emulator.hh"

#include "base/environment.hh"
#include "base/format.hh"
#include "os/file.hh"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <sys/utsname.h>
#include <unistd.h>

namespace qt {

namespace {

constexpr std::string_view k_prefix = "qemu-system-";

Emulator look_up(const std::string& wanted) {
  Emulator emulator;
  emulator.wanted = wanted;
  if (const std::optional<std::string> found = find_program(wanted)) {
    emulator.program = absolute_path(*found);
  }
  emulator.arch = emulator_arch(wanted);
  return emulator;
}

} // namespace

std::string host_arch() {
  utsname host;
  ::uname(&host);
  const std::string machine = host.machine;
  if (machine == "ppc64le") {
    return "ppc64";
  }
  if (machine == "armv7l" || machine == "armv6l") {
    return "arm";
  }
  const bool old_pc = machine.size() == 4 && machine[0] == 'i' && machine.ends_with("86");
  return old_pc ? "i386" : machine;
}

std::string wanted_emulator(const std::string& forced, const std::string& key,
                            const std::string& arch) {
  for (const std::string& wanted : {forced, key, env::text(k_qemu_variable)}) {
    if (!wanted.empty()) {
      return wanted;
    }
  }
  return std::string(k_prefix) + (arch == "generic" ? host_arch() : arch);
}

std::string emulator_arch(const std::string& wanted) {
  const std::string name = base_name(wanted);
  return name.starts_with(k_prefix) ? name.substr(k_prefix.size()) : name;
}

Emulator choose_emulator(const std::string& forced, const std::string& key,
                         const std::string& arch) {
  return look_up(wanted_emulator(forced, key, arch));
}

std::string absence_of(const Emulator& emulator) {
  // Those that QEMU has a system emulator for (its configs/targets), past and present.
  constexpr auto k_architectures = std::to_array<std::string_view>(
      {"aarch64",      "alpha",     "arm",    "avr",         "cris",    "hexagon",
       "hppa",         "i386",      "lm32",   "loongarch64", "m68k",    "microblaze",
       "microblazeel", "mips",      "mips64", "mips64el",    "mipsel",  "moxie",
       "nios2",        "or1k",      "ppc",    "ppc64",       "riscv32", "riscv64",
       "rx",           "s390x",     "sh4",    "sh4eb",       "sparc",   "sparc64",
       "tricore",      "unicore32", "x86_64", "xtensa",      "xtensaeb"});
  if (emulator.wanted.find('/') != std::string::npos) {
    return format("no {}; name an emulator that is there with {}", emulator.wanted,
                  k_qemu_variable);
  }
  const bool is_by_architecture = emulator.wanted == std::string(k_prefix) + emulator.arch;
  if (is_by_architecture && std::find(k_architectures.begin(), k_architectures.end(),
                                      emulator.arch) == k_architectures.end()) {
    return format("no {}: the folder of a definition names the architecture, and '{}' is none of "
                  "QEMU's; expected one such as {}, or generic for every emulator, or qemu = "
                  "\"qemu-system-…\" in the test",
                  emulator.wanted, emulator.arch,
                  "aarch64, arm, i386, ppc64, riscv64, s390x, x86_64");
  }
  return format("no {} on PATH; install it if your QEMU has that architecture, or name another "
                "with {}",
                emulator.wanted, k_qemu_variable);
}

Emulator choose_qemu_img(const std::string& emulator) {
  const std::string forced = env::text(k_qemu_img_variable);
  if (!forced.empty()) {
    return look_up(forced);
  }
  const std::string beside = parent_of(emulator) + "/qemu-img";
  return look_up(!emulator.empty() && ::access(beside.c_str(), X_OK) == 0 ? beside : "qemu-img");
}

} // namespace qt
