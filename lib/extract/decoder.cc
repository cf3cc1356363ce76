#include "extract/decoder.hh"

#include "base/error.hh"

#include <cstring>

namespace qt {

namespace {

constexpr std::size_t k_input_bytes = 256U << 10;

} // namespace

Decoder::Decoder(std::string_view name, std::unique_ptr<ByteSource> input)
  : m_name(name)
  , m_input(std::move(input))
  , m_buffer(k_input_bytes) {}

std::size_t Decoder::read(std::span<std::byte> into) {
  std::size_t filled = 0;
  while (filled < into.size() && !m_ended) {
    if (m_waiting.empty() && !m_input_ended) {
      const std::size_t count = m_input->read(m_buffer);
      m_waiting = std::span(m_buffer).first(count);
      m_input_ended = count < m_buffer.size();
    }
    if (m_between_streams) {
      start_stream_or_end();
      continue;
    }
    const std::size_t waiting = m_waiting.size();
    const Progress progress = decode(m_waiting, into.subspan(filled), m_input_ended);
    m_waiting = m_waiting.subspan(progress.used);
    filled += progress.made;
    if (progress.stream_ended) {
      m_between_streams = true;
    } else if (progress.used == 0 && progress.made == 0 && (m_input_ended || waiting > 0)) {
      fail(has_ended_before() ? "followed by something else" : "truncated");
    }
  }
  return filled;
}

void Decoder::start_stream_or_end() {
  while (!m_waiting.empty() && m_waiting.front() == std::byte{0}) {
    m_waiting = m_waiting.subspan(1);
    m_padding = true;
  }
  if (m_waiting.empty()) {
    m_ended = m_input_ended;
    return;
  }
  refill_head();
  if (m_padding || !starts_stream(text_of(m_waiting).substr(0, 4))) {
    if (!others_read_on()) {
      fail("followed by something else");
    }
    m_input->give_back(m_waiting);
    m_waiting = {};
    m_ended = true;
    return;
  }
  restart();
  m_between_streams = false;
}

// A header may lie across two reads: moves what waits to the front and reads on.
void Decoder::refill_head() {
  if (m_waiting.size() >= 4 || m_input_ended) {
    return;
  }
  const std::size_t kept = m_waiting.size();
  std::memmove(m_buffer.data(), m_waiting.data(), kept);
  const std::size_t count = m_input->read(std::span(m_buffer).subspan(kept));
  m_input_ended = count < m_buffer.size() - kept;
  m_waiting = std::span(m_buffer).first(kept + count);
}

void Decoder::fail(std::string_view reason) const {
  throw Error(format("the {} data is {}", m_name, reason), ExitCode::failed);
}

void Decoder::fail_for_memory() const {
  throw Error(format("the {} data asks for more memory than this process may have", m_name),
              ExitCode::failed);
}

} // namespace qt
