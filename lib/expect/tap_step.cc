#include "expect/tap_step.hh"

#include "base/format.hh"
#include "console/guest_tap.hh"
#include "expect/console_step.hh"

#include <algorithm>

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

} // namespace

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
