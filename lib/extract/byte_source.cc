#include "extract/byte_source.hh"

#include "base/error.hh"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {

namespace {

constexpr std::size_t k_ring = 8;
// What fits into a processor core's own cache: the reader finds it there.
constexpr std::size_t k_piece = 256U << 10;
// A look at the content of an ISO image needs 34 KiB.
constexpr std::size_t k_first_piece = 64U << 10;
// After a jump little may be wanted: the header of the next member.
constexpr std::size_t k_piece_after_seek = 1U << 10;
constexpr std::uint64_t k_long_stream = 4U << 20;

class RemainingSource final : public ByteSource {
public:
  explicit RemainingSource(std::unique_ptr<ReadAhead> input)
    : m_input(std::move(input)) {}

  std::size_t read(std::span<std::byte> into) override {
    std::size_t filled = 0;
    while (filled < into.size()) {
      if (m_piece.empty()) {
        m_piece = m_input->next();
        if (m_piece.empty()) {
          break;
        }
      }
      const std::size_t count = std::min(m_piece.size(), into.size() - filled);
      std::memcpy(into.data() + filled, m_piece.data(), count);
      m_piece = m_piece.subspan(count);
      filled += count;
    }
    return filled;
  }

private:
  std::unique_ptr<ReadAhead> m_input;
  std::span<const std::byte> m_piece;
};

} // namespace

void ByteSource::seek(std::uint64_t) { assert(false); }

std::uint64_t ByteSource::size() const {
  assert(false);
  return 0;
}

void ByteSource::give_back(std::span<const std::byte>) { assert(false); }

FileSource::FileSource(const std::string& path)
  : m_path(path)
  // Not blocking: a fifo is refused below, not waited for.
  , m_fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (!m_fd) {
    const int number = errno;
    throw errno_error(number, format("opening {}", path),
                      number == ENOENT || number == ENOTDIR ? ExitCode::absent
                                                            : ExitCode::internal);
  }
  struct stat status;
  if (::fstat(m_fd.get(), &status) < 0) {
    throw errno_error(errno, format("looking at {}", path));
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(format("reading {}: it is not a regular file", path), ExitCode::failed);
  }
  m_size = static_cast<std::uint64_t>(status.st_size);
}

std::size_t FileSource::read(std::span<std::byte> into) {
  const std::size_t count = read_at(m_offset, into);
  m_offset += count;
  return count;
}

std::string FileSource::peek(std::uint64_t offset, std::size_t count) const {
  std::string bytes(count, '\0');
  bytes.resize(read_at(offset, std::as_writable_bytes(std::span(bytes))));
  return bytes;
}

std::size_t FileSource::read_at(std::uint64_t offset, std::span<std::byte> into) const {
  std::size_t filled = 0;
  while (filled < into.size()) {
    const ssize_t count = ::pread(m_fd.get(), into.data() + filled, into.size() - filled,
                                  static_cast<off_t>(offset + filled));
    if (count == 0) {
      break;
    }
    if (count > 0) {
      filled += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      throw errno_error(errno, format("reading {}", m_path));
    }
  }
  return filled;
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) {
    number = number << 8 | static_cast<unsigned char>(bytes[i - 1]);
  }
  return number;
}

std::unique_ptr<ByteSource> remaining_source(std::unique_ptr<ReadAhead> input) {
  return std::make_unique<RemainingSource>(std::move(input));
}

ReadAhead::ReadAhead(std::unique_ptr<ByteSource> source, Overlap overlap)
  : m_source(std::move(source))
  , m_overlap(overlap)
  , m_size(k_first_piece)
  , m_ring(1) {}

ReadAhead::~ReadAhead() {
  if (m_thread.joinable()) {
    {
      const std::lock_guard lock(m_mutex);
      m_stop = true;
    }
    m_changed.notify_all();
    m_thread.join();
  }
}

void ReadAhead::fill(Piece& piece, std::size_t size) {
  if (piece.bytes.size() < size) {
    piece.bytes.resize(size);
  }
  piece.filled = m_source->read(std::span(piece.bytes).first(size));
}

std::span<const std::byte> ReadAhead::peek() {
  assert(m_position == 0 || m_peeked);
  if (!m_peeked) {
    next();
    m_peeked = true;
  }
  return std::span(m_ring[0].bytes).first(m_ring[0].filled);
}

std::span<const std::byte> ReadAhead::next() {
  if (m_peeked) {
    m_peeked = false;
    return std::span(m_ring[0].bytes).first(m_ring[0].filled);
  }
  if (m_thread.joinable()) {
    return next_ahead();
  }
  if (m_overlap == Overlap::yes && m_position >= k_long_stream) {
    m_ring.resize(k_ring);
    m_thread = std::thread([this] { run(); });
    return next_ahead();
  }
  fill(m_ring[0], m_size);
  m_size = std::min(2 * m_size, k_piece);
  m_position += m_ring[0].filled;
  return std::span(m_ring[0].bytes).first(m_ring[0].filled);
}

void ReadAhead::seek(std::uint64_t offset) {
  assert(can_seek());
  m_source->seek(offset);
  m_peeked = false;
  m_position = offset;
  m_size = k_piece_after_seek;
}

void ReadAhead::run() {
  for (;;) {
    Piece* piece = nullptr;
    {
      std::unique_lock lock(m_mutex);
      // One piece less than the ring: the caller looks at that one.
      m_changed.wait(lock, [this] { return m_stop || m_filled - m_taken < k_ring - 1; });
      if (m_stop) {
        return;
      }
      piece = &m_ring[m_filled % k_ring];
    }
    try {
      fill(*piece, k_piece);
    } catch (...) {
      piece->filled = 0;
      piece->failure = std::current_exception();
    }
    const bool last = piece->filled < k_piece;
    {
      const std::lock_guard lock(m_mutex);
      ++m_filled;
    }
    m_changed.notify_all();
    if (last) {
      return;
    }
  }
}

std::span<const std::byte> ReadAhead::next_ahead() {
  Piece* piece = nullptr;
  {
    std::unique_lock lock(m_mutex);
    if (m_taken > 0 && m_ring[(m_taken - 1) % k_ring].filled < k_piece) {
      return {}; // the thread has ended with the piece before
    }
    m_changed.wait(lock, [this] { return m_taken < m_filled; });
    piece = &m_ring[m_taken % k_ring];
    ++m_taken;
  }
  m_changed.notify_all();
  if (piece->failure) {
    std::rethrow_exception(piece->failure);
  }
  m_position += piece->filled;
  return std::span(piece->bytes).first(piece->filled);
}

} // namespace qt
