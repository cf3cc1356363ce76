#include "instruction_sets.hh"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace qt {
namespace {

// z/Architecture Principles of Operation (SA22-7832). r2 to r5; r6 to r8 are between. Like a kernel
// the program begins with the PSW that starts it, in 31 bits; QEMU enters it with 64.
class S390 : public Assembler {
public:
  explicit S390(std::uint64_t load)
    : Assembler(load) {
    put32(0x00080000, true);
    put32(0x80000000 | k_start, true);
    fill_to(k_write_mask);
    put_control_block(28);
    put32(4, true);                                            // how long each mask is
    for (const std::uint32_t event : {0x40U, 0x40U, 0U, 0U}) { // the ASCII console: both ways
      put32(event, true);
    }
    fill_to(k_write);
    put_control_block(15);
    put16(7, true); // one event of 7 bytes, of the ASCII console
    put8(0x1a);
    fill_to(k_read);
    put_control_block(0x1000); // it must be that long
    fill_to(k_end);
    put32(0x00020001, true); // waits for ever, with all interrupts off …
    put32(0x80000000, true);
    put32(0, true);
    put32(0xfff, true); // … by which QEMU knows that the guest has ended
    fill_to(k_start);
    call(0x00780005, k_write_mask);
  }

  void set(Register target, std::uint64_t constant) override {
    set_number(reg(target), static_cast<std::uint32_t>(constant));
    if (constant >> 32 != 0) {
      put16(0xc008 | reg(target) << 4, true); // iihf
      put32(static_cast<std::uint32_t>(constant >> 32), true);
    }
  }
  void store(Register from, Width width) override {
    put32((width == Width::word   ? 0x50000000U    // st
           : width == Width::byte ? 0x42000000U    // stc
                                  : 0x40000000U) | // sth
              reg(from) << 20 |
              reg(address) << 12,
          true);
  }
  void load(Register into, Width width) override { load_from(reg(into), reg(address), 0, width); }
  void go_back(Place place, While condition) override {
    if (condition == While::different) {
      put16(0x1500 | reg(found) << 4 | reg(mask), true); // clr
    } else if (condition != While::always) {
      put16(0x1800 | k_other << 4 | reg(found), true); // lr
      put16(0x1400 | k_other << 4 | reg(mask), true);  // nr
    }
    branch(place, condition == While::always ? 15 : condition == While::none_common ? 8 : 7);
  }

  // The service-call logical processor, as Linux's drivers/s390/char/sclp*.h have it.
  void transmit_by(std::string_view name, Register from) override {
    if (name != "sclp") {
      Assembler::transmit_by(name, from);
    }
    set_number(k_block, k_write);
    put32(0x4200000e | reg(from) << 20 | k_block << 12, true); // stc: the byte
    put32(0x9200000b | k_block << 12, true);                   // mvi: a new event
    call(0x00760005, k_write);
  }
  void receive_by(std::string_view name, Register into) override {
    if (name != "sclp") {
      Assembler::receive_by(name, into);
    }
    const Place again = here();
    call(0x00770005, k_read);
    load_from(k_other, k_block, 6, Width::half); // its answer
    put32(0xa70e0020 | k_other << 20, true);     // chi: there was an event
    branch(again, 7);
    load_from(reg(into), k_block, 15, Width::byte);
  }
  void end_by(std::string_view name) override {
    if (name != "disabled-wait") {
      Assembler::end_by(name);
    }
    set_number(k_block, k_end);
    put32(0xb2b20000 | k_block << 12, true); // lpswe
  }

private:
  static constexpr std::uint32_t k_other = 6;
  static constexpr std::uint32_t k_block = 7;
  static constexpr std::uint32_t k_command = 8;
  // Places in the program. The blocks must not lie in the first two pages.
  static constexpr std::uint32_t k_write_mask = 0x4000;
  static constexpr std::uint32_t k_write = 0x4100;
  static constexpr std::uint32_t k_read = 0x5000;
  static constexpr std::uint32_t k_end = 0x6000;
  static constexpr std::uint32_t k_start = 0x10000;

  static std::uint32_t reg(Register name) { return 2 + static_cast<std::uint32_t>(name); }
  void fill_to(std::uint32_t place) {
    while (code().size() < place) {
      put8(0);
    }
  }
  void put_control_block(std::uint32_t size) {
    put16(size, true);
    put16(0);
    put32(0);
  }
  void set_number(std::uint32_t r, std::uint32_t number) {
    put16(0xc00f | r << 4, true); // llilf
    put32(number, true);
  }
  void load_from(std::uint32_t into, std::uint32_t base, std::uint32_t offset, Width width) {
    put16(0xe300 | into << 4, true);
    put32(base << 28 | offset << 16 |
              (width == Width::word   ? 0x16U   // llgf
               : width == Width::byte ? 0x90U   // llgc
                                      : 0x91U), // llgh
          true);
  }
  void branch(Place place, std::uint32_t condition) {
    const auto by = static_cast<std::uint32_t>(distance_to(place) / 2);
    put16(0xc004 | condition << 4, true); // brcl
    put32(by, true);
  }
  void call(std::uint32_t command, std::uint32_t block) {
    set_number(k_block, block);
    set_number(k_command, command);
    put32(0xb2200000 | k_command << 4 | k_block, true); // servc
  }
};

constexpr std::array k_s390 = {
    InstructionSet{
        "s390x",
        [](std::uint64_t) -> std::unique_ptr<Assembler> { return std::make_unique<S390>(0); }},
};

} // namespace

std::span<const InstructionSet> s390_instruction_sets() { return k_s390; }

} // namespace qt
