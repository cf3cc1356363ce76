#include "boot/channels.hh"

#include <sys/socket.h>

namespace qt {

namespace {

void connect(UniqueFd& one, UniqueFd& other, FdPair pair) {
  one = std::move(pair.first);
  other = std::move(pair.second);
}

// A simple UART drops what does not fit into the socket: make it as large as the system allows.
FdPair make_console_pair() {
  FdPair pair = make_socket_pair();
  constexpr int k_size = 4 << 20;
  for (const int fd : {pair.first.get(), pair.second.get()}) {
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &k_size, sizeof k_size);
  }
  return pair;
}

} // namespace

Channels::Channels(const Wanted& wanted) {
  if (wanted.console) {
    connect(console, qemu_console, make_console_pair());
  }
  if (wanted.monitor) {
    connect(monitor, m_qemu_monitor, make_socket_pair());
  }
  if (!wanted.program) {
    return;
  }
  connect(exit, m_program_exit, make_socket_pair());
  set_nonblocking(exit.get());
  if (wanted.console) {
    connect(reader, m_program_console, make_console_pair());
    set_nonblocking(reader.get());
  }
  if (wanted.monitor) {
    connect(m_program_monitor, m_qemu_monitor_of_program, make_socket_pair());
  }
}

MachineChannels Channels::of_qemu() const {
  MachineChannels channels{qemu_console.get(), {}};
  for (const UniqueFd* fd : {&m_qemu_monitor, &m_qemu_monitor_of_program}) {
    if (*fd) {
      channels.monitors.push_back(fd->get());
    }
  }
  return channels;
}

VmChannels Channels::of_program(const std::string& vm) const {
  return {vm, m_program_console.get(), m_program_monitor.get(), m_program_exit.get()};
}

void Channels::close_other_ends() {
  for (UniqueFd* fd : {&m_qemu_monitor, &m_qemu_monitor_of_program, &m_program_console,
                       &m_program_monitor, &m_program_exit}) {
    fd->reset();
  }
}

} // namespace qt
