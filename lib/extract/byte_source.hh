// Where bytes come from, one after the other: a file, a decoder, a member of an archive. The one
// shape in which these are put on top of each other.
#pragma once

#include "os/fd.hh"

#include <cstdint>
#include <string>
#include <string_view>

namespace qt {

class ByteSource {
public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  // Fills `into` with the next bytes; fewer only at the end, 0 after it. Blocks as the file below
  // does. Throws Error with ExitCode::failed if the bytes are not what they should be,
  // ExitCode::internal if they cannot be read.
  virtual std::size_t read(std::span<std::byte> into) = 0;

  // True if seek() works.
  virtual bool can_seek() const { return false; }
  // The next read() starts `offset` bytes from the start, which may be at or past the end.
  virtual void seek(std::uint64_t offset);
  // Bytes in all; only where can_seek().
  virtual std::uint64_t size() const;

  // True if give_back() works: somebody reads on where this reader has what it needs.
  virtual bool takes_back() const { return false; }
  // The last bytes that read() gave, which were not needed: they come again.
  virtual void give_back(std::span<const std::byte> bytes);
};

// A regular file, read from its start.
class FileSource final : public ByteSource {
public:
  // Throws Error(ExitCode::absent) if there is no such file, Error(ExitCode::failed) if it is not a
  // regular file.
  explicit FileSource(const std::string& path);

  std::size_t read(std::span<std::byte> into) override;
  bool can_seek() const override { return true; }
  void seek(std::uint64_t offset) override { m_offset = offset; }
  std::uint64_t size() const override { return m_size; }

  int fd() const noexcept { return m_fd.get(); }
  // Up to `count` bytes from `offset`, without moving the place of read().
  std::string peek(std::uint64_t offset, std::size_t count) const;

private:
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> into) const;

  std::string m_path;
  UniqueFd m_fd;
  std::uint64_t m_offset = 0;
  std::uint64_t m_size = 0;
};

// The number that these bytes, at most eight, are with the lowest in front.
std::uint64_t little_endian(std::string_view bytes);

} // namespace qt
