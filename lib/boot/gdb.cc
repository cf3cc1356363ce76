#include "boot/gdb.hh"

#include "base/error.hh"
#include "base/format.hh"
#include "os/file.hh"

#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>

namespace qt {

namespace {

// A shell with job control gives the terminal to what it runs, and takes it back: else Ctrl-C would
// end the whole chain.
constexpr const char* k_in_front = "set -m; \"$@\"";

// As the program ended, so does gdb.
constexpr const char* k_end_with_it =
    "python gdb.events.exited.connect(lambda end: gdb.post_event(lambda: gdb.execute('quit %d' % "
    "getattr(end, 'exit_code', 143))))";

} // namespace

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

std::vector<std::string> under_gdb(const std::vector<std::string>& argv) {
  const char* program = nullptr;
  for (const char* const name : {"gdb", "gdb-multiarch"}) {
    program = program == nullptr && find_program(name) ? name : program;
  }
  if (program == nullptr) {
    throw Error("starting gdb: no such program; install it", ExitCode::not_found);
  }
  // QEMU's threads wake each other by signals.
  std::vector<std::string> words = {"/bin/sh", "-c", k_in_front, "sh", program, "-q"};
  for (const char* const command :
       {"set confirm off", "set startup-with-shell off", "set breakpoint pending on",
        "handle SIGUSR1 SIGUSR2 nostop noprint pass", k_end_with_it}) {
    words.insert(words.end(), {"-ex", command});
  }
  words.emplace_back("--args");
  words.insert(words.end(), argv.begin(), argv.end());
  return words;
}

} // namespace qt
