#include "instruction_sets.hh"

#include <array>

namespace qt {
namespace {

// M68000 Family Programmer's Reference Manual; only what a ColdFire has, too. a0, d1 to d3; d4 for
// what is found in common.
class M68k : public Assembler {
public:
  M68k(std::uint64_t load, bool has_vectors)
    : Assembler(load) {
    if (has_vectors) { // a ROM begins with the stack, which is not used, and the program's address
      put32(static_cast<std::uint32_t>(load) + 0x1000, true);
      put32(static_cast<std::uint32_t>(load) + 8, true);
    }
  }

  void set(Register target, std::uint64_t constant) override {
    put16(target == address ? 0x207c : 0x203c | reg(target, 9), true); // movea.l, move.l #
    put32(static_cast<std::uint32_t>(constant), true);
  }
  void store(Register from, Width width) override { put16(size(width) | 0x0080 | from, true); }
  void load(Register into, Width width) override {
    if (width != Width::word) {
      put16(0x7000 | reg(into, 9), true); // moveq #0
    }
    put16(size(width) | 0x0010 | reg(into, 9), true);
  }
  void go_back(Place place, While condition) override {
    std::uint32_t branch = 0x6000; // bra
    if (condition == While::different) {
      put16(0xb080 | reg(found, 9) | mask, true); // cmp.l
      branch = 0x6600;                            // bne
    } else if (condition != While::always) {
      put16(0x2000 | 4U << 9 | found, true); // move.l found, d4
      put16(0xc080 | 4U << 9 | mask, true);  // and.l mask, d4
      branch = condition == While::common ? 0x6600 : 0x6700;
    }
    const auto by = static_cast<std::uint32_t>(distance_to(place) - 2);
    put16(branch, true);
    put16(by & 0xffff, true);
  }

private:
  static std::uint32_t size(Width width) { // of a move
    return width == Width::word ? 0x2000 : width == Width::half ? 0x3000 : 0x1000;
  }
};

constexpr std::array k_m68k = {
    InstructionSet{"m68k",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<M68k>(load, false);
                   }},
    InstructionSet{"m68k-rom",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<M68k>(load, true);
                   }},
};

} // namespace

std::span<const InstructionSet> m68k_instruction_sets() { return k_m68k; }

} // namespace qt
