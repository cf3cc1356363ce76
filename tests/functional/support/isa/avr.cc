#include "instruction_sets.hh"

#include <array>

namespace qt {
namespace {

// AVR Instruction Set Manual (DS40002198). The address is Z; value, found and mask have four
// registers each, from r16; r0 and r1 for what is found in common.
class Avr : public Assembler {
public:
  explicit Avr(std::uint64_t load)
    : Assembler(load) {}

  void set(Register target, std::uint64_t constant) override {
    const std::uint32_t bytes = target == address ? 2 : 4;
    for (std::uint32_t i = 0; i < bytes; ++i) {
      load_immediate(first(target) + i, static_cast<std::uint32_t>(constant >> (8 * i)) & 0xff);
    }
  }
  void store(Register from, Width width) override {
    for (std::uint32_t i = 0; i < size(width); ++i) {
      put16(0x8200 | (first(from) + i) << 4 | i); // std Z+i
    }
  }
  void load(Register into, Width width) override {
    for (std::uint32_t i = 0; i < 4; ++i) {
      if (i < size(width)) {
        put16(0x8000 | (first(into) + i) << 4 | i); // ldd Z+i
      } else {
        load_immediate(first(into) + i, 0);
      }
    }
  }
  void go_back(Place place, While condition) override {
    if (condition != While::always) {
      for (std::uint32_t i = 0; i < 4; ++i) {
        if (condition == While::different) {
          put16((i == 0 ? 0x1400 : 0x0400) |
                operands(first(found) + i, first(mask) + i)); // cp, cpc
        } else {
          put16(0x2c00 | operands(0, first(found) + i));      // mov r0, found
          put16(0x2000 | operands(0, first(mask) + i));       // and r0, mask
          put16((i == 0 ? 0x2c00 : 0x2800) | operands(1, 0)); // mov, or r1, r0
        }
      }
      if (condition != While::different) {
        put16(0x2000 | operands(1, 1)); // tst r1
      }
      put16((condition == While::none_common ? 0xf401 : 0xf001) | 1U << 3); // brne, breq over it
    }
    put16(0xc000 | (static_cast<std::uint32_t>((distance_to(place) - 2) / 2) & 0xfff)); // rjmp
  }

private:
  static std::uint32_t first(Register name) {
    return name == address ? 30 : 12 + 4 * static_cast<std::uint32_t>(name);
  }
  static std::uint32_t size(Width width) {
    return width == Width::word ? 4 : width == Width::half ? 2 : 1;
  }
  static std::uint32_t operands(std::uint32_t d, std::uint32_t r) {
    return d << 4 | (r & 0x10) << 5 | (r & 0xf);
  }
  void load_immediate(std::uint32_t d, std::uint32_t byte) {
    put16(0xe000 | (byte & 0xf0) << 4 | (d - 16) << 4 | (byte & 0xf)); // ldi
  }
};

constexpr std::array k_avr = {
    InstructionSet{"avr",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Avr>(load);
                   }},
};

} // namespace

std::span<const InstructionSet> avr_instruction_sets() { return k_avr; }

} // namespace qt
