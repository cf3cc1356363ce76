// The most memory that programs of ours have held while another one ran.
#pragma once

#include "base/error.hh"
#include "base/format.hh"
#include "base/text.hh"
#include "os/file.hh"
#include "os/process.hh"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <unistd.h>

namespace bench {

using Peaks = std::map<std::string, std::int64_t>; // KiB, by a program's name

inline std::string field(const std::string& status, std::string_view name) {
  const std::size_t at = status.find(name);
  const std::size_t end = status.find('\n', at);
  return at == std::string::npos ? ""
                                 : std::string(qt::trim(std::string_view(status).substr(
                                       at + name.size(), end - at - name.size())));
}

// What the kernel remembers of the most that a process has held, and those below it.
inline void sample(pid_t pid, Peaks& peaks) {
  try {
    const std::string status = qt::read_file(qt::format("/proc/{}/status", pid));
    const std::string name = field(status, "Name:");
    if (const std::string held = field(status, "VmHWM:");
        name.starts_with("qt-") && !held.empty()) {
      std::int64_t& peak = peaks[name];
      peak = std::max<std::int64_t>(peak, std::stoll(held));
    }
    const std::string path = qt::format("/proc/{}/task/{}/children", pid, pid);
    for (const std::string& child : qt::split(qt::trim(qt::read_file(path)), ' ')) {
      if (const auto number = qt::parse_integer(child)) {
        sample(static_cast<pid_t>(*number), peaks);
      }
    }
  } catch (const qt::Error&) { // it has just ended
  }
}

// Looks every so many microseconds.
inline Peaks peaks_until_end(qt::Process& process, useconds_t every) {
  Peaks peaks;
  while (!process.poll()) {
    sample(process.pid(), peaks);
    ::usleep(every);
  }
  return peaks;
}

// " qt-boot 3.1 qt-expect 4.2", in MiB.
inline std::string text(const Peaks& peaks) {
  std::string text;
  for (const auto& [program, kib] : peaks) {
    text += qt::format(" {} {:.1f}", program, static_cast<double>(kib) / 1024);
  }
  return text;
}

} // namespace bench
