#include "ipc/tap.hh"

#include "base/format.hh"
#include "base/secrets.hh"
#include "base/text.hh"
#include "os/fd.hh"

#include <algorithm>
#include <cassert>

namespace qt {

namespace {

// A name or reason on one line; '#' would begin a directive.
std::string one_line(std::string_view text, char hash) {
  std::string line(trim(text));
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::replace(line.begin(), line.end(), '\r', ' ');
  std::replace(line.begin(), line.end(), '#', hash);
  return fit_to_show(line);
}

std::string name_of(std::string_view name) { return one_line(name, '_'); }

std::string skip_line(std::string_view name, std::string_view why) {
  return format(" {} # SKIP {}", name_of(name), one_line(why, '#'));
}

} // namespace

TapWriter::TapWriter(int fd, std::optional<std::size_t> planned)
  : m_fd(fd)
  , m_planned(planned) {
  write("TAP version 13\n");
}

void TapWriter::write(std::string_view text) { write_all(m_fd, text, "standard output"); }

void TapWriter::begin() {
  if (m_began) {
    return;
  }
  m_began = true;
  if (m_planned) {
    write(format("1..{}\n", *m_planned));
  }
  for (const Skip& skipped : m_held) {
    result("ok {}" + skip_line(skipped.name, skipped.why));
  }
  m_held.clear();
}

void TapWriter::result(std::string_view line) {
  ++m_given;
  assert(!m_planned || m_given <= *m_planned);
  const std::size_t number = line.find("{}");
  write(format("{}{}{}\n", line.substr(0, number), m_given, line.substr(number + 2)));
}

void TapWriter::ok(std::string_view name) {
  begin();
  result("ok {} " + name_of(name));
}

void TapWriter::flaky(std::string_view name, std::string_view why) {
  begin();
  result(format("ok {{}} {} # flaky: {}", name_of(name), one_line(why, '_')));
}

void TapWriter::touched(std::string_view name, std::string_view how) {
  begin();
  result(format("ok {{}} {} # {}", name_of(name), one_line(how, '_')));
}

void TapWriter::not_ok(std::string_view name) {
  begin();
  ++m_failures;
  result("not ok {} " + name_of(name));
}

void TapWriter::expected_failure(std::string_view name, std::string_view why) {
  begin();
  result(format("not ok {{}} {} # TODO {}", name_of(name), one_line(why, '#')));
}

void TapWriter::skip(std::string_view name, std::string_view why) {
  if (m_began) {
    result("ok {}" + skip_line(name, why));
  } else {
    m_held.push_back({std::string(name), std::string(why)});
  }
}

void TapWriter::comment(std::string_view text) {
  for (const std::string& line : split(text, '\n')) {
    write(trim(line).empty() ? "#\n" : "# " + fit_to_show(line) + "\n");
  }
}

void TapWriter::bail_out(std::string_view why) {
  if (!m_held.empty()) {
    begin();
  }
  write(format("Bail out! {}\n", one_line(why, '#')));
}

void TapWriter::finish() {
  assert(!m_planned || m_given + m_held.size() == *m_planned);
  if (m_began) {
    if (!m_planned) {
      write(format("1..{}\n", m_given));
    }
    return;
  }
  if (m_held.empty()) {
    write("1..0 # SKIP no subtest is selected\n");
    return;
  }
  const bool same = std::all_of(m_held.begin(), m_held.end(), [this](const Skip& skipped) {
    return skipped.why == m_held.front().why;
  });
  if (!same) {
    for (const Skip& skipped : m_held) {
      comment(format("{}: {}", skipped.name, skipped.why));
    }
  }
  write(format("1..0 # SKIP {}{}\n", one_line(m_held.front().why, '#'),
               same ? "" : format(" (and other reasons, {} subtests)", m_held.size())));
}

} // namespace qt
