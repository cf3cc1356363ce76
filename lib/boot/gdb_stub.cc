#include "boot/gdb_stub.hh"

#include "base/error.hh"
#include "base/format.hh"

#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>

namespace qt {

GdbStub::GdbStub()
  : m_socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (!m_socket || ::bind(m_socket.get(), generic, size) < 0 || ::listen(m_socket.get(), 1) < 0 ||
      ::getsockname(m_socket.get(), generic, &size) < 0) {
    throw errno_error(errno, "reserving a port of 127.0.0.1 for gdb");
  }
  m_port = ntohs(address.sin_port);
}

std::vector<std::string> GdbStub::arguments() const {
  return {"-chardev", format("socket,id=qt-gdb,fd={},server=on,wait=off", fd()), "-gdb",
          "chardev:qt-gdb", "-S"};
}

std::string GdbStub::address() const { return format("127.0.0.1:{}", m_port); }

} // namespace qt
