// The part of a stream that has come but is not yet consumed: text that arrived while nobody waited
// for it. Up to 1 MiB lies in memory, what is more in an unlinked temporary file: memory stays
// bounded and no byte is lost, however long a step lasts. Offsets count from the stream's start.
#pragma once

#include "os/fd.hh"

#include <cstdint>
#include <string>
#include <string_view>

namespace qt {

class Backlog {
public:
  // Throws Error if the temporary file cannot be written.
  void append(std::string_view bytes);
  // The bytes from `offset` on, begin() <= offset, as many as lie together; empty at the end. Valid
  // until the next call on this object.
  std::string_view at(std::uint64_t offset);
  // Forgets what lies before `offset`.
  void discard_before(std::uint64_t offset);

  std::uint64_t begin() const noexcept { return m_begin; }
  std::uint64_t end() const noexcept { return m_memory_begin + m_memory.size(); }

private:
  void spill();
  void free_file_before(std::uint64_t offset);

  std::uint64_t m_begin = 0;
  UniqueFd m_file; // the stream's part [m_file_begin, m_memory_begin), if any
  std::uint64_t m_file_begin = 0;
  std::uint64_t m_freed = 0; // bytes at its start
  std::string m_memory;      // the part [m_memory_begin, end())
  std::uint64_t m_memory_begin = 0;
  std::string m_window; // what at() read from the file
};

} // namespace qt
