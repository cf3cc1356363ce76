// Hands out the bytes of a source in large pieces, read ahead in a thread of its own once the
// stream has turned out to be long: decoding then overlaps with what the caller does. Short streams
// and members near the start of an archive never pay for a thread.
#pragma once

#include "extract/byte_source.hh"

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace qt {

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
