// A few instructions in place of a PC's firmware (-bios), in real mode, where the processor starts.
#pragma once

#include <string>
#include <string_view>

namespace qt::support {

// 64 KiB; begins with `code`, its last 16 bytes are where the processor starts.
inline std::string x86_bios(std::string_view code) {
  std::string rom(65536, '\xf4'); // hlt
  rom.replace(0, code.size(), code);
  return rom.replace(0xfff0, 3, std::string("\xe9\x0d\x00", 3)); // jmp to the first byte
}

// Runs `code` once the first serial port has received a byte.
inline std::string x86_on_key(std::string_view code) {
  // mov dx,0x3fd; again: in al,dx; test al,1; jz again
  return "\xba\xfd\x03\xec\xa8\x01\x74\xfb" + std::string(code);
}

// mov dx,0x505; mov al,1; out dx,al; hlt: "panicked" to the ISA pvpanic device.
inline constexpr std::string_view k_x86_panic = "\xba\x05\x05\xb0\x01\xee\xf4";
// lidt [0x500], of zeros; int3: a triple fault, which resets the machine.
inline constexpr std::string_view k_x86_reset("\x0f\x01\x1e\x00\x05\xcc\xf4", 7);
// mov dx,0x443; mov al,15; out dx,al; jmp $: the ib700 watchdog, 0 seconds from now.
inline constexpr std::string_view k_x86_watchdog = "\xba\x43\x04\xb0\x0f\xee\xeb\xfe";

} // namespace qt::support
