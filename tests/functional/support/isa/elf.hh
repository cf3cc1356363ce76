// Executables of one part, for boards that take no other file (ELF: System V ABI, chapter 4).
#pragma once

#include <cstdint>
#include <string>

namespace qt {

struct ElfKind {
  std::uint16_t machine = 0; // e_machine; 0: no board of the instruction set needs one
  enum class Size { bits_32, bits_64 } size = Size::bits_32;
  enum class Order { little, big } order = Order::big;
};

// Loaded to `load`, and entered there.
std::string elf_of(const ElfKind& kind, const std::string& image, std::uint64_t load);

} // namespace qt
