// A fuzzer's bytes as a source.
#pragma once

#include "extract/byte_source.hh"

#include <algorithm>

namespace qt {

class MemorySource final : public ByteSource {
public:
  explicit MemorySource(std::span<const std::byte> bytes)
    : m_bytes(bytes) {}

  std::size_t read(std::span<std::byte> into) override {
    const std::size_t at = std::min<std::uint64_t>(m_offset, m_bytes.size());
    const std::size_t count = std::min(into.size(), m_bytes.size() - at);
    std::copy_n(m_bytes.begin() + static_cast<std::ptrdiff_t>(at), count, into.begin());
    m_offset = at + count;
    return count;
  }
  bool can_seek() const override { return true; }
  void seek(std::uint64_t offset) override { m_offset = offset; }
  std::uint64_t size() const override { return m_bytes.size(); }

private:
  std::span<const std::byte> m_bytes;
  std::uint64_t m_offset = 0;
};

} // namespace qt
