#include "assembler.hh"

#include "base/error.hh"
#include "base/text.hh"

namespace qt {

void Assembler::put16(std::uint32_t half, bool big_endian) {
  put8(big_endian ? half >> 8 : half);
  put8(big_endian ? half : half >> 8);
}

void Assembler::put32(std::uint32_t word, bool big_endian) {
  put16(big_endian ? word >> 16 : word & 0xffff, big_endian);
  put16(big_endian ? word & 0xffff : word >> 16, big_endian);
}

void Assembler::transmit_by(std::string_view call, Register) {
  throw Error(format("--uart: '{}' is not NAME@ADDRESS of a device such as pl011@0x101f1000 or "
                     "16550/4@0x1e784000, nor a call of this instruction set",
                     call),
              ExitCode::usage);
}

void Assembler::receive_by(std::string_view call, Register into) { transmit_by(call, into); }

void Assembler::end_by(std::string_view call) {
  throw Error(format("--end: '{}' is not ADDRESS=VALUE, nor a call of this instruction set", call),
              ExitCode::usage);
}

} // namespace qt
