#include "os/bounded_log.hh"

#include "base/error.hh"
#include "base/text.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {

BoundedLog::BoundedLog(std::string path, std::uint64_t limit, Start start)
  : m_path(std::move(path))
  , m_limit(std::max(limit, k_least_log_limit))
  , m_room(m_limit / 4)
  , m_file(
        open_file(m_path, O_RDWR | O_CREAT | O_APPEND | (start == Start::afresh ? O_TRUNC : 0))) {
  struct stat status = {};
  if (::fstat(m_file.get(), &status) == 0) {
    m_base = static_cast<std::uint64_t>(status.st_size);
  }
  m_head = m_limit - m_room - std::min(m_limit - m_room, m_base);
  ::unlink((m_path + ".tail").c_str()); // of a program that was killed
}

void BoundedLog::write(std::string_view bytes) {
  const std::uint64_t room = m_head - std::min(m_head, m_size);
  const std::string_view first = bytes.substr(0, std::min<std::uint64_t>(room, bytes.size()));
  write_all(m_file.get(), first, m_path);
  m_size += first.size();
  if (first.size() < bytes.size()) {
    write_tail(bytes.substr(first.size()));
  }
}

void BoundedLog::write_tail(std::string_view bytes) {
  if (!m_tail) {
    m_tail = open_file(m_path + ".tail", O_RDWR | O_CREAT | O_TRUNC);
  }
  const std::size_t skipped = bytes.size() - std::min<std::uint64_t>(bytes.size(), m_room);
  m_size += skipped;
  bytes.remove_prefix(skipped);
  while (!bytes.empty()) {
    const std::uint64_t at = (m_size - m_head) % m_room;
    const ssize_t count =
        ::pwrite(m_tail.get(), bytes.data(), std::min<std::uint64_t>(bytes.size(), m_room - at),
                 static_cast<off_t>(at));
    if (count < 0 && errno != EINTR) {
      throw errno_error(errno, format("writing {}.tail", m_path));
    }
    if (count > 0) {
      m_size += static_cast<std::uint64_t>(count);
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }
}

std::uint64_t BoundedLog::kept_from(std::uint64_t offset) const noexcept {
  if (offset < m_head || m_size <= m_head) {
    return std::min(offset, m_size);
  }
  return std::min(m_size, std::max({offset, m_head, m_size - std::min(m_size, m_room)}));
}

std::uint64_t BoundedLog::room(std::uint64_t offset) const noexcept {
  const std::uint64_t end = std::max(offset, m_head) + m_room;
  return end - std::min(end, m_size);
}

std::size_t BoundedLog::read(std::uint64_t offset, std::span<std::byte> buffer) const {
  if (offset >= m_size) {
    return 0;
  }
  const bool is_first = offset < m_head;
  const std::uint64_t at = is_first ? m_base + offset : (offset - m_head) % m_room;
  const std::uint64_t together =
      is_first ? std::min(m_head, m_size) - offset : std::min(m_size - offset, m_room - at);
  const ssize_t count =
      ::pread(is_first ? m_file.get() : m_tail.get(), buffer.data(),
              std::min<std::uint64_t>(buffer.size(), together), static_cast<off_t>(at));
  if (count <= 0) {
    throw errno_error(count < 0 ? errno : EIO, format("reading {}", m_path));
  }
  return static_cast<std::size_t>(count);
}

void BoundedLog::finish() {
  if (!m_tail) {
    return;
  }
  const std::uint64_t begin = kept_from(m_head);
  if (begin > m_head) {
    write_all(m_file.get(),
              format("\n[{} bytes ({}) are left out here: the limit of this log is {}; see "
                     "log-limit]\n",
                     begin - m_head, format_size(begin - m_head), format_size(m_limit)),
              m_path);
  }
  std::array<std::byte, 65536> buffer;
  for (std::uint64_t at = begin; at < m_size;) {
    const std::size_t count = read(at, buffer);
    write_all(m_file.get(), text_of(std::span(buffer).first(count)), m_path);
    at += count;
  }
  m_tail.reset();
  ::unlink((m_path + ".tail").c_str());
}

LoggedOutput::LoggedOutput(UniqueFd pipe, const std::string& path, std::uint64_t limit,
                           Reader reader)
  : m_pipe(std::move(pipe))
  , m_log(path, limit)
  , m_reader(std::move(reader)) {
  set_nonblocking(m_pipe.get());
}

// True if there may be more.
bool LoggedOutput::take() {
  std::array<std::byte, 65536> buffer;
  const IoCount got = read_some(m_pipe.get(), buffer);
  const std::string_view text = text_of(std::span(buffer).first(got.count));
  m_log.write(text);
  if (m_reader && !text.empty()) {
    m_reader(text);
  }
  if (got.result == IoResult::ended) {
    m_pipe.reset();
  }
  return got.result == IoResult::done;
}

void LoggedOutput::handle(const pollfd& polled) {
  if (polled.revents != 0 && m_pipe) {
    take();
  }
}

void LoggedOutput::finish() {
  while (m_pipe && take()) {
  }
  m_log.finish();
}

} // namespace qt
