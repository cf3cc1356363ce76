#include "instruction_sets.hh"

#include <array>

namespace qt {
namespace {

// RX Family Software Manual (Renesas REJ09B0435). r1 to r4. Instructions are of any length.
class Rx : public Assembler {
public:
  explicit Rx(std::uint64_t load)
    : Assembler(load) {}

  void set(Register target, std::uint64_t constant) override {
    put8(0xfb); // mov.l #, target
    put8(number(target) << 4 | 2);
    put32(static_cast<std::uint32_t>(constant));
  }
  void store(Register from, Width width) override {
    put8(0xc3 | size(width) << 4); // mov from, [address]
    put8(number(address) << 4 | number(from));
  }
  void load(Register into, Width width) override {
    if (width == Width::word) {
      put8(0xec); // mov.l [address], into
    } else {
      put8(0x58 | size(width) << 2); // movu
    }
    put8(number(address) << 4 | number(into));
  }
  void go_back(Place place, While condition) override {
    std::uint32_t branch = 0x38; // bra
    if (condition == While::different) {
      put8(0x47); // cmp mask, found
      put8(number(mask) << 4 | number(found));
      branch = 0x3b; // bne
    } else if (condition != While::always) {
      put8(0xfc); // tst mask, found
      put8(0x33);
      put8(number(mask) << 4 | number(found));
      branch = condition == While::common ? 0x3b : 0x3a; // bne, beq
    }
    const auto by = static_cast<std::uint32_t>(distance_to(place));
    put8(branch);
    put16(by & 0xffff);
  }

private:
  static std::uint32_t number(Register name) { return 1 + static_cast<std::uint32_t>(name); }
  static std::uint32_t size(Width width) {
    return width == Width::word ? 2 : width == Width::half ? 1 : 0;
  }
};

constexpr std::array k_rx = {
    InstructionSet{"rx",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Rx>(load);
                   }},
};

} // namespace

std::span<const InstructionSet> rx_instruction_sets() { return k_rx; }

} // namespace qt
