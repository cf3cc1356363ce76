#include "instruction_sets.hh"

#include <array>

namespace qt {
namespace {

// ETRAX FS Designer's Reference, CRIS v32. r1 to r4; r5 for what is found in common. The
// instruction after a branch is a nop.
class Cris : public Assembler {
public:
  explicit Cris(std::uint64_t load)
    : Assembler(load) {}

  void set(Register target, std::uint64_t constant) override {
    put16(0x0e6f | number(target) << 12); // move.d #, target
    put32(static_cast<std::uint32_t>(constant));
  }
  void store(Register from, Width width) override {
    put16(0x0bc0 | number(from) << 12 | size(width) << 4 | number(address)); // move from, [address]
  }
  void load(Register into, Width width) override {
    put16((width == Width::word ? 0x0a60 : 0x0840 | size(width) << 4) | number(into) << 12 |
          number(address)); // move.d, movu
  }
  void go_back(Place place, While condition) override {
    std::uint32_t branch = 0xedff; // ba
    if (condition == While::different) {
      put16(0x06e0 | number(found) << 12 | number(mask)); // cmp.d
      branch = 0x2dff;                                    // bne
    } else if (condition != While::always) {
      put16(0x0660 | k_r5 << 12 | number(found));            // move.d found, r5
      put16(0x0720 | k_r5 << 12 | number(mask));             // and.d mask, r5
      branch = condition == While::common ? 0x2dff : 0x3dff; // bne, beq
    }
    const auto by = static_cast<std::uint32_t>(distance_to(place));
    put16(branch);
    put16(by & 0xffff);
    put16(0x05b0); // nop
  }

private:
  static constexpr std::uint32_t k_r5 = 5;
  static std::uint32_t number(Register name) { return 1 + static_cast<std::uint32_t>(name); }
  static std::uint32_t size(Width width) {
    return width == Width::word ? 2 : width == Width::half ? 1 : 0;
  }
};

constexpr std::array k_cris = {
    InstructionSet{"cris",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Cris>(load);
                   }},
};

} // namespace

std::span<const InstructionSet> cris_instruction_sets() { return k_cris; }

} // namespace qt
