#include "os/fd.hh"

#include "base/error.hh"
#include "base/text.hh"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace qt {

void UniqueFd::reset(int fd) noexcept {
  if (m_fd >= 0 && m_fd != fd) {
    ::close(m_fd);
  }
  m_fd = fd;
}

FdPair make_socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
    throw errno_error(errno, "creating a socket pair");
  }
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

FdPair make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) {
    throw errno_error(errno, "creating a pipe");
  }
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

UniqueFd open_file(const std::string& path, int flags, int mode) {
  if (path.find('\0') != std::string::npos) {
    throw Error(format("opening {}: a path ends at a NUL byte, and this one has more after it",
                       escape_for_display(path)));
  }
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) {
    throw errno_error(errno, format("opening {}", path));
  }
  return UniqueFd(fd);
}

UniqueFd duplicate_fd(int fd) {
  const int own = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (own < 0) {
    throw errno_error(errno, format("duplicating descriptor {}", fd));
  }
  return UniqueFd(own);
}

void set_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
    throw errno_error(errno, format("making descriptor {} non-blocking", fd));
  }
}

IoCount read_some(int fd, std::span<std::byte> buffer) {
  for (;;) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count > 0) {
      return {IoResult::done, static_cast<std::size_t>(count)};
    }
    if (count == 0 || errno == ECONNRESET || errno == EIO) {
      return {IoResult::ended, 0};
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return {IoResult::would_block, 0};
    }
    if (errno != EINTR) {
      throw errno_error(errno, format("reading descriptor {}", fd));
    }
  }
}

IoCount write_some(int fd, std::span<const std::byte> bytes) {
  for (;;) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count >= 0) {
      return {IoResult::done, static_cast<std::size_t>(count)};
    }
    if (errno == EPIPE || errno == ECONNRESET || errno == EIO) {
      return {IoResult::ended, 0};
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return {IoResult::would_block, 0};
    }
    if (errno != EINTR) {
      throw errno_error(errno, format("writing descriptor {}", fd));
    }
  }
}

void write_all(int fd, std::string_view bytes, std::string_view object) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      throw errno_error(errno, format("writing {}", object));
    }
  }
}

std::string read_to_end(int fd, std::string_view object, std::size_t most) {
  std::string text;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(count));
      if (text.size() > most) {
        const bool is_large = most >= 1U << 20;
        throw Error(format("reading {}: it holds more than {} {}", object,
                           most >> (is_large ? 20 : 10), is_large ? "MiB" : "KiB"));
      }
    } else if (count == 0) {
      return text;
    } else if (errno != EINTR) {
      throw errno_error(errno, format("reading {}", object));
    }
  }
}

} // namespace qt
