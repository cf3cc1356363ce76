#include "instruction_sets.hh"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace qt {
namespace {

// Alpha Architecture Handbook, version 4, with its byte and word extension. $1 to $4; $5 for what
// is found in common. The program lies in the part of the address space that maps all of memory
// (KSEG), where the PALcode starts it.
class Alpha : public Assembler {
public:
  explicit Alpha(std::uint64_t load)
    : Assembler(load) {}

  // The upper half, and then the lower one, each of two parts that are added with their signs.
  void set(Register target, std::uint64_t constant) override {
    const std::uint32_t to = reg(target);
    const std::uint64_t low = sign_extended(constant);
    const std::uint64_t next = sign_extended((constant - low) >> 16);
    const std::uint64_t upper = (constant - low - (next << 16)) >> 32;
    const std::uint64_t upper_low = sign_extended(upper);
    add_shifted(to, k_zero, (upper - upper_low) >> 16);
    add(to, to, upper_low);
    put32(0x12U << 26 | to << 21 | 32U << 13 | 1U << 12 | 0x39U << 5 | to); // sll
    add_shifted(to, to, next);
    add(to, to, low);
  }
  void store(Register from, Width width) override {
    at_address(width == Width::word   ? 0x2c  // stl
               : width == Width::byte ? 0x0e  // stb
                                      : 0x0d, // stw
               from);
  }
  void load(Register into, Width width) override {
    at_address(width == Width::word   ? 0x28  // ldl
               : width == Width::byte ? 0x0a  // ldbu
                                      : 0x0c, // ldwu
               into);
    if (width == Width::word) { // it came with its sign
      put32(0x12U << 26 | reg(into) << 21 | 0xfU << 13 | 1U << 12 | 0x31U << 5 |
            reg(into)); // zapnot
    }
  }
  void go_back(Place place, While condition) override {
    if (condition == While::always) {
      branch(0x30, k_zero, place); // br
      return;
    }
    const std::uint32_t function = condition == While::different ? 0x40 : 0; // xor, and
    put32(0x11U << 26 | reg(found) << 21 | reg(mask) << 16 | function << 5 | k_common);
    branch(condition == While::none_common ? 0x39 : 0x3d, k_common, place); // beq, bne
  }
  void end_by(std::string_view call) override {
    if (call != "halt") {
      Assembler::end_by(call);
    }
    put32(0); // call_pal halt
  }

private:
  static constexpr std::uint32_t k_zero = 31;
  static constexpr std::uint32_t k_common = 5;
  static std::uint32_t reg(Register name) { return 1 + static_cast<std::uint32_t>(name); }
  // Of 16 bits.
  static std::uint64_t sign_extended(std::uint64_t value) {
    return static_cast<std::uint64_t>(static_cast<std::int16_t>(value & 0xffff));
  }
  void add(std::uint32_t to, std::uint32_t from, std::uint64_t number) { // lda
    put32(0x08U << 26 | to << 21 | from << 16 | static_cast<std::uint32_t>(number & 0xffff));
  }
  void add_shifted(std::uint32_t to, std::uint32_t from, std::uint64_t number) { // ldah
    put32(0x09U << 26 | to << 21 | from << 16 | static_cast<std::uint32_t>(number & 0xffff));
  }
  void at_address(std::uint32_t operation, Register name) {
    put32(operation << 26 | reg(name) << 21 | reg(address) << 16);
  }
  void branch(std::uint32_t operation, std::uint32_t on, Place place) {
    const auto by = static_cast<std::uint32_t>((distance_to(place) - 4) / 4) & 0x1fffff;
    put32(operation << 26 | on << 21 | by);
  }
};

constexpr std::array k_alpha = {
    InstructionSet{"alpha",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Alpha>(load);
                   },
                   {0x9026, ElfKind::Size::bits_64, ElfKind::Order::little}},
};

} // namespace

std::span<const InstructionSet> alpha_instruction_sets() { return k_alpha; }

} // namespace qt
