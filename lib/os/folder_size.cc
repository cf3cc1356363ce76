#include "os/folder_size.hh"

#include "base/format.hh"
#include "base/text.hh"

#include <algorithm>
#include <filesystem>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>

namespace qt {

namespace {

constexpr Duration k_pause{1000};
// A disk with less is nearly full: a second of a flood, so that logs and verdict have room yet; of
// a small disk a part.
constexpr std::uint64_t k_reserve = 1 << 30;
constexpr std::uint64_t k_part = 16;

} // namespace

FolderSize::FolderSize(std::string path, std::string left_out, std::uint64_t limit)
  : m_path(std::move(path))
  , m_left_out(std::move(left_out))
  , m_limit(limit)
  , m_deadline(Deadline::after(k_pause)) {}

std::uint64_t FolderSize::of(const std::string& path, const std::string& left_out) {
  namespace fs = std::filesystem;
  constexpr std::uint64_t k_block = 512; // of st_blocks
  std::uint64_t size = 0;
  std::error_code error;
  fs::recursive_directory_iterator entry(path, fs::directory_options::skip_permission_denied,
                                         error);
  for (const fs::recursive_directory_iterator end; !error && entry != end; entry.increment(error)) {
    struct stat status;
    if (entry->path() == left_out) {
      entry.disable_recursion_pending();
    } else if (::lstat(entry->path().c_str(), &status) == 0) {
      size += static_cast<std::uint64_t>(status.st_blocks) * k_block;
    }
  }
  return size;
}

bool FolderSize::fills_the_disk() {
  struct statvfs disk;
  if (m_left_out.empty() || ::statvfs(m_path.c_str(), &disk) < 0) {
    return false;
  }
  m_free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (m_free >= std::min(k_reserve, std::uint64_t{disk.f_blocks} * disk.f_frsize / k_part)) {
    return false;
  }
  m_left_out_size = of(m_left_out, "");
  return m_left_out_size > m_limit;
}

bool FolderSize::check() {
  if (!m_deadline.expired()) {
    return false;
  }
  m_size = of(m_path, m_left_out);
  const bool is_over = m_size > m_limit || fills_the_disk();
  m_deadline = is_over ? Deadline::never() : Deadline::after(k_pause);
  return is_over;
}

std::string FolderSize::text() const {
  if (m_size <= m_limit) {
    return format("the files in {} take {}, and the disk has only {} left", m_left_out,
                  format_size(m_left_out_size), format_size(m_free));
  }
  return format("the logs in {} take {}; the limit is {}, see log-limit", m_path,
                format_size(m_size), format_size(m_limit));
}

} // namespace qt
