#include "boot/judgement.hh"

#include "base/error.hh"
#include "base/format.hh"
#include "base/text.hh"
#include "base/timeout_multiplier.hh"
#include "qemu/guest_event.hh"
#include "qemu/machine.hh"

#include <algorithm>
#include <csignal>

namespace qt {

namespace {

constexpr std::size_t k_quoted_lines = 3;
constexpr std::size_t k_searched_lines = 200;
constexpr const char* k_touched_at_end = "the end"; // no step, as Touch has it

class Judge {
public:
  Judge(const RunFacts& facts, const Expectations& expected, const std::optional<Verdict>& found)
    : m_facts(facts)
    , m_expected(expected)
    , m_found(found) {}

  Judgement run() const;

private:
  enum class Exit { as_wanted, against, not_judged };

  std::string qemu() const {
    return m_facts.vm == k_default_vm ? "QEMU" : format("QEMU ({})", m_facts.vm);
  }
  // All but named checks: the machine is judged as if all had passed.
  bool only_checks_failed() const {
    return m_found && m_found->cause == Cause::check && m_facts.program &&
           !m_facts.program->by_signal() && m_facts.program->code() == to_int(ExitCode::failed);
  }
  bool program_passed() const {
    return !m_facts.program || m_facts.program->wait_status == 0 || only_checks_failed();
  }
  bool crashed() const;
  bool ended_from_outside() const;
  bool refused() const;
  std::optional<std::string> skip_reason() const;
  std::string with_output(std::string message) const;
  Exit exit_outcome() const;
  std::string exit_complaint() const;
  std::string output_complaint() const;

  Judgement decide(int status, Cause cause, std::string message) const;
  Judgement stands(int status, Cause cause, std::string message) const;
  Judgement crash() const;
  std::optional<Judgement> guest_failure() const;
  Judgement program_failed() const;

  const RunFacts& m_facts;
  const Expectations& m_expected;
  const std::optional<Verdict>& m_found;
};

bool Judge::crashed() const {
  if (!m_facts.qemu.by_signal()) {
    return false;
  }
  switch (m_facts.end) {
  case QemuEnd::itself:
    return true;
  case QemuEnd::asked: // SIGTERM before QEMU had come so far as to catch it
    return m_facts.qemu.signal() != SIGTERM;
  case QemuEnd::killed:
  case QemuEnd::forced:
    return m_facts.qemu.signal() != SIGKILL;
  }
  return false;
}

// SIGTERM, SIGINT and SIGHUP make QEMU exit 0, as if its guest had powered off.
bool Judge::ended_from_outside() const {
  if (m_facts.end != QemuEnd::itself || m_facts.qemu.by_signal()) {
    return false;
  }
  for (const Json& event : json_list(m_facts.details, "events")) {
    if (json_text(event, "event") == "SHUTDOWN" &&
        json_text(json_member(event, "data"), "reason") == "host-signal") {
      return true;
    }
  }
  return m_facts.qemu_output.find(": terminating on signal ") != std::string::npos;
}

// QEMU refuses with status 1 and before the machine exists. A program that has judged the end of
// this machine and passed wanted just that; but not one that wanted to kill it.
bool Judge::refused() const {
  const bool judged = m_found && m_found->judged_exits.contains(m_facts.vm) && program_passed() &&
                      !m_facts.kill_wanted;
  // One that could not judge, for a reason of its own, has the last word.
  const int program = m_facts.program ? exit_status_of(m_facts.program->wait_status) : 0;
  const bool program_may_be_overruled =
      m_facts.timed_out ||
      (program < to_int(ExitCode::cannot_exec) && program != to_int(ExitCode::usage) &&
       program != to_int(ExitCode::absent) && program != to_int(ExitCode::internal));
  return m_facts.end == QemuEnd::itself && !m_facts.machine_ran && !m_facts.qemu.by_signal() &&
         m_facts.qemu.code() == 1 && !judged && exit_outcome() != Exit::as_wanted &&
         program_may_be_overruled;
}

std::optional<std::string> Judge::skip_reason() const {
  if (!m_facts.skip_text.empty()) {
    return m_facts.skip_text;
  }
  if (m_expected.machine_named && says_no_such_machine(m_facts.qemu_output)) {
    return format("{} has no machine {}{}", qemu(), m_facts.machine, m_facts.similar_machines);
  }
  return std::nullopt;
}

// With what QEMU has said: where it tells why it gives up, just that line (a dump of registers may
// follow), else its last lines.
std::string Judge::with_output(std::string message) const {
  for (const std::string& line : last_lines(m_facts.qemu_output, k_searched_lines)) {
    for (const std::string_view mark : {"fatal: ", "Assertion ", "ERROR:"}) {
      if (line.find(mark) != std::string::npos) {
        return format("{}: {}", message, line);
      }
    }
  }
  const std::vector<std::string> lines = last_lines(m_facts.qemu_output, k_quoted_lines);
  return lines.empty() ? message : format("{}: {}", message, join(lines, " / "));
}

Judge::Exit Judge::exit_outcome() const {
  if (m_expected.exit.is_null()) {
    const bool judged = m_found && m_found->judged_exits.contains(m_facts.vm);
    return judged || m_facts.end == QemuEnd::killed ? Exit::not_judged
           // a signal is judged elsewhere
           : m_facts.qemu.by_signal() || m_facts.qemu.code() == 0 ? Exit::as_wanted
                                                                  : Exit::against;
  }
  const bool wanted = m_expected.exit == "any" || m_expected.exit == m_facts.qemu.code();
  return m_facts.end == QemuEnd::itself && wanted ? Exit::as_wanted : Exit::against;
}

std::string Judge::exit_complaint() const {
  const std::string wanted =
      m_expected.exit.is_null() ? ""
      : m_expected.exit == "any"
          ? "; it was to end by itself"
          : format("; it was to end by itself with {}", m_expected.exit.get<int>());
  if (m_facts.exit_awaited_in_vain) {
    return format("{} was still running{}", qemu(), wanted);
  }
  if (m_facts.end != QemuEnd::itself && !m_expected.exit.is_null()) {
    return format("{} did not end by itself{}", qemu(), wanted);
  }
  return with_output(format("{} {}{}", qemu(), m_facts.qemu.text(), wanted));
}

std::string Judge::output_complaint() const {
  return m_facts.output_mistake.empty() ? "" : with_output(m_facts.output_mistake);
}

// `cause` is better than what the program could know.
Judgement Judge::decide(int status, Cause cause, std::string message) const {
  Verdict verdict;
  if (m_found) {
    verdict = *m_found;
  }
  if (verdict.cause == Cause::pass || verdict.cause == Cause::check) {
    verdict.last_lines = m_facts.console_lines;
    verdict.seconds = m_facts.seconds;
  }
  verdict.cause = cause;
  verdict.message = message;
  verdict.vm = m_facts.vm;
  verdict.details.update(m_facts.details);
  if (!json_member(verdict.details, "ended").is_object()) {
    verdict.details["ended"] = Json::object();
  }
  verdict.details["ended"][m_facts.vm] = m_facts.qemu.text();
  return {status, verdict, cause == Cause::pass ? "" : message};
}

// What the program has written stands, a failure with what we know of it besides; if it has written
// nothing, this is the verdict.
Judgement Judge::stands(int status, Cause cause, std::string message) const {
  if (!m_found) {
    return decide(status, cause, std::move(message));
  }
  if (m_found->cause == Cause::pass || m_facts.details.empty()) {
    return {status, std::nullopt, ""};
  }
  Verdict verdict = *m_found;
  verdict.details.update(m_facts.details);
  return {status, verdict, ""};
}

// A failure that the program had found before QEMU ended stays the cause.
Judgement Judge::crash() const {
  if (!m_facts.machine_ran && says_no_locked_memory(m_facts.qemu_output)) {
    return decide(
        to_int(ExitCode::internal), Cause::host,
        format("{} could not begin: the host has no more memory to lock for its io_uring, "
               "of which a user has only as much as \"ulimit -l\" says for all machines "
               "together; run fewer at a time, or raise it",
               qemu()));
  }
  const std::string message =
      with_output(format("{} was killed by {}", qemu(), signal_name(m_facts.qemu.signal())));
  const bool first =
      m_found &&
      (m_found->cause == Cause::fail_pattern || m_found->cause == Cause::guest_panic ||
       m_found->cause == Cause::guest_reset ||
       (!program_passed() && m_found->cause != Cause::pass && !m_facts.ended_before_program));
  if (first) {
    return {to_int(ExitCode::failed), std::nullopt, message};
  }
  return decide(to_int(ExitCode::failed), Cause::qemu_crash, message);
}

// A guest that panicked, or reset where that ends QEMU, explains what the program could only see as
// silence (guest_event.hh). What a passing test makes its guest do is its own affair, but for a
// panic that it has not awaited.
std::optional<Judgement> Judge::guest_failure() const {
  const bool vague =
      m_found && (m_found->cause == Cause::console_eof || m_found->cause == Cause::timeout ||
                  m_found->cause == Cause::idle_timeout || m_found->cause == Cause::qemu_exit);
  const bool alone = !m_facts.program && m_expected.exit.is_null();
  const Json& list = json_list(m_facts.details, "events");
  const std::vector<Json> events(list.begin(), list.end());
  const auto found =
      explanation(events, events.size(), m_facts.qemu.by_signal() ? 0 : m_facts.qemu.code());
  const bool is_panic = found && found->cause == Cause::guest_panic;
  const bool unknown_panic =
      is_panic && std::max<std::size_t>(count_panics(events), 1) > m_facts.panics_awaited &&
      program_passed();
  if (!(vague && !program_passed()) && !alone && !m_facts.timed_out && !unknown_panic) {
    return std::nullopt;
  }
  const bool asked = m_facts.end != QemuEnd::itself; // what ended it was our own doing
  if (!found || !found->cause || (found->cause == Cause::host && asked) ||
      (found->cause == Cause::guest_reset && !vague)) {
    return std::nullopt;
  }
  return decide(to_int(ExitCode::failed), *found->cause, format("{}: {}", qemu(), found->text));
}

Judgement Judge::program_failed() const {
  const int status = exit_status_of(m_facts.program->wait_status);
  const Cause cause = status == to_int(ExitCode::absent)     ? Cause::skip
                      : status == to_int(ExitCode::deadline) ? Cause::timeout
                      : status == to_int(ExitCode::failed)   ? Cause::assertion
                                                             : Cause::host;
  if (m_facts.program->by_signal()) {
    return stands(status, cause,
                  format("{} was killed by {}", m_facts.program_name,
                         signal_name(m_facts.program->signal())));
  }
  Judgement judgement =
      stands(status, cause, format("{} {}", m_facts.program_name, m_facts.program->text()));
  judgement.message.clear(); // a program that ends with a status has said why
  return judgement;
}

Judgement Judge::run() const {
  if (m_facts.signal) {
    return stands(128 + *m_facts.signal, Cause::host,
                  format("ended by {}", signal_name(*m_facts.signal)));
  }
  if (!m_facts.flood.empty()) {
    return decide(to_int(ExitCode::failed), Cause::flood, m_facts.flood);
  }
  if (crashed()) {
    return crash();
  }
  if (ended_from_outside()) {
    return decide(to_int(ExitCode::failed), Cause::qemu_crash,
                  with_output(format("{} was ended by a signal from outside", qemu())));
  }
  if (refused()) {
    if (const auto reason = skip_reason()) {
      return decide(to_int(ExitCode::absent), Cause::skip, *reason);
    }
    return decide(to_int(ExitCode::failed), Cause::qemu_refused,
                  with_output(format("{} refused to start", qemu())));
  }
  if (const auto judgement = guest_failure()) {
    return *judgement;
  }
  if (m_facts.timed_out) {
    return decide(to_int(ExitCode::deadline), Cause::timeout,
                  format("the run did not end within {}", scaled_text(m_facts.timeout)));
  }
  if (!m_facts.service_failure.empty()) {
    return decide(to_int(ExitCode::failed), Cause::host, m_facts.service_failure);
  }
  if (!program_passed()) {
    return program_failed();
  }
  if (m_facts.end == QemuEnd::forced) {
    return decide(to_int(ExitCode::deadline), Cause::timeout,
                  format("{} did not end when asked and was killed", qemu()));
  }
  if (exit_outcome() == Exit::against) {
    return decide(to_int(ExitCode::failed), Cause::qemu_exit, exit_complaint());
  }
  if (const std::string complaint = output_complaint(); !complaint.empty()) {
    return decide(to_int(ExitCode::failed), Cause::assertion, complaint);
  }
  return only_checks_failed() ? program_failed() : stands(to_int(ExitCode::done), Cause::pass, "");
}

} // namespace

Judgement judge(const RunFacts& facts, const Expectations& expected,
                const std::optional<Verdict>& found) {
  Judgement judgement = Judge(facts, expected, found).run();
  if (facts.touched && !judgement.verdict) {
    judgement.verdict = found;
  }
  if (facts.touched && judgement.verdict) {
    std::vector<Touch>& touched = judgement.verdict->touched;
    if (touched.empty() || touched.back().at != k_touched_at_end) {
      touched.push_back({k_touched_at_end});
    }
  }
  return judgement;
}

} // namespace qt
