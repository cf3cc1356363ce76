#include "record/recording.hh"

#include "base/text.hh"
#include "console/ansi.hh"
#include "data/regex.hh"

#include <algorithm>
#include <optional>

namespace qt {

namespace {

constexpr char k_enter = '\r';
constexpr char k_delete = '\x7f';
constexpr char k_backspace = '\b';
constexpr char k_kill_line = '\x15'; // Ctrl-u

std::string without_sequences(std::string_view output) {
  std::string text;
  AnsiFilter().feed(output, [&text](std::string_view bytes) { text += bytes; });
  return text;
}

// What a terminal shows of one line in the end.
std::string drawn(std::string_view output) {
  std::string line;
  std::size_t cursor = 0;
  for (const char byte : without_sequences(output)) {
    if (byte == '\b') {
      cursor -= cursor > 0 ? 1 : 0;
    } else if (byte == '\r') {
      cursor = 0;
    } else if (static_cast<unsigned char>(byte) >= ' ') {
      line.replace(cursor, 1, 1, byte);
      ++cursor;
    }
  }
  return line;
}

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

void erase_character(std::string& text) {
  while (!text.empty() && is_continuation(text.back())) {
    text.pop_back();
  }
  if (!text.empty()) {
    text.pop_back();
  }
}

// The line that is left of these keys; nothing if a key in it is more than a character.
std::optional<std::string> edited(std::string_view keys) {
  std::string line;
  for (const char key : keys) {
    if (key == k_delete || key == k_backspace) {
      erase_character(line);
    } else if (key == k_kill_line) {
      line.clear();
    } else if (static_cast<unsigned char>(key) < ' ') {
      return std::nullopt;
    } else {
      line += key;
    }
  }
  return line;
}

// A line of its own that came while somebody was typing, which is no message of the kernel.
bool reacts(const std::string& output) {
  static const Regex k_message(R"(\[ *\d+\.\d+\] )");
  const std::vector<std::string> lines = split(output, '\n');
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    if (!k_message.search(lines[i])) {
      return true;
    }
  }
  return false;
}

class TurnReader {
public:
  void take(const TerminalEvent& event);
  std::vector<Turn> finish();

private:
  void take_output(const TerminalEvent& event);
  void take_key(char key);
  void take_other(const TerminalEvent& event);
  void end_keys();
  void end_line();
  void take_off_echo();
  Turn& end_turn(Turn::Input input, std::string text);
  void note_time(double now);

  std::vector<Turn> m_turns;
  std::string m_before;       // came before the keys that are being typed
  std::string m_typed;        // those keys
  std::string m_meanwhile;    // came since the first of them
  std::string m_since_key;    // came since the last of them
  std::string m_echo_awaited; // the line that was typed last
  bool m_awaits_echo = false;
  std::string m_echoed_early; // of it, what came while it was typed
  double m_turn_start = 0;
  double m_last_output = 0;
  double m_silence = 0;
  bool m_is_over = false;
};

void TurnReader::take(const TerminalEvent& event) {
  if (m_is_over) {
    return;
  }
  switch (event.kind) {
  case TerminalEvent::Kind::output:
    take_output(event);
    break;
  case TerminalEvent::Kind::typed:
    for (const char key : event.text) {
      take_key(key);
    }
    break;
  case TerminalEvent::Kind::monitor:
  case TerminalEvent::Kind::left:
  case TerminalEvent::Kind::ended:
    take_other(event);
    break;
  }
  if (m_typed.empty() && event.kind != TerminalEvent::Kind::output) {
    m_turn_start = m_last_output = event.seconds; // what comes from now on answers it
  }
}

void TurnReader::take_output(const TerminalEvent& event) {
  if (m_typed.empty()) {
    m_silence = std::max(m_silence, event.seconds - m_last_output);
    m_before += event.text;
  } else {
    m_meanwhile += event.text;
    m_since_key += event.text;
  }
  m_last_output = event.seconds;
}

void TurnReader::take_key(char key) {
  if (!m_typed.empty() && reacts(m_since_key)) {
    end_keys();
  }
  m_typed += key;
  m_since_key.clear();
  if (key == k_enter) {
    end_line();
  }
}

void TurnReader::end_keys() {
  end_turn(Turn::Input::keys, m_typed);
  m_before = m_meanwhile;
  m_typed.clear();
  m_meanwhile.clear();
  m_since_key.clear();
}

void TurnReader::end_line() {
  const std::optional<std::string> line =
      edited(std::string_view(m_typed).substr(0, m_typed.size() - 1));
  end_turn(line ? Turn::Input::line : Turn::Input::keys, line.value_or(m_typed));
  m_echo_awaited = line.value_or("");
  m_echoed_early = m_meanwhile;
  m_awaits_echo = line.has_value();
  m_typed.clear();
  m_meanwhile.clear();
}

void TurnReader::take_other(const TerminalEvent& event) {
  if (!m_typed.empty()) {
    end_keys();
  }
  Turn& turn = end_turn(event.kind == TerminalEvent::Kind::monitor ? Turn::Input::monitor
                        : event.kind == TerminalEvent::Kind::left  ? Turn::Input::left
                                                                   : Turn::Input::ended,
                        event.text);
  turn.reply = event.reply;
  turn.status = event.status;
  m_is_over = event.kind != TerminalEvent::Kind::monitor;
}

// Takes the echo of the last line off what has come. What is left of it after the keys that were
// sent back one by one stands at the start; the answer may stand in the same line.
void TurnReader::take_off_echo() {
  const std::string early = drawn(m_echoed_early);
  const std::string rest =
      m_echo_awaited.starts_with(early) ? m_echo_awaited.substr(early.size()) : m_echo_awaited;
  const std::size_t at = m_before.find(rest);
  const std::string first(trim(drawn(m_before.substr(0, m_before.find('\n')))));
  bool echoed = !trim(early).empty();
  if (at != std::string::npos && at <= m_before.find('\n')) {
    m_before.erase(0, at + rest.size());
    echoed = echoed || !rest.empty();
  } else if (!first.empty() && rest.ends_with(first)) { // with corrections in it
    m_before.erase(0, m_before.find('\n'));
    echoed = true;
  }
  const std::size_t end = m_before.find('\n');
  if (end != std::string::npos && trim(drawn(m_before.substr(0, end))).empty()) {
    m_before.erase(0, end + 1);
  }
  m_turns.back().echoed = echoed || m_echo_awaited.empty();
}

Turn& TurnReader::end_turn(Turn::Input input, std::string text) {
  if (m_awaits_echo) {
    take_off_echo();
  }
  m_awaits_echo = false;
  Turn turn;
  turn.input = input;
  turn.text = std::move(text);
  turn.output = std::move(m_before);
  turn.seconds = std::max(0.0, m_last_output - m_turn_start);
  turn.silence = m_silence;
  m_before.clear();
  m_silence = 0;
  return m_turns.emplace_back(std::move(turn));
}

std::vector<Turn> TurnReader::finish() {
  if (!m_is_over) {
    take({TerminalEvent::Kind::left, "", m_last_output});
  }
  return std::move(m_turns);
}

// How many bytes at the start of `text` are one character that can be shown; 0: none is.
std::size_t character_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) {
    return (first >= ' ' && first != 0x7f) || first == '\t' ? 1 : 0;
  }
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length == 0 || length > text.size()) {
    return 0;
  }
  // Overlong forms, surrogates and what XML cannot hold are for escape_for_display() to judge.
  const std::string_view character = text.substr(0, length);
  return escape_for_display(character) == character ? length : 0;
}

std::vector<std::string> pieces_of(std::string_view line) {
  std::vector<std::string> pieces;
  bool goes_on = false;
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t length = character_length(line.substr(at));
    if (length > 0 && !goes_on) {
      pieces.emplace_back();
    }
    goes_on = length > 0;
    if (goes_on) {
      pieces.back() += line.substr(at, length);
    }
    at += std::max<std::size_t>(length, 1);
  }
  return pieces;
}

} // namespace

std::vector<Turn> turns_of(const std::vector<TerminalEvent>& events) {
  TurnReader reader;
  for (const TerminalEvent& event : events) {
    reader.take(event);
  }
  return reader.finish();
}

std::vector<ConsoleLine> console_lines(std::string_view output) {
  const std::string text = without_sequences(output);
  std::vector<ConsoleLine> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const bool complete = end != std::string::npos;
    const std::size_t length = complete ? end - at : std::string::npos;
    lines.push_back({pieces_of(std::string_view(text).substr(at, length)), complete});
    at = complete ? end + 1 : text.size();
  }
  return lines;
}

} // namespace qt
