// What a kernel prints, as long as one likes.
#pragma once

#include "base/format.hh"

#include <array>
#include <random>
#include <string>
#include <string_view>

namespace bench {

// Every `colour`-th line has a word in green, as systemd's have; 0: none.
inline std::string make_log(std::size_t bytes, unsigned colour = 0) {
  constexpr std::array<std::string_view, 12> k_words = {
      "registered", "device",    "driver", "memory", "login", "interrupt",
      "Kernel",     "Unable to", "probe",  "error",  "Oops",  "bootconsole"};
  std::mt19937 random(1);
  std::string log;
  for (unsigned line = 1; log.size() < bytes; ++line) {
    log += qt::format("[{:12.6f}] usb 1-1:", static_cast<double>(log.size()) / 1e6);
    for (std::size_t i = 0, count = 3 + random() % 9; i < count; ++i) {
      log.append(" ").append(k_words[random() % k_words.size()]);
    }
    log += colour != 0 && line % colour == 0 ? " \x1b[32mOK\x1b[0m\r\n" : "\r\n";
  }
  return log;
}

} // namespace bench
