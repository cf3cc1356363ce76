#include "instruction_sets.hh"

#include <array>

namespace qt {
namespace {

// Hexagon V66 Programmer's Reference Manual (80-N2040-42). r1 to r4; r5 for what is found in
// common. Each instruction is a packet of its own.
class Hexagon : public Assembler {
public:
  explicit Hexagon(std::uint64_t load)
    : Assembler(load) {}

  void set(Register target, std::uint64_t constant) override {
    const auto low = static_cast<std::uint32_t>(constant);
    put32(0x00004000 | low >> 20 << 16 | (low >> 6 & 0x3fff)); // immext
    put32(0x7800c000 | (low & 0x3f) << 5 | number(target));    // target = ##
  }
  void store(Register from, Width width) override {
    put32((width == Width::word   ? 0xa180c000    // memw
           : width == Width::byte ? 0xa100c000    // memb
                                  : 0xa140c000) | // memh
          number(address) << 16 |
          number(from) << 8);
  }
  void load(Register into, Width width) override {
    put32((width == Width::word   ? 0x9180c000    // memw
           : width == Width::byte ? 0x9120c000    // memub
                                  : 0x9160c000) | // memuh
          number(address) << 16 |
          number(into));
  }
  void go_back(Place place, While condition) override {
    if (condition == While::different) {
      put32(0xf200c000 | number(found) << 16 | number(mask) << 8); // p0 = cmp.eq
    } else if (condition != While::always) {
      put32(0xf100c000 | number(found) << 16 | number(mask) << 8 | k_r5); // and
      put32(0x7500c000 | k_r5 << 16);                                     // p0 = cmp.eq(r5, #0)
    }
    if (condition != While::always) { // over the jump
      put32(condition == While::none_common ? 0x5c20c004 : 0x5c00c004);
    }
    const auto by = static_cast<std::uint32_t>(distance_to(place) / 4);
    put32(0x5800c000 | (by >> 13 & 0x1ff) << 16 | (by & 0x1fff) << 1); // jump
  }

private:
  static constexpr std::uint32_t k_r5 = 5;
  static std::uint32_t number(Register name) { return 1 + static_cast<std::uint32_t>(name); }
};

constexpr std::array k_hexagon = {
    InstructionSet{"hexagon",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Hexagon>(load);
                   }},
};

} // namespace

std::span<const InstructionSet> hexagon_instruction_sets() { return k_hexagon; }

} // namespace qt
