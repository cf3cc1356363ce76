// Machine code for the bare programs that make boards speak (bare_program.cc), for each instruction
// set just the five operations that such a program consists of. Encodings are those of the makers'
// architecture manuals; running them on QEMU's boards proves them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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
  const std::string& code() const { return m_code; }

  virtual void set(Register target, std::uint64_t constant) = 0;
  // Between a register and the memory at `address`.
  virtual void store(Register from, Width width) = 0;
  virtual void load(Register into, Width width) = 0;
  // Back to `place` while `found` and `mask` have a bit in common, or none, or are different, or
  // always.
  enum class While { common, none_common, different, always };
  virtual void go_back(Place place, While condition) = 0;

protected:
  // `load`: where the program will lie.
  explicit Assembler(std::uint64_t load)
    : m_load(load) {}

  // The register as the field of an instruction, where 0 to 3 are the numbers of registers.
  static std::uint32_t reg(Register name, int shift) {
    return static_cast<std::uint32_t>(name) << shift;
  }
  void put16(std::uint32_t half, bool big_endian = false);
  void put32(std::uint32_t word, bool big_endian = false);
  // From the instruction that comes next.
  std::int64_t distance_to(Place place) const {
    return static_cast<std::int64_t>(place) - static_cast<std::int64_t>(here());
  }

private:
  std::uint64_t m_load;
  std::string m_code;
};

// "arm" (A32, as ARMv4 has it), "thumb" (T16, with the vector table of a Cortex-M before it),
// "aarch64", "riscv32", "riscv64", "mips", "mipsel", "ppc". Throws Error(ExitCode::usage) for
// another name.
std::unique_ptr<Assembler> make_assembler(std::string_view name, std::uint64_t load);

} // namespace qt
