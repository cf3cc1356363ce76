#include "instruction_sets.hh"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace qt {
namespace {

// MIPS Architecture for Programmers, volumes II-A and III. $8 to $11; the instruction after a
// branch, and after a load for the oldest processors, is a nop.
class Mips : public Assembler {
public:
  Mips(std::uint64_t load, bool is_64, bool is_big)
    : Assembler(load)
    , m_is_big(is_big) {
    if (is_64) {                                 // Status.KX: addresses of 64 bits
      put(0x40006000 | k_at << 16);              // mfc0 at, status
      put(0x34000080 | k_at << 21 | k_at << 16); // ori at, 0x80
      put(0x40806000 | k_at << 16);              // mtc0 at, status
      put(0);
    }
  }

  // Of 32 bits, the highest is the sign: 0xb8000000 is in the uncached segment on every processor.
  void set(Register target, std::uint64_t constant) override {
    const std::uint32_t r = reg(target);
    const bool is_long = constant >> 32 != 0;
    put(0x3c000000 | r << 16 | half(constant, is_long ? 48 : 16)); // lui
    for (int shift = is_long ? 32 : 0; shift >= 0; shift -= 16) {
      put(0x34000000 | r << 21 | r << 16 | half(constant, shift)); // ori
      if (shift != 0) {
        put(0x00000438 | r << 16 | r << 11); // dsll 16
      }
    }
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

  // MIPS Unified Hosting Interface (MD01069): exit with the status 0.
  void end_by(std::string_view call) override {
    if (call != "semihosting") {
      Assembler::end_by(call);
    }
    put(0x34190001); // ori t9, zero, 1
    put(0x34040000); // ori a0, zero, 0
    put(0x7000007f); // sdbbp 1
  }

private:
  static constexpr std::uint32_t k_at = 1;
  static std::uint32_t half(std::uint64_t constant, int shift) {
    return static_cast<std::uint32_t>(constant >> shift) & 0xffff;
  }
  static std::uint32_t reg(Register name) { return 8 + static_cast<std::uint32_t>(name); }
  void put(std::uint32_t word) { put32(word, m_is_big); }

  bool m_is_big;
};

template<bool is_64, bool is_big>
std::unique_ptr<Assembler> make_mips(std::uint64_t load) {
  return std::make_unique<Mips>(load, is_64, is_big);
}

constexpr std::array k_mips = {
    InstructionSet{"mips", make_mips<false, true>},
    InstructionSet{"mipsel", make_mips<false, false>},
    InstructionSet{"mips64", make_mips<true, true>},
    InstructionSet{"mips64el", make_mips<true, false>},
};

} // namespace

std::span<const InstructionSet> mips_instruction_sets() { return k_mips; }

} // namespace qt
