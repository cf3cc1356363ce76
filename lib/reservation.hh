// What a subtest uses of the host that other tests must not use at the same time: TCP ports, a
// folder for UNIX sockets with a short path, and connected descriptors for two of its processes.
// All are kept for as long as the object lives.
//
// A port is taken from above the range that the kernel gives to outgoing connections, so that
// nobody gets it by chance, and held by a locked file under the temporary folder, which all users
// of this library on the host share. It is QEMU that binds it in the end: a program that knows
// nothing of these locks can still come first.
#pragma once

#include "fd.hh"
#include "file.hh"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace qt {

class Reservation {
public:
  Reservation() = default;
  // Removes the folder with what is in it.
  ~Reservation();
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  // The port called `name`; the same for the same name. Throws Error if none is free.
  int port(const std::string& name);
  // The folder for sockets, made at the first call.
  const std::string& socket_folder();

  // An end of a socket pair: "link.a" and "link.b" are connected. The descriptor is this
  // program's and has to be handed on to whoever uses it. Throws Error(ExitCode::usage) if the name
  // ends neither in ".a" nor in ".b".
  int descriptor(const std::string& name);
  // All descriptors given so far.
  std::vector<int> descriptors() const;

private:
  struct Port {
    int number;
    FileLock lock;
  };
  std::map<std::string, Port> m_ports;
  std::string m_socket_folder;
  std::map<std::string, FdPair> m_pairs;
};

} // namespace qt
