// Writing files with holes: blocks of zeros take no room on disk and no time to write. And copying
// files without reading them where the file system can (reflink, copy in the kernel).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace qt {

// Writes a new, empty file from its start, or with jumps forward. Never reads it.
class SparseWriter {
public:
  // Does not own `fd`, which must be empty. `name` is for messages.
  SparseWriter(int fd, std::string name)
    : m_fd(fd)
    , m_name(std::move(name)) {}

  // Appends; blocks of 4096 zeros at a multiple of 4096 become holes. Throws Error.
  void write(std::span<const std::byte> bytes);
  // Leaves a hole up to `offset`; ignored if that is not past the end.
  void skip_to(std::uint64_t offset);
  std::uint64_t size() const noexcept { return m_size; }
  int fd() const noexcept { return m_fd; }
  const std::string& name() const noexcept { return m_name; }
  // Gives the file its length. Without it trailing zeros are missing. Throws Error.
  void finish();

private:
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes) const;

  int m_fd;
  std::string m_name;
  std::uint64_t m_size = 0;
};

// Makes the empty file `to` a copy of `from` that shares its blocks until one of them is written
// (reflink). False if the file system cannot; nothing has happened then.
bool share_contents(int from, int to) noexcept;

// Makes the empty file `to` a copy of `from`: shared blocks where the file system can, else a copy
// with its holes, or, if it has none, with its zeros as holes. `name` is for messages. Throws
// Error.
void copy_contents(int from, int to, std::uint64_t size, const std::string& name);

} // namespace qt
