#include "expect/machine_step.hh"

#include "base/error.hh"
#include "expect/monitor_step.hh"

namespace qt {

namespace {

// Waits until it is known how QEMU ended and gives that.
ExitStatus await_end(const StepRun& run) {
  while (!run.guest->end()) {
    if (run.guest->over()) {
      run.fail(Cause::host, "the machine is gone, but nobody told how it ended");
    }
    if (run.late()) {
      run.time_out("QEMU still runs");
    }
    run.turn();
  }
  return *run.guest->end();
}

void end_machine(const StepRun& run, ExitRequest request) {
  if (run.guest->end()) {
    run.fail(Cause::qemu_exit, format("{} before it was asked to", run.guest->describe_end()));
  }
  run.guest->request_end(request);
  const ExitStatus end = await_end(run);
  run.judged_exits[run.guest->name()] = end.text();
  if (request == ExitRequest::quit && end.code() != 0) {
    run.fail(run.guest->end_cause() == Cause::qemu_crash ? Cause::qemu_crash : Cause::qemu_exit,
             format("asked to quit, {}", run.guest->describe_end()));
  }
}

} // namespace

void run_step(const StepRun& run, const AwaitExit& step) {
  run.loop.check(nullptr);
  const ExitStatus end = await_end(run);
  if (const std::optional<GuestFinding> found = run.guest->failure()) {
    run.loop.throw_failure(*run.guest, *found);
  }
  run.judged_exits[run.guest->name()] = end.text();
  if (end.by_signal()) {
    while (!run.guest->over()) { // its last words may hold a failure text
      run.turn(run.guest->over_at());
    }
    run.fail(Cause::qemu_crash, run.guest->describe_end());
  }
  if (end.code() == 1 && step.status.value_or(1) == 1 && !run.guest->has_monitor()) {
    run.fail(Cause::qemu_exit,
             format("{}, as after a panic, and no monitor tells (qmp = false); the key exit of the "
                    "machine (--exit of qt-boot) can tell",
                    run.guest->describe_end()));
  }
  if (step.status && *step.status != end.code()) {
    run.fail(Cause::qemu_exit,
             format("asked exit status {}, {}", *step.status, run.guest->describe_end()));
  }
}

void run_step(const StepRun& run, const Quit&) {
  run.loop.check(nullptr);
  run.guest->has_exit() ? end_machine(run, ExitRequest::quit) : quit_by_monitor(run);
}

void run_step(const StepRun& run, const Kill&) {
  run.loop.check(nullptr);
  end_machine(run, ExitRequest::kill);
}

void run_step(const StepRun& run, const KeepRunning& step) {
  run.loop.check(nullptr);
  const Deadline end = Deadline::after(step.span);
  while (!end.expired()) {
    run.turn(end);
    if (run.guest->over() || run.guest->end()) {
      break;
    }
    if (run.late() && !end.expired()) {
      run.time_out("");
    }
  }
  if (run.guest->end()) {
    run.fail(run.guest->crashed() ? Cause::qemu_crash : Cause::qemu_exit,
             run.guest->describe_end());
  }
  run.need_guest("the time was over");
}

} // namespace qt
