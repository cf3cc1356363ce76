#include "expect/shell_step.hh"

#include "base/format.hh"
#include "base/text.hh"
#include "console/ansi.hh"
#include "console/printk.hh"
#include "expect/console_step.hh"
#include "expect/host_step.hh"
#include "schema/shell_command.hh"

#include <algorithm>
#include <random>

namespace qt {

namespace {

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

} // namespace qt
