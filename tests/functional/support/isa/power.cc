#include "instruction_sets.hh"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace qt {
namespace {

// Power ISA, book I. r3 to r6; r7 for what is found in common.
class Ppc : public Assembler {
public:
  explicit Ppc(std::uint64_t load)
    : Assembler(load) {}

  void set(Register target, std::uint64_t constant) override {
    const std::uint32_t r = reg(target);
    put32(0x3c000000 | r << 21 | (static_cast<std::uint32_t>(constant) >> 16), true); // lis
    put32(0x60000000 | r << 21 | r << 16 | (static_cast<std::uint32_t>(constant) & 0xffff), true);
  }
  void store(Register from, Width width) override {
    put32((width == Width::word   ? 0x90000000
           : width == Width::byte ? 0x98000000
                                  : 0xb0000000) |
              reg(from) << 21 | reg(address) << 16,
          true);
  }
  void load(Register into, Width width) override {
    put32((width == Width::word   ? 0x80000000
           : width == Width::byte ? 0x88000000
                                  : 0xa0000000) |
              reg(into) << 21 | reg(address) << 16,
          true);
  }
  void go_back(Place place, While condition) override {
    if (condition == While::always) {
      put32(0x48000000 | (static_cast<std::uint32_t>(distance_to(place)) & 0x3fffffc), true); // b
      return;
    }
    if (condition == While::different) {
      put32(0x7c000040 | reg(found) << 16 | reg(mask) << 11, true); // cmplw
    } else {
      put32(0x7c000039 | reg(found) << 21 | 7U << 16 | reg(mask) << 11, true); // and.
    }
    const std::uint32_t branch = condition == While::none_common ? 0x41820000 : 0x40820000;
    put32(branch | (static_cast<std::uint32_t>(distance_to(place)) & 0xfffc), true);
  }

private:
  static std::uint32_t reg(Register name) { return 3 + static_cast<std::uint32_t>(name); }
};

constexpr std::array k_power = {
    InstructionSet{"ppc",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Ppc>(load);
                   }},
};

} // namespace

std::span<const InstructionSet> power_instruction_sets() { return k_power; }

} // namespace qt
