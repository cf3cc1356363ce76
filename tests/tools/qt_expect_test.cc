#include "base/error.hh"
#include "base/text.hh"
#include "environment.hh"
#include "expect_fixture.hh"
#include "os/file.hh"
#include "os/process.hh"

#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace {

using namespace std::chrono_literals;
using support::FakeGuest;
using support::play_shell;
using support::ScopedVariable;
using support::tool;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

class QtExpect : public support::ExpectFixture {};

TEST_F(QtExpect, PassesSilently) {
  const Captured result = run_with(
      [](FakeGuest& guest) {
        guest.say("Hit any key\r\n=> ");
        EXPECT_EQ(guest.echo_line(), "version");
        guest.say("U-Boot 2023.01\r\n=> ");
        EXPECT_EQ(guest.hear_request(), "done");
        guest.end("exited 0");
      },
      {"--fail", "panic", "--timeout", "20s", "--wait", "=> ", "--line", "version", "--wait-regex",
       "U-Boot (?<v>\\S+)", "--run", "echo ${v}", "--stdout-equals", "2023.01"});
  EXPECT_EQ(result.status.text(), "exited 0") << result.err;
  EXPECT_EQ(result.out + result.err, "");
  EXPECT_EQ(read_verdict(m_folder.path())->cause, Cause::pass);
}

TEST_F(QtExpect, FailsWithOneLineAndTheLastLinesOfTheConsole) {
  const Captured result =
      run_with([](FakeGuest& guest) { guest.say("one\r\n\x1b[1mKernel panic\r\n"); },
               {"--fail", "Kernel panic", "--wait", "login:"});
  EXPECT_EQ(result.status.text(), "exited 1");
  EXPECT_EQ(result.err, "qt-expect: error: step 1 (--wait login:): the failure text 'Kernel panic' "
                        "appeared\n  | one\n  | \\e[1mKernel panic\n");
}

// Shells that edit lines print what was typed ahead once more, and wrap long lines.
TEST_F(QtExpect, NoEchoOfARealShellSatisfiesAnything) {
  const std::string words =
      " 1 two three four five six seven eight nine ten eleven twelve thirteen";
  for (const std::string terminal : {"vt220", "dumb"}) {
    for (const std::string shell : {"bash --norc --noprofile", "sh"}) {
      FakeGuest guest(
          [&](FakeGuest& self) {
            play_shell(self, {"sh", "-c", "PS1='# ' TERM=" + terminal + " exec " + shell + " -i"});
          },
          "default", FakeGuest::ExitChannel::no);
      const Captured result = run({"--timeout", "20s",
                                   "--fail",    "echo",
                                   "--fail",    "thirteen ; true",
                                   "--wait",    "# ",
                                   "--line",    "sleep 0.4",
                                   "--sleep",   "150ms",
                                   "--line",    "echo testbox" + words + " ; true",
                                   "--line",    "echo another",
                                   "--wait",    "testbox" + words + "\r\n",
                                   "--wait",    "another\r\n",
                                   "--wait",    "# ",
                                   "--line",    "echo" + words + words + words + " ; true",
                                   "--wait",    "thirteen 1 two"},
                                  options_for({&guest}));
      EXPECT_EQ(result.status.text(), "exited 0")
          << shell << " with " << terminal << ": " << result.err;
      guest.finish();
    }
  }
}

// A background program prints into what is typed, which the shell echoes a byte at a time.
TEST_F(QtExpect, NoTornEchoOfARealShellSatisfiesAnything) {
  // Most of the time is waited, so all shells are asked at the same time.
  const auto ask = [this](const std::string& shell) {
    const auto play = [&](const std::vector<std::string>& steps) {
      FakeGuest guest(
          [&](FakeGuest& self) {
            play_shell(self, {"sh", "-c", "PS1='# ' TERM=vt220 exec " + shell + " -i"});
          },
          "default", FakeGuest::ExitChannel::no);
      std::vector<std::string> words = {
          "--timeout", "20s",     "--pace", "10ms",
          "--wait",    "# ",      "--line", "while echo tick; do sleep 0.1; done &",
          "--wait",    "tick\r\n"};
      words.insert(words.end(), steps.begin(), steps.end());
      const Captured result = run(words, options_for({&guest}));
      guest.finish();
      return result;
    };
    for (int round = 0; round < 2; ++round) {
      const Captured wrong = play({"--line", "false && echo TEST-PASSED", "--wait-regex",
                                   "TE|PA|SS|ED", "--timeout", "1s"});
      EXPECT_EQ(wrong.status.text(), "exited 124") << shell << ": " << wrong.err;
    }
    // Keys that make a line are one.
    const std::string keys = "false && echo TEST-PASSED\\r";
    const Captured sent = play({"--send", keys, "--wait", "PASSED", "--timeout", "1s"});
    EXPECT_EQ(sent.status.text(), "exited 124") << shell << ": " << sent.err;
    // As far as it has come back, also without a line end or in several steps.
    for (const std::vector<std::string>& steps :
         {std::vector<std::string>{"--send", "false && echo TEST-PASSED"},
          {"--send", "false && echo TEST-PASSED", "--line", ""},
          {"--send", "false && echo TEST-PAS", "--send", "SED"},
          {"--send", "false && echo TEST-PAS", "--line", "SED"}}) {
      std::vector<std::string> words = steps;
      words.insert(words.end(), {"--wait", "PASSED", "--timeout", "1s"});
      const Captured part = play(words);
      EXPECT_EQ(part.status.text(), "exited 124") << shell << ": " << steps.back() << part.err;
    }
    const Captured repeated =
        play({"--interrupt", keys, "--every", "700ms", "--until", "PASSED", "--timeout", "1s"});
    EXPECT_EQ(repeated.status.text(), "exited 124") << shell << ": " << repeated.err;
    // Without a line end, and where a step before has typed the beginning.
    for (const std::vector<std::string>& steps :
         {std::vector<std::string>{"--interrupt", "false && echo PASSED "},
          {"--interrupt", "SSED"},
          {"--send", "false && echo PAS", "--interrupt", "SED"}}) {
      std::vector<std::string> words = steps;
      const bool is_torn = steps[1] == "SSED";
      words.insert(words.end(), {"--every", is_torn ? "50ms" : "300ms", "--until",
                                 is_torn ? "EDSS" : "PASSED", "--timeout", "1s"});
      const Captured part = play(words);
      EXPECT_EQ(part.status.text(), "exited 124") << shell << ": " << steps.back() << part.err;
    }
    const Captured right =
        play({"--line", "true && echo TEST-$((6*7))-PASSED", "--wait", "TEST-42-PASSED", "--line",
              "echo and $((3*4))", "--wait", "and 12"});
    EXPECT_EQ(right.status.text(), "exited 0") << shell << ": " << right.err;
  };
  std::vector<std::thread> threads;
  for (const std::string shell : {"bash --norc --noprofile", "dash", "busybox sh"}) {
    if (find_program(split(shell, ' ')[0])) {
      threads.emplace_back(ask, shell);
    }
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

// Only what the guest says besides their echo ends the repeating of keys.
TEST_F(QtExpect, AnswersToRepeatedKeysAreNotTheirEcho) {
  const auto play = [this](const std::string& answer, const std::string& until) {
    return run_with(
        [&answer](FakeGuest& guest) {
          guest.say("stop -> yes, ");
          EXPECT_EQ(guest.hear("stop"), "stop");
          guest.say("stop" + answer);
          EXPECT_EQ(guest.hear_request(), "done");
          guest.end("exited 0");
        },
        {"--wait", "yes, ", "--interrupt", "stop", "--every", "10s", "--until", until, "--timeout",
         "15s"});
  };
  EXPECT_EQ(play("\r\nstop it is\r\n", "stop").status.text(), "exited 0");
  EXPECT_EQ(play("\r\nstopped\r\n", "stopped").status.text(), "exited 0");
  EXPECT_EQ(play("\r\n=> ", "=> ").status.text(), "exited 0");
}

TEST_F(QtExpect, TheEchoOfRepeatedKeysIsNoAnswer) {
  const Captured result = run_with(
      [](FakeGuest& guest) {
        EXPECT_EQ(guest.hear("stop"), "stop");
        guest.say("stop");
        EXPECT_EQ(guest.hear_request(), "untaken");
        guest.end("exited 0");
      },
      {"--interrupt", "stop", "--every", "1m", "--until", "stop", "--timeout", "2s"});
  EXPECT_EQ(result.status.text(), "exited 124") << result.err;
  EXPECT_THAT(result.err, HasSubstr("not more often than the keys can have been echoed"));
}

// As with Ctrl-Z, or on a host that is suspended: what comes afterwards is not late.
TEST_F(QtExpect, ATimeInWhichItIsStoppedDoesNotCount) {
  FakeGuest guest([](FakeGuest& self) {
    EXPECT_EQ(self.hear("!"), "!");
    std::this_thread::sleep_for(4500ms); // the other side is stopped most of the time
    self.say("login:");
    EXPECT_EQ(self.hear_request(), "done");
    self.end("exited 0");
  });
  Process process = Process::spawn({tool("qt-expect"), "--send", "!", "--wait",
                                    "login:", "--timeout", "3s", "--idle-timeout", "2900ms"},
                                   options_for({&guest}));
  std::this_thread::sleep_for(300ms);
  process.send_signal(SIGSTOP);
  std::this_thread::sleep_for(3700ms);
  process.send_signal(SIGCONT);
  const auto status = process.wait(Deadline::after(30s));
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->text(), "exited 0");
  guest.finish();
}

TEST_F(QtExpect, PrintsWhatTheMonitorRepliesIfAsked) {
  const auto script = [](FakeGuest& guest) {
    guest.answer(guest.hear_command(), "RAX=0\r\nRBX=1\r\n");
    guest.answer(guest.hear_command(), {{"running", true}});
    EXPECT_EQ(guest.hear_request(), "done");
    guest.end("exited 0");
  };
  const std::vector<std::string> steps = {"--hmp", "info registers", "--qmp", "query-status"};
  EXPECT_EQ(run_with(script, steps).out, "");
  std::vector<std::string> verbose = steps;
  verbose.insert(verbose.begin(), "-v");
  EXPECT_EQ(run_with(script, verbose).out, "RAX=0\nRBX=1\n{\n  \"running\": true\n}\n");
}

TEST_F(QtExpect, AnEndedConsoleIsAFailure) {
  const Captured result =
      run_with([](FakeGuest& guest) { guest.end("exited 1"); }, {"--wait", "login:"});
  EXPECT_EQ(result.status.text(), "exited 1");
  EXPECT_EQ(read_verdict(m_folder.path())->cause, Cause::qemu_exit);
  const Captured piped = shell("echo boot | qt-expect --wait login:");
  EXPECT_EQ(piped.status.text(), "exited 1");
  EXPECT_THAT(piped.err, HasSubstr("the console ended before 'login:' came"));
}

TEST_F(QtExpect, ADeadlineHasACodeOfItsOwn) {
  const Captured result = run_with([](FakeGuest& guest) { guest.hear("never"); },
                                   {"--timeout", "100ms", "--wait", "login:"});
  EXPECT_EQ(result.status.text(), "exited 124");
  EXPECT_THAT(result.err, HasSubstr("timed out after 100ms (the whole dialogue)"));
}

TEST_F(QtExpect, SilenceHasTheSameCode) {
  const Captured result = run_with(
      [](FakeGuest& guest) {
        guest.say("booting\r\n");
        guest.hear("never");
      },
      {"--timeout", "20s", "--idle-timeout", "150ms", "--wait", "login:"});
  EXPECT_EQ(result.status.text(), "exited 124");
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("step 1 (--wait login:): nothing came on the console for"),
                    HasSubstr("the idle-timeout is 150ms"), EndsWith("  | booting\n")));
  EXPECT_EQ(read_verdict(m_folder.path())->cause, Cause::idle_timeout);
}

TEST_F(QtExpect, ALateStageIsAWarningOrWithStrictBudgetsAFailure) {
  const std::vector<std::string> steps = {"--sleep", "20ms", "--mark", "kernel", "--budget", "1ms"};
  const Captured lenient = run(steps);
  EXPECT_EQ(lenient.status.text(), "exited 0");
  EXPECT_THAT(lenient.err, HasSubstr("qt-expect: warning: the mark 'kernel' came after"));
  std::vector<std::string> strict = steps;
  strict.insert(strict.begin(), "--strict-budgets");
  const Captured failed = run(strict);
  EXPECT_EQ(failed.status.text(), "exited 1");
  EXPECT_THAT(failed.err, AllOf(HasSubstr("qt-expect: error: step 1 (--sleep 20ms --mark kernel "
                                          "--budget 1ms): the mark 'kernel' came after"),
                                HasSubstr("its budget is 0.001 s")));
  EXPECT_THAT(run({"--sleep", "1ms", "--budget", "1s"}).err, HasSubstr("budget needs mark"));
}

TEST_F(QtExpect, NamesInFailureTextsAreThoseOfSteps) {
  const auto status = [this](const std::string& said) {
    return shell("printf '%s\\nend\\n' '" + said +
                 "' | qt-expect --set 'v=$${b}' --fail 'oops ${v} $${v}' --wait end")
        .status.wait_status;
  };
  EXPECT_EQ(exit_status_of(status("oops $${b} ${v}")), 1);
  EXPECT_EQ(exit_status_of(status("oops ${b} ${v}")), 0);
}

TEST_F(QtExpect, TheMultiplierIsReadAndChecked) {
  const ScopedVariable slow("QEMU_TEST_TIMEOUT_MULTIPLIER", "0.5");
  const Captured late = run({"--sleep", "10s", "--timeout", "100ms"});
  EXPECT_EQ(late.status.text(), "exited 124");
  EXPECT_THAT(late.err, HasSubstr("50ms (100ms with QEMU_TEST_TIMEOUT_MULTIPLIER=0.5)"));
  const ScopedVariable wrong("QEMU_TEST_TIMEOUT_MULTIPLIER", "0");
  const Captured refused = run({"--sleep", "1ms"});
  EXPECT_EQ(refused.status.text(), "exited 2");
  EXPECT_THAT(refused.err, HasSubstr("QEMU_TEST_TIMEOUT_MULTIPLIER: expected a number over 0 such "
                                     "as 2 or 0.5, got '0'"));
}

TEST_F(QtExpect, ACommandMaySayThatAPrerequisiteIsAbsent) {
  const Captured result = run({"--run", "sh -c 'echo no such lens; exit 77'"});
  EXPECT_EQ(result.status.text(), "exited 77");
  EXPECT_EQ(result.err, "qt-expect: warning: skip: no such lens\n");
}

TEST_F(QtExpect, UsageErrorsNameTheOption) {
  const auto complaint = [&](std::vector<std::string> words) {
    const Captured result = run(std::move(words));
    EXPECT_EQ(result.status.text(), "exited 2") << result.err;
    return result.err;
  };
  EXPECT_THAT(complaint({}), HasSubstr("no steps; say what to wait for"));
  EXPECT_THAT(complaint({"--wiat", "x"}), HasSubstr("did you mean 'wait'"));
  EXPECT_THAT(complaint({"--wait", "x", "--returns", "{}"}),
              HasSubstr("option --returns: the step wait has no use for it"));
  EXPECT_THAT(complaint({"--returns", "{}", "--wait", "x"}),
              HasSubstr("option --returns: it belongs after the step that it modifies"));
  EXPECT_THAT(complaint({"--wait", "x", "--timeout", "5"}),
              HasSubstr("option --timeout: expected a time such as"));
  EXPECT_THAT(complaint({"--wait-regex", ""}), HasSubstr("that is not empty"));
  EXPECT_THAT(complaint({"--fail-regex", "", "--wait", "x"}), HasSubstr("say what to look for"));
  EXPECT_THAT(complaint({"--wait-regex", "("}), HasSubstr("regular expression '('"));
  EXPECT_THAT(complaint({"--fail-regex", "(", "--wait", "x"}), HasSubstr("regular expression '('"));
  EXPECT_THAT(complaint({"--wait", "x", "stray"}), HasSubstr("stray"));
  EXPECT_THAT(complaint({"--line", "x"}), HasSubstr("cannot be typed on"));
  EXPECT_THAT(complaint({"--qmp", "x"}), HasSubstr("there is no monitor in a pipe"));
  const ScopedVariable broken(k_vms_variable, "default=console:x");
  EXPECT_THAT(complaint({"--wait", "x"}), HasSubstr("QEMU_TEST_VMS"));
}

TEST_F(QtExpect, WhatCannotBeJudgedIsInternal) {
  const ScopedVariable lost(k_run_dir_variable, m_folder.path() + "/gone");
  const Captured result = run({"--sleep", "1ms"});
  EXPECT_EQ(result.status.text(), "exited 99");
  EXPECT_THAT(result.err, HasSubstr("/gone/dialogue.log: No such file or directory"));
}

TEST_F(QtExpect, AnExpressionThatBacktracksTooMuchIsAMistake) {
  const Captured result =
      run_with([](FakeGuest& guest) { guest.say(std::string(40, 'a') + "b\n"); },
               {"--wait-regex", "^(a+)+$"});
  EXPECT_EQ(result.status.text(), "exited 2");
  EXPECT_THAT(result.err, AllOf(HasSubstr("'^(a+)+$'"), HasSubstr("limit")));
  EXPECT_EQ(read_verdict(m_folder.path())->cause, Cause::host);
}

TEST_F(QtExpect, CommandsThatCannotRunAreToldApart) {
  EXPECT_EQ(run({"--run", "/nonexistent"}).status.text(), "exited 127");
  EXPECT_EQ(run({"--run", "/etc/passwd"}).status.text(), "exited 126");
}

TEST_F(QtExpect, ASignalEndsItWithAVerdict) {
  FakeGuest guest([](FakeGuest& self) {
    self.say("booting");
    self.hear("never");
  });
  SpawnOptions options = options_for({&guest});
  options.environment.emplace_back(k_run_dir_variable, m_folder.path());
  Process process =
      Process::spawn({tool("qt-expect"), "--wait", "boot", "--wait", "login:"}, options);
  const std::string log = m_folder.path() + "/dialogue.log";
  const Deadline deadline = Deadline::after(20s);
  while (read_file_if_exists(log).value_or("").find("step 2") == std::string::npos &&
         !deadline.expired()) {
    std::this_thread::sleep_for(1ms);
  }
  process.send_signal(SIGTERM);
  EXPECT_EQ(process.wait(Deadline::after(20s))->text(), "exited 143");
  const auto verdict = read_verdict(m_folder.path());
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->cause, Cause::timeout);
  EXPECT_THAT(verdict->message, HasSubstr("ended by SIGTERM"));
  EXPECT_EQ(verdict->awaited, "login:");
  guest.finish();
}

TEST_F(QtExpect, APipeEndsWhenItsReaderIsDone) {
  const Captured result = shell("{ yes; echo writer $? >&2; } | qt-expect --wait 'y\ny'");
  EXPECT_EQ(result.status.text(), "exited 0");
  EXPECT_THAT(result.err, HasSubstr("writer")); // it did not go on for ever
}

TEST_F(QtExpect, CommandsInheritTheChannels) {
  const Captured result = run_with(
      [](FakeGuest& guest) {
        EXPECT_EQ(guest.hear("!"), "typed by another!");
        guest.hear_request();
        guest.end("exited 0");
      },
      {"--run", "sh -c 'fd=${QEMU_TEST_VMS#*console:}; eval \"printf typed\\ by\\ another! "
                ">&${fd%%,*}\"'"});
  EXPECT_EQ(result.status.text(), "exited 0") << result.err;
}

TEST_F(QtExpect, DigestsAreCheckedByQtFetch) {
  const std::string path = m_folder.path() + "/a file%20";
  write_file(path, "abc");
  const std::string digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(run({"--file", path, "--sha256", digest}).status.text(), "exited 0");
  EXPECT_EQ(run({"--fetch", "file://" + m_folder.path() + "/a%20file%2520", "--sha256", digest})
                .status.text(),
            "exited 0");
  write_file(path, "abd");
  const Captured wrong = run({"--file", path, "--sha256", digest});
  EXPECT_EQ(wrong.status.text(), "exited 1") << wrong.err;
}

TEST_F(QtExpect, HelpFitsATerminal) {
  const Captured help = run({"--help"});
  EXPECT_EQ(help.status.text(), "exited 0");
  for (const std::string& line : split(help.out, '\n')) {
    std::size_t columns = 0;
    for (const char byte : line) {
      columns += (static_cast<unsigned char>(byte) & 0xc0U) != 0x80 ? 1 : 0;
    }
    EXPECT_LE(columns, 80u) << line;
  }
  EXPECT_THAT(run({"--version"}).out, StartsWith("qt-expect "));
}

// A real machine, typed on and asked, which ends by itself in the end.
TEST_F(QtExpect, TalksToARealMachine) {
  const std::string firmware = "/usr/lib/u-boot/qemu-riscv64/u-boot.bin";
  if (!find_program("qemu-system-riscv64") || !exists(firmware)) {
    GTEST_SKIP() << "no qemu-system-riscv64 or no " << firmware;
  }
  const auto boot = [&](const std::string& options, const std::string& dialogue) {
    return shell("qt-boot " + options + " --qemu qemu-system-riscv64 --machine virt -- -bios " +
                 firmware +
                 " -- qt-expect --timeout 50s --fail 'Unhandled exception' "
                 "--interrupt ' ' --until '=> ' " +
                 dialogue);
  };
  const Captured talk = boot("", "--line version --wait-regex 'U-Boot (?<v>20\\S+)' --wait '=> ' "
                                 "--qmp query-status --returns '{\"status\": \"running\"}' "
                                 "--hmp 'info version' --matches '^[0-9]+\\.[0-9]+' "
                                 "--event STOP --timeout 1ms");
  EXPECT_EQ(talk.status.text(), "exited 124") << talk.err;
  const Captured stop = boot("", "--qmp stop --event STOP --qmp query-status --at /status "
                                 "--equals '\"paused\"' --qmp nonsense --error CommandNotFound "
                                 "--quit");
  EXPECT_EQ(stop.status.text(), "exited 0") << stop.err;
  const Captured off = boot("--exit 0", "--line poweroff --wait 'poweroff ...'");
  EXPECT_EQ(off.status.text(), "exited 0") << off.err;
  const Captured judged = boot("", "--line poweroff --exit 0");
  EXPECT_EQ(judged.status.text(), "exited 0") << judged.err;
  const Captured killed = boot("", "--kill");
  EXPECT_EQ(killed.status.text(), "exited 0") << killed.err;
}

TEST_F(QtExpect, AStepThatCannotFailIsRefused) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"--wait", ""},
           {"--wait-regex", ".*"},
           {"--wait-regex", "21 [°]C"},
           {"--wait", "x", "--fail", ""},
           {"--wait", "x", "--fail-regex", "x*"},
           {"--wait", "x", "--console", "false"},
           {"--wait", "x", "--timeout", "0s"},
           {"--qmp", "query-name", "--returns", "[]"},
           {"--qmp", "query-name", "--returns", "{}"},
           {"--qmp", "query-name", "--until", "{}"},
           {"--qmp", "query-name", "--lacks", ""},
           {"--qmp", "query-name", "--matches", "(x)?"},
           {"--qmp", "query-name", "--error", "E", "--matches", "x"},
           {"--qmp", "query-name", "--range", "-1e300..1e300"},
           {"--qmp", "query-machines", "--lacks", "x"},
           {"--hmp", "info version", "--lacks", ""},
           {"--event", "STOP", "--data", "{}"},
           {"--running", "0s"},
           {"--run", "true", "--stdout", ""},
           {"--file", "/etc/passwd", "--min-size", "0"},
           {"--fail", "", "--wait", "x"},
           {"--fail-regex", "a*", "--wait", "x"},
           {"--strip-ansi", "--wait", "\x1b[0m"},
           {"--strip-ansi", "--wait-regex", "\\e\\[0m"},
           {"--strip-ansi", "--fail", "\x1b[31m", "--wait", "x"},
           {"--strip-ansi", "--prompt", "\x1b[1m# ", "--shell", "true"},
       }) {
    const Captured result = run_with([](FakeGuest& guest) { guest.say("x"); }, words);
    EXPECT_EQ(result.status.text(), "exited 2") << join(words, " ") << result.err;
  }
}

TEST_F(QtExpect, ADefaultIsSavedWhereNothingIsFound) {
  const std::vector<std::string> ask = {"--run", "echo ${n}", "--stdout-equals"};
  const auto play = [&](std::vector<std::string> words, const std::string& wanted) {
    words.insert(words.end(), ask.begin(), ask.end());
    words.push_back(wanted);
    return run(words);
  };
  const std::string save = "n=size ([0-9]+)";
  const std::vector<std::string> found = {"--run", "echo size 5",    "--save",
                                          save,    "--save-default", "n=0"};
  EXPECT_EQ(play(found, "5").status.text(), "exited 0");
  const std::vector<std::string> none = {"--run", "echo", "--save", save, "--save-default", "n=0"};
  EXPECT_EQ(play(none, "0").status.text(), "exited 0");
  EXPECT_EQ(play(none, "1").status.text(), "exited 1");
  EXPECT_EQ(play({"--run", "echo", "--save", save}, "0").status.text(), "exited 1");
  const Captured lone = run({"--run", "echo", "--save-default", "n=0"});
  EXPECT_EQ(lone.status.text(), "exited 2");
  EXPECT_THAT(lone.err, HasSubstr("it belongs after --save n=WHERE"));
}

TEST_F(QtExpect, AStepThatASavedValueEmptiesIsRefused) {
  const Captured result = run({"--run", "echo", "--save", "nothing=^$", "--run", "echo text",
                               "--stdout-lacks", "${nothing}"});
  EXPECT_EQ(result.status.text(), "exited 2");
  EXPECT_THAT(result.err, HasSubstr("step 2"));
  EXPECT_THAT(result.err, HasSubstr("stdout: lacks: expected a text that is not empty"));
}

} // namespace
} // namespace qt
