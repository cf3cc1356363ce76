#include "schema/argument_check.hh"

#include "base/format.hh"

namespace qt {

std::string argument_mistake(const std::vector<std::string>& arguments) {
  for (const std::string& word : arguments) {
    if (word == "-daemonize" || word == "--daemonize") {
      return format("{}: QEMU would leave qt-boot, which could neither see nor end it; leave the "
                    "argument out: qt-boot itself may run in the background",
                    word);
    }
  }
  return "";
}

} // namespace qt
