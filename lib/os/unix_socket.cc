#include "os/unix_socket.hh"

#include "base/error.hh"
#include "os/file.hh"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace qt {

namespace {

// A socket and what its path looks like from here.
struct Reached {
  explicit Reached(const std::string& path)
    : folder(open_file(parent_of(path), O_PATH | O_DIRECTORY))
    , socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (!socket) {
      throw errno_error(errno, "creating a socket");
    }
    const std::string name = format("/proc/self/fd/{}/{}", folder.get(), base_name(path));
    if (name.size() >= sizeof address.sun_path) {
      throw Error(format("reaching the socket {}: its name is too long", path));
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
  }
  const sockaddr* where() const { return reinterpret_cast<const sockaddr*>(&address); }

  UniqueFd folder;
  UniqueFd socket;
  sockaddr_un address = {};
};

} // namespace

UniqueFd listen_at(const std::string& path) {
  const std::string hidden = path + "~"; // who finds the path itself can connect
  Reached reached(hidden);
  ::unlink(hidden.c_str());
  ::fchmod(reached.socket.get(), 0600);
  if (::bind(reached.socket.get(), reached.where(), sizeof reached.address) < 0 ||
      ::listen(reached.socket.get(), 8) < 0 || ::rename(hidden.c_str(), path.c_str()) < 0) {
    throw errno_error(errno, format("listening at {}", path));
  }
  set_nonblocking(reached.socket.get());
  return std::move(reached.socket);
}

std::optional<UniqueFd> connect_to(const std::string& path) {
  if (!exists(path)) {
    return std::nullopt;
  }
  Reached reached(path);
  if (::connect(reached.socket.get(), reached.where(), sizeof reached.address) == 0) {
    return std::move(reached.socket);
  }
  if (errno == ECONNREFUSED || errno == ENOENT) { // what a killed process has left
    return std::nullopt;
  }
  throw errno_error(errno, format("connecting to {}", path));
}

} // namespace qt
