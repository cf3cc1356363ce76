#include "expect/guest_step.hh"

#include "base/format.hh"
#include "base/text.hh"
#include "console/ansi.hh"
#include "console/guest_tap.hh"
#include "console/printk.hh"
#include "expect/console_step.hh"
#include "expect/host_step.hh"
#include "schema/shell_command.hh"

#include <algorithm>
#include <random>

namespace qt {

namespace {

CheckResult result_of(const GuestTest& test, const std::string& step) {
  CheckResult result;
  result.name = test.name;
  result.step = step;
  switch (test.outcome) {
  case GuestTest::Outcome::pass:
    break;
  case GuestTest::Outcome::expected:
    result.expected = test.reason;
    break;
  case GuestTest::Outcome::skip:
    result.cause = Cause::skip;
    result.message = test.reason.empty() ? "the guest says no reason" : test.reason;
    break;
  case GuestTest::Outcome::fail:
    result.cause = Cause::assertion;
    result.message = test.reason.empty() ? "the guest's own test failed"
                                         : "the guest's own test failed: " + test.reason;
    result.last_lines = test.diagnostics;
    break;
  }
  return result;
}

void leave_results(const StepRun& run, const GuestTap& tap) {
  std::size_t failed = 0;
  for (const GuestTest& test : tap.tests()) {
    run.guest_tests.push_back(result_of(test, run.words));
    failed += test.outcome == GuestTest::Outcome::fail ? 1 : 0;
  }
  run.log.note(format("the guest's own tests: {}, failed: {}", tap.tests().size(), failed));
}

void read_tests(const StepRun& run, const std::string& until, GuestTap& tap) {
  read_lines(run, until,
             {[&](std::string_view line) {
                tap.take(line);
                return until.empty() ? tap.is_complete() : tap.bailed_out();
              },
              until.empty() ? "the guest's tests were complete" : format("'{}' came", until),
              [&tap] { return tap.progress(); }});
  if (until.empty() && !tap.bailed_out()) {
    look_at_lines(run, [&tap](std::string_view line) { return !tap.take_more(line); });
  }
}

// A word that no program prints by chance.
std::string new_mark() {
  std::random_device random;
  const std::uint64_t number = (std::uint64_t{random()} << 32U) | random();
  return format("{:016x}", number).substr(0, k_shell_mark);
}

// The output of a command as a program that reads it would have got it: without what a terminal
// makes of it, control sequences and CR, and without the line end of what stands before it.
std::string output_text(std::string_view bytes, Printk printk) {
  std::string text;
  AnsiFilter escapes;
  const auto take = [&](std::string_view passed, std::uint64_t = 0, std::uint64_t = 0) {
    escapes.feed(passed, [&text](std::string_view visible) { text += visible; });
  };
  if (printk == Printk::ignore) {
    PrintkFilter messages(0);
    messages.feed(bytes, take);
    take(bytes.substr(messages.decided_to()));
  } else {
    take(bytes);
  }
  std::erase(text, '\r');
  return text.substr(std::min(text.find('\n'), text.size() - 1) + 1);
}

// The status of a command that has ended as `end` says.
int shell_status(const StepRun& run, const std::string& end) {
  const std::string status = status_in(end);
  const std::optional<std::int64_t> number = parse_integer(status);
  if (!number) {
    run.fail(Cause::assertion,
             format("this shell has no $?: asked how the command ended, it said '{}'; use line and "
                    "wait here",
                    end));
  }
  return static_cast<int>(*number);
}

} // namespace

void run_step(const StepRun& run, const RunInGuest& step) {
  run.loop.check(nullptr);
  run.need_guest("it could be typed");
  const ShellCommand command = shell_command(step.command, new_mark());
  type_line(run, join(command.lines, "\n"));
  std::string end;
  take_until(run,
             {{Pattern::Kind::text, command.begin},
              "the shell began to run it",
              "the shell has not begun to run it; is there a shell, and is the command complete?"},
             end);
  const std::string output =
      output_text(take_until(run,
                             {{Pattern::Kind::regex, command.end},
                              "the command ended",
                              "the command has not ended, or not come back to the shell"},
                             end),
                  run.modifiers.printk);
  run.guest->console().echo_return().all_have_come();
  const int status = shell_status(run, end);
  check_status(run, step.checks, status, format("the command ended with {}", status), output);
  check_output(run, step.checks, output);
  save_by_regex(run, step.checks.saves, output);
  if (const std::string& prompt = step.prompt; !prompt.empty()) {
    take_until(run,
               {{Pattern::Kind::text, prompt},
                format("the prompt '{}' came", prompt),
                format("the command has ended, but the prompt '{}' has not come", prompt)},
               end);
  }
}

void run_step(const StepRun& run, const ReadTests& step) {
  GuestTap tap;
  try {
    read_tests(run, step.until, tap);
  } catch (const DialogueEnd&) {
    tap.finish();
    leave_results(run, tap);
    throw;
  }
  tap.finish();
  leave_results(run, tap);
  if (!tap.mistake().empty()) {
    run.fail(Cause::assertion, tap.mistake());
  }
}

} // namespace qt
