#include "console/dialogue_log.hh"

#include "base/error.hh"
#include "base/secrets.hh"
#include "base/text.hh"

#include <algorithm>

namespace qt {

namespace {

constexpr std::size_t k_longest_line = 4096;
constexpr std::size_t k_buffer = 64 * 1024;

} // namespace

DialogueLog::DialogueLog(const std::string& path, std::uint64_t limit, const std::string& stage) {
  if (!path.empty()) {
    m_file.emplace(path, limit,
                   stage.empty() ? BoundedLog::Start::afresh : BoundedLog::Start::at_end);
  }
  if (!stage.empty()) {
    note("stage " + stage);
  }
}

double DialogueLog::seconds() const {
  return std::chrono::duration<double>(Clock::now() - m_start).count();
}

// A flood is many lines that come at one time: its text is made once.
void DialogueLog::write(double seconds, std::string_view vm, char mark, std::string_view text) {
  if (m_time_text.empty() || seconds != m_time) {
    m_time = seconds;
    m_time_text = format("{:10.3f} ", seconds);
  }
  m_buffer.append(m_time_text).append(vm).append(vm.empty() ? "" : " ");
  m_buffer.append(1, mark).append(" ");
  append_for_display(m_buffer, text);
  m_buffer += '\n';
  if (m_buffer.size() > k_buffer) {
    flush(Lines::keep_unfinished);
  }
}

void DialogueLog::console(const std::string& vm, std::string_view bytes) {
  if (!m_file) {
    return;
  }
  Line& line = m_unfinished[vm];
  const double now = seconds();
  while (!bytes.empty()) {
    if (line.text.empty()) {
      line.seconds = now;
    }
    const std::size_t room = k_longest_line - line.text.size();
    const std::size_t newline = bytes.substr(0, room + 1).find('\n');
    const std::size_t count = std::min({newline, bytes.size(), room});
    const bool is_whole = count < bytes.size(); // at the newline, or the line is full
    if (is_whole && line.text.empty()) {        // most lines come in one piece
      write_line(line.seconds, vm, bytes.substr(0, count));
    } else {
      line.text += bytes.substr(0, count);
    }
    if (is_whole) {
      end_line(vm, line);
    }
    bytes.remove_prefix(count + (newline == count ? 1 : 0));
  }
}

void DialogueLog::write_line(double seconds, std::string_view vm, std::string_view text) {
  if (text.ends_with('\r')) {
    text.remove_suffix(1);
  }
  write(seconds, vm, '<', text);
}

void DialogueLog::end_line(std::string_view vm, Line& line) {
  if (!line.text.empty()) {
    write_line(line.seconds, vm, line.text);
    line.text.clear();
  }
}

void DialogueLog::end_line(const std::string& vm) {
  if (const auto found = m_unfinished.find(vm); found != m_unfinished.end()) {
    end_line(vm, found->second);
  }
}

void DialogueLog::typed(const std::string& vm, std::string_view bytes) {
  if (m_file) {
    end_line(vm);
    write(seconds(), vm, '>', format_escapes(bytes));
  }
}

void DialogueLog::matched(const std::string& vm, std::string_view text) {
  if (m_file) {
    end_line(vm);
    write(seconds(), vm, '=', text.substr(0, k_longest_line));
  }
}

void DialogueLog::note(std::string_view text) {
  if (m_file) {
    write(seconds(), "", '#', without_secrets(text));
  }
}

void DialogueLog::flush(Lines lines) {
  if (lines == Lines::end_all) {
    for (auto& [vm, line] : m_unfinished) {
      end_line(vm, line);
    }
  }
  try {
    if (m_file) {
      m_file->write(m_buffer);
    }
    if (m_file && lines == Lines::end_all) {
      m_file->finish();
    }
  } catch (const Error&) {
    m_file.reset();
  }
  m_buffer.clear();
}

} // namespace qt
