#include "instruction_sets.hh"

#include "base/error.hh"

namespace qt {

void Assembler::put16(std::uint32_t half, bool big_endian) {
  m_code += static_cast<char>(big_endian ? half >> 8 : half);
  m_code += static_cast<char>(big_endian ? half : half >> 8);
}

void Assembler::put32(std::uint32_t word, bool big_endian) {
  put16(big_endian ? word >> 16 : word & 0xffff, big_endian);
  put16(big_endian ? word & 0xffff : word >> 16, big_endian);
}

namespace {

// Arm Architecture Reference Manual for A-profile (DDI 0487), F5: A32. r0 to r3.
class Arm : public Assembler {
public:
  explicit Arm(std::uint64_t load)
    : Assembler(load) {}

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
    : Assembler(load) {}

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

private:
  static std::uint32_t imm16(std::uint64_t constant, int shift) {
    return (static_cast<std::uint32_t>(constant >> shift) & 0xffff) << 5;
  }
  static std::uint32_t access(Width width) {
    return width == Width::word ? 0xb9000000 : width == Width::byte ? 0x39000000 : 0x79000000;
  }
};

// The RISC-V Instruction Set Manual, volume I: RV32I and RV64I. t0 to t2, t3 (x5, x6, x7, x28).
class Riscv : public Assembler {
public:
  Riscv(std::uint64_t load, bool is_64)
    : Assembler(load)
    , m_is_64(is_64) {}

  void set(Register target, std::uint64_t constant) override {
    const std::uint32_t rd = reg(target);
    const auto low = static_cast<std::uint32_t>(constant);
    put32(((low + 0x800) & 0xfffff000) | rd << 7 | 0x37);      // lui
    put32((low & 0xfff) << 20 | rd << 15 | rd << 7 | 0x13);    // addi
    if (m_is_64) {                                             // lui extends the sign
      put32(32U << 20 | rd << 15 | 1U << 12 | rd << 7 | 0x13); // slli 32
      put32(32U << 20 | rd << 15 | 5U << 12 | rd << 7 | 0x13); // srli 32
    }
  }
  void store(Register from, Width width) override {
    put32(reg(from) << 20 | reg(address) << 15 | size(width) << 12 | 0x23);
  }
  void load(Register into, Width width) override {
    const std::uint32_t zero_extended =
        width == Width::word && !m_is_64 ? 0 : 4; // lw; lbu, lhu, lwu
    put32(reg(address) << 15 | (size(width) | zero_extended) << 12 | reg(into) << 7 | 0x03);
  }
  void go_back(Place place, While condition) override {
    if (condition == While::always) {
      jump(static_cast<std::uint32_t>(distance_to(place)));
      return;
    }
    if (condition == While::different) {
      branch(1, reg(found), reg(mask), place); // bne
      return;
    }
    put32(reg(mask) << 20 | reg(found) << 15 | 7U << 12 | k_t4 << 7 | 0x33); // and
    branch(condition == While::common ? 1 : 0, k_t4, 0, place);              // bne, beq to zero
  }

private:
  static constexpr std::uint32_t k_t4 = 29;

  static std::uint32_t reg(Register name) {
    return name == mask ? 28 : 5 + static_cast<std::uint32_t>(name);
  }
  static std::uint32_t size(Width width) {
    return width == Width::word ? 2 : width == Width::half ? 1 : 0;
  }
  void jump(std::uint32_t by) { // jal x0
    put32((by >> 20 & 1) << 31 | (by >> 1 & 0x3ff) << 21 | (by >> 11 & 1) << 20 |
          (by >> 12 & 0xff) << 12 | 0x6f);
  }
  void branch(std::uint32_t kind, std::uint32_t one, std::uint32_t other, Place place) {
    const auto by = static_cast<std::uint32_t>(distance_to(place));
    put32((by >> 12 & 1) << 31 | (by >> 5 & 0x3f) << 25 | other << 20 | one << 15 | kind << 12 |
          (by >> 1 & 0xf) << 8 | (by >> 11 & 1) << 7 | 0x63);
  }

  bool m_is_64;
};

// MIPS Architecture for Programmers, volume II-A. $8 to $11; the instruction after a branch, and
// after a load for the oldest processors, is a nop.
class Mips : public Assembler {
public:
  Mips(std::uint64_t load, bool is_big)
    : Assembler(load)
    , m_is_big(is_big) {}

  void set(Register target, std::uint64_t constant) override {
    const std::uint32_t rt = reg(target) << 16;
    put(0x3c000000 | rt | (static_cast<std::uint32_t>(constant) >> 16)); // lui
    put(0x34000000 | reg(target) << 21 | rt |
        (static_cast<std::uint32_t>(constant) & 0xffff)); // ori
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

private:
  static constexpr std::uint32_t k_at = 1;
  static std::uint32_t reg(Register name) { return 8 + static_cast<std::uint32_t>(name); }
  void put(std::uint32_t word) { put32(word, m_is_big); }

  bool m_is_big;
};

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

} // namespace

std::unique_ptr<Assembler> make_assembler(std::string_view name, std::uint64_t load) {
  if (name == "arm") {
    return std::make_unique<Arm>(load);
  }
  if (name == "thumb") {
    return std::make_unique<Thumb>(load);
  }
  if (name == "aarch64") {
    return std::make_unique<Aarch64>(load);
  }
  if (name == "riscv32" || name == "riscv64") {
    return std::make_unique<Riscv>(load, name == "riscv64");
  }
  if (name == "mips" || name == "mipsel") {
    return std::make_unique<Mips>(load, name == "mips");
  }
  if (name == "ppc") {
    return std::make_unique<Ppc>(load);
  }
  throw Error(format("'{}' is none of the instruction sets arm, thumb, aarch64, riscv32, riscv64, "
                     "mips, mipsel, ppc",
                     name),
              ExitCode::usage);
}

} // namespace qt
