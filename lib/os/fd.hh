// File descriptors that own themselves, and the few calls on them that need a loop.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace qt {

class UniqueFd {
public:
  UniqueFd() noexcept = default;
  // Takes ownership of `fd`; -1 means none.
  explicit UniqueFd(int fd) noexcept
    : m_fd(fd) {}
  UniqueFd(UniqueFd&& other) noexcept
    : m_fd(std::exchange(other.m_fd, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(std::exchange(other.m_fd, -1));
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const noexcept { return m_fd; }
  explicit operator bool() const noexcept { return m_fd >= 0; }
  [[nodiscard]] int release() noexcept { return std::exchange(m_fd, -1); }
  void reset(int fd = -1) noexcept;

private:
  int m_fd = -1;
};

struct FdPair {
  UniqueFd first;
  UniqueFd second;
};

// A connected pair of stream sockets, both close-on-exec and blocking. Throws Error.
FdPair make_socket_pair();
// A pipe, both ends close-on-exec: first is the reading end. Throws Error.
FdPair make_pipe();

// Opens a file, close-on-exec. Throws Error ("opening PATH: …") with `code`.
UniqueFd open_file(const std::string& path, int flags, int mode = 0666);

// A close-on-exec descriptor of our own for the same open file. Throws Error.
UniqueFd duplicate_fd(int fd);
void set_nonblocking(int fd);

// What one read or write on a non-blocking descriptor did.
enum class IoResult {
  done,        // `count` bytes were moved, at least one
  would_block, // nothing now
  ended,       // end of file, or the other side has gone (EPIPE, ECONNRESET, EIO of a pty)
};
struct IoCount {
  IoResult result;
  std::size_t count;
};
// One read or write, restarted on EINTR. Throws Error on anything but the outcomes above.
// write_some() on a socket or pipe without a reader gives `ended`; SIGPIPE must be ignored
// (run_tool does that).
IoCount read_some(int fd, std::span<std::byte> buffer);
IoCount write_some(int fd, std::span<const std::byte> bytes);

// Writes everything to a blocking descriptor. Throws Error, with EPIPE as "Broken pipe".
void write_all(int fd, std::string_view bytes, std::string_view object);
// What is read whole may hold at most, where nothing else is said.
inline constexpr std::size_t k_largest_whole = 256U * 1024 * 1024;
// Reads a blocking descriptor until end of file. Throws Error if more than `most` bytes come.
std::string read_to_end(int fd, std::string_view object, std::size_t most = k_largest_whole);

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace qt
