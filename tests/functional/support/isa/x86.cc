#include "instruction_sets.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace qt {
namespace {

// Intel 64 and IA-32 Architectures Software Developer's Manual, volumes 2 and 3: a BIOS image of
// 64 KiB, which the processor enters at its end with 16 bits. When the program begins it is in
// protected mode, flat, without paging; or in long mode, in which all instructions of the program
// mean the same, and the first and the last of 4 GiB are where they are. edx, ebx, esi, edi; eax is
// between. Devices are at ports.
class X86 : public Assembler {
public:
  X86(std::uint64_t load, bool is_64)
    : Assembler(load)
    , m_is_64(is_64) {
    if (m_is_64) {
      enter_long_mode();
    }
    put({0x66, 0xb8, 0x10, 0x00}); // mov ax, 0x10: the flat data segment
    put({0x8e, 0xd8});             // mov ds, ax
    put({0x8e, 0xd0});             // mov ss, ax
  }

  void set(Register target, std::uint64_t constant) override {
    put8(0xb8 | reg(target)); // mov target, imm32
    put32(static_cast<std::uint32_t>(constant));
  }
  void store(Register from, Width width) override {
    to_eax(from);
    half_prefix(width);
    put({width == Width::byte ? 0x88U : 0x89U, 0x02}); // mov [edx], al or eax
  }
  void load(Register into, Width width) override {
    if (width != Width::word) {
      put({0x0f, width == Width::byte ? 0xb6U : 0xb7U, 0x02}); // movzx eax, [edx]
    } else {
      put({0x8b, 0x02}); // mov eax, [edx]
    }
    from_eax(into);
  }
  void store_to_device(Register from, Width width) override {
    to_eax(from);
    half_prefix(width);
    put8(width == Width::byte ? 0xee : 0xef); // out dx, al or eax
  }
  void load_from_device(Register into, Width width) override {
    put({0x31, 0xc0}); // xor eax, eax
    half_prefix(width);
    put8(width == Width::byte ? 0xec : 0xed); // in al or eax, dx
    from_eax(into);
  }
  void go_back(Place place, While condition) override {
    if (condition == While::always) {
      put8(0xe9); // jmp
    } else {
      const bool is_test = condition != While::different;
      put({is_test ? 0x85U : 0x39U, 0xc0 | reg(mask) << 3 | reg(found)}); // test, cmp
      put({0x0f, condition == While::none_common ? 0x84U : 0x85U});       // je, jne
    }
    put32(static_cast<std::uint32_t>(distance_to(place) - 4));
  }

  std::string image() const override {
    std::string image = code();
    image.resize(k_size);
    const auto write = [&image](std::size_t at, std::initializer_list<unsigned> bytes) {
      for (const unsigned byte : bytes) {
        image[at++] = static_cast<char>(byte);
      }
    };
    write(0xff00, {0xfa,                                          // cli
                   0x2e, 0x66, 0x0f, 0x01, 0x16, 0x40, 0xff,      // lgdt cs:[0xff40]
                   0x0f, 0x20, 0xc0,                              // mov eax, cr0
                   0x0c, 0x01,                                    // or al, 1
                   0x0f, 0x22, 0xc0,                              // mov cr0, eax
                   0x66, 0xea, 0x00, 0x00, 0xff, 0xff, 8,    0}); // jmp 8:0xffff0000
    write(0xff40, {0x1f, 0x00, 0x50, 0xff, 0xff, 0xff});          // four descriptors, at 0xffffff50
    write(0xff58, {0xff, 0xff, 0, 0, 0, 0x9a, 0xcf, 0});          // code: 4 GiB
    write(0xff60, {0xff, 0xff, 0, 0, 0, 0x92, 0xcf, 0});          // data: 4 GiB
    write(0xff68, {0xff, 0xff, 0, 0, 0, 0x9a, 0xaf, 0});          // code of 64 bits
    if (m_is_64) {
      write_page_tables(image);
    }
    write(0xfff0, {0xe9, 0x0d, 0xff}); // where it is entered: jmp 0xff00
    return image;
  }

private:
  static constexpr std::size_t k_size = 0x10000;
  static constexpr std::uint32_t k_base = 0xffff0000;
  static constexpr std::uint32_t k_tables = 0x8000; // in the image, a page each

  void put(std::initializer_list<unsigned> bytes) {
    for (const unsigned byte : bytes) {
      put8(byte);
    }
  }
  void enter_long_mode() {
    put({0x0f, 0x20, 0xe0}); // mov eax, cr4
    put({0x83, 0xc8, 0x20}); // or eax, 0x20: PAE
    put({0x0f, 0x22, 0xe0}); // mov cr4, eax
    put8(0xb8);              // mov eax, the tables
    put32(k_base + k_tables);
    put({0x0f, 0x22, 0xd8});             // mov cr3, eax
    put({0xb9, 0x80, 0x00, 0x00, 0xc0}); // mov ecx, EFER
    put({0x0f, 0x32});                   // rdmsr
    put({0x80, 0xcc, 0x01});             // or ah, 1: LME
    put({0x0f, 0x30});                   // wrmsr
    put({0x0f, 0x20, 0xc0});             // mov eax, cr0
    put({0x0d, 0x00, 0x00, 0x00, 0x80}); // or eax, 0x80000000: paging
    put({0x0f, 0x22, 0xc0});             // mov cr0, eax
    put8(0xea);                          // jmp 0x18: the next instruction
    put32(static_cast<std::uint32_t>(here()) + 6);
    put16(0x18);
  }
  // Pages of 2 MiB. They are marked as used and as written to, because that cannot be done in ROM.
  static void write_page_tables(std::string& image) {
    const auto write = [&image](std::uint32_t table, std::uint32_t entry, std::uint32_t content) {
      for (std::uint32_t byte = 0; byte < 4; ++byte) {
        image[k_tables + table * 0x1000 + entry * 8 + byte] =
            static_cast<char>(content >> 8 * byte);
      }
    };
    const auto place_of = [](std::uint32_t table) { return k_base + k_tables + table * 0x1000; };
    write(0, 0, place_of(1) | 0x23);
    write(1, 0, place_of(2) | 0x23);
    write(1, 3, place_of(3) | 0x23);
    for (std::uint32_t i = 0; i < 512; ++i) {
      write(2, i, i << 21 | 0xe3);
      write(3, i, 0xc0000000 | i << 21 | 0xe3);
    }
  }

  static std::uint32_t reg(Register name) { return std::array<std::uint32_t, 4>{2, 3, 6, 7}[name]; }
  void to_eax(Register from) { put({0x89, 0xc0 | reg(from) << 3}); }
  void from_eax(Register into) { put({0x89, 0xc0 | reg(into)}); }
  void half_prefix(Width width) {
    if (width == Width::half) {
      put8(0x66);
    }
  }

  bool m_is_64;
};

template<bool is_64>
std::unique_ptr<Assembler> make_x86(std::uint64_t) {
  return std::make_unique<X86>(0xffff0000, is_64);
}

constexpr std::array k_x86 = {
    InstructionSet{"i386", make_x86<false>},
    InstructionSet{"x86_64", make_x86<true>},
};

} // namespace

std::span<const InstructionSet> x86_instruction_sets() { return k_x86; }

} // namespace qt
