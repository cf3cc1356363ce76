#include "instruction_sets.hh"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace qt {
namespace {

// Arm Architecture Reference Manual for A-profile (DDI 0487), F5: A32. r0 to r3.
class Arm : public Assembler {
public:
  explicit Arm(std::uint64_t load)
    : Assembler(load) {
    // Of several processors that a board starts, the first runs the program. Older ones have MIDR
    // in the place of MPIDR, without its highest bit.
    put32(0xee100fb0 | reg(found, 12)); // mrc p15, 0, found, c0, c0, 5
    put32(0xe3500000 | reg(found, 16)); // cmp found, 0
    put32(0x5a000003);                  // bpl to after the loop
    put32(0xe31000ff | reg(found, 16)); // tst found, 0xff
    put32(0x0a000001);                  // beq to after the loop
    put32(0xe320f003);                  // wfi
    put32(0xeafffffd);                  // b to wfi
  }

  void set(Register target, std::uint64_t constant) override {
    put32(0xe59f0000 | reg(target, 12)); // ldr target, [pc]: the word after the next instruction
    put32(0xea000000);                   // b over it
    put32(static_cast<std::uint32_t>(constant));
  }
  void store(Register from, Width width) override {
    put32(access(width, 0) | reg(from, 12) | reg(address, 16));
  }
  void load(Register into, Width width) override {
    put32(access(width, 0x100000) | reg(into, 12) | reg(address, 16));
  }
  void go_back(Place place, While condition) override {
    std::uint32_t branch = 0xea000000;
    if (condition != While::always) {
      const bool is_test = condition != While::different;
      put32((is_test ? 0xe1100000 : 0xe1500000) | reg(found, 16) | mask); // tst, cmp
      branch = condition == While::none_common ? 0x0a000000 : 0x1a000000; // beq, bne
    }
    put32(branch | (static_cast<std::uint32_t>((distance_to(place) - 8) / 4) & 0xffffff));
  }

  // Arm semihosting: SYS_EXIT with ADP_Stopped_ApplicationExit.
  void end_by(std::string_view call) override {
    if (call != "semihosting") {
      Assembler::end_by(call);
    }
    set(address, 0x18);
    set(value, 0x20026);
    put32(0xef123456); // svc 0x123456
  }

private:
  static std::uint32_t access(Width width, std::uint32_t load_bit) {
    return load_bit | (width == Width::word   ? 0xe5800000   // str, ldr
                       : width == Width::byte ? 0xe5c00000   // strb, ldrb
                                              : 0xe1c000b0); // strh, ldrh
  }
};

// Armv6-M Architecture Reference Manual (DDI 0419), A6.7: what every Cortex-M has. r0 to r3.
class Thumb : public Assembler {
public:
  explicit Thumb(std::uint64_t load)
    : Assembler(load) {
    constexpr std::uint32_t k_vectors = 16;
    put32(static_cast<std::uint32_t>(load) + 0x1000); // the stack, which is not used
    for (std::uint32_t i = 1; i < k_vectors; ++i) {
      put32((static_cast<std::uint32_t>(load) + 4 * k_vectors) | 1);
    }
  }

  void set(Register target, std::uint64_t constant) override {
    if (here() % 4 != 0) {
      put16(0x46c0); // nop: the word must be aligned
    }
    put16(0x4800 | reg(target, 8)); // ldr target, [pc]: the word after the next instruction
    put16(0xe001);                  // b over it
    put32(static_cast<std::uint32_t>(constant));
  }
  void store(Register from, Width width) override {
    put16(access(width, 0) | reg(address, 3) | from);
  }
  void load(Register into, Width width) override {
    put16(access(width, 0x0800) | reg(address, 3) | into);
  }
  void go_back(Place place, While condition) override {
    if (condition != While::always) {
      const bool is_test = condition != While::different;
      put16((is_test ? 0x4200 : 0x4280) | reg(mask, 3) | found); // tst, cmp
      put16(condition == While::none_common ? 0xd100 : 0xd000);  // bne, beq: over the next
    }
    put16(0xe000 | (static_cast<std::uint32_t>((distance_to(place) - 4) / 2) & 0x7ff));
  }

  void end_by(std::string_view call) override {
    if (call != "semihosting") {
      Assembler::end_by(call);
    }
    set(address, 0x18);
    set(value, 0x20026);
    put16(0xbeab); // bkpt 0xab
  }

private:
  static std::uint32_t access(Width width, std::uint32_t load_bit) {
    return load_bit | (width == Width::word   ? 0x6000   // str, ldr
                       : width == Width::byte ? 0x7000   // strb, ldrb
                                              : 0x8000); // strh, ldrh
  }
};

// Arm Architecture Reference Manual for A-profile (DDI 0487), C6. x0 to x3.
class Aarch64 : public Assembler {
public:
  explicit Aarch64(std::uint64_t load)
    : Assembler(load) {
    // Of several processors that a board starts, the first runs the program.
    put32(0xd53800a0 | found);              // mrs found, mpidr_el1
    put32(0xd3405c00 | found << 5 | found); // ubfx found, found, 0, 24
    put32(0xb4000060 | found);              // cbz found, to after the loop
    put32(0xd503207f);                      // wfi
    put32(0x17ffffff);                      // b to wfi
  }

  void set(Register target, std::uint64_t constant) override {
    put32(0xd2800000 | imm16(constant, 0) | target);  // movz
    put32(0xf2a00000 | imm16(constant, 16) | target); // movk, lsl #16
    put32(0xf2c00000 | imm16(constant, 32) | target); // movk, lsl #32
  }
  void store(Register from, Width width) override { put32(access(width) | reg(address, 5) | from); }
  void load(Register into, Width width) override {
    put32(access(width) | 0x00400000 | reg(address, 5) | into);
  }
  void go_back(Place place, While condition) override {
    if (condition == While::always) {
      put32(0x14000000 | (static_cast<std::uint32_t>(distance_to(place) / 4) & 0x3ffffff)); // b
      return;
    }
    const bool is_test = condition != While::different;
    put32((is_test ? 0x6a00001f : 0x6b00001f) | reg(mask, 16) | reg(found, 5)); // tst, cmp
    const std::uint32_t branch = condition == While::none_common ? 0x54000000 : 0x54000001;
    put32(branch | ((static_cast<std::uint32_t>(distance_to(place) / 4) & 0x7ffff) << 5));
  }

  // Arm semihosting: SYS_EXIT with ADP_Stopped_ApplicationExit and the status, in memory; or PSCI's
  // SYSTEM_OFF, called in the hypervisor.
  void end_by(std::string_view call) override {
    if (call == "psci-hvc") {
      set(address, 0x84000008);
      put32(0xd4000002); // hvc 0
      return;
    }
    if (call != "semihosting") {
      Assembler::end_by(call);
    }
    const Place block = here() + 4;
    put32(0x14000005); // b over it
    for (const std::uint32_t word : {0x20026U, 0U, 0U, 0U}) {
      put32(word);
    }
    set(address, 0x18);
    set(value, block);
    put32(0xd45e0000); // hlt 0xf000
  }

private:
  static std::uint32_t imm16(std::uint64_t constant, int shift) {
    return (static_cast<std::uint32_t>(constant >> shift) & 0xffff) << 5;
  }
  static std::uint32_t access(Width width) {
    return width == Width::word ? 0xb9000000 : width == Width::byte ? 0x39000000 : 0x79000000;
  }
};

constexpr std::array k_arm = {
    InstructionSet{"arm",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Arm>(load);
                   }},
    InstructionSet{"thumb",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Thumb>(load);
                   }},
    InstructionSet{"aarch64",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<Aarch64>(load);
                   }},
};

} // namespace

std::span<const InstructionSet> arm_instruction_sets() { return k_arm; }

} // namespace qt
