// The values of the variables that a subtest uses (qt-definition(5), VARIABLES).
#pragma once

#include "definition/definition.hh"
#include "qemu/emulator.hh"
#include "tap/reservation.hh"

#include <map>
#include <string>
#include <vector>

namespace qt {

struct ValueSources {
  std::string scratch;
  std::string build;                           // the build folder whose programs are tested
  std::string support;                         // the folder of the definitions' own programs
  std::string data;                            // the definition's own folder
  Emulator emulator;                           // the first machine's
  std::map<std::string, std::string> payloads; // "asset.N", "file.N" → path
};

struct Values {
  std::map<std::string, std::string> values;
  std::string missing; // why something cannot be had on this host: a skip; or empty
};

// For all of `variables` but "log". Ports and the folder for sockets are reserved for as long as
// `reservation` lives. "firmware" is asked of the emulator. Throws Error as Reservation and Probe
// do.
Values values_of(const std::vector<std::string>& variables, const ValueSources& sources,
                 Reservation& reservation);

} // namespace qt
