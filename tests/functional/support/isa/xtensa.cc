#include "instruction_sets.hh"

#include <array>
#include <initializer_list>

namespace qt {
namespace {

// Xtensa Instruction Set Architecture Reference Manual. a8 to a11. Instructions have 24 bits; with
// the highest byte first, their fields are in the reverse order, too.
class Xtensa : public Assembler {
public:
  Xtensa(std::uint64_t load, bool is_big)
    : Assembler(load)
    , m_is_big(is_big) {}

  void set(Register target, std::uint64_t constant) override {
    set(number(target), static_cast<std::uint32_t>(constant));
  }
  void store(Register from, Width width) override {
    access(number(from), width == Width::word   ? 6
                         : width == Width::byte ? 4
                                                : 5); // s32i, s8i, s16i
  }
  void load(Register into, Width width) override {
    access(number(into), width == Width::word   ? 2
                         : width == Width::byte ? 0
                                                : 1); // l32i, l8ui, l16ui
  }
  void go_back(Place place, While condition) override {
    if (condition != While::always) { // a branch does not go far, so it goes over the jump
      const std::uint32_t operation = condition == While::common        ? 0  // bnone
                                      : condition == While::none_common ? 8  // bany
                                                                        : 1; // beq
      put({{7, 4}, {number(mask), 4}, {number(found), 4}, {operation, 4}, {2, 8}});
    }
    jump(static_cast<std::uint32_t>(distance_to(place) - 4));
  }

  // The simulator's: a2 is the number of the call, then what it has; a2 is the result.
  void transmit_by(std::string_view call, Register from) override {
    if (call != "simcall") {
      return Assembler::transmit_by(call, from);
    }
    set(number(address), buffer());
    store(from, Width::byte);
    set(3, 1); // a terminal
    set_buffer();
    simulate(k_write);
  }
  void receive_by(std::string_view call, Register into) override {
    if (call != "simcall") {
      return Assembler::receive_by(call, into);
    }
    const Place again = here();
    set(3, 0); // a terminal
    set_buffer();
    simulate(k_read);
    set(number(mask), 1);
    put({{0, 4}, {2, 4}, {2, 4}, {number(found), 4}, {0, 4}, {2, 4}}); // or found, a2, a2
    go_back(again, While::different);
    set(number(address), buffer());
    load(into, Width::byte);
  }

  void end_by(std::string_view call) override {
    if (call != "simcall") {
      return Assembler::end_by(call);
    }
    set(3, 0);
    simulate(k_exit);
  }

private:
  struct Field {
    std::uint32_t value;
    std::uint32_t bits;
  };
  static constexpr std::uint32_t k_exit = 1;
  static constexpr std::uint32_t k_read = 3;
  static constexpr std::uint32_t k_write = 4;

  static std::uint32_t number(Register name) { return 8 + static_cast<std::uint32_t>(name); }
  // From the field that comes first in memory.
  void put(std::initializer_list<Field> fields) {
    std::uint32_t word = 0;
    std::uint32_t place = m_is_big ? 24 : 0;
    for (const Field& field : fields) {
      word |= field.value << (m_is_big ? place -= field.bits : place);
      place += m_is_big ? 0 : field.bits;
    }
    for (std::uint32_t i = 0; i < 3; ++i) {
      put8(word >> (8 * (m_is_big ? 2 - i : i)) & 0xff);
    }
  }
  void jump(std::uint32_t by) { put({{6, 4}, {0, 2}, {by & 0x3ffff, 18}}); }
  void access(std::uint32_t t, std::uint32_t operation) {
    put({{2, 4}, {t, 4}, {number(address), 4}, {operation, 4}, {0, 8}});
  }
  void set(std::uint32_t t, std::uint32_t constant) {
    const std::uint32_t padding = (4 - (here() + 3) % 4) % 4;
    jump(padding + 3); // over the word, which must be aligned
    for (std::uint32_t i = 0; i < padding; ++i) {
      put8(0);
    }
    const Place word = here();
    put32(constant, m_is_big);
    const auto by = static_cast<std::uint32_t>(
        (static_cast<std::int64_t>(word) - static_cast<std::int64_t>((here() + 3) & ~3ULL)) / 4);
    put({{1, 4}, {t, 4}, {by & 0xffff, 16}}); // l32r
  }
  // The program's first word, which nobody needs any more, is what the simulator reads and writes.
  std::uint32_t buffer() const { return static_cast<std::uint32_t>(start()); }
  void set_buffer() {
    set(4, buffer());
    set(5, 1); // byte
  }
  void simulate(std::uint32_t call) {
    set(2, call);
    put({{0, 4}, {0, 4}, {1, 4}, {5, 4}, {0, 4}, {0, 4}}); // simcall
  }

  bool m_is_big;
};

constexpr std::array k_xtensa = {
    InstructionSet{"xtensa",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Xtensa>(load, false);
                   }},
    InstructionSet{"xtensaeb",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Xtensa>(load, true);
                   }},
};

} // namespace

std::span<const InstructionSet> xtensa_instruction_sets() { return k_xtensa; }

} // namespace qt
