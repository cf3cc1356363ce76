// A text as a source that can jump and counts what it hands out.
#pragma once

#include "extract/byte_source.hh"

#include <algorithm>
#include <string>

namespace qt {

class TextSource final : public ByteSource {
public:
  explicit TextSource(std::string text)
    : m_text(std::move(text)) {}

  std::size_t read(std::span<std::byte> into) override {
    const std::size_t at = std::min<std::uint64_t>(m_offset, m_text.size());
    const std::size_t count = std::min(into.size(), m_text.size() - at);
    std::copy_n(bytes_of(m_text).begin() + static_cast<std::ptrdiff_t>(at), count, into.begin());
    m_offset = at + count;
    m_handed_out += count;
    return count;
  }
  bool can_seek() const override { return true; }
  void seek(std::uint64_t offset) override { m_offset = offset; }
  std::uint64_t size() const override { return m_text.size(); }

  std::size_t handed_out() const { return m_handed_out; }

private:
  std::string m_text;
  std::uint64_t m_offset = 0;
  std::size_t m_handed_out = 0;
};

} // namespace qt
