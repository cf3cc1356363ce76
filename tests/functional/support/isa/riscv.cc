#include "instruction_sets.hh"

#include <array>

namespace qt {
namespace {

// The RISC-V Instruction Set Manual, volume I: RV32I and RV64I. t0 to t2, t3 (x5, x6, x7, x28).
class Riscv : public Assembler {
public:
  Riscv(std::uint64_t load, bool is_64)
    : Assembler(load)
    , m_is_64(is_64) {}

  void set(Register target, std::uint64_t constant) override {
    const std::uint32_t rd = reg(target);
    const auto low = static_cast<std::uint32_t>(constant);
    put32(((low + 0x800) & 0xfffff000) | rd << 7 | 0x37);      // lui
    put32((low & 0xfff) << 20 | rd << 15 | rd << 7 | 0x13);    // addi
    if (m_is_64) {                                             // lui extends the sign
      put32(32U << 20 | rd << 15 | 1U << 12 | rd << 7 | 0x13); // slli 32
      put32(32U << 20 | rd << 15 | 5U << 12 | rd << 7 | 0x13); // srli 32
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

private:
  static constexpr std::uint32_t k_t4 = 29;

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
