#include "console/guest_tap.hh"

#include "base/format.hh"
#include "base/text.hh"
#include "console/ansi.hh"
#include "console/printk.hh"

#include <algorithm>
#include <utility>

namespace qt {

namespace {

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
