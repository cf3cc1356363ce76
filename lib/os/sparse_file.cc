#include "os/sparse_file.hh"

#include "base/error.hh"

#include <cerrno>
#include <cstring>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace qt {

namespace {

constexpr std::size_t k_block = 4096;

bool is_zero(std::span<const std::byte> bytes) {
  return bytes[0] == std::byte{0} &&
         std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

off_t signed_offset(std::uint64_t offset) { return static_cast<off_t>(offset); }

// One run of data. The kernel may refuse to copy between these two files at any point.
bool copy_in_kernel(int from, int to, std::uint64_t start, std::uint64_t end,
                    const std::string& name) {
  loff_t source = signed_offset(start);
  loff_t target = source;
  while (static_cast<std::uint64_t>(source) < end) {
    const ssize_t count =
        ::copy_file_range(from, &source, to, &target, end - static_cast<std::uint64_t>(source), 0);
    if (count == 0) {
      throw Error(format("copying {}: it became shorter meanwhile", name));
    }
    if (count < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS ||
                      errno == EPERM || errno == EBADF)) {
      return false;
    }
    if (count < 0 && errno != EINTR) {
      throw errno_error(errno, format("copying {}", name));
    }
  }
  return true;
}

void copy_by_reading(int from, SparseWriter& to, std::uint64_t start, std::uint64_t end,
                     const std::string& name) {
  std::vector<std::byte> buffer(128U << 10); // stays in the cache until it is written
  to.skip_to(start);
  while (start < end) {
    const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), end - start);
    const ssize_t count = ::pread(from, buffer.data(), wanted, signed_offset(start));
    if (count == 0) {
      throw Error(format("copying {}: it became shorter meanwhile", name));
    }
    if (count < 0 && errno != EINTR) {
      throw errno_error(errno, format("reading {}", name));
    }
    if (count > 0) {
      to.write(std::span(buffer).first(static_cast<std::size_t>(count)));
      start += static_cast<std::uint64_t>(count);
    }
  }
}

} // namespace

void SparseWriter::write(std::span<const std::byte> bytes) {
  // Bytes since `data` are waiting to be written in one call.
  std::size_t data = 0;
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::size_t to_boundary = k_block - (m_size + at) % k_block;
    const std::size_t length = std::min(to_boundary, bytes.size() - at);
    if (is_zero(bytes.subspan(at, length))) {
      write_at(m_size + data, bytes.subspan(data, at - data));
      data = at + length;
    }
    at += length;
  }
  write_at(m_size + data, bytes.subspan(data));
  m_size += bytes.size();
}

void SparseWriter::skip_to(std::uint64_t offset) { m_size = std::max(m_size, offset); }

void SparseWriter::finish() {
  if (::ftruncate(m_fd, signed_offset(m_size)) < 0) {
    throw errno_error(errno, format("writing {}", m_name));
  }
}

void SparseWriter::write_at(std::uint64_t offset, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(m_fd, bytes.data(), bytes.size(), signed_offset(offset));
    if (count >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    } else if (errno != EINTR) {
      throw errno_error(errno, format("writing {}", m_name));
    }
  }
}

bool share_contents(int from, int to) noexcept { return ::ioctl(to, FICLONE, from) == 0; }

void copy_contents(int from, int to, std::uint64_t size, const std::string& name) {
  if (share_contents(from, to)) {
    return;
  }
  // Where the file has its holes already, the kernel copies what is between them; else zeros have
  // to be looked for, and leaving them out is twice as fast as copying them in the kernel.
  struct stat status;
  bool in_kernel =
      ::fstat(from, &status) == 0 && static_cast<std::uint64_t>(status.st_blocks) * 512 < size;
  SparseWriter writer(to, name);
  off_t at = 0;
  while (at < signed_offset(size)) {
    off_t start = ::lseek(from, at, SEEK_DATA);
    off_t end = start < 0 ? start : ::lseek(from, start, SEEK_HOLE);
    if (start < 0 && errno == ENXIO) {
      break; // only a hole is left
    }
    if (start < 0 || end < 0) { // the file system does not know its holes
      start = at;
      end = signed_offset(size);
    }
    const auto first = static_cast<std::uint64_t>(start);
    const auto last = std::min(static_cast<std::uint64_t>(end), size);
    in_kernel = in_kernel && copy_in_kernel(from, to, first, last, name);
    if (!in_kernel) {
      copy_by_reading(from, writer, first, last, name);
    }
    at = end;
  }
  writer.skip_to(size);
  writer.finish();
}

} // namespace qt
