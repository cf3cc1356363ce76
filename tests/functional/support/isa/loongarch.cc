#include "instruction_sets.hh"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace qt {
namespace {

// LoongArch Reference Manual, volume 1. $t0 to $t3 (r12 to r15); $t4 for what is found in common.
class Loongarch : public Assembler {
public:
  explicit Loongarch(std::uint64_t load)
    : Assembler(load) {}

  void set(Register target, std::uint64_t constant) override {
    const std::uint32_t rd = reg(target);
    put32(0x14000000 | part(constant, 12, 0xfffff) << 5 | rd);          // lu12i.w
    put32(0x03800000 | part(constant, 0, 0xfff) << 10 | rd << 5 | rd);  // ori
    put32(0x16000000 | part(constant, 32, 0xfffff) << 5 | rd);          // lu32i.d
    put32(0x03000000 | part(constant, 52, 0xfff) << 10 | rd << 5 | rd); // lu52i.d
  }
  void store(Register from, Width width) override {
    put32((width == Width::word   ? 0x29800000    // st.w
           : width == Width::byte ? 0x29000000    // st.b
                                  : 0x29400000) | // st.h
          reg(address) << 5 |
          reg(from));
  }
  void load(Register into, Width width) override {
    put32((width == Width::word   ? 0x2a800000    // ld.wu
           : width == Width::byte ? 0x2a000000    // ld.bu
                                  : 0x2a400000) | // ld.hu
          reg(address) << 5 |
          reg(into));
  }
  void go_back(Place place, While condition) override {
    if (condition == While::always) {
      const auto by = static_cast<std::uint32_t>(distance_to(place) / 4);
      put32(0x50000000 | (by & 0xffff) << 10 | (by >> 16 & 0x3ff)); // b
      return;
    }
    std::uint32_t one = reg(found);
    std::uint32_t other = reg(mask);
    if (condition != While::different) {
      put32(0x00148000 | other << 10 | one << 5 | k_t4); // and
      one = k_t4;
      other = 0;
    }
    const auto by = static_cast<std::uint32_t>(distance_to(place) / 4) & 0xffff;
    put32((condition == While::none_common ? 0x58000000 : 0x5c000000) | // beq, bne
          by << 10 | one << 5 | other);
  }

private:
  static constexpr std::uint32_t k_t4 = 16;
  static std::uint32_t reg(Register name) { return 12 + static_cast<std::uint32_t>(name); }
  static std::uint32_t part(std::uint64_t constant, int shift, std::uint32_t bits) {
    return static_cast<std::uint32_t>(constant >> shift) & bits;
  }
};

constexpr std::array k_loongarch = {
    InstructionSet{"loongarch64",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Loongarch>(load);
                   }},
};

} // namespace

std::span<const InstructionSet> loongarch_instruction_sets() { return k_loongarch; }

} // namespace qt
