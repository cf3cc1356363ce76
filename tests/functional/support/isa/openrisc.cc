#include "instruction_sets.hh"

#include <array>

namespace qt {
namespace {

// OpenRISC 1000 Architecture Manual. r3 to r6; r7 for what is found in common. The instruction
// after a branch is a nop.
class Openrisc : public Assembler {
public:
  explicit Openrisc(std::uint64_t load)
    : Assembler(load) {}

  void set(Register target, std::uint64_t constant) override {
    const auto low = static_cast<std::uint32_t>(constant);
    put32(0x18000000 | d(target) | low >> 16, true);                          // l.movhi
    put32(0xa8000000 | d(target) | a(number(target)) | (low & 0xffff), true); // l.ori
  }
  void store(Register from, Width width) override {
    put32((width == Width::word   ? 0xd4000000    // l.sw
           : width == Width::byte ? 0xd8000000    // l.sb
                                  : 0xdc000000) | // l.sh
              a(number(address)) |
              b(number(from)),
          true);
  }
  void load(Register into, Width width) override {
    put32((width == Width::word   ? 0x84000000    // l.lwz
           : width == Width::byte ? 0x8c000000    // l.lbz
                                  : 0x94000000) | // l.lhz
              d(into) |
              a(number(address)),
          true);
  }
  void go_back(Place place, While condition) override {
    std::uint32_t branch = 0x00000000; // l.j
    if (condition == While::different) {
      put32(0xe4200000 | a(number(found)) | b(number(mask)), true); // l.sfne
      branch = 0x10000000;                                          // l.bf
    } else if (condition != While::always) {
      put32(0xe0000003 | k_r7 << 21 | a(number(found)) | b(number(mask)), true); // l.and
      put32(0xbc200000 | a(k_r7), true);                                         // l.sfnei 0
      branch = condition == While::common ? 0x10000000 : 0x0c000000;             // l.bf, l.bnf
    }
    put32(branch | (static_cast<std::uint32_t>(distance_to(place) / 4) & 0x3ffffff), true);
    put32(0x15000000, true); // l.nop
  }

private:
  static constexpr std::uint32_t k_r7 = 7;
  static std::uint32_t number(Register name) { return 3 + static_cast<std::uint32_t>(name); }
  static std::uint32_t d(Register name) { return number(name) << 21; }
  static std::uint32_t a(std::uint32_t number) { return number << 16; }
  static std::uint32_t b(std::uint32_t number) { return number << 11; }
};

constexpr std::array k_openrisc = {
    InstructionSet{"or1k",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Openrisc>(load);
                   }},
};

} // namespace

std::span<const InstructionSet> openrisc_instruction_sets() { return k_openrisc; }

} // namespace qt
