// The step "shell" of qt-expect: with real shells on a terminal, in a real U-Boot, and with guests
// that do what those cannot be made to do.
#include "base/text.hh"
#include "expect_fixture.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace {

using support::FakeGuest;
using support::play_shell;
using testing::AllOf;
using testing::HasSubstr;

using Words = std::vector<std::string>;

class QtExpectShell : public support::ExpectFixture {
protected:
  // Those that are installed.
  static Words shells() {
    Words found;
    for (const char* shell : {"dash", "bash --norc --noprofile", "busybox sh", "mksh",
                              "zsh -f -o interactivecomments"}) {
      if (find_program(split(shell, ' ')[0])) {
        found.emplace_back(shell);
      }
    }
    return found;
  }
  // Steps with a shell, once its prompt has come.
  Captured talk(const std::string& shell, const std::string& terminal, const Words& steps,
                Words defaults = {}) const {
    FakeGuest guest(
        [&](FakeGuest& self) {
          play_shell(self, {"sh", "-c", "PS1='# ' TERM=" + terminal + " exec " + shell + " -i"});
        },
        "default", FakeGuest::ExitChannel::no);
    Words words = std::move(defaults);
    words.insert(words.end(), {"--timeout", "30s", "--wait", "# "});
    words.insert(words.end(), steps.begin(), steps.end());
    const Captured result = run(words, options_for({&guest}));
    guest.finish();
    return result;
  }
  // A guest that does with the typed line what `script` says; it gets the mark.
  Captured talk_to(const std::function<void(FakeGuest&, const std::string& mark)>& script,
                   Words steps) const {
    return run_with(
        [&](FakeGuest& guest) {
          const std::string line = guest.hear("\r");
          std::string mark = line.substr(line.find("qt-"), line.find("-begin") - line.find("qt-"));
          mark.erase(mark.find("''"), 2);
          guest.say(line + "\n");
          script(guest, mark);
        },
        std::move(steps));
  }
};

void end_when_told(FakeGuest& guest) {
  EXPECT_EQ(guest.hear_request(), "done");
  guest.end("exited 0");
}

std::string code(const Captured& result) { return result.status.text(); }

TEST_F(QtExpectShell, JudgesCommandsInRealShells) {
  EXPECT_GE(shells().size(), 2u);
  const std::string words = " one two three four five six seven eight nine ten eleven twelve";
  for (const std::string& shell : shells()) {
    for (const char* const terminal : {"vt220", "dumb"}) {
      const Captured result =
          talk(shell, terminal,
               {"--shell",          "true",
                "--shell",          "sh -c 'exit 3'",
                "--status",         "3",
                "--shell",          "echo $((6*7))",
                "--stdout-equals",  "42",
                "--save",           "n=([0-9]+)",
                "--shell",          "test ${n} = 42",
                "--shell",          "printf 'a\\nno end'",
                "--stdout-equals",  "a\nno end",
                "--shell",          "true",
                "--stdout-equals",  "",
                "--shell",          "echo" + words + words + words + " | wc -w",
                "--stdout-matches", "^ *36\n$",
                "--shell",          "for i in 1 2\ndo\n  echo \"<$i>\" # it's two\ndone",
                "--stdout-equals",  "<1>\n<2>",
                "--shell",          "cat <<EOF\nit's\nEOF",
                "--stdout-equals",  "it's",
                "--shell",          "sleep 0.1 &",
                "--shell",          "wait",
                "--status",         "any",
                "--shell",          "echo qt-000000000000-0-end; false",
                "--status",         "1",
                "--stdout",         "-0-end",
                "--shell",          "x() { return 9; }",
                "--shell",          "x",
                "--status",         "9",
                "--prompt",         "# ",
                "--line",           "echo $((1+1))nd",
                "--wait",           "2nd"});
      EXPECT_EQ(code(result), "exited 0") << shell << " with " << terminal << ": " << result.err;
    }
  }
}

// A wait keeps a part of what it has looked at; that must not fill what may be unread.
TEST_F(QtExpectShell, TakesMoreThanASmallLogMayHold) {
  for (const char* const limit : {"4K", "64K", "1M"}) {
    const Captured result = talk("dash", "vt220",
                                 {"--shell", "seq 1 60000", "--prompt", "# ", "--line",
                                  "seq 1 60000; echo DO'NE'", "--wait", "DONE"},
                                 {"--log-limit", limit});
    EXPECT_EQ(code(result), "exited 0") << limit << ": " << result.err;
  }
}

TEST_F(QtExpectShell, FailsWhereTheStatusOrTheOutputIsWrong) {
  for (const std::string& shell : shells()) {
    const Captured status = talk(shell, "vt220", {"--shell", "echo lost; false"});
    EXPECT_EQ(code(status), "exited 1") << shell;
    EXPECT_THAT(status.err, HasSubstr("(--shell 'echo lost; false'): asked status 0, the command "
                                      "ended with 1: lost"));
    EXPECT_EQ(code(talk(shell, "vt220", {"--shell", "true", "--status", "1"})), "exited 1");
    // 77 says nothing on the guest.
    EXPECT_EQ(code(talk(shell, "vt220", {"--shell", "sh -c 'exit 77'"})), "exited 1");
    // The echo holds the text, the output does not, whatever the width of the terminal.
    const std::string padding(70, 'x');
    for (const std::string& command :
         {std::string("true || echo GOOD"), "true || echo " + padding + " GOOD " + padding}) {
      for (const char* const terminal : {"vt220", "dumb"}) {
        const Captured output = talk(shell, terminal, {"--shell", command, "--stdout", "GOOD"});
        EXPECT_EQ(code(output), "exited 1") << shell << " with " << terminal;
        EXPECT_THAT(output.err, HasSubstr("asked of the output: contains 'GOOD'; there is none"));
      }
    }
    EXPECT_EQ(code(talk(shell, "vt220", {"--shell", "cd /nonexistent"})), "exited 1") << shell;
    EXPECT_THAT(talk(shell, "vt220", {"--shell", "true", "--save", "n=x"}).err,
                HasSubstr("nothing to save as 'n'"));
  }
}

// A background program prints into what is typed, which the shell echoes a byte at a time: also
// what reads like a status.
TEST_F(QtExpectShell, NoTornEchoPassesForTheEnd) {
  for (const std::string& shell : shells()) {
    const Words start = {"--line", "while echo -0-end; do sleep 0.02; done &", "--wait",
                         "-0-end\r\n"};
    const auto play = [&](const Words& steps) {
      Words words = start;
      words.insert(words.end(), steps.begin(), steps.end());
      return talk(shell, "vt220", words);
    };
    const Captured wrong = play({"--shell", "false && echo TEST-PASSED", "--pace", "4ms",
                                 "--status", "1", "--stdout-lacks", "PASSED"});
    EXPECT_EQ(code(wrong), "exited 0") << shell << ": " << wrong.err;
    const Captured failed = play({"--shell", "false", "--pace", "4ms"});
    EXPECT_EQ(code(failed), "exited 1") << shell << ": " << failed.err;
    const Captured never = play({"--shell", "sleep 60", "--pace", "2ms", "--timeout", "1s"});
    EXPECT_EQ(code(never), "exited 124") << shell << ": " << never.err;
  }
}

// Torn just where it would read like the end with status 0, if the mark were typed as it is
// printed.
TEST_F(QtExpectShell, AnEchoTornInTheMarkIsNotTheEnd) {
  for (const char* const other : {"-0-end\r\n", "[    1.000000] a message\r\n-0-end\r\n"}) {
    const Captured result = run_with(
        [&](FakeGuest& guest) {
          std::string line = guest.hear("\r");
          line.insert(line.find("-$?-end"), other);
          guest.say(line + "\n");
          guest.hear_request(); // only if it is taken for the end
          guest.end("exited 0");
        },
        {"--timeout", "1s", "--shell", "x"});
    EXPECT_EQ(code(result), "exited 124") << result.err;
  }
}

TEST_F(QtExpectShell, NeedsNoEcho) {
  const Captured result =
      talk("dash", "dumb",
           {"--shell", "stty -echo", "--shell", "echo a b", "--stdout-equals", "a b", "--shell",
            "false", "--status", "1", "--prompt", "# ", "--line", "echo end", "--wait", "end"});
  EXPECT_EQ(code(result), "exited 0") << result.err;
}

TEST_F(QtExpectShell, SaysWhatACommandThatNeverEndsHasDone) {
  const Captured runs =
      talk("dash", "vt220", {"--shell", "echo begun; sleep 60", "--timeout", "4s"});
  EXPECT_EQ(code(runs), "exited 124");
  EXPECT_THAT(runs.err, HasSubstr("timed out after 4s; the command has not ended, or not come "
                                  "back to the shell; the last console line is 'begun'"));
  const Captured prompt =
      talk("dash", "vt220", {"--shell", "true", "--prompt", "login:", "--timeout", "4s"});
  EXPECT_EQ(code(prompt), "exited 124");
  EXPECT_THAT(prompt.err, HasSubstr("the command has ended, but the prompt 'login:' has not"));
  for (const std::string& shell : shells()) {
    const Captured open = talk(shell, "vt220", {"--shell", "if true", "--timeout", "500ms"});
    EXPECT_EQ(code(open), "exited 124") << shell;
    EXPECT_THAT(open.err, HasSubstr("the shell has not begun to run it"));
    const Captured gone = talk(shell, "vt220", {"--shell", "exit 0", "--timeout", "500ms"});
    EXPECT_NE(code(gone), "exited 0") << shell;
  }
}

TEST_F(QtExpectShell, RefusesWhatWouldHideTheMark) {
  for (const char* const command : {"echo 'a", "true # b", "true &&", "cat <<E", "a\tb"}) {
    const Captured result = talk("sh", "dumb", {"--shell", command});
    EXPECT_EQ(code(result), "exited 2") << command;
    EXPECT_THAT(result.err, HasSubstr("shell: "));
  }
  // What is saved can make it wrong, too.
  const Captured saved =
      talk("sh", "dumb", {"--shell", "echo \"'\"", "--save", "q=.", "--shell", "echo ${q}"});
  EXPECT_EQ(code(saved), "exited 2") << saved.err;
  EXPECT_THAT(run({"--shell", "true"}).err, HasSubstr("cannot be typed on"));
}

TEST_F(QtExpectShell, APromptIsNoEndOfTheCommand) {
  const Captured result = talk_to(
      [](FakeGuest& guest, const std::string& mark) {
        guest.say(mark + "-begin\r\n# \r\n# early\r\n");
        guest.say(mark + "-5-end\r\n# ");
        end_when_told(guest);
      },
      {"--prompt", "# ", "--shell", "x", "--status", "5", "--stdout-equals", "# \n# early"});
  EXPECT_EQ(code(result), "exited 0") << result.err;
}

TEST_F(QtExpectShell, AKernelMessageInTheMarkDoesNotMatter) {
  const std::string message = "[    3.141592] usb 1-1: new device\r\n";
  const auto torn = [&](const std::string& end) {
    return talk_to(
        [&](FakeGuest& guest, const std::string& mark) {
          guest.say(mark.substr(0, 7) + message + mark.substr(7) + "-begin\r\n");
          guest.say("out" + message + "put\r\n", 1);
          guest.say(mark + end, 1);
          end_when_told(guest);
        },
        {"--ignore-printk", "--shell", "x", "--status", "12", "--stdout-equals", "output"});
  };
  EXPECT_EQ(code(torn("-1" + message + "2-end\r\n")), "exited 0");
  EXPECT_EQ(code(torn("-12-e" + message + "nd\r\n")), "exited 0");
  EXPECT_EQ(code(torn("-1" + message + "-end\r\n")), "exited 1");
}

TEST_F(QtExpectShell, SaysWhereAShellHasNoStatus) {
  for (const char* const status : {"$?", ""}) {
    const Captured result = talk_to(
        [&](FakeGuest& guest, const std::string& mark) {
          guest.say(mark + "-begin\r\n" + mark + "-" + status + "-end\r\n");
        },
        {"--shell", "x", "--status", "any"});
    EXPECT_EQ(code(result), "exited 1");
    EXPECT_THAT(result.err, HasSubstr("this shell has no $?"));
  }
}

// It prints what was typed, with a digit in the place of "$?".
TEST_F(QtExpectShell, WhatIsNearlyTheMarkIsNotTheEnd) {
  const Captured result = talk_to(
      [](FakeGuest& guest, const std::string& mark) {
        guest.say(mark + "-begin\r\n");
        std::string typed = mark;
        typed.insert(typed.size() / 2, "''");
        guest.say(typed + "-0-end\r\n" + mark + "-0-en\r\n" + mark + "-0\r\n-end\r\n");
        guest.say(mark.substr(0, mark.size() - 1) + "-0-end\r\n");
        guest.hear_request(); // only if it is taken for the end
        guest.end("exited 0");
      },
      {"--timeout", "1s", "--shell", "x"});
  EXPECT_EQ(code(result), "exited 124") << result.err;
}

TEST_F(QtExpectShell, APanicOrAnEndInTheCommandFails) {
  const auto begun = [](FakeGuest& guest, const std::string& mark) {
    guest.say(mark + "-begin\r\n");
    guest.say("[ 1.0] Kernel panic - not syncing: oops\r\n" + mark + "-0-end\r\n");
    guest.hear("never");
  };
  for (const Words& steps : std::vector<Words>{{"--fail", "Kernel panic", "--shell", "x"},
                                               {"--shell", "x", "--fail", "Kernel panic"},
                                               {"--fail-set", "linux", "--shell", "x"},
                                               {"--shell", "x", "--fail-set", "linux"}}) {
    const Captured result = talk_to(begun, steps);
    EXPECT_EQ(code(result), "exited 1") << result.err;
    EXPECT_THAT(result.err, HasSubstr("the failure text 'Kernel panic"));
  }
  const Captured dead = talk_to(
      [](FakeGuest& guest, const std::string& mark) {
        guest.say(mark + "-begin\r\nhalf");
        guest.end("exited 1");
      },
      {"--shell", "x"});
  EXPECT_EQ(code(dead), "exited 1");
  EXPECT_THAT(dead.err, HasSubstr("QEMU exited with status 1 before the command ended"));
}

TEST_F(QtExpectShell, KnowsTheSetsByName) {
  const Captured unknown = run({"--fail-set", "linus", "--wait", "x"});
  EXPECT_EQ(code(unknown), "exited 2");
  EXPECT_THAT(unknown.err, AllOf(HasSubstr("option --fail-set"), HasSubstr("linux, uboot")));
  EXPECT_EQ(code(shell("echo 'Oops: 0002 [#1]' | qt-expect --fail-set linux --wait x")),
            "exited 1");
}

// U-Boot's shell: hush.
TEST_F(QtExpectShell, JudgesCommandsInARealUBoot) {
  const std::string firmware = "/usr/lib/u-boot/qemu-riscv64/u-boot.bin";
  if (!find_program("qemu-system-riscv64") || !exists(firmware)) {
    GTEST_SKIP() << "no qemu-system-riscv64 or no " << firmware;
  }
  const auto boot = [&](const std::string& dialogue) {
    return shell("qt-boot --qemu qemu-system-riscv64 --machine virt -- -bios " + firmware +
                 " -- qt-expect --timeout 50s --fail-set uboot --prompt '=> ' "
                 "--interrupt ' ' --until '=> ' " +
                 dialogue);
  };
  const Captured passes =
      boot("--shell version --stdout-matches '^U-Boot 20' --shell 'false' --status 1 "
           "--shell 'setenv x \"a b\"; echo \"<$x>\"' --stdout-equals '<a b>' "
           "--shell 'if test 1 = 2; then echo yes; else echo no; fi' --stdout-equals no "
           "--shell 'setenv y 3;' --shell 'nonsense' --status 1 --stdout Unknown "
           "--shell 'echo done' --stdout-equals done --line poweroff --exit any");
  EXPECT_EQ(code(passes), "exited 0") << passes.err;
  const Captured fails = boot("--shell 'test 1 = 2'");
  EXPECT_EQ(code(fails), "exited 1");
  EXPECT_THAT(fails.err, HasSubstr("asked status 0, the command ended with 1"));
  // A load from where nothing is: U-Boot dies in the command.
  const Captured dead = boot("--shell 'md ffffffff00000000 1'");
  EXPECT_EQ(code(dead), "exited 1");
  EXPECT_THAT(dead.err, HasSubstr("the failure text 'Unhandled exception' appeared"));
  const Captured off = boot("--shell poweroff");
  EXPECT_EQ(code(off), "exited 1");
  EXPECT_THAT(off.err, HasSubstr("QEMU exited with status 0 before the command ended"));
}

} // namespace
} // namespace qt
