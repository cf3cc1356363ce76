#include "instruction_sets.hh"

#include <array>

namespace qt {
namespace {

// MicroBlaze Processor Reference Guide (UG984). r5 to r8; r9 for what a branch asks about.
class Microblaze : public Assembler {
public:
  Microblaze(std::uint64_t load, bool is_big)
    : Assembler(load)
    , m_is_big(is_big) {}

  void set(Register target, std::uint64_t constant) override {
    const auto low = static_cast<std::uint32_t>(constant);
    put(0xb0000000 | low >> 16);                             // imm
    put(0x30000000 | number(target) << 21 | (low & 0xffff)); // addik target, r0
  }
  void store(Register from, Width width) override {
    put((width == Width::word   ? 0xf8000000    // swi
         : width == Width::byte ? 0xf0000000    // sbi
                                : 0xf4000000) | // shi
        number(from) << 21 |
        number(address) << 16);
  }
  void load(Register into, Width width) override {
    put((width == Width::word   ? 0xe8000000    // lwi
         : width == Width::byte ? 0xe0000000    // lbui
                                : 0xe4000000) | // lhui
        number(into) << 21 |
        number(address) << 16);
  }
  void go_back(Place place, While condition) override {
    std::uint32_t branch = 0xb8000000; // bri
    if (condition != While::always) {
      const bool is_test = condition != While::different;
      put((is_test ? 0x84000000 : 0x88000000) | k_r9 << 21 | number(found) << 16 |
          number(mask) << 11); // and, xor
      branch =
          (condition == While::none_common ? 0xbc000000 : 0xbc200000) | k_r9 << 16; // beqi, bnei
    }
    put(branch | (static_cast<std::uint32_t>(distance_to(place)) & 0xffff));
  }

private:
  static constexpr std::uint32_t k_r9 = 9;
  static std::uint32_t number(Register name) { return 5 + static_cast<std::uint32_t>(name); }
  void put(std::uint32_t word) { put32(word, m_is_big); }

  bool m_is_big;
};

constexpr std::array k_microblaze = {
    InstructionSet{"microblaze",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Microblaze>(load, true);
                   }},
    InstructionSet{"microblazeel",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Microblaze>(load, false);
                   }},
};

} // namespace

std::span<const InstructionSet> microblaze_instruction_sets() { return k_microblaze; }

} // namespace qt
