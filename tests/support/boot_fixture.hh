// qt-boot as a process, for the tests that run it: its command lines, what it leaves, and the
// processes below it. What stands at the end of the chain is chain-program,
// which does what its arguments say.
#pragma once

#include "base/error.hh"
#include "base/format.hh"
#include "base/text.hh"
#include "descendants.hh"
#include "environment.hh"
#include "ipc/run_dir.hh"
#include "os/file.hh"
#include "os/process.hh"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace qt::support {

using Words = std::vector<std::string>;

inline std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

#define NEED(program)                                                                              \
  do {                                                                                             \
    if (!find_program(program)) {                                                                  \
      GTEST_SKIP() << "no " << (program) << " on this host";                                       \
    }                                                                                              \
  } while (false)

#define NEED_DEVICE(program, device)                                                               \
  do {                                                                                             \
    NEED(program);                                                                                 \
    if (run_captured({program, "-device", std::string(device) + ",help"}, {}, Deadline::never())   \
            ->status.wait_status != 0) {                                                           \
      GTEST_SKIP() << (program) << " has no " << (device);                                         \
    }                                                                                              \
  } while (false)

inline constexpr const char* k_x86_64 = "qemu-system-x86_64";
inline constexpr const char* k_riscv64 = "qemu-system-riscv64";
inline constexpr const char* k_riscv32 = "qemu-system-riscv32";
inline constexpr const char* k_arm = "qemu-system-arm";

// A payload for riscv32 -M virt: prints HELLO on the UART, then writes `value` to sifive_test.
// A guest that does so at once is over before QEMU has agreed to tell of events: `late` waits
// first.
enum class When { at_once, late };
inline std::string riscv32_writing(std::uint32_t value, When when) {
  std::vector<std::uint32_t> code = {0x100002b7}; // lui t0,0x10000: the UART
  for (const char c : std::string("HELLO\r\n")) {
    code.push_back((static_cast<std::uint32_t>(c) << 20) | 0x313); // li t1,c
    code.push_back(0x00628023);                                    // sb t1,0(t0)
  }
  if (when == When::late) { // t2 = 0x4000000; until it is 0: t2 -= 1
    code.insert(code.end(), {0x040003b7, 0xfff38393, 0xfe039ee3});
  }
  const std::uint32_t high = (value + 0x800) >> 12;
  const std::uint32_t low = value - (high << 12);
  code.insert(code.end(), {0x001002b7, (high << 12) | 0x337, ((low & 0xfff) << 20) | 0x30313,
                           0x0062a023, 0x0000006f}); // t0 = 0x100000; t1 = value; sw; loop
  return std::string(reinterpret_cast<const char*>(code.data()), code.size() * 4);
}
// One that ends QEMU with that status.
inline std::string riscv32_payload(unsigned status) {
  return riscv32_writing(status == 0 ? 0x5555 : (status << 16) | 0x3333, When::at_once);
}

class BootFixture : public testing::Test {
protected:
  std::string path(const std::string& name) const { return m_folder.path() + "/" + name; }
  std::string run_dir() const { return path("run"); }
  static std::string program() { return support::tool("qt-boot"); }

  // qt-boot with these options, QEMU's arguments and the words of chain-program (none: no program).
  Words command(Words options, const Words& arguments, const Words& chain) const {
    Words words = {program(), "--run-dir", run_dir()};
    words.insert(words.end(), options.begin(), options.end());
    words.emplace_back("--");
    words.insert(words.end(), arguments.begin(), arguments.end());
    if (!chain.empty()) {
      words.insert(words.end(), {"--", variable("QEMU_TEST_CHAIN_PROGRAM")});
      words.insert(words.end(), chain.begin(), chain.end());
    }
    return words;
  }

  Captured run_words(const Words& words) const {
    return run_captured(words, {}, Deadline::after(std::chrono::minutes(1))).value();
  }
  Captured run(const Words& options, const Words& arguments, const Words& chain) const {
    return run_words(command(options, arguments, chain));
  }
  // A riscv64 virt machine with its firmware and a program.
  Captured run_riscv(const Words& chain, Words options = {}) const {
    options.insert(options.end(), {"--qemu", k_riscv64, "--machine", "virt"});
    return run(options, {}, chain);
  }
  // A machine that ends by itself with `status`.
  Captured run_ending(unsigned status, const Words& chain, Words options = {}) const {
    write_file(path("payload"), riscv32_payload(status));
    options.insert(options.end(), {"--qemu", k_riscv32, "--machine", "virt"});
    return run(options, {"-bios", path("payload")}, chain);
  }

  Verdict verdict() const { return read_verdict(run_dir()).value_or(Verdict{}); }
  std::string cause() const {
    const auto found = read_verdict(run_dir());
    return found ? std::string(cause_name(found->cause)) : "no verdict";
  }
  std::string base_log() const { return read_file(base_log_path(run_dir())); }
  std::string console_log() const { return read_file(console_log_path(run_dir(), k_default_vm)); }

  // A chain that the test talks to while it runs; its standard output is a pipe.
  struct Running {
    Process process;
    UniqueFd out;
  };
  Running start(const Words& words, const std::string& directory = "") const {
    const UniqueFd null = open_file("/dev/null", O_RDWR);
    FdPair out = make_pipe();
    SpawnOptions options;
    options.standard_input = null.get();
    options.standard_output = out.second.get();
    options.standard_error = null.get();
    options.directory = directory;
    return {Process::spawn(words, options), std::move(out.first)};
  }
  static void wait_for(const Running& chain, const std::string& text) {
    std::string seen;
    std::array<std::byte, 4096> buffer;
    while (seen.find(text) == std::string::npos) {
      const IoCount got = read_some(chain.out.get(), buffer);
      ASSERT_EQ(got.result, IoResult::done) << "the chain ended without saying " << text;
      seen += text_of(std::span(buffer).first(got.count));
    }
  }
  // The emulators that run below this test.
  static std::vector<pid_t> emulators() {
    std::vector<pid_t> found;
    for (const Descendant& process : descendants()) {
      if (process.name.starts_with("qemu-system")) {
        found.push_back(process.pid);
      }
    }
    return found;
  }
  static void signal_qemu(int number) {
    for (const pid_t pid : emulators()) {
      ::kill(pid, number);
    }
  }
  static ExitStatus end_of(Running& chain) {
    const auto status = chain.process.wait(Deadline::after(std::chrono::seconds(30)));
    EXPECT_TRUE(status.has_value()) << "qt-boot does not end";
    return status.value_or(ExitStatus{});
  }
  static int code_of(const Captured& result) { return exit_status_of(result.status.wait_status); }

  TempDir m_folder{"qt-boot-test-"};
  const ScopedVariable m_vms{k_vms_variable, std::nullopt};
  const ScopedVariable m_run_dir{k_run_dir_variable, std::nullopt};
  const ScopedVariable m_binary{"QEMU_TEST_QEMU_BINARY", std::nullopt};
};

} // namespace qt::support
