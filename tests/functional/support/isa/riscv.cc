#include "instruction_sets.hh"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace qt {
namespace {

// The RISC-V Instruction Set Manual, volume I: RV32I and RV64I. t0 to t2, t3 (x5, x6, x7, x28).
class Riscv : public Assembler {
public:
  Riscv(std::uint64_t load, bool is_64)
    : Assembler(load)
    , m_is_64(is_64) {
    // Of several harts that a board starts, the first runs the program.
    put32(0xf1402073 | reg(found) << 7);  // csrr found, mhartid
    put32(0x00000663 | reg(found) << 15); // beqz found, to after the loop
    put32(0x10500073);                    // wfi
    put32(0xffdff06f);                    // j to wfi
  }

  void set(Register target, std::uint64_t constant) override {
    if (constant >> 32 != 0) {
      set_number(k_t4, static_cast<std::uint32_t>(constant >> 32));
      set_number(reg(target), static_cast<std::uint32_t>(constant));
      put32(32U << 20 | k_t4 << 15 | 1U << 12 | k_t4 << 7 | 0x13);                // slli 32
      put32(k_t4 << 20 | reg(target) << 15 | 6U << 12 | reg(target) << 7 | 0x33); // or
    } else {
      set_number(reg(target), static_cast<std::uint32_t>(constant));
    }
  }
  void store(Register from, Width width) override {
    put32(reg(from) << 20 | reg(address) << 15 | size(width) << 12 | 0x23);
  }
  void load(Register into, Width width) override {
    const std::uint32_t zero_extended =
        width == Width::word && !m_is_64 ? 0 : 4; // lw; lbu, lhu, lwu
    put32(reg(address) << 15 | (size(width) | zero_extended) << 12 | reg(into) << 7 | 0x03);
  }
  void go_back(Place place, While condition) override {
    if (condition == While::always) {
      jump(static_cast<std::uint32_t>(distance_to(place)));
      return;
    }
    if (condition == While::different) {
      branch(1, reg(found), reg(mask), place); // bne
      return;
    }
    put32(reg(mask) << 20 | reg(found) << 15 | 7U << 12 | k_t4 << 7 | 0x33); // and
    branch(condition == While::common ? 1 : 0, k_t4, 0, place);              // bne, beq to zero
  }

  // RISC-V Semihosting 1.0: SYS_EXIT with ADP_Stopped_ApplicationExit; RV64 wants it in memory,
  // with the status.
  void end_by(std::string_view call) override {
    if (call != "semihosting") {
      Assembler::end_by(call);
    }
    const auto block = static_cast<std::uint32_t>(here() + 4);
    jump(4 + 16);
    for (const std::uint32_t word : {0x20026U, 0U, 0U, 0U}) {
      put32(word);
    }
    while ((here() + 2 * 4 * k_set_size) % 16 != 0) { // the three must lie in one page
      put32(k_nop);
    }
    set_number(k_a0, 0x18);
    set_number(k_a1, m_is_64 ? block : 0x20026);
    put32(0x01f01013); // slli x0, x0, 0x1f
    put32(0x00100073); // ebreak
    put32(0x40705013); // srai x0, x0, 7
  }

private:
  static constexpr std::uint32_t k_t4 = 29;
  static constexpr std::uint32_t k_a0 = 10;
  static constexpr std::uint32_t k_a1 = 11;
  static constexpr std::uint32_t k_nop = 0x13;
  static constexpr std::uint32_t k_set_size = 4; // instructions, at most

  void set_number(std::uint32_t rd, std::uint32_t low) {
    put32(((low + 0x800) & 0xfffff000) | rd << 7 | 0x37);      // lui
    put32((low & 0xfff) << 20 | rd << 15 | rd << 7 | 0x13);    // addi
    if (m_is_64) {                                             // lui extends the sign
      put32(32U << 20 | rd << 15 | 1U << 12 | rd << 7 | 0x13); // slli 32
      put32(32U << 20 | rd << 15 | 5U << 12 | rd << 7 | 0x13); // srli 32
    }
  }
  static std::uint32_t reg(Register name) {
    return name == mask ? 28 : 5 + static_cast<std::uint32_t>(name);
  }
  static std::uint32_t size(Width width) {
    return width == Width::word ? 2 : width == Width::half ? 1 : 0;
  }
  void jump(std::uint32_t by) { // jal x0
    put32((by >> 20 & 1) << 31 | (by >> 1 & 0x3ff) << 21 | (by >> 11 & 1) << 20 |
          (by >> 12 & 0xff) << 12 | 0x6f);
  }
  void branch(std::uint32_t kind, std::uint32_t one, std::uint32_t other, Place place) {
    const auto by = static_cast<std::uint32_t>(distance_to(place));
    put32((by >> 12 & 1) << 31 | (by >> 5 & 0x3f) << 25 | other << 20 | one << 15 | kind << 12 |
          (by >> 1 & 0xf) << 8 | (by >> 11 & 1) << 7 | 0x63);
  }

  bool m_is_64;
};

constexpr std::array k_riscv = {
    InstructionSet{"riscv32",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Riscv>(load, false);
                   }},
    InstructionSet{"riscv64",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Riscv>(load, true);
                   }},
};

} // namespace

std::span<const InstructionSet> riscv_instruction_sets() { return k_riscv; }

} // namespace qt
