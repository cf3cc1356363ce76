#include "instruction_sets.hh"

#include <array>

namespace qt {
namespace {

// SH-4 Software Manual (Renesas REJ09B0318). r1 to r4. The instruction after a branch is a nop.
class Superh : public Assembler {
public:
  Superh(std::uint64_t load, bool is_big)
    : Assembler(load)
    , m_is_big(is_big) {}

  void set(Register target, std::uint64_t constant) override {
    if (here() % 4 != 0) {
      put(k_nop); // the word must be aligned
    }
    put(0xd001 | n(target)); // mov.l @(the word), target
    put(0xa003);             // bra over it
    put(k_nop);
    put(k_nop);
    put32(static_cast<std::uint32_t>(constant), m_is_big);
  }
  void store(Register from, Width width) override {
    put(0x2000 | size(width) | n(address) | m(from)); // mov.b, .w, .l
  }
  void load(Register into, Width width) override {
    put(0x6000 | size(width) | n(into) | m(address));
    if (width != Width::word) {
      put((width == Width::byte ? 0x600c : 0x600d) | n(into) | m(into)); // extu.b, extu.w
    }
  }
  void go_back(Place place, While condition) override {
    if (condition != While::always) { // bt and bf do not go far, so they go over the bra
      const bool is_test = condition != While::different;
      put((is_test ? 0x2008 : 0x3000) | n(found) | m(mask));        // tst, cmp/eq
      put((condition == While::none_common ? 0x8b00 : 0x8900) | 1); // bf, bt
    }
    put(0xa000 | (static_cast<std::uint32_t>((distance_to(place) - 4) / 2) & 0xfff)); // bra
    put(k_nop);
  }

private:
  static constexpr std::uint32_t k_nop = 0x0009;
  static std::uint32_t n(Register name) { return (1 + static_cast<std::uint32_t>(name)) << 8; }
  static std::uint32_t m(Register name) { return (1 + static_cast<std::uint32_t>(name)) << 4; }
  static std::uint32_t size(Width width) {
    return width == Width::word ? 2 : width == Width::half ? 1 : 0;
  }
  void put(std::uint32_t half) { put16(half, m_is_big); }

  bool m_is_big;
};

constexpr std::array k_superh = {
    InstructionSet{"sh4",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Superh>(load, false);
                   }},
    InstructionSet{"sh4eb",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Superh>(load, true);
                   }},
};

} // namespace

std::span<const InstructionSet> superh_instruction_sets() { return k_superh; }

} // namespace qt
