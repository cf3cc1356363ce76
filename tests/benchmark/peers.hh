// The programs that hold dialogues with consoles and may be installed here.
#pragma once

#include "base/text.hh"
#include "os/file.hh"
#include "os/process.hh"

#include <optional>
#include <string>

namespace bench {

// The interpreter itself, not what chooses one at each start. Nothing without python3-pexpect.
inline std::optional<std::string> python_with_pexpect() {
  for (const char* const name : {"python3", "/usr/bin/python3"}) {
    if (!qt::find_program(name)) {
      continue;
    }
    const auto asked = qt::run_captured({name, "-c", "import pexpect, sys; print(sys.executable)"},
                                        {}, qt::Deadline::never());
    if (asked->status.wait_status == 0) {
      return std::string(qt::trim(asked->out));
    }
  }
  return std::nullopt;
}

} // namespace bench
