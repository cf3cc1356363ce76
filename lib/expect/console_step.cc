#include "expect/console_step.hh"

#include "base/format.hh"
#include "base/text.hh"

#include <algorithm>

namespace qt {

namespace {

// Looks for one pattern in the part of the stream that no earlier wait has consumed.
class Search {
public:
  Search(const StepRun& run, Pattern awaited)
    : m_run(run)
    , m_console(run.guest->console())
    , m_patterns(patterns_from(run.step.find("fail")))
    , m_failures(m_patterns.size())
    , m_matcher(all_with(std::move(awaited)), m_console.backlog().begin(), printk(run))
    , m_offset(m_console.backlog().begin()) {}

  // Looks at what has come; true if the pattern has been found. Throws DialogueEnd if a failure
  // text comes first, or the machine is over.
  bool look() {
    Backlog& backlog = m_console.backlog();
    while (m_offset < backlog.end()) {
      const std::string_view bytes = backlog.at(m_offset);
      m_offset += bytes.size();
      m_settled = false;
      if (const std::optional<Match> match = m_matcher.feed(bytes)) {
        conclude(*match);
        return true;
      }
      backlog.discard_before(m_matcher.keep_from());
    }
    if (!m_settled && m_matcher.undecided() && m_console.quiet()) {
      m_settled = true;
      if (const std::optional<Match> match = m_matcher.settle()) {
        conclude(*match);
        return true;
      }
    }
    if (m_console.failure()) {
      m_run.loop.throw_failure(*m_run.guest, *m_console.failure());
    }
    m_run.need_guest(format("'{}' came", awaited()));
    return false;
  }

  // When look() may find something though nothing comes.
  Deadline look_again_at() const {
    return !m_settled && m_matcher.undecided() ? m_console.quiet_at() : Deadline::never();
  }

  const std::string& awaited() const { return m_patterns.back().text; }

private:
  static Printk printk(const StepRun& run) {
    return run.step.find("ignore-printk") != nullptr ? Printk::ignore : run.loop.watch().printk;
  }

  const std::vector<Pattern>& all_with(Pattern awaited) {
    m_patterns.push_back(std::move(awaited)); // last: of two at the same byte the failure wins
    return m_patterns;
  }

  void conclude(const Match& match) {
    if (m_console.failure() && !comes_before(match, *m_console.failure())) {
      m_run.loop.throw_failure(*m_run.guest, *m_console.failure());
    }
    if (match.pattern < m_failures) {
      m_run.fail(Cause::fail_pattern, format("the failure text '{}' appeared", match.text),
                 {{"failure", m_patterns[match.pattern].text}, {"matched", match.text}});
    }
    m_console.backlog().discard_before(match.end);
    m_run.log.matched(m_run.guest->name(), match.text);
    for (const auto& [name, text] : match.groups) {
      m_run.saved.keep(name, text);
    }
  }

  const StepRun& m_run;
  Console& m_console;
  std::vector<Pattern> m_patterns; // the step's failure texts, then what is awaited
  std::size_t m_failures;
  TornMatcher m_matcher;
  std::uint64_t m_offset; // in the stream: what has been fed
  bool m_settled = true;
};

void wait(const StepRun& run, Pattern awaited) {
  Search search(run, std::move(awaited));
  while (!search.look()) {
    if (run.late()) {
      run.time_out("");
    }
    run.turn(search.look_again_at(), {}, run.guest);
  }
}

// Writes all of `bytes`, as fast as the guest takes them or one by one with pauses.
void type(const StepRun& run, std::string_view bytes) {
  Console& console = run.guest->console();
  run.log.typed(run.guest->name(), bytes);
  console.begin_typing(bytes.size());
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const std::optional<std::size_t> taken =
        console.type(run.pace.count() > 0 ? rest.substr(0, 1) : rest);
    if (!taken) { // the other end is gone; how QEMU ended will be known soon
      while (!run.guest->over()) {
        run.turn(run.guest->over_at());
      }
      run.need_guest(format("{} of {} bytes were typed", rest.size(), bytes.size()));
    }
    rest.remove_prefix(*taken);
    if (*taken > 0 && run.pace.count() > 0 && !rest.empty()) {
      run.pause(run.pace);
    } else if (!rest.empty()) {
      pollfd writable = {console.fd(), POLLOUT, 0};
      run.turn(Deadline::never(), std::span(&writable, 1));
    }
    if (!rest.empty() && run.late()) {
      run.time_out("");
    }
  }
}

// A text with line ends in it is several lines, each with an echo of its own.
void type_line(const StepRun& run, const std::string& text) {
  for (std::string line : split(text, '\n')) {
    if (line.ends_with('\r')) {
      line.pop_back();
    }
    run.guest->console().expect_echo(line);
    type(run, line + "\r");
  }
}

// Types the keys at once and again each time `every` has passed, until the text appears. A guest
// that takes no keys is no failure here: it may not have got to its console yet.
void interrupt(const StepRun& run, const std::string& keys, std::string until) {
  Search search(run, {Pattern::Kind::text, std::move(until)});
  Console& console = run.guest->console();
  Deadline next = Deadline::after(Duration(0));
  std::string_view rest; // of keys that the guest took in part
  while (!search.look()) {
    if (run.late()) {
      run.time_out("");
    }
    if (next.expired()) {
      if (rest.empty()) {
        rest = keys;
        console.begin_typing(keys.size());
        run.log.typed(run.guest->name(), keys);
      }
      const std::size_t limit = run.pace.count() > 0 ? 1 : rest.size();
      rest.remove_prefix(console.type(rest.substr(0, limit)).value_or(0));
      next = Deadline::after(rest.empty() || run.pace.count() == 0 ? run.every : run.pace);
    }
    run.turn(earlier(next, search.look_again_at()), {}, run.guest);
  }
}

} // namespace

void run_console_step(const StepRun& run) {
  const std::string text = run.step.text(step_type_name(run.step.type));
  switch (run.step.type) {
  case StepType::wait:
    return wait(run, {Pattern::Kind::text, text});
  case StepType::wait_regex:
    return wait(run, {Pattern::Kind::regex, text});
  case StepType::interrupt:
    return interrupt(run, text, run.step.text("until"));
  case StepType::line:
  case StepType::send:
    run.loop.check(nullptr);
    run.need_guest("it could be typed");
    return run.step.type == StepType::line ? type_line(run, text) : type(run, text);
  default:
    break;
  }
}

} // namespace qt
