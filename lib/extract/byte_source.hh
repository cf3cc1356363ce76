// Where bytes come from, one after the other: a file, a decoder, a member of an archive. The one
// shape in which these are put on top of each other.
#pragma once

#include "os/fd.hh"

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

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

// Hands out the bytes of a source in large pieces, read ahead in a thread of its own once the
// stream has turned out to be long: decoding then overlaps with what the caller does. Short streams
// and members near the start of an archive never pay for a thread.

enum class Overlap { no, yes };

class ReadAhead {
public:
  // Takes ownership of `source`. Memory: one piece of at most 256 KiB, with Overlap::yes eight.
  ReadAhead(std::unique_ptr<ByteSource> source, Overlap overlap);
  ~ReadAhead(); // waits until the thread is done with the piece that it fills
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // The next piece, valid until the next call; empty at the end. Throws what the source throws, in
  // its place in the stream.
  std::span<const std::byte> next();
  // The first piece again, for looking at what the stream is: at least 64 KiB unless the stream is
  // shorter. Only before the first next(), which returns the same bytes.
  std::span<const std::byte> peek();

  // As of the source; with Overlap::yes never.
  bool can_seek() const { return m_overlap == Overlap::no && m_source->can_seek(); }
  void seek(std::uint64_t offset);
  std::uint64_t position() const { return m_position; } // where the piece after this one starts
  std::uint64_t size() const { return m_source->size(); }

private:
  struct Piece {
    std::vector<std::byte> bytes;
    std::size_t filled = 0;
    std::exception_ptr failure;
  };

  void fill(Piece& piece, std::size_t size);
  void run();
  std::span<const std::byte> next_ahead();

  std::unique_ptr<ByteSource> m_source;
  const Overlap m_overlap;
  std::uint64_t m_position = 0;
  std::size_t m_size;
  bool m_peeked = false;

  // The ring, shared with the thread: pieces m_taken … m_filled - 1 hold bytes. The piece before
  // m_taken is the one that the caller looks at.
  std::vector<Piece> m_ring;
  std::mutex m_mutex;
  std::condition_variable m_changed;
  std::size_t m_filled = 0;
  std::size_t m_taken = 0;
  bool m_stop = false;
  std::thread m_thread;
};

// What is still to come of a ReadAhead, as a source for the next layer. Takes ownership.
std::unique_ptr<ByteSource> remaining_source(std::unique_ptr<ReadAhead> input);

} // namespace qt
