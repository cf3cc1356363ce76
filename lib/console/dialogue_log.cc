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

void DialogueLog::write(double seconds, std::string_view vm, char mark, std::string_view text) {
  m_buffer += format("{:10.3f} {}{}{} {}\n", seconds, vm, vm.empty() ? "" : " ", mark,
                     escape_for_display(text));
  if (m_buffer.size() > k_buffer) {
    flush(Lines::keep_unfinished);
  }
}

void DialogueLog::console(const std::string& vm, std::string_view bytes) {
  if (!m_file) {
    return;
  }
  Line& line = m_unfinished[vm];
  while (!bytes.empty()) {
    if (line.text.empty()) {
      line.seconds = seconds();
    }
    const std::size_t newline = bytes.find('\n');
    const std::size_t count = std::min({newline, bytes.size(), k_longest_line - line.text.size()});
    line.text += bytes.substr(0, count);
    bytes.remove_prefix(count);
    if (!bytes.empty()) { // at the newline, or the line is full
      const bool at_newline = bytes.front() == '\n';
      bytes.remove_prefix(at_newline ? 1 : 0);
      if (at_newline && line.text.empty()) {
        write(line.seconds, vm, '<', "");
      }
      end_line(vm);
    }
  }
}

void DialogueLog::end_line(const std::string& vm) {
  const auto found = m_unfinished.find(vm);
  if (found == m_unfinished.end() || found->second.text.empty()) {
    return;
  }
  std::string_view text = found->second.text;
  if (text.ends_with('\r')) {
    text.remove_suffix(1);
  }
  write(found->second.seconds, vm, '<', text);
  found->second.text.clear();
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
    for (const auto& [vm, line] : m_unfinished) {
      end_line(vm);
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
