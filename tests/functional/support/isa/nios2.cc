#include "instruction_sets.hh"

#include <array>

namespace qt {
namespace {

// Nios II Processor Reference Guide (NII-PRG). r4 to r7; r8 for what is found in common.
class Nios2 : public Assembler {
public:
  explicit Nios2(std::uint64_t load)
    : Assembler(load) {}

  void set(Register target, std::uint64_t constant) override {
    const auto low = static_cast<std::uint32_t>(constant);
    put32(number(target) << 22 | low >> 16 << 6 | 0x34);                             // orhi
    put32(number(target) << 27 | number(target) << 22 | (low & 0xffff) << 6 | 0x14); // ori
  }
  void store(Register from, Width width) override {
    put32(number(address) << 27 | number(from) << 22 |
          (width == Width::word   ? 0x35    // stwio
           : width == Width::byte ? 0x25    // stbio
                                  : 0x2d)); // sthio
  }
  void load(Register into, Width width) override {
    put32(number(address) << 27 | number(into) << 22 |
          (width == Width::word   ? 0x37    // ldwio
           : width == Width::byte ? 0x23    // ldbuio
                                  : 0x2b)); // ldhuio
  }
  void go_back(Place place, While condition) override {
    std::uint32_t branch = 0x06; // br
    if (condition == While::different) {
      branch = number(found) << 27 | number(mask) << 22 | 0x1e; // bne
    } else if (condition != While::always) {
      put32(number(found) << 27 | number(mask) << 22 | k_r8 << 17 | 0x0e << 11 | 0x3a); // and
      branch = k_r8 << 27 | (condition == While::common ? 0x1e : 0x26);                 // bne, beq
    }
    put32(branch | (static_cast<std::uint32_t>(distance_to(place) - 4) & 0xffff) << 6);
  }

private:
  static constexpr std::uint32_t k_r8 = 8;
  static std::uint32_t number(Register name) { return 4 + static_cast<std::uint32_t>(name); }
};

constexpr std::array k_nios2 = {
    InstructionSet{"nios2",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Nios2>(load);
                   }},
};

} // namespace

std::span<const InstructionSet> nios2_instruction_sets() { return k_nios2; }

} // namespace qt
