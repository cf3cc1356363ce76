// Machine code for the bare programs that make boards speak (bare_program.cc): of each instruction
// set just the few operations that such a program consists of. Encodings are those of the makers'
// architecture manuals; running them on QEMU's boards proves them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace qt {

enum class Width { byte, half, word };

// Assembles a program from its start to its end; branches go back only.
class Assembler {
public:
  // Of the registers that a program has.
  enum Register { address, value, found, mask };
  using Place = std::uint64_t; // an address in the program

  virtual ~Assembler() = default;

  Place here() const { return m_load + m_code.size(); }
  // What the board loads: the program, and what the processor needs around it.
  virtual std::string image() const { return m_code; }

  virtual void set(Register target, std::uint64_t constant) = 0;
  // Between a register and the memory at `address`.
  virtual void store(Register from, Width width) = 0;
  virtual void load(Register into, Width width) = 0;
  // Between a register and the device at `address`, where devices are not in memory.
  virtual void store_to_device(Register from, Width width) { store(from, width); }
  virtual void load_from_device(Register into, Width width) { load(into, width); }
  // Back to `place` while `found` and `mask` have a bit in common, or none, or are different, or
  // always.
  enum class While { common, none_common, different, always };
  virtual void go_back(Place place, While condition) = 0;

  // A console, or an end of the machine, that is no device: the program calls a hypervisor, the
  // firmware or a debugger. `receive_by` waits for a byte. They throw Error(ExitCode::usage) if the
  // instruction set has no such call. They may change all registers but `into`.
  virtual void transmit_by(std::string_view call, Register from);
  virtual void receive_by(std::string_view call, Register into);
  virtual void end_by(std::string_view call);

protected:
  // `load`: where the program will lie.
  explicit Assembler(std::uint64_t load)
    : m_load(load) {}

  // The register as the field of an instruction, where 0 to 3 are the numbers of registers.
  static std::uint32_t reg(Register name, int shift) {
    return static_cast<std::uint32_t>(name) << shift;
  }
  void put8(std::uint32_t byte) { m_code += static_cast<char>(byte); }
  void put16(std::uint32_t half, bool big_endian = false);
  void put32(std::uint32_t word, bool big_endian = false);
  // From the instruction that comes next.
  std::int64_t distance_to(Place place) const {
    return static_cast<std::int64_t>(place) - static_cast<std::int64_t>(here());
  }
  const std::string& code() const { return m_code; }
  Place start() const { return m_load; }

private:
  std::uint64_t m_load;
  std::string m_code;
};

} // namespace qt
