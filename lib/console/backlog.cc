#include "console/backlog.hh"

#include "base/environment.hh"
#include "base/error.hh"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace qt {

namespace {

constexpr std::size_t k_memory = 1024 * 1024;
constexpr std::size_t k_window = 64 * 1024;
constexpr std::uint64_t k_freed_at_once = 16 << 20;

UniqueFd make_unlinked_file() {
  const std::string folder = env::text("TMPDIR");
  const std::string where = !folder.empty() ? folder : "/tmp";
  const int fd = ::open(where.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) {
    return UniqueFd(fd);
  }
  std::string path = where + "/qt-backlog-XXXXXX"; // a file system without O_TMPFILE
  UniqueFd file(::mkostemp(path.data(), O_CLOEXEC));
  if (!file) {
    throw errno_error(errno, format("creating a temporary file in {}", where));
  }
  ::unlink(path.c_str());
  return file;
}

} // namespace

void Backlog::append(std::string_view bytes) {
  m_memory += bytes;
  if (m_memory_begin + m_memory.size() - std::max(m_begin, m_memory_begin) > k_memory) {
    spill();
  }
}

void Backlog::spill() {
  if (!m_file) {
    m_file = make_unlinked_file();
    m_file_begin = m_memory_begin;
    m_freed = 0;
  }
  std::string_view rest = m_memory;
  auto offset = static_cast<off_t>(m_memory_begin - m_file_begin);
  while (!rest.empty()) {
    const ssize_t count = ::pwrite(m_file.get(), rest.data(), rest.size(), offset);
    if (count < 0 && errno != EINTR) {
      throw errno_error(errno, "keeping console output in a temporary file");
    }
    if (count > 0) {
      rest.remove_prefix(static_cast<std::size_t>(count));
      offset += count;
    }
  }
  m_memory_begin += m_memory.size();
  m_memory.clear();
}

std::string_view Backlog::at(std::uint64_t offset) {
  assert(offset >= m_begin && offset <= end());
  if (offset >= m_memory_begin) {
    return std::string_view(m_memory).substr(static_cast<std::size_t>(offset - m_memory_begin));
  }
  m_window.resize(
      static_cast<std::size_t>(std::min<std::uint64_t>(k_window, m_memory_begin - offset)));
  std::size_t have = 0;
  while (have < m_window.size()) {
    const ssize_t count = ::pread(m_file.get(), m_window.data() + have, m_window.size() - have,
                                  static_cast<off_t>(offset - m_file_begin + have));
    if (count == 0 || (count < 0 && errno != EINTR)) {
      throw errno_error(count == 0 ? EIO : errno, "reading console output back");
    }
    have += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  return m_window;
}

// Whoever is always behind must not have a file that only grows. Where the file system cannot give
// a part back, it does.
void Backlog::free_file_before(std::uint64_t offset) {
  const std::uint64_t unused = offset - std::min(offset, m_file_begin);
  if (unused - m_freed >= k_freed_at_once) {
    ::fallocate(m_file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                static_cast<off_t>(m_freed), static_cast<off_t>(unused - m_freed));
    m_freed = unused;
  }
}

void Backlog::discard_before(std::uint64_t offset) {
  assert(offset <= end());
  m_begin = std::max(m_begin, offset);
  if (m_begin < m_memory_begin) {
    free_file_before(m_begin);
    return;
  }
  m_file.reset();
  m_window.clear();
  const auto unused = static_cast<std::size_t>(m_begin - m_memory_begin);
  // Moving the rest down costs as much as it has bytes: wait until at least as many are unused.
  if (unused >= m_memory.size() - unused) {
    m_memory.erase(0, unused);
    m_memory_begin = m_begin;
  }
}

} // namespace qt
