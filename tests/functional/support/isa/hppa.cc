#include "instruction_sets.hh"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace qt {
namespace {

// PA-RISC 1.1 Architecture and Instruction Set Reference Manual. %r1 to %r4; %r5 for what is found
// in common. Without address translation, as after a reset. A branch is followed by one more
// instruction, which is none here.
class Hppa : public Assembler {
public:
  explicit Hppa(std::uint64_t load)
    : Assembler(load) {}

  void set(Register target, std::uint64_t constant) override {
    const auto whole = static_cast<std::uint32_t>(constant);
    big(0x20000000 | reg(target) << 21 | left_part(whole >> 11));                   // ldil
    big(0x34000000 | reg(target) << 21 | reg(target) << 16 | (whole & 0x7ff) << 1); // ldo
  }
  void store(Register from, Width width) override {
    big((width == Width::word   ? 0x68000000    // stw
         : width == Width::byte ? 0x60000000    // stb
                                : 0x64000000) | // sth
        reg(address) << 21 |
        reg(from) << 16);
  }
  void load(Register into, Width width) override {
    big((width == Width::word   ? 0x48000000    // ldw
         : width == Width::byte ? 0x40000000    // ldb
                                : 0x44000000) | // ldh
        reg(address) << 21 |
        reg(into) << 16);
  }
  void go_back(Place place, While condition) override {
    if (condition == While::always) {
      const std::uint32_t by = words_to(place);
      big(0xe8000000 | (by >> 11 & 0x1f) << 16 | (by >> 10 & 1) << 2 | (by & 0x3ff) << 3 |
          (by >> 16 & 1)); // b
    } else if (condition == While::different) {
      compare(k_unless_equal, reg(found), reg(mask), place);
    } else {
      big(0x08000200 | reg(mask) << 21 | reg(found) << 16 | k_common); // and
      compare(condition == While::none_common ? k_if_equal : k_unless_equal, k_common, 0, place);
    }
    big(0x08000240); // nop
  }
  // What QEMU takes for a halt of the firmware (target/hppa/insns.decode).
  void end_by(std::string_view call) override {
    if (call != "halt") {
      Assembler::end_by(call);
    }
    big(0xfffdead0);
  }

private:
  static constexpr std::uint32_t k_common = 5;
  static constexpr std::uint32_t k_if_equal = 0x80002000;     // cmpb,=
  static constexpr std::uint32_t k_unless_equal = 0x88002000; // cmpb,<>
  static std::uint32_t reg(Register name) { return 1 + static_cast<std::uint32_t>(name); }
  void big(std::uint32_t word) { put32(word, true); }
  // The upper 21 bits of a word in the order of the instruction.
  static std::uint32_t left_part(std::uint32_t bits) {
    return (bits >> 20 & 1) | (bits & 0x0ffe00) >> 8 | (bits & 0x180) << 7 | (bits & 0x7c) << 14 |
           (bits & 3) << 12;
  }
  // From the instruction after the next one.
  std::uint32_t words_to(Place place) const {
    return static_cast<std::uint32_t>((distance_to(place) - 8) / 4);
  }
  void compare(std::uint32_t operation, std::uint32_t one, std::uint32_t other, Place place) {
    const std::uint32_t by = words_to(place);
    big(operation | other << 21 | one << 16 | (by >> 10 & 1) << 2 | (by & 0x3ff) << 3 |
        (by >> 11 & 1));
  }
};

constexpr std::array k_hppa = {
    InstructionSet{"hppa",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Hppa>(load);
                   },
                   {15, ElfKind::Size::bits_32, ElfKind::Order::big}},
};

} // namespace

std::span<const InstructionSet> hppa_instruction_sets() { return k_hppa; }

} // namespace qt
