#include "extract/byte_source.hh"

#include "base/error.hh"

#include <cassert>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {

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

} // namespace qt
