#include "tap/stage.hh"

#include "base/error.hh"
#include "os/file.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

namespace qt {
namespace stage_test {

using testing::ElementsAre;

struct Observed {
  StageEnd end;
  std::vector<std::string> lines;
};

Observed run(const std::string& script, Deadline deadline = Deadline::never()) {
  EndRequest signals;
  Observed result;
  result.end = run_stage({"sh", "-c", script}, {}, deadline, signals,
                         [&result](std::string_view line) { result.lines.emplace_back(line); });
  return result;
}

TEST(Stage, HandsOnLinesOfBothStreams) {
  const Observed both = run("echo one; printf 'two\\nthree'; echo err >&2; echo >&2; exit 3");
  EXPECT_EQ(both.end.by, StageEnd::By::itself);
  EXPECT_EQ(both.end.status.code(), 3);
  EXPECT_THAT(both.lines, testing::UnorderedElementsAre("one", "two", "three", "err", ""));
  EXPECT_EQ(both.end.last_error_line, "err");
}

TEST(Stage, AnEndlessLineIsHandedOnInPieces) {
  const auto sizes = [](const std::string& script) {
    std::vector<std::size_t> result;
    for (const std::string& line : run(script).lines) {
      result.push_back(line.size());
    }
    return result;
  };
  EXPECT_THAT(sizes("head -c 10000 /dev/zero; echo; echo end"), ElementsAre(4096, 4096, 1808, 3));
  EXPECT_THAT(sizes("head -c 4096 /dev/zero; sleep 0.05; echo; echo; echo end"),
              ElementsAre(4096, 0, 3));
}

// Who writes faster than is read is never waited for to pause.
TEST(Stage, AFloodPassesNoDeadline) {
  for (const std::string_view script :
       {"yes", "yes >&2", "yes & yes >&2", "trap '' TERM; yes", "yes & exit 3"}) {
    SCOPED_TRACE(script);
    const bool ends = script.ends_with("3");
    std::uint64_t lines = 0;
    // On a busy machine a program may need a while before it floods.
    for (Duration limit(300); lines == 0 && limit < Duration(60000); limit *= 4) {
      EndRequest signals;
      SpawnOptions options;
      options.descendants = SpawnOptions::Descendants::end_with_it;
      const StageEnd end =
          run_stage({"sh", "-c", std::string(script)}, options, Deadline::after(limit), signals,
                    [&lines](std::string_view) { ++lines; });
      if (ends) {
        EXPECT_EQ(end.by, StageEnd::By::itself);
        break;
      }
      EXPECT_EQ(end.by, StageEnd::By::deadline);
    }
    EXPECT_TRUE(ends || lines > 0);
  }
}

TEST(Stage, StandardInputIsEmpty) {
  const Observed reads = run("cat; echo $?");
  EXPECT_THAT(reads.lines, ElementsAre("0"));
}

TEST(Stage, ADeadlineEndsTheProgramInOrderFirst) {
  const Observed ended = run("trap 'echo told; exit 5' TERM; echo on; while :; do sleep 0.01; done",
                             Deadline::after(Duration(200)));
  EXPECT_EQ(ended.end.by, StageEnd::By::deadline);
  EXPECT_EQ(ended.end.status.code(), 5);
  EXPECT_THAT(ended.lines, ElementsAre("on", "told"));
}

TEST(Stage, AProgramThatDoesNotListenIsKilled) {
  const Observed killed =
      run("trap '' TERM; while :; do sleep 0.01; done", Deadline::after(Duration(500)));
  EXPECT_EQ(killed.end.by, StageEnd::By::deadline);
  EXPECT_EQ(killed.end.status.signal(), SIGKILL);
}

TEST(Stage, ASignalEndsIt) {
  EndRequest signals;
  const TempDir folder("stage");
  const std::string started = folder.path() + "/started";
  std::thread sender([&] {
    while (!exists(started)) {
      std::this_thread::sleep_for(Duration(1));
    }
    ::kill(::getpid(), SIGTERM);
  });
  const StageEnd end = run_stage({"sh", "-c", "echo x > " + started + "; exec sleep 1000"}, {},
                                 Deadline::never(), signals, [](std::string_view) {});
  sender.join();
  EXPECT_EQ(end.by, StageEnd::By::signal);
  EXPECT_EQ(end.status.signal(), SIGTERM);
  EXPECT_EQ(signals.received(), SIGTERM);
}

// A Meson that was killed sends no signal.
TEST(Stage, EndsWhenNobodyReadsTheResults) {
  FdPair results = make_pipe();
  const UniqueFd before = duplicate_fd(STDOUT_FILENO);
  ::dup2(results.second.get(), STDOUT_FILENO);
  {
    EndRequest request;
    std::thread reader([&] {
      std::this_thread::sleep_for(Duration(50));
      results.first.reset();
    });
    const StageEnd end = run_stage({"sleep", "1000"}, {}, Deadline::after(std::chrono::seconds(20)),
                                   request, [](std::string_view) {});
    reader.join();
    EXPECT_EQ(end.by, StageEnd::By::signal);
    EXPECT_EQ(request.received(), SIGPIPE);
  }
  ::dup2(before.get(), STDOUT_FILENO);
}

TEST(Stage, AGrandchildThatKeepsThePipeDoesNotHoldItUp) {
  const Observed left = run("sleep 1000 & echo $!");
  EXPECT_EQ(left.end.by, StageEnd::By::itself);
  ASSERT_EQ(left.lines.size(), 1U);
  ::kill(std::stoi(left.lines[0]), SIGKILL);
}

// On a slow host qt-boot may be ended for the deadline before it has noticed that by itself.
TEST(Stage, WhatWasEndedForItsDeadlineTimedOut) {
  EndRequest signals;
  const TempDir folder{"stage"};
  Verdict verdict = verdict_of(Cause::host, "ended by SIGTERM");
  verdict.last_lines = {"login:"};
  write_verdict(folder.path(), verdict);
  const StageEnd end =
      run("trap 'exit 143' TERM; while :; do sleep 0.01; done", Deadline::after(Duration(500))).end;
  ASSERT_EQ(end.by, StageEnd::By::deadline);
  const Verdict late = stage_verdict(folder.path(), end, signals);
  EXPECT_EQ(late.cause, Cause::timeout);
  EXPECT_EQ(late.message, "the deadline passed");
  EXPECT_EQ(late.last_lines, verdict.last_lines);
  write_verdict(folder.path(), verdict_of(Cause::fail_pattern, "Oops"));
  EXPECT_EQ(stage_verdict(folder.path(), end, signals).cause, Cause::fail_pattern);
}

TEST(Stage, AProgramThatIsNotThereIsAnError) {
  EndRequest signals;
  EXPECT_THROW(
      run_stage({"/no/such/program"}, {}, Deadline::never(), signals, [](std::string_view) {}),
      Error);
}

} // namespace stage_test
} // namespace qt
