#include "echo.hh"

#include <algorithm>

namespace qt {

namespace {

constexpr std::size_t k_most_pending = 8;

bool is_line_end(char byte) { return byte == '\r' || byte == '\n'; }
unsigned char index_of(char byte) { return static_cast<unsigned char>(byte); }

} // namespace

void EchoFilter::expect(std::string_view line) {
  if (line.empty()) {
    return;
  }
  if (m_pending.size() == k_most_pending) {
    m_pending.pop_front();
    // Readings of the line that is given up end; the others move up.
    std::erase_if(m_readings, [](const Reading& reading) { return reading.line == 0; });
    for (Reading& reading : m_readings) {
      --reading.line;
    }
  }
  m_pending.emplace_back(line);
  update_starts();
}

void EchoFilter::update_starts() {
  m_starts.fill(false);
  for (const std::string& line : m_pending) {
    m_starts[index_of(line.front())] = true;
  }
}

void EchoFilter::feed(std::string_view bytes, const Sink& sink) {
  while (!bytes.empty()) {
    const std::size_t taken = take_some(bytes, sink);
    bytes.remove_prefix(taken);
    while (m_again_at < m_again.size()) { // before anything newer
      const char byte = m_again[m_again_at++];
      take_some(std::string_view(&byte, 1), sink);
    }
    m_again.clear();
    m_again_at = 0;
  }
}

// Takes as many bytes from the front as are of one kind, at least one; says how many.
std::size_t EchoFilter::take_some(std::string_view bytes, const Sink& sink) {
  if (m_in_message) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
    m_in_message = bytes[end - 1] != '\n';
    sink(bytes.substr(0, end));
    return end;
  }
  if (m_held.empty()) {
    const auto may_start = [this](char byte) { return m_starts[index_of(byte)]; };
    const auto start =
        m_pending.empty() ? bytes.end() : std::find_if(bytes.begin(), bytes.end(), may_start);
    if (start != bytes.begin()) {
      const auto passing = static_cast<std::size_t>(start - bytes.begin());
      sink(bytes.substr(0, passing));
      return passing;
    }
    for (std::size_t line = 0; line < m_pending.size(); ++line) {
      m_readings.push_back({line, 0});
    }
  }
  take(bytes.front(), sink);
  return 1;
}

void EchoFilter::finish(const Sink& sink) {
  if (!m_held.empty()) {
    sink(m_held);
  }
  m_held.clear();
  m_readings.clear();
  m_in_message = false;
}

// Takes one byte that is held or begins what is held.
void EchoFilter::take(char byte, const Sink& sink) {
  m_held += byte;
  switch (advance(byte)) {
  case Step::alive:
    if (m_readings.empty()) {
      // No echo begins here: the first byte goes, what follows it is looked at again.
      sink(std::string_view(m_held).substr(0, 1));
      m_again.replace(0, m_again_at, std::string_view(m_held).substr(1));
      m_again_at = 0;
      m_held.clear();
    }
    break;
  case Step::message: {
    const std::size_t begin = m_readings.front().message;
    sink(std::string_view(m_held).substr(begin));
    m_held.erase(begin);
    for (Reading& reading : m_readings) {
      reading = {reading.line, reading.matched};
    }
    m_in_message = true;
    break;
  }
  case Step::complete:
    m_pending.erase(m_pending.begin(),
                    m_pending.begin() + static_cast<std::ptrdiff_t>(m_completed) + 1);
    update_starts();
    m_held.clear();
    m_readings.clear();
    sink(std::string_view(&byte, 1));
  }
}

// The byte read as text: the line's next byte, its end, or the start of something between.
void EchoFilter::advance_text(Reading reading, char byte, std::vector<Reading>& next,
                              bool& complete, std::size_t& completed) const {
  const std::string& line = m_pending[reading.line];
  if (reading.matched < line.size() && line[reading.matched] == byte) {
    next.push_back({reading.line, reading.matched + 1});
  }
  if (reading.matched == 0) {
    return; // an echo begins with the line's first byte
  }
  if (reading.matched == line.size() && is_line_end(byte)) {
    complete = true;
    completed = std::max(completed, reading.line);
  } else if (is_line_end(byte) || byte == '\b') {
    next.push_back({reading.line, reading.matched});
  } else if (byte == ' ') {
    next.push_back({reading.line, reading.matched, Part::margin});
  } else if (byte == '\x1b') {
    next.push_back({reading.line, reading.matched, Part::escape});
  } else if (PrintkPrefix prefix; prefix.feed(byte) == PrintkPrefix::Answer::more) {
    next.push_back({reading.line, reading.matched, Part::prefix, m_held.size() - 1, prefix});
  }
}

EchoFilter::Step EchoFilter::advance(char byte) {
  std::vector<Reading> next;
  std::vector<Reading> in_message;
  bool complete = false;
  std::size_t completed = 0;
  for (const Reading& reading : m_readings) {
    const auto go_on = [&](Part part) { next.push_back({reading.line, reading.matched, part}); };
    switch (reading.part) {
    case Part::text:
      advance_text(reading, byte, next, complete, completed);
      break;
    case Part::margin:
      if (byte == '\r') {
        // At the end of the line this CR may be the one that ends it.
        if (reading.matched == m_pending[reading.line].size()) {
          complete = true;
          completed = std::max(completed, reading.line);
        } else {
          next.push_back({reading.line, reading.matched});
        }
      }
      break;
    case Part::escape:
      if (byte == '[') {
        go_on(Part::sequence);
      }
      break;
    case Part::sequence:
      if (byte >= '@' && byte <= '~') {
        next.push_back({reading.line, reading.matched});
      } else if (byte >= ' ' && byte <= '?') {
        go_on(Part::sequence);
      }
      break;
    case Part::prefix: {
      Reading longer = reading;
      const PrintkPrefix::Answer answer = longer.printk.feed(byte);
      if (answer == PrintkPrefix::Answer::more) {
        next.push_back(longer);
      } else if (answer == PrintkPrefix::Answer::yes) {
        in_message.push_back(reading);
      }
    }
    }
  }
  if (complete) {
    m_completed = completed;
    return Step::complete;
  }
  // A byte of a time stamp that is text too was typed: a line may hold one.
  if (!in_message.empty() && next.empty()) {
    m_readings = std::move(in_message);
    return Step::message;
  }
  m_readings.clear();
  for (const Reading& reading : next) {
    if (std::find(m_readings.begin(), m_readings.end(), reading) == m_readings.end()) {
      m_readings.push_back(reading);
    }
  }
  return Step::alive;
}

} // namespace qt
