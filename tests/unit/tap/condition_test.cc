#include "tap/condition.hh"

#include "../support/environment.hh"
#include "base/error.hh"
#include "os/file.hh"
#include "qemu/emulator.hh"
#include "schema/build_word.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

namespace qt {
namespace condition_test {

using support::ScopedVariable;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(Condition, NothingRequiredIsMet) { EXPECT_EQ(unmet_on_host(Json::object()), ""); }

TEST(Condition, EveryGateNamesItsVariable) {
  struct Gate {
    const char* key;
    Json value;
    const char* variable;
  };
  const ScopedVariable online("QEMU_TEST_NO_DOWNLOAD", std::nullopt);
  for (const Gate& gate : {Gate{"flaky", "https://bug", "QEMU_TEST_FLAKY_TESTS"},
                           Gate{"slow", true, "QEMU_TEST_ALLOW_SLOW"},
                           Gate{"untrusted", true, "QEMU_TEST_ALLOW_UNTRUSTED_CODE"},
                           Gate{"large-storage", true, "QEMU_TEST_ALLOW_LARGE_STORAGE"},
                           Gate{"network", true, "QEMU_TEST_ALLOW_NETWORK"}}) {
    const Json required = {{gate.key, gate.value}};
    {
      const ScopedVariable unset(gate.variable, std::nullopt);
      EXPECT_THAT(unmet_on_host(required), HasSubstr(std::string("set ") + gate.variable));
    }
    {
      const ScopedVariable empty(gate.variable, "");
      EXPECT_NE(unmet_on_host(required), "");
    }
    const ScopedVariable set(gate.variable, "1");
    EXPECT_EQ(unmet_on_host(required), "") << gate.key;
  }
}

TEST(Condition, AFlakyTestRunsOnHostsWhereItIsStable) {
  const ScopedVariable unset("QEMU_TEST_FLAKY_TESTS", std::nullopt);
  const auto unmet = [](const std::string& on) {
    return unmet_on_host({{"flaky", {{"bug", "https://bug"}, {"on", on}}}});
  };
  EXPECT_EQ(unmet("host-arch:no-such"), "");
  EXPECT_EQ(unmet("host-os:plan9"), "");
  EXPECT_THAT(unmet("host-arch:" + host_arch()), HasSubstr("unstable (https://bug, on host-arch"));
  EXPECT_THAT(unmet("host-os:linux"), HasSubstr("set QEMU_TEST_FLAKY_TESTS=1"));
}

TEST(Condition, NetworkIsOffWithoutDownloads) {
  const ScopedVariable allowed("QEMU_TEST_ALLOW_NETWORK", "1");
  for (const char* value : {"", "0"}) {
    const ScopedVariable online("QEMU_TEST_NO_DOWNLOAD", value);
    EXPECT_EQ(unmet_on_host({{"network", true}}), "");
    const ScopedVariable not_allowed("QEMU_TEST_ALLOW_NETWORK", value);
    EXPECT_THAT(unmet_on_host({{"network", true}}), HasSubstr("QEMU_TEST_ALLOW_NETWORK=1"));
  }
  const ScopedVariable offline("QEMU_TEST_NO_DOWNLOAD", "1");
  EXPECT_THAT(unmet_on_host({{"network", true}}), HasSubstr("QEMU_TEST_NO_DOWNLOAD"));
}

TEST(Condition, TheHostIsLookedAt) {
  EXPECT_EQ(unmet_on_host({{"commands", {"sh"}}}), "");
  EXPECT_EQ(unmet_on_host({{"commands", {"sh", "no-such-program"}}}),
            "needs the program no-such-program; install it");
  {
    const TempDir empty("path");
    const ScopedVariable path("PATH", empty.path());
    EXPECT_EQ(unmet_on_host({{"commands", {"xorriso", "mformat", "mcopy", "/no/such"}}}),
              "needs the programs xorriso, mformat, mcopy, /no/such; install them (Debian: xorriso "
              "mtools)");
  }
  const ScopedVariable variable("QT_TEST_CONDITION", std::nullopt);
  EXPECT_EQ(unmet_on_host({{"env", {"QT_TEST_CONDITION"}}}),
            "needs the environment: set QT_TEST_CONDITION (to what: see the definition)");
  EXPECT_EQ(
      unmet_on_host({{"env", {"QT_TEST_CONDITION=/usr/bin/gdb", "PATH=/x"}}}),
      "needs the environment: set QT_TEST_CONDITION, for example QT_TEST_CONDITION=/usr/bin/gdb");
  EXPECT_EQ(unmet_on_host({{"host-arch", {"no-arch", host_arch()}}}), "");
  EXPECT_THAT(unmet_on_host({{"host-arch", {"vax", "pdp11"}}}),
              HasSubstr("needs a host of vax or pdp11; this is "));
  EXPECT_EQ(unmet_on_host({{"host-os", {"linux"}}}), "");
  EXPECT_EQ(unmet_on_host({{"host-os", {"netbsd"}}}), "needs netbsd; this is linux");
  EXPECT_EQ(unmet_on_host({{"disabled", "broken by x"}}), "disabled: broken by x");
}

TEST(Condition, AllThatIsMissingIsSaid) {
  const ScopedVariable unset("QEMU_TEST_ALLOW_SLOW", std::nullopt);
  EXPECT_THAT(unmet_on_host({{"slow", true}, {"commands", {"no-such-program"}}}),
              AllOf(HasSubstr("set QEMU_TEST_ALLOW_SLOW=1"),
                    HasSubstr("; and needs the program no-such-program")));
  EXPECT_EQ(unmet_on_host({{"slow", true}, {"disabled", "broken"}}), "disabled: broken");
}

TEST(Condition, LockedMemoryIsTheHardLimit) {
  rlimit limit;
  ASSERT_EQ(::getrlimit(RLIMIT_MEMLOCK, &limit), 0);
  limit.rlim_cur = limit.rlim_max = 65536;
  ASSERT_EQ(::setrlimit(RLIMIT_MEMLOCK, &limit), 0); // of this process only
  EXPECT_EQ(unmet_on_host({{"locked-memory", "64K"}}), "");
  EXPECT_THAT(unmet_on_host({{"locked-memory", "65K"}}), HasSubstr("the hard limit is 64 KiB"));
}

class EmulatorCondition : public testing::Test {
protected:
  void SetUp() override {
    emulator = choose_emulator("", "", "riscv64");
    if (emulator.program.empty()) {
      GTEST_SKIP() << "no " << emulator.wanted << " on PATH";
    }
  }
  std::string unmet(const Json& required) {
    Probe probe(emulator.program, folder.path());
    return unmet_by_emulator(required, emulator.program, probe);
  }
  std::string machine_unmet(const Json& vm) {
    Probe probe(emulator.program, folder.path());
    return unmet_by_machine(vm, emulator.program, probe);
  }

  const ScopedVariable no_binary{k_qemu_variable, std::nullopt};
  TempDir folder{"condition"};
  Emulator emulator;
};

TEST_F(EmulatorCondition, IsAskedExactly) {
  EXPECT_EQ(unmet(Json::object()), "");
  EXPECT_EQ(unmet({{"machine", {"virt", "spike"}}, {"device", {"virtio-net-pci"}}}), "");
  EXPECT_THAT(unmet({{"machine", {"vir"}}}),
              AllOf(HasSubstr("qemu-system-riscv64"), HasSubstr("has no machine vir")));
  EXPECT_THAT(unmet({{"device", {"virtio-net"}}}), HasSubstr("has no device virtio-net"));
  EXPECT_THAT(unmet({{"machine", {"vrit"}}}), HasSubstr("; did you mean 'virt'?"));
  EXPECT_THAT(unmet({{"machine", {"virt2"}}}), Not(HasSubstr("did you mean")));
  EXPECT_THAT(unmet({{"device", {"virtio-net-pcii"}}}),
              HasSubstr("; did you mean 'virtio-net-pci"));
  EXPECT_EQ(unmet({{"netdev", {"socket"}}}), "");
  EXPECT_THAT(unmet({{"netdev", {"sock"}}}), HasSubstr("has no network back end sock"));
  Probe probe(emulator.program, folder.path());
  for (const char* word : {"igvm", "vnc", "asan", "zstd"}) {
    EXPECT_EQ(unmet({{"config", {word}}}) == "", probe.was_built_with(*find_build_word(word)));
  }
  EXPECT_NE(unmet({{"config", {"asan"}}}) == "", unmet({{"config", {"not asan"}}}) == "");
  EXPECT_THAT(unmet({{"config", {"tsan", "not tsan"}}}), HasSubstr("tsan"));
  // Of this host's: no QEMU has the sound of three systems.
  EXPECT_THAT(unmet({{"config", {"alsa", "coreaudio", "dsound"}}}),
              HasSubstr("was built without "));
  try {
    unmet({{"config", {"igwm"}}}); // as a variable may say
    FAIL() << "a word that there is not";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'igvm'?"));
  }
  EXPECT_THAT(unmet({{"qemu-version", "< 1"}}), HasSubstr("needs QEMU < 1"));
}

TEST_F(EmulatorCondition, OneOfTheAcceleratorsIsEnough) {
  EXPECT_EQ(unmet({{"accel", {"no-such", "tcg"}}}), "");
  EXPECT_THAT(unmet({{"accel", {"no-such"}}}), HasSubstr("has no accelerator no-such"));
  EXPECT_EQ(unmet({{"accel", {"hvf"}}}),
            "needs the accelerator hvf, which only macOS has; this host runs linux");
  EXPECT_THAT(unmet({{"accel", {"whpx", "no-such"}}}),
              AllOf(HasSubstr("needs the accelerator whpx or no-such: needs the accelerator whpx, "
                              "which only Windows has"),
                    HasSubstr("has no accelerator no-such")));
}

TEST_F(EmulatorCondition, AMachineImpliesItsType) {
  EXPECT_EQ(machine_unmet({{"machine", "virt,acpi=off"}, {"accel", "tcg,thread=multi"}}), "");
  EXPECT_THAT(machine_unmet({{"machine", "virtual"}}), HasSubstr("has no machine virtual"));
  EXPECT_THAT(machine_unmet({{"accel", "no-such"}}), HasSubstr("no-such"));
  EXPECT_EQ(machine_unmet(Json::object()), "");
}

TEST(Emulator, AFolderThatIsNoArchitectureIsNotTakenForWhatCouldBeInstalled) {
  const ScopedVariable none(k_qemu_variable, std::nullopt);
  EXPECT_THAT(absence_of(choose_emulator("", "", "elsewhere")),
              AllOf(HasSubstr("the folder of a definition names the architecture"),
                    HasSubstr("'elsewhere'"), HasSubstr("riscv64"), Not(HasSubstr("install it"))));
  EXPECT_EQ(absence_of({"qemu-system-tricore", "", "tricore"}),
            "no qemu-system-tricore on PATH; install it if your QEMU has that architecture, or "
            "name another with QEMU_TEST_QEMU_BINARY");
  EXPECT_EQ(absence_of(choose_emulator("/no/qemu", "", "x")),
            "no /no/qemu; name an emulator that is there with QEMU_TEST_QEMU_BINARY");
}

TEST(Emulator, IsChosenByOptionKeyVariableAndArchitecture) {
  const ScopedVariable variable(k_qemu_variable, "/v/qemu-system-avr");
  EXPECT_EQ(choose_emulator("/o/qemu-system-rx", "k", "arm").wanted, "/o/qemu-system-rx");
  EXPECT_EQ(choose_emulator("/o/qemu-system-rx", "k", "arm").arch, "rx");
  EXPECT_EQ(choose_emulator("", "k", "arm").wanted, "k");
  EXPECT_EQ(choose_emulator("", "", "arm").arch, "avr");
  EXPECT_EQ(choose_emulator("", "", "arm").program, ""); // not there
  const ScopedVariable none(k_qemu_variable, std::nullopt);
  EXPECT_EQ(choose_emulator("", "", "arm").wanted, "qemu-system-arm");
  EXPECT_EQ(choose_emulator("", "", "generic").wanted, "qemu-system-" + host_arch());
  EXPECT_EQ(choose_emulator("/bin/sh", "", "arm").program, "/bin/sh");
}

} // namespace condition_test
} // namespace qt
