#include "console/guest_tap.hh"

#include "base/format.hh"
#include "base/text.hh"
#include "console/ansi.hh"
#include "console/printk.hh"

#include <algorithm>
#include <array>
#include <utility>

namespace qt {

namespace {

constexpr std::string_view k_blanks = " \t";
// Numbers that are longer than this are this one: no plan and no test has it.
constexpr std::uint64_t k_most_of_tap_number = 1'000'000'000;

bool is_digit_of_tap(char byte) { return byte >= '0' && byte <= '9'; }
bool is_letter(char byte) { return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'); }

// Takes blanks off the start.
void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(k_blanks), text.size()));
}

bool take_word(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) {
    return false;
  }
  text.remove_prefix(word.size());
  return true;
}

// Takes digits off the start.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::size_t digits = 0;
  std::uint64_t number = 0;
  for (; digits < text.size() && is_digit_of_tap(text[digits]); ++digits) {
    number = std::min(number * 10 + static_cast<std::uint64_t>(text[digits] - '0'),
                      k_most_of_tap_number);
  }
  text.remove_prefix(digits);
  return digits > 0 ? std::optional(number) : std::nullopt;
}

bool is_escaped(std::string_view text, std::size_t at) {
  const std::size_t before = text.substr(0, at).find_last_not_of('\\');
  return (at - (before == std::string_view::npos ? 0 : before + 1)) % 2 != 0;
}

// `next`: what stands after the word; a name goes on there ("# todo-list") and is no directive.
TapLine::Directive directive_of(std::string_view word, std::string_view next) {
  const std::string lower = lower_case(word);
  if (!next.empty() && (next[0] == '-' || next[0] == '_' || is_digit_of_tap(next[0]))) {
    return TapLine::Directive::none;
  }
  return lower == "skip" || lower == "skipped"  ? TapLine::Directive::skip
         : lower == "todo" || word == "XFAIL"   ? TapLine::Directive::todo
         : word == "TIMEOUT" || word == "ERROR" ? TapLine::Directive::failed
                                                : TapLine::Directive::none;
}

// Reads the directive at the end of `text`, and gives what stands before it.
std::string_view read_directive(std::string_view text, TapLine& line) {
  for (std::size_t hash = text.find('#'); hash != std::string_view::npos;
       hash = text.find('#', hash + 1)) {
    const bool may_be = hash == 0 || k_blanks.find(text[hash - 1]) != std::string_view::npos;
    if (!may_be || is_escaped(text, hash)) {
      continue;
    }
    std::string_view rest = text.substr(hash + 1);
    skip_blanks(rest);
    const auto end = std::find_if_not(rest.begin(), rest.end(), is_letter);
    const std::string_view word = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
    line.directive = directive_of(word, rest.substr(word.size()));
    if (line.directive != TapLine::Directive::none) {
      const bool keeps_word = line.directive == TapLine::Directive::failed;
      line.reason = trim(keeps_word ? rest : rest.substr(word.size()));
      return trim(text.substr(0, hash));
    }
  }
  return trim(text);
}

std::string without_escapes(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escapes =
        text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '#' || text[i + 1] == '\\');
    plain += text[escapes ? ++i : i];
  }
  return plain;
}

bool read_version(std::string_view text, TapLine& line) {
  line.is_ktap = take_word(text, "K");
  if (!take_word(text, "TAP version ") || !take_number(text) || !trim(text).empty()) {
    return false;
  }
  line.kind = TapLine::Kind::version;
  return true;
}

bool read_plan(std::string_view text, TapLine& line) {
  if (!take_word(text, "1..")) {
    return false;
  }
  const std::optional<std::uint64_t> number = take_number(text);
  if (!number || !read_directive(text, line).empty()) {
    return false;
  }
  line.kind = TapLine::Kind::plan;
  line.planned = *number;
  return true;
}

bool read_result(std::string_view text, TapLine& line) {
  line.is_ok = !take_word(text, "not ");
  if (!take_word(text, "ok") || (!text.empty() && k_blanks.find(text[0]) == k_blanks.npos)) {
    return false;
  }
  skip_blanks(text);
  std::string_view after_number = text;
  line.number = take_number(after_number);
  const bool is_number = after_number.empty() ||
                         (k_blanks.find(after_number[0]) != std::string_view::npos) ||
                         after_number[0] == '-' || after_number[0] == ':';
  if (line.number && is_number) {
    text = after_number;
  } else {
    line.number.reset();
  }
  skip_blanks(text);
  if (text == "-" || text.starts_with("- ") || text.starts_with("-\t")) {
    text.remove_prefix(1);
  }
  skip_blanks(text);
  line.kind = TapLine::Kind::result;
  line.text = without_escapes(read_directive(text, line));
  return true;
}

// `line`: without its end and without control sequences; foreign bytes stay in the texts.
TapLine parse_tap_line(std::string_view line) {
  TapLine parsed;
  std::string_view text = line;
  skip_blanks(text);
  parsed.indent = line.size() - text.size();
  if (text.starts_with('#')) {
    parsed.kind = TapLine::Kind::comment;
    parsed.text = trim(text.substr(1));
  } else if (take_word(text, "Bail out!")) {
    parsed.kind = TapLine::Kind::bail_out;
    parsed.text = trim(text);
  } else if (parsed.indent > 0 && text.starts_with("---")) {
    parsed.kind = TapLine::Kind::yaml;
  } else {
    for (const auto read : {read_version, read_plan, read_result}) {
      TapLine tried = parsed;
      if (read(text, tried)) {
        return tried;
      }
    }
  }
  return parsed;
}

// Whether a line that begins so may be a version, a plan, a result or the end, once the rest of it
// has come.
bool may_begin_tap_line(std::string_view text) {
  constexpr std::array<std::string_view, 6> k_beginnings = {
      "ok", "not ok", "1..", "Bail out!", "TAP version ", "KTAP version "};
  skip_blanks(text);
  return std::any_of(k_beginnings.begin(), k_beginnings.end(), [text](std::string_view word) {
    return text.starts_with(word) || word.starts_with(text);
  });
}

constexpr std::size_t k_most_diagnostics = 20;    // lines, before a result and after it
constexpr std::size_t k_longest_diagnostic = 300; // bytes
constexpr std::size_t k_longest_reason = 300;
constexpr std::size_t k_longest_torn = 1024; // that messages tear again and again
constexpr std::size_t k_most_diagnostic_bytes = 1 << 20;

// Without control sequences, and without CR at the end.
std::string plain_text(std::string_view line) {
  std::string text;
  AnsiFilter().feed(line, [&text](std::string_view passed) { text += passed; });
  text.erase(text.find_last_not_of('\r') + 1);
  return text;
}

// Without what a CR has let be overwritten.
std::string_view visible_part(std::string_view text) {
  text = text.substr(0, text.find_last_not_of('\r') + 1);
  return text.substr(text.rfind('\r') + 1);
}

// At most so many bytes, not in the middle of a character.
std::string first_part(std::string text, std::size_t most) {
  if (text.size() <= most) {
    return text;
  }
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  return text.substr(0, end) + "…";
}

// Foreign text on one line.
std::string shown(std::string_view text, std::size_t most) {
  std::string line = first_part(escape_for_display(trim(text)), most);
  std::replace(line.begin(), line.end(), '\t', ' ');
  return line;
}

// '#' would begin a directive wherever the name is written down.
std::string name_to_show(std::string_view text) {
  std::string name = shown(text, GuestTap::k_longest_name);
  std::replace(name.begin(), name.end(), '#', '_');
  return name;
}

// Where the text of a message begins that stands at `at` or later, and where its prefix does.
struct Message {
  std::size_t prefix;
  std::size_t text;
};

std::optional<Message> find_message(std::string_view line, std::size_t at) {
  for (; at < line.size(); ++at) {
    if (line[at] != '[' && line[at] != '<') {
      continue;
    }
    PrintkPrefix prefix;
    for (std::size_t i = at; i <= line.size(); ++i) {
      // A message without text has lost its blank at the end of the line.
      const PrintkPrefix::Answer answer = prefix.feed(i < line.size() ? line[i] : ' ');
      if (answer == PrintkPrefix::Answer::yes) {
        return Message{at, std::min(i + 1, line.size())};
      }
      if (answer == PrintkPrefix::Answer::no) {
        break;
      }
    }
  }
  return std::nullopt;
}

std::string numbered(std::uint64_t count, std::uint64_t planned) {
  return format("{} of {} planned tests", count, planned);
}

// "of 'suite' ", or nothing for the outermost tests.
std::string of_parent(const std::string& parent) {
  return parent.empty() ? "" : format(" of '{}'", parent);
}

} // namespace

void GuestTap::complain(std::string mistake) {
  if (m_mistake.empty()) {
    m_mistake = std::move(mistake);
  }
}

void GuestTap::take(std::string_view line) {
  const std::string text = plain_text(line);
  const std::optional<Message> message = find_message(text, 0);
  const std::string whole = m_torn + text;
  // What a comment quotes is no message.
  const bool is_quoted =
      message && message->prefix > 0 && trim(visible_part(whole)).starts_with('#');
  if (!message || is_quoted) {
    m_torn.clear();
    take_whole(visible_part(whole));
    return;
  }
  m_torn = whole.substr(0, m_torn.size() + message->prefix); // it may be torn before its LF
  if (m_torn.size() > k_longest_torn || !may_go_on(visible_part(m_torn))) {
    m_torn.clear();
  }
  take_message(visible_part(std::string_view(text).substr(message->text)));
}

// Whether the first part of a line that a message has torn may matter.
bool GuestTap::may_go_on(std::string_view part) const {
  const std::string_view text = trim(part);
  if (m_yaml) { // a block may quote messages
    return text == "." || text == "..";
  }
  return may_begin_tap_line(part) || (m_after_result && std::string_view("---").starts_with(text));
}

void GuestTap::take_whole(std::string_view line) {
  if (!m_bailed_out && !take_yaml(line)) {
    take_parsed(parse_tap_line(line), line);
  }
}

// KTAP has a number for each result, and no YAML.
void GuestTap::take_message(std::string_view text) {
  const TapLine line = parse_tap_line(text);
  const bool is_prose = line.kind == TapLine::Kind::result && !line.number;
  if (!m_bailed_out && !is_prose && line.kind != TapLine::Kind::other &&
      line.kind != TapLine::Kind::yaml) {
    take_parsed(line, text);
  }
}

bool GuestTap::take_more(std::string_view line) {
  const std::string text = plain_text(line);
  const std::optional<Message> message = find_message(text, 0);
  const TapLine parsed =
      parse_tap_line(visible_part(message ? std::string_view(text).substr(message->text) : text));
  const bool is_other = !message && parsed.kind == TapLine::Kind::other && !m_yaml;
  const bool is_next = parsed.kind == TapLine::Kind::version || parsed.kind == TapLine::Kind::plan;
  if (is_other || is_next) {
    return false;
  }
  take(line);
  return true;
}

void GuestTap::take_parsed(const TapLine& line, std::string_view text) {
  const bool after_result = std::exchange(m_after_result, false);
  // Prose may begin with "ok": it counts without a number only where tests have begun.
  const bool is_prose =
      line.kind == TapLine::Kind::result && !line.number && (m_is_ktap || !m_has_begun);
  if (line.kind == TapLine::Kind::other || is_prose) {
    return;
  }
  m_has_begun = m_has_begun || line.kind != TapLine::Kind::comment;
  switch (line.kind) {
  case TapLine::Kind::version:
    return take_version(line);
  case TapLine::Kind::plan:
    return take_plan(line);
  case TapLine::Kind::result:
    return take_result(line);
  case TapLine::Kind::comment:
    return take_comment(line);
  case TapLine::Kind::bail_out:
    m_bailed_out = true;
    return complain(line.text.empty()
                        ? "the guest bailed out"
                        : format("the guest bailed out: {}", shown(line.text, k_longest_reason)));
  case TapLine::Kind::yaml:
    if (after_result) {
      m_yaml = line.indent;
      note_diagnostic(text);
    }
    return;
  case TapLine::Kind::other:
    return;
  }
}

// A block lasts until "...", or a line that is indented less.
bool GuestTap::take_yaml(std::string_view line) {
  if (!m_yaml) {
    return false;
  }
  const std::string_view text = trim(line);
  const std::size_t indent = std::min(line.find_first_not_of(" \t"), line.size());
  if (!text.empty() && indent < *m_yaml) {
    m_yaml.reset();
    return false;
  }
  if (text == "..." && indent == *m_yaml) {
    m_yaml.reset();
  }
  note_diagnostic(line);
  return true;
}

void GuestTap::take_version(const TapLine& line) {
  if (line.indent <= m_levels.front().indent) {
    Level& all = m_levels.front();
    if (m_levels.size() > 1 || all.planned || all.come > 0) {
      close_document();
    }
    m_levels.front().indent = line.indent;
  } else if (m_levels.size() == 1 && !m_levels.front().planned && m_levels.front().come == 0 &&
             m_tests.empty()) {
    m_levels.front().indent = line.indent; // all of it is indented
  } else if (const std::optional<Level> ended = go_to(line.indent)) {
    close(*ended, "", false);
  }
  m_is_ktap = line.is_ktap;
}

void GuestTap::take_plan(const TapLine& line) {
  if (const std::optional<Level> ended = go_to(line.indent)) {
    close(*ended, "", false);
  }
  Level& level = m_levels.back();
  const std::uint64_t come = level.come;
  if (level.planned) {
    complain(format("a second plan came{}", of_parent(level.name)));
    return;
  }
  level.planned = line.planned;
  level.is_skipped = line.directive == TapLine::Directive::skip;
  if (line.planned > k_most_tests) {
    complain(format("{} tests are planned, more than {}", line.planned, k_most_tests));
  } else if (come > line.planned) {
    complain(format("{} tests came, {} were planned{}", come, line.planned, of_parent(level.name)));
  } else if (come > 0 && come < line.planned) {
    complain(
        format("the plan came after {}{}", numbered(come, line.planned), of_parent(level.name)));
  }
  if (level.is_skipped && m_levels.size() == 1 && line.planned == 0) {
    m_tests.push_back({"all", GuestTest::Outcome::skip, shown(line.reason, k_longest_reason), {}});
  }
}

void GuestTap::take_result(const TapLine& line) {
  const std::optional<Level> ended = go_to(line.indent);
  Level& level = m_levels.back();
  const std::string name = name_to_show(
      line.text.empty() ? std::to_string(line.number.value_or(level.next)) : line.text);
  if (ended) {
    const std::vector<std::size_t> tests = ended->tests;
    close(*ended, name, line.directive == TapLine::Directive::skip);
    level.tests.insert(level.tests.end(), tests.begin(), tests.end());
  }
  count(line, level, name);
  if (m_tests.size() >= k_most_tests) {
    complain(format("more than {} tests came", k_most_tests));
    return;
  }
  GuestTest test;
  test.name = name;
  test.reason = shown(line.reason, k_longest_reason);
  test.outcome = line.directive == TapLine::Directive::skip     ? GuestTest::Outcome::skip
                 : line.directive == TapLine::Directive::failed ? GuestTest::Outcome::fail
                 : line.is_ok                                   ? GuestTest::Outcome::pass
                 : line.directive == TapLine::Directive::todo   ? GuestTest::Outcome::expected
                                                                : GuestTest::Outcome::fail;
  if (test.outcome == GuestTest::Outcome::fail) {
    for (const std::string& text : m_diagnostics) {
      add_diagnostic(test, text);
    }
  }
  m_diagnostics.clear();
  level.tests.push_back(m_tests.size());
  m_tests.push_back(std::move(test));
  m_after_result = true;
}

void GuestTap::count(const TapLine& line, Level& level, const std::string& name) {
  const std::uint64_t number = line.number.value_or(level.next);
  if (number != level.next) {
    complain(format("test {} ('{}') came where test {} was due{}", number, name, level.next,
                    of_parent(level.name)));
  } else if (level.planned && number > *level.planned) {
    complain(format("test {} ('{}') came, {} were planned{}", number, name, *level.planned,
                    of_parent(level.name)));
  }
  level.next = std::max(level.next, number + 1);
  ++level.come;
}

void GuestTap::take_comment(const TapLine& line) {
  constexpr std::string_view k_subtest = "Subtest:";
  if (line.text.starts_with(k_subtest)) {
    m_subtest = name_to_show(std::string_view(line.text).substr(k_subtest.size()));
    Level& level = m_levels.back();
    if (m_levels.size() > 1 && level.indent == line.indent && level.name.empty() &&
        level.come == 0) {
      level.name = std::exchange(m_subtest, "");
    }
    return;
  }
  note_diagnostic("# " + line.text);
}

// Of the next result; and of the last one, but in KTAP, where they come before it.
void GuestTap::note_diagnostic(std::string_view text) {
  const std::string line = first_part(std::string(trim(text)), k_longest_diagnostic);
  const bool is_of_last = !m_is_ktap || m_yaml;
  if (is_of_last && !m_tests.empty() && m_tests.back().outcome == GuestTest::Outcome::fail) {
    add_diagnostic(m_tests.back(), line);
  }
  if (m_yaml) {
    return;
  }
  m_diagnostics.push_back(line);
  if (m_diagnostics.size() > k_most_diagnostics) {
    m_diagnostics.pop_front();
  }
}

void GuestTap::add_diagnostic(GuestTest& test, std::string_view text) {
  if (test.diagnostics.size() < 2 * k_most_diagnostics &&
      m_diagnostic_bytes + text.size() <= k_most_diagnostic_bytes) {
    m_diagnostic_bytes += text.size();
    test.diagnostics.emplace_back(text);
  }
}

std::optional<GuestTap::Level> GuestTap::go_to(std::size_t indent) {
  std::optional<Level> ended;
  while (m_levels.size() > 1 && m_levels.back().indent > indent) {
    if (ended) { // the test that they belong to did not come
      const std::vector<std::size_t> tests = ended->tests;
      close(*ended, "", false);
      std::vector<std::size_t>& outer = m_levels.back().tests;
      outer.insert(outer.end(), tests.begin(), tests.end());
    }
    ended = std::move(m_levels.back());
    m_levels.pop_back();
  }
  if (indent > m_levels.back().indent) {
    if (m_levels.size() > k_deepest) {
      complain(format("tests are nested deeper than {}", k_deepest));
      return ended;
    }
    Level level;
    level.indent = indent;
    level.name = std::exchange(m_subtest, "");
    m_levels.push_back(std::move(level));
  }
  return ended;
}

// `parent`: the name of the test that they belong to; empty if it did not come.
void GuestTap::close(Level level, const std::string& parent, bool is_skipped) {
  const std::string name = !parent.empty() ? parent : level.name.empty() ? "unnamed" : level.name;
  const std::uint64_t come = level.come;
  if (level.planned && come < *level.planned) {
    complain(format("only {}{} came", numbered(come, *level.planned), of_parent(name)));
  } else if (come == 0 && !is_skipped && !level.is_skipped) {
    complain(format("no test{} came", of_parent(name)));
  }
  if (parent.empty()) {
    complain(format("the tests{} came, but not its own result", of_parent(name)));
  }
  for (const std::size_t test : level.tests) {
    m_tests[test].name = format("{}/{}", name, m_tests[test].name);
  }
}

void GuestTap::close_document() {
  if (const std::optional<Level> ended = go_to(m_levels.front().indent)) {
    close(*ended, "", false);
  }
  const Level all = std::exchange(m_levels.front(), Level());
  const std::uint64_t come = all.come;
  if (!all.planned) {
    complain(come == 0 ? "no test came" : format("{} tests came, but no plan", come));
  } else if (come < *all.planned) {
    complain(format("only {} came", numbered(come, *all.planned)));
  } else if (come == 0 && !all.is_skipped) {
    complain("no test came, and none was planned");
  }
  m_diagnostics.clear();
  m_yaml.reset();
}

bool GuestTap::is_complete() const {
  const Level& all = m_levels.front();
  return m_bailed_out || (m_levels.size() == 1 && all.planned &&
                          (all.next > *all.planned || all.come >= *all.planned));
}

void GuestTap::finish() {
  if (std::exchange(m_finished, true)) {
    return;
  }
  if (const std::string torn = std::exchange(m_torn, ""); !torn.empty()) {
    take_whole(visible_part(torn));
  }
  close_document();
}

std::string GuestTap::progress() const {
  const Level& all = m_levels.front();
  const std::uint64_t come = all.come;
  return !m_mistake.empty() ? m_mistake
         : !m_has_begun     ? "the guest has not said anything in TAP or KTAP"
         : all.planned      ? format("{} have come", numbered(come, *all.planned))
                            : format("{} tests have come, and no plan", come);
}

} // namespace qt
