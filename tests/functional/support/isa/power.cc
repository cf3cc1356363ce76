#include "instruction_sets.hh"

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>

namespace qt {
namespace {

// Power ISA, books I and III. r14 to r17; r18 for what is found in common, others for calls.
class Ppc : public Assembler {
public:
  explicit Ppc(std::uint64_t load)
    : Assembler(load) {}

  void set(Register target, std::uint64_t constant) override { set_number(reg(target), constant); }
  void store(Register from, Width width) override {
    put((width == Width::word   ? 0x90000000    // stw
         : width == Width::byte ? 0x98000000    // stb
                                : 0xb0000000) | // sth
        reg(from) << 21 |
        reg(address) << 16);
  }
  void load(Register into, Width width) override {
    put((width == Width::word   ? 0x80000000    // lwz
         : width == Width::byte ? 0x88000000    // lbz
                                : 0xa0000000) | // lhz
        reg(into) << 21 |
        reg(address) << 16);
  }
  void go_back(Place place, While condition) override {
    if (condition == While::always) {
      put(0x48000000 | (static_cast<std::uint32_t>(distance_to(place)) & 0x3fffffc)); // b
      return;
    }
    if (condition == While::different) {
      put(0x7c000040 | reg(found) << 16 | reg(mask) << 11); // cmplw
    } else {
      put(0x7c000039 | reg(found) << 21 | 18U << 16 | reg(mask) << 11); // and.
    }
    branch(place, condition == While::none_common ? 0x41820000 : 0x40820000); // beq, bne
  }

protected:
  static std::uint32_t reg(Register name) { return 14 + static_cast<std::uint32_t>(name); }
  void put(std::uint32_t word) { put32(word, m_is_big); }
  void go_on_little_endian() { m_is_big = false; }
  void branch(Place place, std::uint32_t kind) {
    put(kind | (static_cast<std::uint32_t>(distance_to(place)) & 0xfffc));
  }
  void set_low(std::uint32_t r, std::uint64_t number) {
    put(0x3c000000 | r << 21 | (static_cast<std::uint32_t>(number >> 16) & 0xffff));     // lis
    put(0x60000000 | r << 21 | r << 16 | (static_cast<std::uint32_t>(number) & 0xffff)); // ori
  }
  virtual void set_number(std::uint32_t r, std::uint64_t number) { set_low(r, number); }

private:
  bool m_is_big = true;
};

// PowerPC 440 User's Manual, 10: entries of 256 MiB of its TLB for two thirds of the memory and for
// the devices, which are beyond 4 GiB. Entry 0 is the one in which the program runs.
class Ppc440 : public Ppc {
public:
  explicit Ppc440(std::uint64_t load)
    : Ppc(load) {
    map(1, 0x00000000, 0x00000000);
    map(2, 0x10000000, 0x10000000);
    map(3, 0xe0000000, 0xe0000004);
  }

private:
  void map(std::uint32_t entry, std::uint32_t page, std::uint32_t real) {
    set_low(3, entry);
    std::uint32_t word = 0;
    for (const std::uint32_t part : {page | 0x290, real, 0x3fU}) {
      set_low(4, part);
      put(0x7c0007a4 | 4U << 21 | 3U << 16 | word++ << 11); // tlbwe
    }
    put(0x4c00012c); // isync
  }
};

// PowerPC e500 Core Reference Manual, 12: entries of TLB1 for the devices at 0xe0000000 (`high`:
// the bits of their address above 32), and for 256 MiB of memory at 0x40000000. Entry 0 is the one
// in which the program runs.
class PpcE500 : public Ppc {
public:
  PpcE500(std::uint64_t load, std::uint32_t high)
    : Ppc(load) {
    map(1, 0xe0000000, 0xe0000000, high, 5);
    map(2, 0x40000000, 0, 0, 9);
  }

private:
  void map(std::uint32_t entry, std::uint32_t page, std::uint32_t real, std::uint32_t high,
           std::uint32_t size) {
    set_special(624, 0x10000000 | entry << 16); // MAS0
    set_special(625, 0xc0000000 | size << 8);   // MAS1: valid, not to be invalidated
    set_special(626, page | 0x0a);              // MAS2: not cached, guarded
    set_special(627, real | 0x3f);              // MAS3
    set_special(944, high);                     // MAS7
    put(0x7c0007a4);                            // tlbwe
    put(0x4c00012c);                            // isync
  }
  void set_special(std::uint32_t number, std::uint32_t content) {
    set_low(3, content);
    put(0x7c0003a6 | 3U << 21 | (number & 31) << 16 | number >> 5 << 11); // mtspr
  }
};

class Ppc64 : public Ppc {
public:
  // A machine enters firmware that lies at 0 at 0x10 or 0x100.
  explicit Ppc64(std::uint64_t load)
    : Ppc(load) {
    for (int i = 0; i < 0x100 / 4; ++i) {
      put(0x60000000); // nop
    }
  }

  // "papr": Linux on Power Architecture Platform Reference, 14.5: hypervisor calls of the console.
  // "lpc-xscom": a 16550 on the LPC bus of a POWER8, which the processor reaches by four registers.
  void transmit_by(std::string_view call, Register from) override {
    if (call == "lpc-xscom") {
      put(shift_left_56(reg(from), 7));
      set_number(8, k_lpc + 0x18);
      put(0xf8000000 | 7U << 21 | 8U << 16); // std: the data
      access_lpc(0x00ULL, 0);
    } else if (call == "papr") {
      put(shift_left_56(reg(from), 6));
      set_number(4, k_terminal);
      set_number(5, 1);
      call_hypervisor(0x58); // H_PUT_TERM_CHAR
    } else {
      Assembler::transmit_by(call, from);
    }
  }
  void receive_by(std::string_view call, Register into) override {
    const Place again = here();
    if (call == "lpc-xscom") {
      read_lpc(5);
      put(0x70000001 | 7U << 21 | 7U << 16); // andi.
      branch(again, 0x41820000);             // beq
      read_lpc(0);
      put(0x7c000378 | 7U << 21 | reg(into) << 16 | 7U << 11); // mr
    } else if (call == "papr") {
      set_number(4, k_terminal);
      call_hypervisor(0x54);      // H_GET_TERM_CHAR: r4 is how many, r5 begins with the first
      put(0x28200000 | 4U << 16); // cmpldi r4, 0
      branch(again, 0x41820000);  // beq
      put(0x78004620 | 5U << 21 | reg(into) << 16); // srdi 56
    } else {
      Assembler::receive_by(call, into);
    }
  }
  // "papr": of its RTAS, power-off; QEMU has it at the fourth of its tokens.
  void end_by(std::string_view call) override {
    if (call != "papr") {
      Assembler::end_by(call);
    }
    const Place block = here() + 4;
    put(0x48000004 + 6 * 4); // b over it
    for (const std::uint32_t word : {0x2003U, 2U, 1U, 0xffffffffU, 0xffffffffU, 0U}) {
      put32(word, true); // whatever the order of the program
    }
    set_number(4, block);
    call_hypervisor(0xf000); // H_RTAS
  }

private:
  static constexpr std::uint64_t k_terminal = 0x71000000;
  static constexpr std::uint64_t k_lpc = 0x3fc0000b00200;

  void set_number(std::uint32_t r, std::uint64_t number) override {
    if (number >> 32 == 0) {
      set_low(r, number);
      put(0x78000020 | r << 21 | r << 16); // clrldi 32
      return;
    }
    set_low(r, number >> 32);
    put(0x780007c6 | r << 21 | r << 16); // sldi 32
    put(0x64000000 | r << 21 | r << 16 |
        (static_cast<std::uint32_t>(number >> 16) & 0xffff));                            // oris
    put(0x60000000 | r << 21 | r << 16 | (static_cast<std::uint32_t>(number) & 0xffff)); // ori
  }
  static std::uint32_t shift_left_56(std::uint32_t from, std::uint32_t into) {
    return 0x7800c1c6 | from << 21 | into << 16;
  }
  void call_hypervisor(std::uint32_t function) {
    set_number(3, function);
    put(0x44000022); // sc 1
  }
  void access_lpc(std::uint64_t read, std::uint32_t offset) {
    set_number(7, 0xd100000000000000 | read | (0xd00103f8 + offset)); // one byte of the ports
    set_number(8, k_lpc);
    put(0xf8000000 | 7U << 21 | 8U << 16); // std
  }
  // r7.
  void read_lpc(std::uint32_t offset) {
    access_lpc(1ULL << 48, offset);
    put(0xe8000010 | 7U << 21 | 8U << 16); // ld: the status, with the byte in bits 6 to 13
    put(0x78007620 | 7U << 21 | 7U << 16); // rldicl: rotate by 14, keep 8 bits
  }
};

// A machine enters it big-endian; an interrupt's return changes the order.
class Ppc64le : public Ppc64 {
public:
  explicit Ppc64le(std::uint64_t load)
    : Ppc64(load) {
    constexpr unsigned k_instructions = 7;
    set_low(3, here() + k_instructions * 4); // two of them
    put(0x7c0003a6 | 3U << 21 | 26U << 16);  // mtspr SRR0
    put(0x7c0000a6 | 4U << 21);              // mfmsr
    put(0x60000001 | 4U << 21 | 4U << 16);   // ori: LE
    put(0x7c0003a6 | 4U << 21 | 27U << 16);  // mtspr SRR1
    put(0x4c000024);                         // rfid
    go_on_little_endian();
  }
};

template<class Kind>
std::unique_ptr<Assembler> make_power(std::uint64_t load) {
  return std::make_unique<Kind>(load);
}

constexpr ElfKind k_elf = {20, ElfKind::Size::bits_32, ElfKind::Order::big};

constexpr std::array k_power = {
    InstructionSet{"ppc", make_power<Ppc>, k_elf},
    InstructionSet{"ppc-440", make_power<Ppc440>},
    InstructionSet{"ppc-e500",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<PpcE500>(load, 0);
                   },
                   k_elf},
    InstructionSet{"ppc-e500-36bit",
                   [](std::uint64_t load) -> std::unique_ptr<Assembler> {
                     return std::make_unique<PpcE500>(load, 0xf);
                   },
                   k_elf},
    InstructionSet{"ppc64", make_power<Ppc64>},
    InstructionSet{"ppc64le", make_power<Ppc64le>},
};

} // namespace

std::span<const InstructionSet> power_instruction_sets() { return k_power; }

} // namespace qt
