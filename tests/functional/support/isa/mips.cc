#include "instruction_sets.hh"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace qt {
namespace {

// MIPS Architecture for Programmers, volume II-A. $8 to $11; the instruction after a branch, and
// after a load for the oldest processors, is a nop.
class Mips : public Assembler {
public:
  Mips(std::uint64_t load, bool is_big)
    : Assembler(load)
    , m_is_big(is_big) {}

  void set(Register target, std::uint64_t constant) override {
    const std::uint32_t rt = reg(target) << 16;
    put(0x3c000000 | rt | (static_cast<std::uint32_t>(constant) >> 16)); // lui
    put(0x34000000 | reg(target) << 21 | rt |
        (static_cast<std::uint32_t>(constant) & 0xffff)); // ori
  }
  void store(Register from, Width width) override {
    put((width == Width::word   ? 0xac000000
         : width == Width::byte ? 0xa0000000
                                : 0xa4000000) |
        reg(address) << 21 | reg(from) << 16);
  }
  void load(Register into, Width width) override {
    put((width == Width::word   ? 0x8c000000
         : width == Width::byte ? 0x90000000
                                : 0x94000000) |
        reg(address) << 21 | reg(into) << 16);
    put(0);
  }
  void go_back(Place place, While condition) override {
    std::uint32_t one = reg(found);
    std::uint32_t other = reg(mask);
    if (condition == While::always) {
      one = other = 0;
    } else if (condition != While::different) {
      put(0x00000024 | one << 21 | other << 16 | k_at << 11); // and
      one = k_at;
      other = 0;
    }
    const bool if_equal = condition == While::always || condition == While::none_common;
    put((if_equal ? 0x10000000 : 0x14000000) | one << 21 | other << 16 | // beq, bne
        (static_cast<std::uint32_t>((distance_to(place) - 4) / 4) & 0xffff));
    put(0);
  }

private:
  static constexpr std::uint32_t k_at = 1;
  static std::uint32_t reg(Register name) { return 8 + static_cast<std::uint32_t>(name); }
  void put(std::uint32_t word) { put32(word, m_is_big); }

  bool m_is_big;
};

constexpr std::array k_mips = {
    InstructionSet{"mips",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Mips>(load, true);
                   }},
    InstructionSet{"mipsel",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Mips>(load, false);
                   }},
};

} // namespace

std::span<const InstructionSet> mips_instruction_sets() { return k_mips; }

} // namespace qt
