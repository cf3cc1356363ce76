// What a subtest uses of the host that other tests must not use at the same time: ports, a short
// name for the folder of its UNIX sockets, and connected descriptors for two of its processes. All
// are kept for as long as the object lives, and are free as soon as its process is dead.
//
// A port is held by a TCP socket that is bound to it on all addresses and never listens. It is
// bound without SO_REUSEADDR, so that it gets a port that nobody has, and takes that option
// afterwards: Linux then lets another socket with the option bind and listen there, which is what
// QEMU's have (character devices, VNC, gdb stub, migration, NBD, network back ends, and libslirp's
// hostfwd). So it is never free between the reservation and QEMU's bind: a socket without the
// option is refused, that of a service too, and the port is above the range that the kernel gives
// out by itself. What remains is a server that sets the option and asks for exactly this number.
//
// The number is the holder's for UDP as well: nobody had it there when it was reserved, and no
// other reservation gets it. No socket holds it, because libslirp binds a hostfwd of UDP without
// the option, and one that is bound would be given a part of the datagrams. What remains is any
// foreign program that asks for exactly this number.
#pragma once

#include "os/fd.hh"

#include <map>
#include <string>
#include <vector>

namespace qt {

class Reservation {
public:
  Reservation() = default;
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  // The port called `name`, for TCP and UDP; the same for the same name. Throws Error if none is
  // free.
  int port(const std::string& name);
  // A path for `folder`, which need not be there yet, that is short enough for a socket in it,
  // whose path has less than 108 bytes, and has no comma, which many programs take for the end of
  // it. That is `folder` itself, or a descriptor of this process under /proc, usable by the user's
  // other processes and gone with this one. Throws Error.
  std::string socket_folder(const std::string& folder);
  // Now `folder` is there. Throws Error.
  void open_socket_folder(const std::string& folder);

  // An end of a socket pair: "link.a" and "link.b" are connected. The descriptor is this
  // program's and has to be handed on to whoever uses it. Throws Error(ExitCode::usage) if the name
  // ends neither in ".a" nor in ".b".
  int descriptor(const std::string& name);
  // All descriptors given so far.
  std::vector<int> descriptors() const;

private:
  struct Port {
    int number;
    UniqueFd holder;
  };
  std::map<std::string, Port> m_ports;
  UniqueFd m_socket_folder; // if its own name is too long
  std::map<std::string, FdPair> m_pairs;
};

} // namespace qt
