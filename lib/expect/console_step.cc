#include "expect/console_step.hh"

#include "base/format.hh"
#include "base/text.hh"
#include "base/timeout_multiplier.hh"
#include "console/ansi.hh"
#include "console/printk.hh"

#include <algorithm>
#include <utility>

namespace qt {

namespace {

// For how long a console must be silent until what could still grow is taken as it is where a part
// of it is saved: half a number is worse than a second's wait.
constexpr Duration k_quiet_of_saved{1000};
// For how long a match that may be an echo waits for the rest of that: of silence, and in all.
constexpr Duration k_quiet_of_echo{1000};
constexpr Duration k_most_for_echo{5000};
constexpr std::uint64_t k_kept_before = 65536; // no text that is awaited is longer

// (?<name>…), (?'name'…) or (?P<name>…); not (?<=…) and (?<!…).
bool has_named_group(std::string_view expression) {
  static const Regex group("\\(\\?(P?<|')[A-Za-z_]");
  return group.search(expression).has_value();
}

// Whether an echo of what was typed could read like what is looked for.
enum class Echo { possible, impossible };

// Of keys that are typed again and again until a text comes: how often their echo may have been
// that text. Which round an echo belongs to, and whether the guest took the round at all, cannot be
// known, so only what comes more often than all rounds together can echo it is an answer.
class EchoOfKeys {
public:
  // `before`: keys without a line end that were typed before.
  EchoOfKeys(std::string_view text, std::string_view before)
    : m_text(trim(text)) {
    keep_end(before);
  }

  // These are typed once more. Whole lines among them are another matter (expect_echo_of_lines).
  void typed(std::string_view keys) {
    if (const std::size_t end = keys.find_last_of("\r\n"); end != std::string_view::npos) {
      m_end.clear();
      keys.remove_prefix(end + 1);
    }
    std::string all = m_end;
    std::copy_if(keys.begin(), keys.end(), std::back_inserter(all), [](char byte) {
      return static_cast<unsigned char>(byte) >= ' ' && byte != '\x7f'; // need not come back
    });
    for (std::size_t at = 0; !m_text.empty() && (at = all.find(m_text, at)) != std::string::npos;
         ++at) {
      ++m_count;
    }
    keep_end(all);
  }

  // The text has come; whether it may be an echo. Each round's is one only once.
  bool take() { return m_count > 0 && m_count-- > 0; }

private:
  void keep_end(std::string_view typed) {
    m_end = typed.substr(typed.size() - std::min(typed.size(), m_text.size() - !m_text.empty()));
  }

  std::string m_text;
  std::string m_end; // of what was typed; too short to be the text
  std::size_t m_count = 0;
};

// Of a line that is looked at as one; the rest of it is left out.
constexpr std::size_t k_longest_line = 4096;

// Cuts what comes into lines.
class LineCutter {
public:
  // `take` gets each line without its end; true: it was the last one.
  LineCutter(std::function<bool(std::string_view line)> take, std::uint64_t begin)
    : m_take(std::move(take))
    , m_end(begin) {}

  // Goes on to the offset `to`. True if the last line has come.
  bool advance(Backlog& backlog, std::uint64_t to) {
    while (m_end < to) {
      const std::string_view bytes = backlog.at(m_end).substr(0, to - m_end);
      const std::size_t line_end = std::min(bytes.find('\n'), bytes.size());
      m_line.append(bytes.substr(0, std::min(line_end, k_longest_line - m_line.size())));
      m_end += std::min(line_end + 1, bytes.size());
      if (line_end < bytes.size() && m_take(std::exchange(m_line, ""))) {
        return true;
      }
    }
    return false;
  }
  // What has come before the offset `to` is all, on the last line.
  void finish(std::uint64_t to) {
    const std::uint64_t beyond = m_end - std::min(m_end, to);
    m_line.resize(m_line.size() - std::min<std::uint64_t>(m_line.size(), beyond));
    if (!m_line.empty()) {
      m_take(std::exchange(m_line, ""));
    }
  }
  // How far it has come.
  std::uint64_t end() const { return m_end; }

private:
  std::function<bool(std::string_view line)> m_take;
  std::string m_line;
  std::uint64_t m_end;
};

// Looks for one pattern, if there is one, in the part of the stream that no earlier wait has
// consumed.
class Search {
public:
  Search(const StepRun& run, std::optional<Pattern> awaited, Printk printk,
         Echo echo = Echo::possible)
    : m_run(run)
    , m_console(run.guest->console())
    , m_printk(printk)
    , m_echo(echo)
    , m_patterns(run.modifiers.failures)
    , m_failures(m_patterns.size())
    , m_saves(awaited && awaited->kind == Pattern::Kind::regex && has_named_group(awaited->text))
    , m_quiet(scaled(m_saves ? k_quiet_of_saved : Console::k_quiet))
    , m_matcher(all_with(std::move(awaited)), m_console.backlog().begin(), printk)
    , m_offset(m_console.backlog().begin()) {}

  // Looks at what has come; true if the pattern has been found. Throws DialogueEnd if a failure
  // text comes first, or the machine is over.
  bool look() {
    if (m_doubtful ? decide_doubtful() : search()) {
      return true;
    }
    if (m_console.failure()) {
      m_run.loop.throw_failure(*m_run.guest, *m_console.failure());
    }
    m_run.need_guest(m_what.empty() ? format("'{}' came", awaited()) : m_what);
    return false;
  }

  // When look() may find something though nothing comes.
  Deadline look_again_at() const {
    if (m_doubtful) {
      return earlier(m_console.quiet_at(scaled(k_quiet_of_echo)), m_doubtful_until);
    }
    return !m_settled && m_matcher.undecided() ? m_console.quiet_at(m_quiet) : Deadline::never();
  }

  // The text or expression looked for, where there is one.
  const std::string& awaited() const { return m_patterns.back().text; }
  // What is to be said of a wait in vain.
  std::string remark() const {
    return m_doubtful   ? format("'{}' has come, but not all of the typed '{}' before it",
                                 m_doubtful->text, m_typed)
           : m_was_echo ? format("'{}' has come, but not more often than the keys can have been "
                                 "echoed; type keys of which it is no part",
                                 awaited())
                        : "";
  }

  // These are typed now, for what is looked for.
  void typed(std::string_view keys) {
    if (!m_keys) {
      m_keys.emplace(awaited(), m_console.echo_return().open_keys());
      m_keys_from = m_console.backlog().end();
    }
    m_keys->typed(keys);
  }

  // How to say that it comes: "the command ended".
  void call_it(std::string_view what) { m_what = what; }
  // From now on what is looked at is kept in `passed`, too.
  void keep_in(std::string& passed) { m_passed = &passed; }
  // From now on what is looked at is cut into lines, of which the last one ends the search, too.
  void cut_by(LineCutter& lines) { m_lines = &lines; }
  // What was found.
  const Match& found() const { return m_found; }

private:
  const std::vector<Pattern>& all_with(std::optional<Pattern> awaited) {
    if (awaited) {
      m_patterns.push_back(std::move(*awaited)); // last: of two at the same byte the failure wins
    }
    return m_patterns;
  }

  bool search() {
    Backlog& backlog = m_console.backlog();
    while (m_offset < backlog.end()) {
      std::string_view bytes = backlog.at(m_offset);
      if (m_lines != nullptr) { // what comes after the last line is not looked at
        bytes = bytes.substr(0, std::min(bytes.find('\n'), bytes.size() - 1) + 1);
      }
      m_offset += bytes.size();
      if (m_passed != nullptr) {
        m_passed->append(bytes);
      }
      m_settled = false;
      if (const std::optional<Match> match = m_matcher.feed(bytes)) {
        if (take(*match)) {
          return true;
        }
        if (m_doubtful) {
          return false;
        }
        continue;
      }
      if (m_lines != nullptr && m_lines->advance(backlog, m_offset)) {
        backlog.discard_before(m_lines->end());
        return true;
      }
      forget_before(m_matcher.keep_from());
    }
    if (!m_settled && m_matcher.undecided() && m_console.quiet(m_quiet)) {
      m_settled = true;
      if (const std::optional<Match> match = m_matcher.settle()) {
        if (m_saves && !m_console.ended()) {
          m_run.log.note(
              format("nothing has come for {}: taking '{}', though more could belong to it",
                     format_duration(m_quiet), match->text));
        }
        return take(*match);
      }
    }
    return false;
  }

  // Where a match may yet turn out to be an echo, what comes after it is looked at again.
  void forget_before(std::uint64_t offset) {
    const std::uint64_t kept = m_console.echo_return().watches() ? k_kept_before : 0;
    m_console.backlog().discard_before(offset - std::min(offset, kept));
  }

  // True if the match counts. One that may be a piece of what was typed waits for the rest of that,
  // and is no match if it is one.
  bool take(const Match& match) {
    if (m_keys && match.pattern == m_failures && match.end > m_keys_from && m_keys->take()) {
      m_run.log.note(format("'{}' may be the echo of the keys: not taken", match.text));
      m_was_echo = true;
      m_doubtful.reset();
      search_from(match.end);
      return false;
    }
    const EchoReturn::Judgement judgement = match.pattern < m_failures || m_echo == Echo::impossible
                                                ? EchoReturn::Judgement()
                                                : m_console.echo_return().judge(match);
    switch (judgement.answer) {
    case EchoReturn::Answer::counts:
      conclude(match);
      return true;
    case EchoReturn::Answer::unknown:
      if (!m_doubtful) {
        m_doubtful_until = Deadline::after(scaled(k_most_for_echo));
      }
      m_doubtful = match;
      m_typed = judgement.line;
      return false;
    case EchoReturn::Answer::is_echo:
      m_run.log.note(format("'{}' came before the typed '{}' had come back: not taken", match.text,
                            judgement.line));
      m_doubtful.reset();
      search_from(judgement.search_from);
      return false;
    }
    return false;
  }

  void search_from(std::uint64_t offset) {
    m_offset = std::max(offset, m_console.backlog().begin());
    m_matcher = TornMatcher(m_patterns, m_offset, m_printk);
  }

  bool decide_doubtful() {
    const Match match = *m_doubtful;
    if (take(match)) {
      return true;
    }
    if (!m_doubtful) {
      return search();
    }
    EchoReturn& echo = m_console.echo_return();
    if (m_console.ended()) { // nothing can come back any more
      if (echo.is_part_of_line(match.text)) {
        return false;
      }
    } else if (!m_console.quiet(scaled(k_quiet_of_echo)) && !m_run.loop.missed(m_doubtful_until)) {
      return false;
    }
    for (const std::string& line : echo.give_up(m_console.backlog().end())) {
      m_run.log.note(
          format("the typed '{}' has not come back: the guest does not echo it, or later", line));
    }
    conclude(match);
    return true;
  }

  // What a later step would put in must not stay "${NAME}". Groups that only define something
  // never take part, and no step can use them.
  void check_groups(const Match& match) const {
    if (!m_saves || match.pattern < m_failures) {
      return;
    }
    if (m_patterns[match.pattern].text.find("(?(DEFINE)") != std::string::npos) {
      return;
    }
    for (const std::string& name : Regex(m_patterns[match.pattern].text).group_names()) {
      if (!match.groups.contains(name)) {
        m_run.fail(Cause::assertion,
                   format("nothing to save as '{}': that group took no part in the match '{}'",
                          name, match.text));
      }
    }
  }

  void conclude(const Match& match) {
    if (m_console.failure() && !comes_before(match, *m_console.failure())) {
      m_run.loop.throw_failure(*m_run.guest, *m_console.failure());
    }
    if (match.pattern < m_failures) {
      m_run.fail(Cause::fail_pattern, format("the failure text '{}' appeared", match.text),
                 {{"failure", m_patterns[match.pattern].text}, {"matched", match.text}});
    }
    if (m_lines != nullptr) { // and what stands on the line before it
      m_lines->advance(m_console.backlog(), match.begin);
      m_lines->finish(match.begin);
    }
    m_console.backlog().discard_before(match.end);
    check_groups(match);
    m_run.log.matched(m_run.guest->name(), match.text);
    for (const auto& [name, text] : match.groups) {
      m_run.saved.keep(name, text);
    }
    m_found = match;
  }

  const StepRun& m_run;
  Console& m_console;
  Printk m_printk;
  Echo m_echo;
  std::vector<Pattern> m_patterns; // the step's failure texts, then what is awaited
  std::size_t m_failures;
  bool m_saves;     // a part of the match
  Duration m_quiet; // after which a match that could grow is taken
  TornMatcher m_matcher;
  std::uint64_t m_offset; // in the stream: what has been fed
  bool m_settled = true;
  std::optional<Match> m_doubtful;  // may be a piece of …
  std::string m_typed;              // … this echo
  std::optional<EchoOfKeys> m_keys; // that are typed again and again
  std::uint64_t m_keys_from = 0;    // in the stream
  bool m_was_echo = false;          // a match was taken for that
  Deadline m_doubtful_until = Deadline::never();
  std::string m_what;
  std::string* m_passed = nullptr;
  LineCutter* m_lines = nullptr;
  Match m_found;
};

// Writes all of `bytes`, as fast as the guest takes them or one by one with pauses.
void type(const StepRun& run, std::string_view bytes) {
  Console& console = run.guest->console();
  run.log.typed(run.guest->name(), bytes);
  console.begin_typing(bytes.size());
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const std::optional<std::size_t> taken =
        run.guest->type(run.modifiers.pace.count() > 0 ? rest.substr(0, 1) : rest);
    if (!taken) { // the other end is gone; how QEMU ended will be known soon
      while (!run.guest->over()) {
        run.turn(run.guest->over_at());
      }
      run.need_guest(format("{} of {} bytes were typed", rest.size(), bytes.size()));
    }
    rest.remove_prefix(*taken);
    if (*taken > 0 && run.modifiers.pace.count() > 0 && !rest.empty()) {
      run.pause(run.modifiers.pace);
    } else if (!rest.empty()) {
      const auto writable = run.loop.wake_for({console.fd(), POLLOUT, 0});
      run.turn();
    }
    if (!rest.empty() && run.late()) {
      run.time_out("");
    }
  }
}

// Whole lines among keys are echoed like a typed line, and are an answer no more than that. Says
// where the rest begins, keys without a line end.
std::size_t expect_echo_of_lines(const StepRun& run, std::string_view keys) {
  std::size_t begin = 0;
  for (std::size_t end; (end = keys.find_first_of("\r\n", begin)) != std::string_view::npos;) {
    run.guest->console().expect_echo(keys.substr(begin, end - begin));
    begin = end + 1;
  }
  return begin;
}

} // namespace

void type_line(const StepRun& run, const std::string& text) {
  for (std::string line : split(text, '\n')) {
    if (line.ends_with('\r')) {
      line.pop_back();
    }
    run.guest->console().expect_echo(line);
    type(run, line + "\r");
  }
}

std::string take_until(const StepRun& run, const Landmark& landmark, std::string& found) {
  std::string before;
  const std::uint64_t begin = run.guest->console().backlog().begin();
  Search search(run, landmark.pattern, Printk::ignore, Echo::impossible);
  search.call_it(landmark.comes);
  search.keep_in(before);
  while (!search.look()) {
    if (before.size() > k_most_output) {
      run.fail(Cause::flood, format("the command wrote more than {}", format_size(k_most_output)));
    }
    if (run.late()) {
      run.time_out(landmark.missing);
    }
    run.turn(search.look_again_at(), run.guest);
  }
  found = search.found().text;
  before.resize(search.found().begin - begin);
  return before;
}

void read_lines(const StepRun& run, const std::string& until, const LineReader& reader) {
  Backlog& backlog = run.guest->console().backlog();
  LineCutter lines(reader.take, backlog.begin());
  Search search(run,
                until.empty() ? std::nullopt : std::optional(Pattern{Pattern::Kind::text, until}),
                run.modifiers.printk);
  search.call_it(reader.comes);
  search.cut_by(lines);
  while (!search.look()) {
    if (run.late()) {
      const std::string remark = search.remark();
      run.time_out(remark.empty() ? reader.missing() : remark);
    }
    run.turn(search.look_again_at(), run.guest);
  }
}

void look_at_lines(const StepRun& run, const std::function<bool(std::string_view line)>& take) {
  Console& console = run.guest->console();
  LineCutter lines(take, console.backlog().begin());
  const Deadline end = Deadline::after(scaled(k_most_for_echo));
  while (!lines.advance(console.backlog(), console.backlog().end()) && !console.ended() &&
         !console.quiet(scaled(Console::k_quiet)) && !run.late() && !run.loop.missed(end)) {
    run.turn(earlier(end, console.quiet_at(scaled(Console::k_quiet))));
  }
  if (console.ended()) { // no LF will come
    lines.finish(lines.end());
  }
}

void run_step(const StepRun& run, const Wait& step) {
  Search search(run, step.awaited, run.modifiers.printk);
  while (!search.look()) {
    if (run.late()) {
      run.time_out(search.remark());
    }
    run.turn(search.look_again_at(), run.guest);
  }
}

void run_step(const StepRun& run, const TypeLine& step) {
  run.loop.check(nullptr);
  run.need_guest("it could be typed");
  type_line(run, step.text);
}

void run_step(const StepRun& run, const TypeKeys& step) {
  run.loop.check(nullptr);
  run.need_guest("it could be typed");
  const std::size_t rest = expect_echo_of_lines(run, step.keys);
  run.guest->console().expect_echo_of_keys(std::string_view(step.keys).substr(rest));
  type(run, step.keys);
}

// Types the keys at once and again each time `every` has passed, until the text appears. A guest
// that takes no keys is no failure here: it may not have got to its console yet.
void run_step(const StepRun& run, const Interrupt& step) {
  const std::string& keys = step.keys;
  Search search(run, Pattern{Pattern::Kind::text, step.until}, run.modifiers.printk);
  Console& console = run.guest->console();
  Deadline next = Deadline::after(Duration(0));
  std::string_view rest; // of keys that the guest took in part
  while (!search.look()) {
    if (run.late()) {
      run.time_out(search.remark());
    }
    if (next.expired()) {
      if (rest.empty()) {
        rest = keys;
        expect_echo_of_lines(run, keys);
        search.typed(keys);
        console.begin_typing(keys.size());
        run.log.typed(run.guest->name(), keys);
      }
      const std::size_t limit = run.modifiers.pace.count() > 0 ? 1 : rest.size();
      rest.remove_prefix(run.guest->type(rest.substr(0, limit)).value_or(0));
      next = Deadline::after(rest.empty() || run.modifiers.pace.count() == 0 ? run.modifiers.every
                                                                             : run.modifiers.pace);
    }
    run.turn(earlier(next, search.look_again_at()), run.guest);
  }
}

} // namespace qt
