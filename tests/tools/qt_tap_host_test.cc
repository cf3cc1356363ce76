// qt-tap and what its tests share of the host: the limits of all runs, ports, sockets, machines
// that talk to each other, several subtests at once.
#include "base/error.hh"
#include "base/format.hh"
#include "base/text.hh"
#include "environment.hh"
#include "ipc/run_dir.hh"
#include "os/file.hh"
#include "os/process.hh"
#include "tap_fixture.hh"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {
namespace {

using support::ScopedVariable;
using support::tool;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;
using namespace std::chrono_literals;

class QtTapHost : public support::TapFixture {
protected:
  void SetUp() override {
    if (!find_program("qemu-system-riscv64")) {
      GTEST_SKIP() << "no qemu-system-riscv64 on this host";
    }
    ::chmod(runtime.path().c_str(), 0700);
  }
  std::string define(const std::string& name, const std::string& text,
                     const std::string& arch = "riscv64") {
    return TapFixture::define(arch, name, text);
  }
  Words words_of(Words words) const {
    words.insert(words.begin(), {tool("qt-tap"), "--output", output});
    return words;
  }
  Process start(const Words& words) const {
    const UniqueFd null = open_file("/dev/null", O_RDWR);
    SpawnOptions options;
    options.standard_output = null.get();
    options.standard_error = null.get();
    return Process::spawn(words, options);
  }
  static bool wait_for(const std::string& path, std::string_view text) {
    const Deadline limit = Deadline::after(60s);
    while (read_file_if_exists(path).value_or("").find(text) == std::string::npos) {
      if (limit.expired()) {
        return false;
      }
      ::usleep(5000);
    }
    return true;
  }
  std::string log(const std::string& run_dir, const std::string& name = "base.log") const {
    return read_file_if_exists(format("{}/riscv64/{}/{}", output, run_dir, name)).value_or("");
  }

  const TempDir runtime{"runtime"};
  const ScopedVariable pool{"XDG_RUNTIME_DIR", runtime.path()};
  const ScopedVariable no_admitted{"QEMU_TEST_ADMITTED", std::nullopt};
};

// --- the limits of all runs

constexpr const char* k_opensbi = R"(
[test.virt]
machine = "virt"
steps = [{ wait = "OpenSBI" }]
)";

TEST_F(QtTapHost, ARunThatIsKilledLetsTheNextOneIn) {
  const ScopedVariable one("QEMU_TEST_MAX_VMS", "1");
  const std::string hangs = define("hangs", R"(
[test.virt]
machine = "virt"
steps = [{ wait = "OpenSBI" }, { wait = "no such text" }]
)");
  Process first = start(words_of({hangs}));
  ASSERT_TRUE(wait_for(output + "/riscv64/hangs.virt/dialogue.log", "OpenSBI"));
  Process second = start(words_of({"--timeout", "20s", define("next", k_opensbi)}));
  ASSERT_TRUE(wait_for(output + "/riscv64/next.virt/base.log", "waiting for its turn"));
  // By hand: counted and made to wait in the same way.
  Process by_hand =
      start({tool("qt-boot"), "--qemu", "qemu-system-riscv64", "--machine", "virt", "--run-dir",
             folder.path() + "/hand", "--", "--", tool("qt-expect"), "--wait", "OpenSBI"});
  EXPECT_FALSE(second.wait(Deadline::after(100ms)));
  EXPECT_FALSE(exists(folder.path() + "/hand"));
  first.send_signal(SIGKILL);
  const auto ended = second.wait(Deadline::after(60s));
  ASSERT_TRUE(ended);
  EXPECT_EQ(exit_status_of(ended->wait_status), 0);
  EXPECT_THAT(log("next.virt"), ContainsRegex("admitted after [0-9a-z.]+ in the queue"));
  const auto third = by_hand.wait(Deadline::after(60s));
  ASSERT_TRUE(third);
  EXPECT_EQ(exit_status_of(third->wait_status), 0);
}

TEST_F(QtTapHost, WaitingDoesNotUseUpTheTime) {
  const ScopedVariable one("QEMU_TEST_MAX_VMS", "1");
  const std::string sleeps = define("sleeps", R"(
[test.virt]
machine = "virt"
steps = [{ wait = "OpenSBI" }, { sleep = "5s" }]
)");
  Process first = start(words_of({sleeps}));
  ASSERT_TRUE(wait_for(output + "/riscv64/sleeps.virt/dialogue.log", "OpenSBI"));
  const Captured second = run({"--timeout", "4s", define("next", k_opensbi)});
  EXPECT_EQ(second.out, "TAP version 13\n1..1\nok 1 virt\n") << second.err;
}

TEST_F(QtTapHost, ASignalInTheQueueSaysSo) {
  const ScopedVariable one("QEMU_TEST_MAX_VMS", "1");
  const std::string hangs = define("hangs", R"(
[test.virt]
machine = "virt"
steps = [{ wait = "OpenSBI" }, { wait = "no such text" }]
)");
  Process first = start(words_of({hangs}));
  ASSERT_TRUE(wait_for(output + "/riscv64/hangs.virt/dialogue.log", "OpenSBI"));
  Process second = start(words_of({define("next", k_opensbi)}));
  ASSERT_TRUE(wait_for(output + "/riscv64/next.virt/base.log", "waiting for its turn"));
  second.send_signal(SIGTERM);
  const auto ended = second.wait(Deadline::after(30s));
  ASSERT_TRUE(ended);
  EXPECT_EQ(exit_status_of(ended->wait_status), 128 + SIGTERM);
  EXPECT_THAT(read_verdict(output + "/riscv64/next.virt")->message,
              ContainsRegex("^ended by SIGTERM after .* in the queue"));
}

TEST_F(QtTapHost, WhatNeverFitsIsSkipped) {
  const std::string two = define("two", R"(
[test.two]
steps = [{ vm = "a", wait = "OpenSBI" }]
[test.two.vm.a]
machine = "virt"
[test.two.vm.b]
machine = "virt"
args = ["-m", "1G"]
)");
  {
    const ScopedVariable one("QEMU_TEST_MAX_VMS", "1");
    EXPECT_EQ(run({two}).out, "TAP version 13\n1..0 # SKIP needs 2 machines at once; "
                              "QEMU_TEST_MAX_VMS allows 1\n");
  }
  {
    const ScopedVariable memory("QEMU_TEST_MAX_MEMORY", "1G");
    EXPECT_EQ(run({two}).out, "TAP version 13\n1..0 # SKIP needs 1152 MiB of memory; "
                              "QEMU_TEST_MAX_MEMORY allows 1024 MiB\n");
  }
  const ScopedVariable enough("QEMU_TEST_MAX_VMS", "2");
  EXPECT_EQ(run({two}).out, "TAP version 13\n1..1\nok 1 two\n");
  const ScopedVariable wrong("QEMU_TEST_MAX_VMS", "many");
  EXPECT_THAT(run({two}).out, HasSubstr("QEMU_TEST_MAX_VMS='many': expected a number"));
}

// --- daemons, sockets, networks

TEST_F(QtTapHost, QemuStartsWhenTheDaemonsAreReady) {
  if (!find_program("python3")) {
    GTEST_SKIP() << "no python3 to write a daemon in";
  }
  write_file(folder.path() + "/daemon", R"(
import socket, sys, time
time.sleep(0.3)
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
print("up", flush=True)
s.accept() # serves one, and only one: being looked at must not count
time.sleep(100)
)");
  const Captured passed = run({define("ready", format(R"(
[test.a]
machine = "virt"
service = ["python3", "{}/daemon", "${{socket}}/d"]
ready = ["unix:${{socket}}/d", "log:up"]
args = ["-chardev", "socket,id=x,path=${{socket}}/d", "-device", "virtio-serial-device", "-device", "virtserialport,chardev=x"]
steps = [{{ wait = "OpenSBI" }}]
)",
                                                      folder.path()))});
  EXPECT_EQ(passed.out, "TAP version 13\n1..1\nok 1 a\n") << passed.err;
}

TEST_F(QtTapHost, ADaemonThatEndsOrIsMisspeltIsTheCause) {
  const Captured failed = run({define("dead", R"(
[test.a]
machine = "virt"
service = ["sh", "-c", "echo no licence >&2; exit 3"]
ready = "tcp:1"
steps = [{ wait = "OpenSBI" }]
)")});
  EXPECT_THAT(failed.out, HasSubstr("# host: service 0 (sh) exited 3 before tcp:1; they said: no "
                                    "licence\n"));
  const Captured wrong = run({define("wrong", R"(
[test.a]
machine = "virt"
ready = "tcp"
confine = "jail"
steps = [{ wait = "OpenSBI" }]
)")});
  EXPECT_THAT(wrong.err, HasSubstr("one of unix:PATH, tcp:PORT, log:TEXT"));
  EXPECT_THAT(wrong.err, HasSubstr("one of none, sandbox"));
}

// The boot ROM of a PC's network card asks the other machine for an address and for a script, over
// nothing but the descriptors between the two.
TEST_F(QtTapHost, TwoMachinesHaveANetworkBetweenThem) {
  if (!find_program("qemu-system-x86_64")) {
    GTEST_SKIP() << "no qemu-system-x86_64 on this host";
  }
  write_file(folder.path() + "/boot.ipxe", "#!ipxe\necho hello to ${net0/ip}\nsleep 100\n");
  const Captured passed = run({define("two", format(R"(
[test.two]
qemu = "qemu-system-x86_64"
steps = [{{ vm = "client", wait = "hello to 10.0.2.15", timeout = "70s" }}]
[test.two.vm.router]
machine = "none"
console = false
args = ["-nodefaults", "-netdev", "user,id=u,restrict=on,tftp={},bootfile=boot.ipxe", "-netdev", "hubport,id=h1,hubid=0,netdev=u", "-netdev", "socket,id=s,fd=${{fd.link.a}}", "-netdev", "hubport,id=h2,hubid=0,netdev=s"]
[test.two.vm.client]
machine = "pc,graphics=off"
args = ["-nodefaults", "-netdev", "socket,id=n,fd=${{fd.link.b}}", "-device", "e1000,netdev=n,bootindex=0"]
)",
                                                    folder.path()))});
  EXPECT_EQ(passed.out, "TAP version 13\n1..1\nok 1 two\n") << passed.err;
}

TEST_F(QtTapHost, QemuTakesAReservedPort) {
  const Captured passed = run({"--jobs", "4", define("ports", R"(
[test.t]
matrix = { n = ["1", "2", "3", "4"] }
machine = "virt"
args = ["-name", "vm${n}", "-netdev", "user,id=n,hostfwd=tcp:127.0.0.1:${port.fwd}-:22,hostfwd=udp:127.0.0.1:${port.fwd}-:69", "-netdev", "socket,id=u,udp=127.0.0.1:${port.far},localaddr=127.0.0.1:${port.near}", "-netdev", "socket,id=m,mcast=230.0.0.1:${port.group},localaddr=127.0.0.1", "-device", "virtio-net-device,netdev=n", "-vnc", ":${port.vnc-5900}", "-chardev", "socket,id=c,host=localhost,port=${port.chr},server=on,wait=off", "-gdb", "tcp::${port.gdb}"]
steps = [{ wait = "OpenSBI" }, { hmp = "info usernet", matches = 'HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+${port.fwd}\s' }, { tcp = "127.0.0.1:${port.vnc}" }, { tcp = "127.0.0.1:${port.chr}" }]
)")});
  EXPECT_THAT(passed.out, HasSubstr("ok 4 t[4]\n")) << passed.err;
  EXPECT_THAT(passed.out, Not(HasSubstr("not ok"))) << passed.err;
}

// --- confinement

// While no machine runs nobody but qt-expect itself can see it.
TEST_F(QtTapHost, AFloodIsACauseInEveryStage) {
  const std::string flood = "[{ run = [\"sh\", \"-c\", \"head -c 4M /dev/zero > ${log}/x; sleep "
                            "60\"] }]\n";
  const std::string machine = "machine = \"virt\"\nsteps = [{ wait = \"OpenSBI\" }]\n";
  for (const std::string& keys :
       {machine + "prepare = " + flood, machine + "verify = " + flood, "steps = " + flood}) {
    const Captured result = run({define("flood", "[test.a]\nlog-limit = \"64K\"\n" + keys)});
    EXPECT_THAT(result.out, HasSubstr("not ok 1 a")) << keys;
    EXPECT_THAT(result.err, ContainsRegex("a: flood: .*the limit is 512.0 KiB")) << keys;
  }
}

TEST_F(QtTapHost, UntrustedTestsAreConfined) {
  const ScopedVariable allowed("QEMU_TEST_ALLOW_UNTRUSTED_CODE", "1");
  const std::string file = define("locked", R"(
[test.a]
requires = { untrusted = true }
machine = "virt"
steps = [{ wait = "OpenSBI" }]
)");
  EXPECT_THAT(run({file}).out, HasSubstr("\nok 1 a\n"));
  if (log("locked.a").find("has no -sandbox") != std::string::npos) {
    GTEST_SKIP() << "this QEMU has no -sandbox";
  }
  EXPECT_THAT(log("locked.a"), HasSubstr(" -sandbox on,obsolete=deny,elevateprivileges=deny,"
                                         "spawn=deny,resourcecontrol=deny "));
  EXPECT_THAT(log("locked.a"), HasSubstr(" -net user,restrict=on "));
  EXPECT_THAT(run({"--confine", "none", file}).out, HasSubstr("\nok 1 a\n"));
  EXPECT_THAT(log("locked.a"), Not(HasSubstr("-sandbox")));
  EXPECT_EQ(exit_status_of(run({"--confine", "jail", file}).status.wait_status), 2);
}

// Every QEMU at hand has both, so what this one lacks is written into the record of what it has
// said.
TEST_F(QtTapHost, AnEmulatorThatLacksAPartIsConfinedWithTheOtherAlsoByHand) {
  const std::string cache = folder.path() + "/cache";
  const ScopedVariable own_cache("QEMU_TEST_CACHE_DIR", cache);
  const ScopedVariable allowed("QEMU_TEST_ALLOW_UNTRUSTED_CODE", "1");
  const std::string file = define("locked", R"(
[test.a]
requires = { untrusted = true }
machine = "virt"
steps = [{ wait = "OpenSBI" }, { hmp = "info network", lacks = "type=user" }]
output = { lacks = "warning" }
)");
  EXPECT_THAT(run({file}).out, HasSubstr("\nnot ok 1 a\n")); // it has a network, though restricted
  std::string record = *find_program("qemu-system-riscv64");
  std::replace(record.begin(), record.end(), '/', '-');
  record = format("{}/probe/{}.txt", cache, record);
  const std::string known = read_file(record);
  const auto remember = [&](const std::string& key) {
    std::string text = known;
    const std::size_t at = text.find(format("\"{}\":true", key));
    ASSERT_NE(at, std::string::npos) << known;
    write_file(record, text.replace(at + key.size() + 3, 4, "false"));
  };

  remember("user");
  const Captured passed = run({file});
  EXPECT_THAT(passed.out, HasSubstr("\nok 1 a\n")) << passed.err;
  EXPECT_THAT(log("locked.a"), HasSubstr("has no user network: the machine gets no card"));
  EXPECT_THAT(log("locked.a"), ContainsRegex("started [^\n]* -sandbox on,[^\n]* -nic none "));
  const Captured commands = run({"--dry-run", file});
  const Captured by_hand = *run_captured({"sh", "-ec", commands.out}, {}, Deadline::after(80s));
  EXPECT_EQ(exit_status_of(by_hand.status.wait_status), 0) << by_hand.err;
  EXPECT_THAT(by_hand.err, HasSubstr("has no user network: the machine gets no card"));

  remember("sandbox");
  EXPECT_THAT(run({file}).out, HasSubstr("\nnot ok 1 a\n"));
  EXPECT_THAT(log("locked.a"), HasSubstr("has no -sandbox: it runs without"));
  EXPECT_THAT(log("locked.a"), ContainsRegex("started [^\n]* -net user,restrict=on "));
  EXPECT_THAT(log("locked.a"), Not(HasSubstr("-sandbox on")));
}

// --- what an emulator was remembered to lack

TEST_F(QtTapHost, NothingIsSkippedForWhatIsOnlyRemembered) {
  const std::string file = define("boots", k_opensbi);
  EXPECT_THAT(run({file}).out, HasSubstr("\nok 1 "));
  std::string record = *find_program("qemu-system-riscv64");
  std::replace(record.begin(), record.end(), '/', '-');
  record = format("{}/cache/probe/{}.txt", folder.path(), record);
  const std::string known = read_file(record);
  for (const auto& [has, lacks] : {std::pair(" virt", " vir"), std::pair(" tcg", " tc")}) {
    std::string text = known;
    const std::size_t at = text.find(has);
    ASSERT_NE(at, std::string::npos) << known;
    write_file(record, text.replace(at, std::string_view(has).size(), lacks));
    const Captured passed = run({file});
    EXPECT_THAT(passed.out, HasSubstr("\nok 1 ")) << passed.err;
    EXPECT_THAT(passed.out, Not(HasSubstr("SKIP")));
  }
}

// --- what a test leaves, and where

TEST_F(QtTapHost, ScratchThatCannotBeRemovedChangesNoVerdict) {
  const std::string file = define("left", R"(
[test.a]
prepare = [
  { run = ["sh", "-c", "ls -A ${scratch}"], stdout = { equals = "" } },
  { run = ["sh", "-c", "mkdir -p ${scratch}/a/b && touch ${scratch}/a/b/f && chmod 0 ${scratch}/a/b ${scratch}/a"] },
]
steps = [{ run = ["test", "-d", "${scratch}"] }]
)");
  Words words = words_of({file});
  const bool is_root = ::getuid() == 0;
  if (is_root && find_program("setpriv")) { // one who may not do everything
    words.insert(words.begin(), {"setpriv", "--reuid=65534", "--clear-groups"});
    ASSERT_EQ(::chown(folder.path().c_str(), 65534, ::getgid()), 0);
  }
  const auto outcome = [&words] { return *run_captured(words, {}, Deadline::after(80s)); };
  for (int round = 0; round < 2; ++round) {
    const Captured passed = outcome();
    EXPECT_EQ(passed.out, "TAP version 13\n1..1\nok 1 a\n") << passed.err;
    EXPECT_EQ(passed.err, "");
  }
  EXPECT_FALSE(exists(output + "/riscv64/left.a/scratch"));
  if (!is_root || !find_program("setpriv")) {
    return; // nobody here can make what another cannot remove
  }
  make_directories(output + "/riscv64/left.a/scratch/roots");
  write_file(output + "/riscv64/left.a/scratch/roots/f", "x");
  ASSERT_EQ(::chown((output + "/riscv64/left.a/scratch").c_str(), 65534, ::getgid()), 0);
  for (int round = 0; round < 2; ++round) {
    const Captured passed = outcome();
    EXPECT_EQ(passed.out, "TAP version 13\n1..1\nok 1 a\n") << passed.err;
    EXPECT_THAT(passed.err, HasSubstr("qt-tap: warning: riscv64/left:a: removing "));
  }
}

TEST_F(QtTapHost, ACommaInAPathEndsNoOption) {
  const std::string place = folder.path() + "/a,b c,id=x/ü";
  const std::string file = define("commas", R"(
[file.disk]
name = "disk,format=qcow2"
text = "sixteen bytes…"
[test.a]
machine = "virt,dumpdtb=${scratch}/dtb"
exit = 0
[test.b]
machine = "virt"
args = ["-drive", "file=${file.disk},format=raw,if=none,id=d", "-chardev", "file,id=f,path=${scratch}/f", "-chardev", "socket,id=s,path=${socket}/s,server=on,wait=off", "-serial", "unix:${scratch}/serial,server=on,wait=off", "-D", "${log}/trace.log", "-d", "guest_errors"]
service = ["sh", "-c", "case $1 in *,*) exit 3; esac; exec sleep 1000", "sh", "${socket}"]
steps = [
  { wait = "OpenSBI" },
  { qmp = "query-block", returns = [{ inserted = { file = "${file.disk}" } }] },
  { hmp = 'chardev-add "file,id=g,path=${scratch}/g"', matches = '\A\s*\z' },
  { run = ["ls", "${scratch}/f", "${scratch}/g", "${log}/trace.log", "${scratch}/s", "${scratch}/serial"] },
]
)");
  const Captured passed = tap({"--output", place, file});
  EXPECT_EQ(passed.out, "TAP version 13\n1..2\nok 1 a\nok 2 b\n") << passed.err;
}

// --- several at once

TEST_F(QtTapHost, AsManyAtOnceAsFilesMayBeOpen) {
  const std::string file = define("many", R"(
[test.t]
matrix = { n = ["1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","16"] }
machine = "virt"
args = ["-chardev", "socket,id=s,path=${socket}/s,server=on,wait=off", "-chardev", "socket,id=t,host=127.0.0.1,port=${port.a},server=on,wait=off"]
steps = [{ wait = "OpenSBI" }, { run = ["true", "${n}"] }]
)");
  const auto with = [&](const std::string& limit) {
    Words words = {"sh", "-c", limit + " && exec \"$@\"", "sh"};
    const Words command = words_of({"--jobs", "16", file});
    words.insert(words.end(), command.begin(), command.end());
    return *run_captured(words, {}, Deadline::after(80s));
  };
  const Captured hard = with("ulimit -n 100");
  EXPECT_THAT(hard.out, Not(HasSubstr("not ok"))) << hard.out << hard.err;
  EXPECT_THAT(hard.err,
              ContainsRegex("^qt-tap: warning: option --jobs: no more than 100 files may "
                            "be open, which is enough for [23] subtests at once[^\n]*\n$"));
  const Captured soft = with("ulimit -Sn 100");
  EXPECT_THAT(soft.out, Not(HasSubstr("not ok"))) << soft.out << soft.err;
  EXPECT_EQ(soft.err, "");
}

TEST_F(QtTapHost, JobsReportInOrderAndTheirFailuresDoNotMix) {
  const Captured both = run({"--jobs", "3", define("jobs", R"(
[test.slow]
steps = [{ sleep = "600ms" }, { run = ["sh", "-c", "echo slow >&2; exit 1"] }]
[test.quick]
steps = [{ run = ["sh", "-c", "echo quick >&2; exit 1"] }]
[test.machine]
machine = "virt"
steps = [{ wait = "OpenSBI" }]
)")});
  EXPECT_THAT(both.out, ContainsRegex("1..3\nnot ok 1 slow\n# [^\n]*\n# logs: [^\n]*\n"
                                      "not ok 2 quick\n# [^\n]*\n# logs: [^\n]*\n"
                                      "ok 3 machine\n$"));
  EXPECT_LT(both.err.find("jobs:slow"), both.err.find("again: "));
  EXPECT_LT(both.err.find("again: "), both.err.find("jobs:quick: "));
  EXPECT_EQ(exit_status_of(both.status.wait_status), 1);
  EXPECT_EQ(exit_status_of(run({"--jobs", "0", "x"}).status.wait_status), 2);
}

TEST_F(QtTapHost, OneThatHangsKeepsItsPlaceAndTheOthersTheirResults) {
  const Captured all = run({"--jobs", "2", "--timeout", "2s", define("hangs", R"(
[test.hangs]
machine = "virt"
steps = [{ wait = "OpenSBI" }, { wait = "no such text" }]
[test.quick]
matrix = { n = ["1", "2"] }
steps = [{ run = ["echo", "${n}"] }]
[test.too]
steps = [{ sleep = "100s" }, { run = ["true"] }]
)")});
  EXPECT_THAT(all.out, ContainsRegex("1..4\nnot ok 1 hangs\n# timeout: [^\n]*\n# logs: [^\n]*\n"
                                     "ok 2 quick\\[1\\]\nok 3 quick\\[2\\]\nnot ok 4 too\n"
                                     "# timeout: [^\n]*\n# logs: [^\n]*\n$"))
      << all.err;
  EXPECT_EQ(read_verdict(output + "/riscv64/hangs.hangs")->cause, Cause::timeout);
}

TEST_F(QtTapHost, OneTerminalIsNotForSeveral) {
  const Captured refused = run({"--jobs", "2", "--on-fail", "shell", define("shell", k_opensbi)});
  EXPECT_EQ(exit_status_of(refused.status.wait_status), 2);
  EXPECT_THAT(refused.err, HasSubstr("option --on-fail: one terminal cannot be given to several"));
}

TEST_F(QtTapHost, ASignalEndsAllJobs) {
  const std::string file = define("jobs", R"(
[test.t]
matrix = { n = ["1", "2", "3", "4"] }
machine = "virt"
args = ["-name", "vm${n}"]
steps = [{ wait = "OpenSBI" }, { wait = "no such text" }]
)");
  Process process = start(words_of({"--jobs", "3", file}));
  for (const char* n : {"1", "2", "3"}) {
    ASSERT_TRUE(wait_for(format("{}/riscv64/jobs.t[{}]/dialogue.log", output, n), "OpenSBI"));
  }
  process.send_signal(SIGTERM);
  const auto ended = process.wait(Deadline::after(30s));
  ASSERT_TRUE(ended);
  EXPECT_EQ(exit_status_of(ended->wait_status), 128 + SIGTERM);
  for (const char* n : {"1", "2", "3"}) {
    EXPECT_THAT(read_verdict(format("{}/riscv64/jobs.t[{}]", output, n))->message,
                HasSubstr("ended by SIGTERM"));
  }
  EXPECT_EQ(read_verdict(output + "/riscv64/jobs.t[4]")->message, "not run: ended by SIGTERM");
  EXPECT_FALSE(exists(output + "/riscv64/jobs.t[4]/dialogue.log"));
}

TEST_F(QtTapHost, AStreamThatNobodyReadsIsCouldNotJudge) {
  const UniqueFd full = open_file("/dev/full", O_WRONLY);
  const UniqueFd null = open_file("/dev/null", O_RDWR);
  SpawnOptions options;
  options.standard_output = full.get();
  options.standard_error = null.get();
  Process process = Process::spawn(words_of({"--jobs", "2", define("full", R"(
[test.a]
steps = [{ sleep = "100s" }, { run = ["true"] }]
[test.b]
steps = [{ sleep = "100s" }, { run = ["true"] }]
)")}),
                                   options);
  const auto ended = process.wait(Deadline::after(30s));
  ASSERT_TRUE(ended);
  EXPECT_EQ(exit_status_of(ended->wait_status), 99);
}

} // namespace
} // namespace qt
