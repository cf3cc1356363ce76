#include "definition_text.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <regex>

namespace subtest_test {

using namespace qt;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Subtest, ReadsEveryKeyOfATest) {
  const Definition definition = load_text(R"(
summary = "the board"
requires = { commands = ["file"], untrusted = true, flaky = "https://file" }
[test.t]
requires = { commands = "own", env = ["E"], host-arch = ["x86_64"], host-os = "linux", accel = ["kvm", "tcg"], device = ["e1000"], netdev = "user", machine = "other", locked-memory = "64M", qemu-version = ">= 8.0, < 10", flaky = "https://test", large-storage = true, slow = true, network = true, disabled = "why" }
qemu = "qemu-system-x"
machine = "type=virt,gic-version=3"
cpu = ""
accel = "tcg"
args = ["-m", "1G"]
console = "sclpconsole"
qmp = false
exit = "any"
output = { matches = "a.c", lacks = "b" }
skip-if-output = ["no such"]
service = [["swtpm", "socket"], ["x"]]
fail = ["panic", { regex = "o+ps" }]
prepare = [{ run = ["truncate", "-s", "16M", "${scratch}/flash"], status = 0, stdout = "ok" }]
steps = [{ wait = "x" }]
verify = [{ file = "${scratch}/flash", matches = "x", lacks = "y", sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", min-size = "1K" }]
)");
  const Subtest& subtest = definition.subtests.at(0);
  EXPECT_EQ(subtest.summary, "the board");
  EXPECT_EQ(subtest.required, parse_json(R"({"commands": ["file", "own"], "env": ["E"],
      "host-arch": ["x86_64"], "host-os": ["linux"], "accel": ["kvm", "tcg"], "device": ["e1000"],
      "netdev": ["user"], "machine": ["other", "virt"], "locked-memory": "64M",
      "qemu-version": ">= 8.0, < 10", "flaky": "https://test", "untrusted": true,
      "large-storage": true, "slow": true, "network": true, "disabled": "why"})",
                                         "test"));
  const Phase& phase = subtest.phases.at(0);
  EXPECT_EQ(phase.vms.at(0).values, parse_json(R"({"qemu": "qemu-system-x",
      "machine": "type=virt,gic-version=3", "cpu": "", "accel": "tcg", "args": ["-m", "1G"],
      "console": "sclpconsole", "qmp": false, "exit": "any",
      "output": [{"lacks": "b"}, {"matches": "a.c"}], "skip-if-output": ["no such"],
      "service": [["swtpm", "socket"], ["x"]]})",
                                               "test"));
  EXPECT_EQ(phase.dialogue.at("fail"),
            parse_json(R"([{"text": "panic"}, {"regex": "o+ps"}])", "test"));
  EXPECT_EQ(describe_step(phase.prepare.at(0)),
            "--run 'truncate -s 16M '\\''${scratch}/flash'\\''' --status 0 --stdout ok");
  EXPECT_EQ(phase.verify.at(0).text("min-size"), "1K");
  EXPECT_THAT(subtest.variables, ElementsAre("scratch"));
}

TEST(Subtest, SwitchesTheImpliedMachineOff) {
  const Definition definition = load_text("[test.t]\nrequires = { machine = [] }\n"
                                          "machine = 'nonesuch'\nexit = 1\n");
  EXPECT_EQ(definition.subtests.at(0).required, Json({{"machine", Json::array()}}));
}

TEST(Subtest, HasNoMachineIfItAsksNothingOfOne) {
  const Definition definition =
      load_text("[test.host]\nprepare=[{run=['a']}]\nsteps=[{sleep='1s'}]\nverify=[{run=['b']}]\n"
                "[test.guest]\nsteps=[{wait='x'}]\n");
  EXPECT_THAT(definition.subtests[0].phases[0].vms, IsEmpty());
  EXPECT_EQ(definition.subtests[0].required, Json::object());
  ASSERT_EQ(definition.subtests[1].phases[0].vms.size(), 1u);
  EXPECT_EQ(definition.subtests[1].phases[0].vms[0].name, "default");
  EXPECT_EQ(definition.subtests[1].phases[0].vms[0].values, Json::object());
}

TEST(Subtest, GivesMachinesTheKeysOfTheTest) {
  const Definition definition = load_text(R"(
[test.migrate]
machine = "virt"
args = ["-m", "1G"]
[test.migrate.vm.source]
console = false
[test.migrate.vm.target]
machine = "virt-8.0"
args = ["-incoming", "defer"]
[[test.migrate.phase]]
steps = [{ wait = "x", vm = "target" }, { qmp = "migrate", vm = "source" }, { run = ["a"] }]
)");
  const Phase& phase = definition.subtests.at(0).phases.at(0);
  ASSERT_EQ(phase.vms.size(), 2u);
  EXPECT_EQ(phase.vms[0].values,
            Json({{"machine", "virt"}, {"args", {"-m", "1G"}}, {"console", false}}));
  EXPECT_EQ(phase.vms[1].values,
            Json({{"machine", "virt-8.0"}, {"args", {"-m", "1G", "-incoming", "defer"}}}))
      << "a machine's arguments come after those of the test";
  EXPECT_EQ(definition.subtests[0].required, Json({{"machine", {"virt", "virt-8.0"}}}));
}

TEST(Subtest, GivesPhasesTheKeysOfTheTest) {
  const Definition definition = load_text(R"(
[test.replay]
machine = "virt"
args = ["-m", "1G"]
fail = "panic"
steps = [{ wait = "one" }]
[[test.replay.phase]]
exit = 0
[[test.replay.phase]]
args = ["-icount", "1"]
fail = ["oops"]
steps = [{ wait = "two" }]
)");
  ASSERT_EQ(definition.subtests.at(0).phases.size(), 2u);
  const Phase& record = definition.subtests[0].phases[0];
  const Phase& replay = definition.subtests[0].phases[1];
  EXPECT_EQ(record.vms.at(0).values,
            Json({{"machine", "virt"}, {"args", {"-m", "1G"}}, {"exit", 0}}));
  EXPECT_EQ(describe_step(record.steps.at(0)), "--wait one");
  EXPECT_EQ(replay.vms.at(0).values,
            Json({{"machine", "virt"}, {"args", {"-m", "1G", "-icount", "1"}}}));
  EXPECT_EQ(replay.dialogue.at("fail"),
            parse_json(R"([{"text": "panic"}, {"text": "oops"}])", "test"));
  EXPECT_EQ(describe_step(replay.steps.at(0)), "--wait two");
  EXPECT_EQ(definition.subtests[0].required, Json({{"machine", {"virt"}}}));
}

std::string described(const std::vector<Step>& steps) {
  std::string text;
  for (const Step& step : steps) {
    text += describe_step(step) + "\n";
  }
  return text;
}

// What types may say what it waits for; it is two steps, as on a command line.
TEST(Subtest, TypesAndWaitsInOneStep) {
  const Definition definition = load_text(R"toml(
[test.t]
steps = [
  { line = "root", pace = "5ms", wait = "# ", timeout = "3s", fail = "x", ignore-printk = true, mark = "in" },
  { send = "q", vm = "default", wait-regex = "(?<n>b+)", idle-timeout = "2s" },
  { line = "${n}" },
]
)toml");
  EXPECT_EQ(described(definition.subtests.at(0).phases.at(0).steps),
            "--line root --pace 5ms\n"
            "--wait '# ' --timeout 3s --mark in --fail x --ignore-printk\n"
            "--send q --vm default\n"
            "--wait-regex '(?<n>b+)' --vm default --idle-timeout 2s\n"
            "--line '${n}'\n");
}

// A line that says nothing of its own comes back to the prompt.
TEST(Subtest, KnowsThePromptOfATest) {
  const Definition definition = load_text(R"(
[template.linux]
prompt = "${params.p}"
fail = [{ set = "${params.system}" }]
[test.t]
template = "linux"
params = { p = "# ", system = "linux" }
steps = [{ line = "id", timeout = "3s" }, { line = "su", wait = "Password: " }, { send = "x" }, { shell = "true" }]
)");
  const Phase& phase = definition.subtests.at(0).phases.at(0);
  EXPECT_EQ(phase.dialogue.at("prompt"), "# ");
  EXPECT_EQ(phase.dialogue.at("fail"), Json::array({{{"set", "linux"}}}));
  EXPECT_EQ(described(phase.steps), "--line id\n--wait '# ' --timeout 3s\n"
                                    "--line su\n--wait 'Password: '\n--send x\n--shell true\n");
  EXPECT_THAT(mistakes_of("[test.t]\nprompt=''\nsteps=[{ line='x' }]\n"), testing::Not(IsEmpty()));
}

TEST(Subtest, ItIsPreparedAndVerifiedOnceAndEachOfItsPhasesByItself) {
  const Definition definition = load_text(R"(
[test.t]
prepare = [{ run = ["all", "before"] }]
verify = [{ run = ["all", "behind"] }]
[[test.t.phase]]
prepare = [{ run = ["one", "before"] }]
exit = 0
[[test.t.phase]]
prepare = [{ run = ["two", "before"] }]
verify = [{ run = ["two", "behind"] }]
[[test.t.phase]]
exit = 0
)");
  const std::vector<Phase>& phases = definition.subtests.at(0).phases;
  ASSERT_EQ(phases.size(), 3u);
  EXPECT_EQ(described(phases[0].prepare), "--run 'all before'\n--run 'one before'\n");
  EXPECT_EQ(described(phases[0].verify), "");
  EXPECT_EQ(described(phases[1].prepare), "--run 'two before'\n");
  EXPECT_EQ(described(phases[1].verify), "--run 'two behind'\n");
  EXPECT_EQ(described(phases[2].prepare), "");
  EXPECT_EQ(described(phases[2].verify), "--run 'all behind'\n");
  EXPECT_THAT(mistakes_of("[test.t]\nprepare=5\n[[test.t.phase]]\nprepare=[{ run = ['x'] }]\n"),
              testing::SizeIs(1));
}

TEST(Subtest, ItsTimeIsThatOfItsPhasesToo) {
  const Definition definition = load_text(R"(
[template.linux]
timeout = "5m"
idle-timeout = "60s"
[test.replay]
template = "linux"
timeout = "2m"
steps = [{ wait = "one" }]
[[test.replay.phase]]
[[test.replay.phase]]
timeout = "20s"
idle-timeout = "1s"
)");
  const Subtest& replay = definition.subtests.at(0);
  EXPECT_EQ(replay.timeout, std::chrono::minutes(2));
  EXPECT_EQ(replay.phases.at(0).dialogue, Json({{"timeout", "2m"}, {"idle-timeout", "60s"}}));
  EXPECT_EQ(replay.phases.at(1).dialogue, Json({{"timeout", "20s"}, {"idle-timeout", "1s"}}));
  EXPECT_THAT(
      mistakes_of("[test.t]\ntimeout=5\nexit=0\n"),
      ElementsAre("board.toml:2:9: error: timeout: expected a time such as \"500ms\", \"30s\" or "
                  "\"2m\", got 5"));
}

TEST(Subtest, WhatIsSavedIsKnownLater) {
  EXPECT_THAT(mistakes_of(R"toml([test.t]
prepare = [{ run = ["x"], save = { size = "(.*)" } }]
args = ["-m", "${size}"]
steps = [{ wait = "${size}" }, { hmp = "x", save = { n = "(.*)" } }]
verify = [{ run = ["x", "${n}", "${size}"] }]
)toml"),
              IsEmpty());
  EXPECT_THAT(mistakes_of(R"toml([test.t]
args = ["${n}"]
steps = [{ wait = "${n}" }, { hmp = "x", save = { n = "(.*)" } }]
)toml"),
              testing::SizeIs(2));
  EXPECT_THAT(
      mistakes_of(R"toml([test.t]
prepare = [{ run = ["x"], save = { n = "(.*)" } }]
fail = "${n}"
exit = 0
)toml"),
      ElementsAre("board.toml:3:8: error: fail: unknown name '${n}' in test 't'; what a step "
                  "saves is known to the steps after it and to args"));
  EXPECT_THAT(mistakes_of(R"toml([test.t]
prepare = [{ run = ["x"], save = { n = "(.*)" } }]
[[test.t.phase]]
verify = [{ run = ["x", "${n}"], save = { m = "(.*)" } }]
[[test.t.phase]]
args = ["${n}", "${m}"]
exit = 0
)toml"),
              IsEmpty());
  EXPECT_THAT(mistakes_of(R"toml([test.t]
[[test.t.phase]]
verify = [{ run = ["x", "${n}"] }]
[[test.t.phase]]
verify = [{ run = ["x"], save = { n = "(.*)" } }]
)toml"),
              testing::SizeIs(1));
}

TEST(Subtest, ListsTheVariablesOfItsTextsAndFiles) {
  const Definition definition = load_text(R"toml(
[asset.a]
path = "/a"
[file.config]
text = "port ${port.web} of ${file.inner}"
[file.inner]
text = "${fd.3} $${x}"
[file.unused]
text = "${socket}"
[test.t]
args = ["${file.config}", "${port.vnc-5900}", "${date:%Y}"]
steps = [{ hmp = "info vnc", save = { n = "port ([0-9]+)" } }, { wait-regex = '(?<pid>\d+) (?P<other>x) (?<=y)' }, { line = "${n} ${pid} ${other} ${asset.a} $${home} ${scratch}${scratch}" }]
)toml");
  EXPECT_THAT(definition.subtests.at(0).variables,
              ElementsAre("file.config", "port.web", "file.inner", "fd.3", "port.vnc-5900",
                          "date:%Y", "asset.a", "scratch"));
}

struct Case {
  std::string text;               // after "[test.t]\n", which is line 1
  std::vector<std::string> lines; // what is told, without "board.toml:"
};

void PrintTo(const Case& wrong, std::ostream* out) { *out << wrong.text; }

class SubtestMistake : public testing::TestWithParam<Case> {};

TEST_P(SubtestMistake, IsTold) {
  std::vector<std::string> expected;
  for (const std::string& line : GetParam().lines) {
    expected.push_back("board.toml:" + line);
  }
  EXPECT_EQ(mistakes_of("[test.t]\n" + GetParam().text), expected);
}

const Case k_tests[] = {
    {"", {"1:7: error: [test.t] judges nothing; give it steps, verify, exit or output"}},
    {"machine='x'\n",
     {"1:7: error: [test.t] judges nothing; give it steps, verify, exit or output"}},
    {"machine='x'\nsteps=[]\n",
     {"1:7: error: [test.t] judges nothing; give it steps, verify, exit or output"}},
    {"machine='x'\nexit=0\n", {}},
    {"output='x'\n", {}},
    {"exit=256\n",
     {"2:6: error: exit: expected an exit status from 0 to 255, or \"any\", got 256"}},
    {"exit='0'\n",
     {"2:6: error: exit: expected an exit status from 0 to 255, or \"any\", got \"0\""}},
    {"summary=3\nexit=0\n", {"2:9: error: summary: expected a text, got 3"}},
    {"machine=''\nexit=0\n", {"2:9: error: machine: expected a text that is not empty, got \"\""}},
    {"console=true\nexit=0\n",
     {"2:9: error: console: expected a serial port's number, a device type, or false, got true"}},
    {"qmp='no'\nexit=0\n", {"2:5: error: qmp: expected true or false, got \"no\""}},
    {"args=['-m', 1, ['-x']]\nexit=0\n",
     {"2:13: error: args: expected a text, got 1",
      "2:16: error: args: expected a text, got a list in the list"}},
    {"service=[['a'], [], [3]]\nexit=0\n",
     {"2:17: error: service: expected a command as a list of words, such as [\"truncate\", "
      "\"-s\", "
      "\"16M\", \"f\"], got an empty list",
      "2:22: error: service: expected a text, got 3"}},
    {"fail=['a', {regx='b'}, 3]\nsteps=[{wait='x'}]\n",
     {"2:13: error: fail: unknown key 'regx'; did you mean 'regex'?",
      "2:24: error: fail: expected texts, { regex = \"…\" } or { set = \"…\" }, got 3"}},
    {"output={contain='x'}\n",
     {"2:9: error: output: unknown key 'contain'; did you mean 'contains'?"}},
    {"output={holds='x', lacks=3}\n",
     {"2:9: error: output: unknown key 'holds'; expected one of contains, equals, matches, lacks",
      "2:26: error: output: expected a text for 'lacks', got 3"}},
    {"output={}\n",
     {"2:8: error: output: expected a text or a table of contains, equals, matches, lacks, or a "
      "list of them, got an empty table"}},
    {"output=[]\n",
     {"2:8: error: output: expected a text or a table of contains, equals, matches, lacks, or a "
      "list of them, got an empty list"}},
    {"output=['x', {hold='y'}, '']\n",
     {"2:15: error: output: unknown key 'hold'; expected one of contains, equals, matches, lacks",
      "2:26: error: output: expected a text that is not empty, got \"\""}},
    {"output=''\n", {"2:8: error: output: expected a text that is not empty, got \"\""}},
    {"output={matches='.*', lacks='x'}\n",
     {"2:8: error: output: matches: expected a regular expression that can fail; this one matches "
      "every text, also the empty one, got a table"}},
    {"exit=0\nskip-if-output=['a', '']\n",
     {"3:22: error: skip-if-output: expected a text that is not empty, got \"\""}},
    {"exit=0\nfail=['a', {regex='b*'}]\n",
     {"3:12: error: fail: expected a regular expression that can fail; this one matches every "
      "text, "
      "also the empty one, got a table"}},
    {"exit=0\ntimeout='0s'\n", {"3:9: error: timeout: expected a time above 0, got \"0s\""}},
    {"console=false\nfail='x'\nexit=0\n",
     {"3:6: error: fail: no machine here has a console on which these texts could appear"}},
    {"fail='x'\nverify=[{run=['a']}]\n",
     {"2:6: error: fail: no machine here has a console on which these texts could appear"}},
    {"fail='x'\n[[test.t.phase]]\nconsole=false\nexit=0\n[[test.t.phase]]\nexit=0\n", {}},
    {"fail='x'\n[[test.t.phase]]\nconsole=false\nexit=0\n[[test.t.phase]]\nverify=[{run=['a']}]\n",
     {"2:6: error: fail: no machine here has a console on which these texts could appear"}},
    {"fail=['a', '\\u0003', \"\\u001b[0m\"]\nstrip-ansi=true\nexit=0\n",
     {"2:6: error: fail: this cannot come: strip-ansi removes ESC and the sequence that it begins; "
      "leave them out here too"}},
    {"steps=[{sleep='1s'}, {line='x'}, {run=['a'], status='any'}]\n",
     {"1:7: error: [test.t] judges nothing: its steps cannot fail, as typing, sleeping and "
      "commands "
      "with status = \"any\" cannot; give it others, exit or output"}},
    {"steps=[{sleep='1s'}]\nfail='x'\nmachine='y'\n", {}},
    {"steps=[{line='x'}, {kill=true}]\nfail='x'\nmachine='y'\n",
     {"1:7: error: [test.t] judges nothing: its steps cannot fail, as typing, sleeping and "
      "commands "
      "with status = \"any\" cannot; give it others, exit or output"}},
    {"qemu='qemu-system-${arch}'\nexit=0\n",
     {"2:6: error: qemu: ${arch} has no value before the emulator is known; ${build} and ${data} "
      "have"}},
    {"qemu='${build}/qemu-system-arm'\nexit=0\n", {}},
    {"machine='x'\nverify=[{run=['a'], status='any'}]\n",
     {"1:7: error: [test.t] judges nothing: its steps cannot fail, as typing, sleeping and "
      "commands "
      "with status = \"any\" cannot; give it others, exit or output"}},
    {"machine=\"v\\u0000x\"\nexit=0\n",
     {"2:9: error: machine: the text holds U+0000, at which an argument of a program ends; only "
      "send, "
      "interrupt and what is compared with JSON can have it"}},
    {"args=['-m', \"1\\u0000G\"]\nexit=0\n",
     {"2:13: error: args: the text holds U+0000, at which an argument of a program ends; only "
      "send, "
      "interrupt and what is compared with JSON can have it"}},
    {"summary=\"a\\u0000b\"\nexit=0\n",
     {"2:9: error: summary: the text holds U+0000, at which an argument of a program ends; only "
      "send, "
      "interrupt and what is compared with JSON can have it"}},
    {"fial='x'\nexit=0\n", {"2:1: error: unknown key 'fial' in [test.t]; did you mean 'fail'?"}},
    // requires
    {"requires=3\nexit=0\n", {"2:10: error: requires: expected a table, got 3"}},
    {"requires={comands='x', slow=false, locked-memory='pow2', qemu-version='8+', disabled=''}\n"
     "exit=0\n",
     {"2:11: error: unknown key 'comands' in requires; did you mean 'commands'?",
      "2:29: error: slow: expected true (leave the key out otherwise), got false",
      "2:50: error: locked-memory: expected a size such as \"512K\" or \"16M\", got \"pow2\"",
      "2:71: error: qemu-version: expected conditions such as \">= 8.0, < 10\", got \"8+\"",
      "2:86: error: disabled: expected a text that is not empty, got \"\""}},
    {"requires={commands=['${build}/a b', 'sh -c', '${qemu-img}'], device='virtio-${arch}', "
     "env=['HOME', 'SIZE=64M', '$HOME', 'A B', '=x', '${arch}'], config=['igvm', 'not igvm']}\n"
     "exit=0\n",
     {"2:37: error: commands: expected the name of a program, got \"sh -c\"",
      "2:46: error: commands: ${qemu-img} has no value here; ${build} and ${data} have",
      "2:69: error: device: ${arch} has no value here",
      "2:112: error: env: expected the name of an environment variable, or NAME=EXAMPLE, got "
      "\"$HOME\"",
      "2:121: error: env: expected the name of an environment variable, or NAME=EXAMPLE, got "
      "\"A B\"",
      "2:128: error: env: expected the name of an environment variable, or NAME=EXAMPLE, got "
      "\"=x\"",
      "2:134: error: env: ${arch} has no value here",
      "2:154: error: config: no QEMU is both 'igvm' and 'not igvm'"}},
    {"requires={qemu-version='>= 10, < 9'}\nexit=0\n",
     {"2:24: error: qemu-version: no version meets \">= 10, < 9\"; the test would be skipped "
      "always"}},
    {"requires={accel=['kvn', 'new-one'], netdev='usr', host-os='Linux', host-arch='x86-64'}\n"
     "exit=0\n",
     {"2:18: error: accel: nothing is known as 'kvn'; did you mean 'kvm' or 'hvf' or 'xen'?",
      "2:44: error: netdev: nothing is known as 'usr'; did you mean 'user'?",
      "2:59: error: host-os: nothing is known as 'Linux'; did you mean 'linux'?",
      "2:78: error: host-arch: nothing is known as 'x86-64'; did you mean 'x86_64'?"}},
    // machines
    {"machine='x'\naccel='tgc'\nexit=0\n",
     {"3:7: error: accel: nothing is known as 'tgc'; did you mean 'tcg'?"}},
    {"machine='x'\nqmp=false\npvpanic=true\nexit=0\n",
     {"4:1: error: pvpanic: without a monitor (qmp = false) nobody hears of a panic"}},
    {"machine='x'\nqmp=false\nargs=['-device', 'pvpanic']\nexit=0\n",
     {"4:6: error: args: -device pvpanic: without a monitor (qmp = false) nobody hears of a "
      "panic"}},
    {"machine='x'\nqmp=false\nargs=['--device', '{\"driver\": \"pvpanic-pci\"}']\nexit=0\n",
     {"4:6: error: args: -device {\"driver\": \"pvpanic-pci\"}: without a monitor (qmp = false) "
      "nobody hears of a panic"}},
    {"machine='x'\nqmp=false\nargs=['-device', 'addr=3,driver=pvpanic-pci,id=a']\nexit=0\n",
     {"4:6: error: args: -device addr=3,driver=pvpanic-pci,id=a: without a monitor (qmp = false) "
      "nobody hears of a panic"}},
    {"machine='x'\nqmp=false\nargs=['-device', 'virtio-rng-pci,id=pvpanic', '-name', 'pvpanic']\n"
     "exit=0\n",
     {}},
    {"machine='x'\nargs=['-device', 'pvpanic']\nexit=0\n", {}},
    {"machine='x'\nqmp=false\nargs=['--action', 'reboot=shutdown,panic=none']\nexit=0\n",
     {"4:6: error: args: -action reboot=shutdown,panic=none: without a monitor (qmp = false) "
      "nobody "
      "hears of a panic"}},
    {"machine='x'\nqmp=false\nargs=['-action', 'panic=pause']\nexit=0\n", {}},
    {"machine='x'\nqmp=false\nexit='any'\n", {}},
    {"machine='x'\nsteps=[{qmp='a'}]\n[[test.t.phase]]\nsteps=[{qmp='b'}]\n"
     "[[test.t.phase]]\nsteps=[{qmp='c'}]\n",
     {"3:1: error: steps: each phase has steps of its own, and these would never run; leave them "
      "out"}},
    {"machine='x'\nsteps=[{qmp='a'}]\n[[test.t.phase]]\nsteps=[{qmp='b'}]\n"
     "[[test.t.phase]]\nmachine='y'\n",
     {}},
    {"machine='x'\noutput=['a']\nexit=3\n[[test.t.phase]]\noutput=['b']\nexit=0\n"
     "[[test.t.phase]]\noutput=['c']\n",
     {"3:1: error: output: each phase has its own, and nothing would be judged by this; leave it "
      "out"}},
    {"machine='x'\nverify=[{run=['a']}]\n[[test.t.phase]]\nexit=0\nverify=[{run=['b']}]\n", {}},
    {"exit=3\n[test.t.vm.a]\nmachine='x'\nexit=0\n[test.t.vm.b]\nmachine='y'\nexit='any'\n",
     {"2:1: error: exit: each machine has its own, and nothing would be judged by this; leave it "
      "out"}},
    {"exit=3\n[test.t.vm.a]\nmachine='x'\nexit=0\n[test.t.vm.b]\nmachine='y'\n", {}},
    {"machine='x'\nqmp=false\nsteps=[{exit=0}]\n", {}},
    {"machine='x'\nqmp=false\nsteps=[{exit='any'}]\n",
     {"4:14: error: exit: without a monitor (qmp = false) a panic looks like that; write it as the "
      "key exit of the machine, which can tell"}},
    {"machine='x'\nservice=['a']\nready=['log:']\nexit=0\n",
     {"4:8: error: ready: expected one of unix:PATH, tcp:PORT, log:TEXT, got \"log:\""}},
    {"vm=3\nexit=0\n", {"2:4: error: vm: expected tables [test.t.vm.NAME], got 3"}},
    {"vm={}\nexit=0\nverify=[{run=['a']}]\n",
     {"2:4: error: vm: expected tables [test.t.vm.NAME], got an empty table"}},
    {"exit=0\n[test.t.vm.'a b']\n",
     {"3:12: error: the name 'a b' of a machine may hold only letters, digits and _ - . +"}},
    {"exit=0\n[test.t.vm.a]\nsteps=[]\n", {"4:1: error: unknown key 'steps' in the machine 'a'"}},
    {"exit=0\nmachine=5\n[test.t.vm.a]\nmachine='x'\n",
     {"3:9: error: machine: expected a text, got 5"}},
    // phases
    {"phase=3\n", {"2:7: error: phase: expected tables [[test.t.phase]], got 3"}},
    {"phase=[]\n", {"2:7: error: phase: expected tables [[test.t.phase]], got an empty list"}},
    {"machine='x'\n[[test.t.phase]]\nexit=0\n[[test.t.phase]]\ncpu='x'\n",
     {"5:1: error: [test.t.phase] judges nothing; give it steps, verify, exit or output"}},
    {"exit=0\n[[test.t.phase]]\nsummary='x'\nmatrix={}\n",
     {"4:1: error: unknown key 'summary' in [[test.t.phase]]",
      "5:1: error: unknown key 'matrix' in [[test.t.phase]]"}},
    {"cpu=5\nexit=0\n[[test.t.phase]]\ncpu='x'\n", {"2:5: error: cpu: expected a text, got 5"}},
    // variables
    {"args=['${scrach}']\nexit=0\n",
     {"2:7: error: args: unknown name '${scrach}' in test 't'; did you mean 'scratch'?"}},
    {"args=['${asset.a}', '${file.f}']\nexit=0\n",
     {"2:7: error: args: unknown name '${asset.a}' in test 't'",
      "2:21: error: args: unknown name '${file.f}' in test 't'"}},
    {"args=['${date}']\nexit=0\n",
     {"2:7: error: args: unknown name '${date}' in test 't'; a date has a format, as in "
      "${date:%Y}"}},
    {"args=['${port.}']\nexit=0\n",
     {"2:7: error: args: unknown name '${port.}' in test 't'; expected ${port.NAME} or "
      "${port.NAME-5900}"}},
    {"args=['${plugin.x}', '${support.x}', '${build}', '${qemu-img}', '${arch}', '${log}', "
     "'${data}']\nexit=0\n",
     {}},
    {"requires={host-arch=[], env=''}\nexit=0\n",
     {"2:21: error: host-arch: expected a text or a list of texts, got an empty list",
      "2:29: error: env: expected a text that is not empty, got \"\""}},
    {"requires={commands='${qemo}'}\nexit=0\n",
     {"2:20: error: commands: unknown name '${qemo}' in test 't'; did you mean 'qemu'?"}},
};

INSTANTIATE_TEST_SUITE_P(Tests, SubtestMistake, testing::ValuesIn(k_tests));

// Each is the list "steps" of a test in line 2, which begins in column 7.
struct StepCase {
  std::string steps;
  std::string line;      // what is told, without "board.toml:2:"; empty: nothing
  std::string more = {}; // further keys of the test
};

void PrintTo(const StepCase& wrong, std::ostream* out) { *out << wrong.steps; }

class StepMistake : public testing::TestWithParam<StepCase> {};

// What is wrong with a pattern, and where, is said by PCRE2, in the words of its version.
std::vector<std::string> without_words_of_pcre2(std::vector<std::string> mistakes) {
  static const std::regex k_told("(regular expression '[^']*'): .+ at offset [0-9]+$");
  for (std::string& mistake : mistakes) {
    mistake = std::regex_replace(mistake, k_told, "$1: WHY at offset N");
  }
  return mistakes;
}

TEST_P(StepMistake, IsTold) {
  const StepCase& wrong = GetParam();
  const std::vector<std::string> expected =
      wrong.line.empty() ? std::vector<std::string>()
                         : std::vector<std::string>{"board.toml:2:" + wrong.line};
  EXPECT_EQ(
      without_words_of_pcre2(mistakes_of("[test.t]\nsteps=" + wrong.steps + "\n" + wrong.more)),
      expected);
}

const std::string k_digest(64, '0');

const StepCase k_steps[] = {
    {"3", "7: error: steps: expected a list of steps [{ … }, { … }], got 3"},
    {"[3]", "8: error: steps: expected a step such as { wait = \"login:\" }, got 3"},
    {"[{}]",
     "8: error: steps: no key of this step says what it does; expected one of wait, wait-regex, "
     "line, send, interrupt, shell, tap, qmp, hmp, event, exit, quit, kill, running, run, file, "
     "fetch, "
     "tcp, "
     "sleep"},
    {"[{lien='x'}]",
     "8: error: steps: no key of this step says what it does; did you mean 'line'?"},
    {"[{wait='x', line='y'}]",
     "19: error: steps: one step does one thing, and this one does 'wait' already; make 'line' a "
     "step of its own, or write it before 'wait' if it is typed first"},
    {"[{line='x', wait='y', qmp='z'}]",
     "29: error: steps: one step does one thing, and this one does 'wait' already; make 'qmp' a "
     "step of its own"},
    {"[{line='x', wait='y', wait-regex='z'}]",
     "29: error: steps: one step does one thing, and this one does 'wait' already; make "
     "'wait-regex' a step of its own"},
    {"[{line='x', wait='y', until='z'}]", "29: error: steps: 'until' has no place in a wait step"},
    {"[{line='x', wait=''}]", "24: error: wait: expected a text that is not empty, got \"\""},
    {"[{shell='x; #'}]",
     "8: error: steps: shell: the comment (#) would hide the mark that follows on the same line; "
     "leave it out"},
    {"[{shell='x', wait='y'}]",
     "20: error: steps: one step does one thing, and this one does 'shell' already; make 'wait' a "
     "step of its own"},
    {"[{wait='x', fail=[{set='linus'}]}]",
     "25: error: fail: expected one of the sets edk2, linux, uboot, zephyr, got a table"},
    {"[{wait='x', retruns=1}]", "19: error: steps: unknown key 'retruns' in a wait step"},
    {"[{qmp='x', retruns=1}]",
     "18: error: steps: unknown key 'retruns' in a qmp step; did you mean 'returns'?"},
    {"[{wait=\"hel\\u0000XYZ\"}]",
     "14: error: wait: the text holds U+0000, at which an argument of a program ends; only send, "
     "interrupt and what is compared with JSON can have it"},
    {"[{run=['a', \"b\\u0000\"]}]",
     "19: error: run: the text holds U+0000, at which an argument of a program ends; only send, "
     "interrupt and what is compared with JSON can have it"},
    {"[{hmp='x', save={n=\"a\\u0000\"}}]",
     "26: error: save: the text holds U+0000, at which an argument of a program ends; only send, "
     "interrupt and what is compared with JSON can have it"},
    {"[{qmp='x', returns={a=\"\\u0000\"}}, {send=\"\\u0000\"}]", ""},
    {"[{wait-regex='.*'}]",
     "20: error: wait-regex: expected a regular expression that can fail; this one matches every "
     "text, also the empty one, got \".*\""},
    {"[{wait-regex='21 [°]C'}]",
     "20: error: wait-regex: regular expression '21 [°]C': '°' is a character of 2 bytes, and a "
     "class holds single bytes; write (?:…|…)"},
    {"[{wait-regex='21 °?C'}]",
     "20: error: wait-regex: regular expression '21 °?C': '°' is a character of 2 bytes, and a "
     "repeat is for its last byte only; write (?:…) around it"},
    {"[{wait-regex='21 (?:°)?C [a-z]+ \\[.{1,4}'}]", ""},
    {"[{qmp='x', returns=[]}]",
     "26: error: returns: expected what is to be in it; every list contains []: an empty one has "
     "length = 0, got an empty list"},
    {"[{wait-regex='(?!x)'}]",
     "20: error: wait-regex: expected a regular expression that can fail; this one matches every "
     "text, also the empty one, got \"(?!x)\""},
    {"[{wait-regex='^(?!x)'}]", "20: error: wait-regex: expected a regular expression that needs a "
                                "text; this one matches also "
                                "the empty one, which is there at once, got \"^(?!x)\""},
    {"[{wait='a', fail={regex='(?<!x)'}}]",
     "24: error: fail: expected a regular expression that needs a text; this one matches also the "
     "empty one, which is there at once, got a table"},
    {"[{hmp='x', matches='(?!x)'}]", "26: error: matches: expected a regular expression that can "
                                     "fail; this one matches every text, "
                                     "also the empty one, got \"(?!x)\""},
    {"[{hmp='x', matches='^(?!.*x)'}, {hmp='x', matches='(?!x)[a-z]'}, {hmp='x', "
     "matches='(?<!x)$'}]",
     ""},
    {"[{tcp='example.org:80'}]",
     "13: error: tcp: expected \"HOST:PORT\", the host as an address or localhost, got "
     "\"example.org:80\""},
    {"[{tcp='127.0.0.1:99999'}]",
     "13: error: tcp: expected \"HOST:PORT\", the host as an address or localhost, got "
     "\"127.0.0.1:99999\""},
    {"[{qmp='x', returns={}}]", "26: error: returns: expected what is to be in it; every table "
                                "contains {}, got an empty table"},
    {"[{qmp='x', until={}}]",
     "24: error: until: expected what is to be in it; every table contains {}, got an empty table"},
    {"[{qmp='x', lacks=''}]", "24: error: lacks: expected a text that is not empty, got \"\""},
    {"[{qmp='query-cpus-fast', lacks='x'}]",
     "8: error: steps: lacks: no text is equal to one of the tables in this list; name one with at "
     "= "
     "\"/0/…\", or judge the whole list with matches = '^(?!.*…)'"},
    {"[{qmp='x', error='E', matches='y'}]",
     "8: error: steps: an error reply has nothing for matches"},
    {"[{qmp='x', range=[-9223372036854775808, 9223372036854775807]}]",
     "24: error: range: expected a range that leaves something out, got a list"},
    {"[{hmp='info status', lacks=\"x\\r\\n\"}]",
     "8: error: steps: lacks: this cannot come: a line of the answer ends with LF alone; leave the "
     "CR out"},
    {"[{hmp='info status', lacks=\"x\\n\"}]", ""},
    {"[{shell='x', prompt='# ', stdout={lacks=\"a\\r\\nb\"}}]",
     "8: error: steps: stdout: this cannot come: CR and ESC, with the sequence that it begins, are "
     "taken out of what a command prints; leave them out here too"},
    {"[{shell='x', prompt='# ', stdout={lacks=\"\\u001b[0m\"}}]",
     "8: error: steps: stdout: this cannot come: CR and ESC, with the sequence that it begins, are "
     "taken out of what a command prints; leave them out here too"},
    {"[{running='0s'}]", "17: error: running: expected a time above 0, got \"0s\""},
    {"[{file='x', min-size='0'}]", "28: error: min-size: expected a size above 0, got \"0\""},
    {"[{wait='x', mark='', budget='1s'}]",
     "24: error: mark: expected a text that is not empty, got \"\""},
    {"[{run=['a'], stdout=''}]", "27: error: stdout: expected a text that is not empty, got \"\""},
    {"[{wait=\"\\u001b[0m\"}]",
     "14: error: wait: this cannot come: strip-ansi removes ESC and the sequence that it begins; "
     "leave them out here too",
     "strip-ansi=true\n"},
    {"[{wait-regex='\\x1b\\[0m', fail='x'}]",
     "20: error: wait-regex: this cannot come: strip-ansi removes ESC and the sequence that it "
     "begins; leave them out here too",
     "strip-ansi=true\n"},
    {"[{wait=\"\\u001b[0m\"}]", ""},
    {"[{wait='x', returns=1}]", "19: error: steps: 'returns' has no place in a wait step"},
    {"[{wait=''}]", "14: error: wait: expected a text that is not empty, got \"\""},
    {"[{wait=5}]", "14: error: wait: expected a text, got 5"},
    {"[{line=''}]", "", "exit=0\n"},
    {"[{wait='x', fail=['a', {regex='b'}], timeout='2m', console=0, vm='default'}]", ""},
    {"[{send='\\u0003', pace='5ms'}]", "", "exit=0\n"},
    {"[{send=''}]", "14: error: send: expected a text that is not empty, got \"\""},
    {"[{interrupt='x'}]", "8: error: steps: interrupt needs until = \"the text that ends it\""},
    {"[{interrupt='x', until=''}]",
     "30: error: until: expected a text that is not empty, got \"\""},
    {"[{interrupt='x', until={a=1}}]", "30: error: until: expected a text, got a table"},
    {"[{qmp='x', until={a=1}, every='1s', timeout='5s', save={n='/a'}}]", ""},
    {"[{qmp='x', every='1s'}]", "8: error: steps: every needs until"},
    {"[{hmp='x', until='a+', every='1s', matches='b'}]", ""},
    {"[{hmp='x', every='1s'}]", "8: error: steps: every needs until"},
    {"[{hmp='x', until={a=1}}]", "24: error: until: expected a regular expression, got a table"},
    {"[{qmp='x', desc='y'}]", "8: error: steps: desc needs error = \"Class\""},
    {"[{qmp='x', at='a/b'}]",
     "21: error: at: expected a JSON pointer such as \"/0/qom-type\", got \"a/b\""},
    {"[{qmp='x', save={n='a'}}]",
     "23: error: save: expected a JSON pointer such as { n = \"/a\" }, got a table"},
    {"[{qmp='x', save={arch='/a'}}]",
     "8: error: 'arch' cannot be saved under this name: it has a meaning already"},
    {"[{qmp='x', save={'a b'='/a'}}]", "8: error: 'a b' cannot be saved under this name: only "
                                       "letters, digits and _ - . + may stand "
                                       "in it"},
    {"[{qmp='x', range=[2, 1]}]", "24: error: range: expected [minimum, maximum], got a list"},
    {"[{qmp='x', length=-1}]", "25: error: length: expected a number of elements, got -1"},
    {"[{qmp='x', arguments=[1]}]", "28: error: arguments: expected a table, got a list"},
    {"[{qmp='x', returns={d=[2024-01-01]}}]",
     "30: error: returns: a date or time has no use here; write it as a text, in quotes"},
    {"[{qmp='x', equals=nan}]",
     "25: error: equals: inf or nan has no use here; write it as a text, in quotes"},
    {"[{event='STOP', data={a=1}}]", ""},
    {"[{wait-regex='a('}]", "20: error: wait-regex: regular expression 'a(': WHY at offset N"},
    {"[{wait-regex='a${scratch}('}]", ""},
    {"[{wait='a', fail={regex='['}}]", "31: error: fail: regular expression '[': WHY at offset N"},
    {"[{wait='a', fail=['(', {regex='['}]}]",
     "37: error: fail: regular expression '[': WHY at offset N"},
    {"[{hmp='a', matches='['}]", "26: error: matches: regular expression '[': WHY at offset N"},
    {"[{hmp='a', save={n='['}}]", "26: error: save: regular expression '[': WHY at offset N"},
    {"[{run=['a'], stdout={matches='*'}}]",
     "36: error: stdout: regular expression '*': WHY at offset N"},
    {"[{hmp='x', save={n=1}}]", "26: error: save: expected a text for 'n', got 1"},
    {"[{hmp='x', save={n={at='['}}}]", "23: error: save: expected where each value is: \"/port\", "
                                       "or { at = \"/port\", default = 0 }, "
                                       "got a table"},
    {"[{hmp='x', save={n={at='[', default=0}}}]",
     "30: error: save: regular expression '[': WHY at offset N"},
    {"[{qmp='x', save={n={at='y', default=0}}}]",
     "23: error: save: expected a JSON pointer such as { n = \"/y\" }, got a table"},
    {"[{qmp='x', save={n={at='/y', default='z'}}}]", ""},
    {"[{run=['x'], save={n='(x)'}, stdout={lack='x'}}]",
     "44: error: stdout: unknown key 'lack'; did you mean 'lacks'?"},
    {"[{exit=0}, {quit=true}, {kill=true}, {running='1s'}]", ""},
    {"[{quit=false}]", "14: error: quit: expected true (leave the key out otherwise), got false"},
    {"[{run=['a'], status='any', stdout={matches='x'}, save={n='(.*)'}}]", ""},
    {"[{run='a b'}]",
     "13: error: run: expected a command as a list of words, such as [\"truncate\", \"-s\", "
     "\"16M\", \"f\"], got \"a b\""},
    {"[{run=['a', 1]}]", "19: error: run: expected a text, got 1"},
    {"[{file='x'}]", "8: error: steps: file needs matches, lacks, sha256 or min-size"},
    {"[{fetch='http://x'}]", "8: error: steps: fetch needs sha256"},
    {"[{fetch='http://x', sha256='" + k_digest + "'}]", ""},
    {"[{fetch='http://x', sha256='12'}]",
     "34: error: sha256: expected 64 hexadecimal digits, got \"12\""},
    {"[{tcp='127.0.0.1'}]", "13: error: tcp: expected \"HOST:PORT\", the host as an address or "
                            "localhost, got \"127.0.0.1\""},
    {"[{tcp='127.0.0.1:${port.a}', open=false}]", ""},
    {"[{sleep=1}]",
     "15: error: sleep: expected a time such as \"500ms\", \"30s\" or \"2m\", got 1"},
    // how a step fits its machine
    {"[{wait='x', vm='a'}]", "22: error: vm: there is no machine 'a'; the test has default"},
    {"[{run=['x'], vm='a'}]", "23: error: vm: there is no machine 'a'; the test has none"},
    {"[{wait='x', console=1}]",
     "27: error: console: the machine 'default' has the console 0, not 1"},
    {"[{wait='x', console='sclp'}]", "", "console='sclp'\n"},
    {"[{line='x'}]", "14: error: line: the machine 'default' has no console (console = false)",
     "console=false\nexit=0\n"},
    {"[{hmp='x'}]", "13: error: hmp: the machine 'default' has no monitor (qmp = false)",
     "qmp=false\n"},
    {"[{quit=true}, {exit=0}, {sleep='1s'}]", "", "qmp=false\nconsole=false\n"},
    {"[{wait='x'}]",
     "8: error: steps: the test has several machines, say which is meant: vm = one of a, b",
     "[test.t.vm.a]\n[test.t.vm.b]\n"},
    {"[{wait='x', vm='c'}]", "22: error: vm: there is no machine 'c'; did you mean 'a' or 'b'?",
     "[test.t.vm.a]\n[test.t.vm.b]\n"},
    {"[{run=['x']}, {wait='x', vm='b'}]", "", "[test.t.vm.a]\n[test.t.vm.b]\n"},
    // what steps save
    {"[{line='${n}'}, {hmp='x', save={n='x'}}]",
     "14: error: line: unknown name '${n}' in test 't'; $${ is a literal ${"},
    {"[{hmp='x', save={n='x'}}, {line='${n}'}]", ""},
    {"[{wait-regex='\\(?<n>x'}, {line='${n}'}]",
     "38: error: line: unknown name '${n}' in test 't'; $${ is a literal ${"},
    {"[{hmp='x', save={n='x'}}]", "", "verify=[{run=['x', '$${n}']}]\n"},
};

INSTANTIATE_TEST_SUITE_P(Table, StepMistake, testing::ValuesIn(k_steps));

TEST(StepMistake, IsToldOfHostStepsToo) {
  EXPECT_EQ(mistakes_of("[test.t]\nprepare=[{wait='x'}]\nverify=[{run=['${m}']}, {line='x'}]\n"
                        "steps=[{hmp='x', save={n='x'}}]\n"),
            (std::vector<std::string>{
                "board.toml:2:11: error: prepare: only run, file and sleep steps may stand here, "
                "not 'wait'",
                "board.toml:3:15: error: run: unknown name '${m}' in test 't'; did you mean 'n'?",
                "board.toml:3:26: error: verify: only run, file and sleep steps may stand here, "
                "not 'line'"}));
}

TEST(StepMistake, IsAlsoAPromptThatCannotCome) {
  const std::string prompt = "[test.t]\nprompt=\"\\u001b[1m# \"\nsteps=[{shell='true'}]\n";
  EXPECT_EQ(mistakes_of(prompt + "strip-ansi=true\n"),
            (std::vector<std::string>{
                "board.toml:2:8: error: prompt: this cannot come: strip-ansi removes ESC and the "
                "sequence that it begins; leave them out here too"}));
  EXPECT_THAT(mistakes_of(prompt), IsEmpty());
}

TEST(Subtest, WarnsOfWhatItsOwnTypingHolds) {
  const DefinitionFolder file(
      "[test.t]\nsteps=[{line='echo PASSED'},\n{wait='PASSED'}, {wait='PASSED'}]\n");
  EXPECT_THAT(file.mistakes(), IsEmpty());
  const std::vector<std::string> warnings = load_definition(file.path()).warnings;
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0],
              testing::StartsWith(file.path() + ":3:1: warning: wait: 'PASSED' is part of"));
  const std::string check = "[[test.t.check]]\nname='c'\nsteps=[{wait='PASSED'}]\n";
  EXPECT_EQ(load_text("[test.t]\nsteps=[{line='echo PASSED'}]\n" + check).warnings.size(), 1u);
  EXPECT_EQ(load_text("[test.t]\n" + check +
                      "[[test.t.check]]\nname='d'\nsteps=[{line='PASSED'}, {wait='PASSED'}]\n")
                .warnings.size(),
            1u);
  EXPECT_THAT(load_text("[test.t]\nsteps=[{line='PASSED'}, {wait='# '}]\n" + check).warnings,
              IsEmpty());
  const std::string used = "[steps.type]\nsteps=[{line='PASSED'}]\n"
                           "[steps.see]\nsteps=[{wait='PASSED'}]\n";
  for (const char* const steps : {"{use='type'}, {wait='PASSED'}", "{line='PASSED'}, {use='see'}",
                                  "{use='type'}, {use='see'}"}) {
    EXPECT_EQ(load_text(used + "[test.t]\nsteps=[" + steps +
                        "]\n[test.u]\nsteps=[{use='see'}, "
                        "{use='type'}]\n")
                  .warnings.size(),
              1u)
        << steps;
  }
  EXPECT_THAT(load_text("[test.t]\nsteps=[{line=\"echo PASS''ED\"}, {wait='PASSED'}]\n").warnings,
              IsEmpty());
}

} // namespace subtest_test
