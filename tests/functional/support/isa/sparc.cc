#include "instruction_sets.hh"

#include <array>

namespace qt {
namespace {

// The SPARC Architecture Manual, versions 8 and 9. g1 to g4; g5 for half of an address. The
// instruction after a branch is a nop.
//
// Version 8 reaches physical addresses of 36 bits by the address spaces 0x20 to 0x2f (appendix I),
// whose last digit is the highest four bits; so a word of the address space is part of `address`.
class Sparc : public Assembler {
public:
  Sparc(std::uint64_t load, bool is_v9)
    : Assembler(load)
    , m_is_v9(is_v9) {
    constexpr int k_vector = 8; // a processor of version 9 starts in the second vector of its ROM
    for (int i = 0; is_v9 && i < 2 * k_vector; ++i) {
      put32(k_nop, true);
    }
  }

  void set(Register target, std::uint64_t constant) override {
    const std::uint32_t rd = number(target);
    const auto low = static_cast<std::uint32_t>(constant);
    const auto high = static_cast<std::uint32_t>(constant >> 32);
    if (m_is_v9 && high != 0) {
      set_half(rd, high);
      put32(0x81283000 | rd << 25 | rd << 14 | 32, true); // sllx rd, 32
      set_half(k_g5, low);
      put32(0x80100000 | rd << 25 | rd << 14 | k_g5, true); // or
    } else {
      set_half(rd, low);
    }
    if (target == address && !m_is_v9) {
      m_space = high == 0 ? 0 : 0x20 | high;
    }
  }
  void store(Register from, Width width) override {
    access(number(from), width == Width::word ? 4 : width == Width::byte ? 5 : 6); // st, stb, sth
  }
  void load(Register into, Width width) override {
    access(number(into), width == Width::word ? 0 : width == Width::byte ? 1 : 2); // ld, ldub, lduh
  }
  void go_back(Place place, While condition) override {
    std::uint32_t branch = 0x10800000; // ba
    if (condition != While::always) {
      const bool is_test = condition != While::different;
      put32((is_test ? 0x80880000 : 0x80a00000) | number(found) << 14 | number(mask), true);
      branch = condition == While::none_common ? 0x02800000 : 0x12800000; // be, bne
    }
    put32(branch | (static_cast<std::uint32_t>(distance_to(place) / 4) & 0x3fffff), true);
    put32(k_nop, true);
  }

private:
  static constexpr std::uint32_t k_g5 = 5;
  static constexpr std::uint32_t k_nop = 0x01000000;
  static std::uint32_t number(Register name) { return 1 + static_cast<std::uint32_t>(name); }
  void set_half(std::uint32_t rd, std::uint32_t constant) {
    put32(0x01000000 | rd << 25 | constant >> 10, true);                // sethi
    put32(0x80102000 | rd << 25 | rd << 14 | (constant & 0x3ff), true); // or
  }
  void access(std::uint32_t rd, std::uint32_t operation) {
    const std::uint32_t alternate = m_space != 0 ? 0x10 : 0;
    put32(0xc0000000 | rd << 25 | (operation | alternate) << 19 | number(address) << 14 |
              m_space << 5,
          true);
  }

  bool m_is_v9;
  std::uint32_t m_space = 0;
};

constexpr std::array k_sparc = {
    InstructionSet{"sparc",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Sparc>(load, false);
                   }},
    InstructionSet{"sparc64",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Sparc>(load, true);
                   }},
};

} // namespace

std::span<const InstructionSet> sparc_instruction_sets() { return k_sparc; }

} // namespace qt
