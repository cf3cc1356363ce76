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

void judge_exit(const StepRun& run) {
  const Json& wanted = run.step.values.at("exit");
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
  if (wanted != "any" && wanted != end.code()) {
    run.fail(Cause::qemu_exit,
             format("asked exit status {}, {}", dump_json(wanted), run.guest->describe_end()));
  }
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

void running(const StepRun& run) {
  const Deadline end = Deadline::after(run.duration("running", Duration(0)));
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

} // namespace

void run_machine_step(const StepRun& run) {
  run.loop.check(nullptr);
  switch (run.step.type) {
  case StepType::exit:
    return judge_exit(run);
  case StepType::quit:
    return run.guest->has_exit() ? end_machine(run, ExitRequest::quit) : quit_by_monitor(run);
  case StepType::kill:
    return end_machine(run, ExitRequest::kill);
  case StepType::running:
    return running(run);
  default:
    break;
  }
}

} // namespace qt
