#include "instruction_sets.hh"

#include <array>

namespace qt {
namespace {

// TriCore V1.6 Architecture, volume 2. a2, d1 to d3; d4 for half of an address and for what is
// found in common.
class Tricore : public Assembler {
public:
  explicit Tricore(std::uint64_t load)
    : Assembler(load) {}

  void set(Register target, std::uint64_t constant) override {
    const std::uint32_t d = target == address ? k_d4 : static_cast<std::uint32_t>(target);
    const auto low = static_cast<std::uint32_t>(constant);
    put32(0xbb | (low & 0xffff) << 12 | d << 28);     // mov.u d, #
    put32(0x9b | d << 8 | low >> 16 << 12 | d << 28); // addih d, d, #
    if (target == address) {
      put16(0x60 | k_a2 << 8 | d << 12); // mov.a a2, d
    }
  }
  void store(Register from, Width width) override {
    put16((width == Width::word   ? 0x74
           : width == Width::byte ? 0x34
                                  : 0xb4) |
          reg(from, 8) | k_a2 << 12); // st.w, st.b, st.h [a2]
  }
  void load(Register into, Width width) override {
    put16((width == Width::word   ? 0x54
           : width == Width::byte ? 0x14
                                  : 0x94) |
          reg(into, 8) | k_a2 << 12); // ld.w, ld.bu, ld.h [a2]
  }
  void go_back(Place place, While condition) override {
    if (condition == While::always) {
      const auto by = static_cast<std::uint32_t>(distance_to(place) / 2);
      put32(0x1d | (by >> 16 & 0xff) << 8 | (by & 0xffff) << 16); // j
      return;
    }
    std::uint32_t branch = 0x8000005f | reg(found, 8) | reg(mask, 12); // jne found, mask
    if (condition != While::different) {
      put32(0x0080000f | reg(found, 8) | reg(mask, 12) | k_d4 << 28);              // and d4
      branch = (condition == While::common ? 0x800000df : 0x000000df) | k_d4 << 8; // jne, jeq 0
    }
    put32(branch | (static_cast<std::uint32_t>(distance_to(place) / 2) & 0x7fff) << 16);
  }

private:
  static constexpr std::uint32_t k_a2 = 2;
  static constexpr std::uint32_t k_d4 = 4;
};

constexpr std::array k_tricore = {
    InstructionSet{"tricore",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Tricore>(load);
                   }},
};

} // namespace

std::span<const InstructionSet> tricore_instruction_sets() { return k_tricore; }

} // namespace qt
