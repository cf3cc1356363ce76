// Writes a program for a board without an operating system, which makes its console speak:
//
//   bare-program --isa arm --load 0x10000 --uart pl011@0x101f1000 --ram 0x8000,0x7fffff0 FILE
//
// It does the writes of --write and sets up the device of the console; else the board is as it is
// at reset. It prints "bare program: hello", writes a word to each address of --ram and reads them
// back, prints "bare program: memory", and then answers each byte that it reads with "<byte>".
// After a "." it ends the machine as --end says, and prints "bare program: not ended" if that did
// not help. It lies at --load and is entered there.
#include "base/error.hh"
#include "base/text.hh"
#include "cli/cli.hh"
#include "isa/instruction_sets.hh"
#include "os/file.hh"
#include "uarts.hh"

#include <charconv>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace qt;
using Register = Assembler::Register;
using While = Assembler::While;

struct Options {
  std::string isa;
  std::string uart;
  std::string ram;
  std::string writes;
  std::string end;
  std::string load = "0";
  bool is_elf = false;
};

std::uint64_t number(std::string_view text, std::string_view option) {
  const bool is_hex = text.substr(0, 2) == "0x";
  const std::string_view digits = is_hex ? text.substr(2) : text;
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, is_hex ? 16 : 10);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    throw Error(format("{}: '{}' is not an address such as 0x10000", option, text),
                ExitCode::usage);
  }
  return value;
}

// A word, or as many bytes as stand after a "/".
struct Write {
  std::uint64_t address;
  std::uint64_t value;
  Width width;
};

// "ADDRESS=VALUE,ADDRESS/BYTES=VALUE,…"
std::vector<Write> parse_writes(const std::string& text, std::string_view option) {
  std::vector<Write> writes;
  for (const std::string& word : split(text, ',')) {
    const std::size_t equals = word.find('=');
    const std::vector<std::string> place = split(word.substr(0, equals), '/');
    const std::string bytes = place.size() > 1 ? place[1] : "4";
    if (equals == std::string::npos || (bytes != "1" && bytes != "2" && bytes != "4")) {
      throw Error(
          format("{}: '{}' is not ADDRESS=VALUE or ADDRESS/BYTES=VALUE with 1, 2 or 4 bytes",
                 option, word),
          ExitCode::usage);
    }
    writes.push_back({number(place[0], option), number(word.substr(equals + 1), option),
                      bytes == "1"   ? Width::byte
                      : bytes == "2" ? Width::half
                                     : Width::word});
  }
  return writes;
}

class Console {
public:
  virtual ~Console() = default;

  virtual void set_up(Assembler& code) const = 0;
  virtual void transmit(Assembler& code, Register from) const = 0;
  // Waits for a byte.
  virtual void receive(Assembler& code, Register into) const = 0;
  virtual bool can_receive() const { return true; }
};

class DeviceConsole : public Console {
public:
  // `scratch`: a word of memory.
  DeviceConsole(const Uart& uart, std::uint64_t base, std::uint64_t spacing, std::uint64_t scratch)
    : m_uart(uart)
    , m_base(base)
    , m_spacing(spacing)
    , m_scratch(scratch) {}

  void set_up(Assembler& code) const override { write_all(code, m_uart.set_up); }
  void transmit(Assembler& code, Register from) const override {
    code.set(Register::address, place_of(m_uart.transmit));
    code.store_to_device(from, m_uart.width);
    write_all(code, m_uart.after_transmit);
    if (m_uart.full_status != k_no_register) {
      wait_until_there_is_room(code);
    }
  }
  void receive(Assembler& code, Register into) const override {
    write_all(code, m_uart.before_receive);
    code.set(Register::address, place_of(m_uart.status));
    code.set(Register::mask, m_uart.received);
    const Assembler::Place again = code.here();
    code.load_from_device(Register::found, m_uart.width);
    code.go_back(again, m_uart.received_when_clear ? While::common : While::none_common);
    code.set(Register::address, place_of(m_uart.receive));
    code.load_from_device(into, m_uart.receive_width);
    write_all(code, m_uart.after_receive);
  }

private:
  std::uint64_t place_of(std::uint32_t offset) const { return m_base + offset * m_spacing; }
  // Keeps `found`.
  void wait_until_there_is_room(Assembler& code) const {
    code.set(Register::address, m_scratch);
    code.store(Register::found, Width::word);
    code.set(Register::address, place_of(m_uart.full_status));
    code.set(Register::mask, m_uart.full);
    const Assembler::Place again = code.here();
    code.load_from_device(Register::found, m_uart.width);
    code.go_back(again, While::common);
    code.set(Register::address, m_scratch);
    code.load(Register::found, Width::word);
  }
  void write(Assembler& code, const RegisterWrite& one) const {
    code.set(Register::value, one.value);
    code.set(Register::address, place_of(one.offset));
    code.store_to_device(Register::value, m_uart.width);
  }
  void write_all(Assembler& code, std::span<const RegisterWrite> writes) const {
    for (const RegisterWrite& one : writes) {
      if (one.offset != k_no_register) {
        write(code, one);
      }
    }
  }

  const Uart& m_uart;
  std::uint64_t m_base;
  std::uint64_t m_spacing;
  std::uint64_t m_scratch;
};

// The Goldfish TTY of QEMU's virtual boards (hw/char/goldfish_tty.c): a byte that it has received
// comes to memory.
class GoldfishConsole : public Console {
public:
  GoldfishConsole(std::uint64_t base, std::uint64_t buffer)
    : m_base(base)
    , m_buffer(buffer) {}

  void set_up(Assembler& code) const override {
    write(code, 0x10, m_buffer); // and how many bytes
    write(code, 0x14, 1);
  }
  void transmit(Assembler& code, Register from) const override {
    code.set(Register::address, m_base);
    code.store_to_device(from, Width::word);
  }
  void receive(Assembler& code, Register into) const override {
    code.set(Register::address, m_base + 4); // how many there are
    code.set(Register::mask, 0xff);
    const Assembler::Place again = code.here();
    code.load_from_device(Register::found, Width::word);
    code.go_back(again, While::none_common);
    write(code, 8, 3); // read
    code.set(Register::address, m_buffer);
    code.load(into, Width::byte);
  }

private:
  void write(Assembler& code, std::uint64_t offset, std::uint64_t value) const {
    code.set(Register::value, value);
    code.set(Register::address, m_base + offset);
    code.store_to_device(Register::value, Width::word);
  }

  std::uint64_t m_base;
  std::uint64_t m_buffer;
};

// A board without any console: what is printed lies in memory, one text after the other, where the
// monitor finds it. Nothing can be read.
class MemoryConsole : public Console {
public:
  explicit MemoryConsole(std::uint64_t base)
    : m_next(base) {}

  void set_up(Assembler&) const override {}
  void transmit(Assembler& code, Register from) const override {
    code.set(Register::address, m_next++);
    code.store(from, Width::byte);
  }
  void receive(Assembler&, Register) const override {}
  bool can_receive() const override { return false; }

private:
  mutable std::uint64_t m_next;
};

class CallConsole : public Console {
public:
  explicit CallConsole(std::string call)
    : m_call(std::move(call)) {}

  void set_up(Assembler&) const override {}
  void transmit(Assembler& code, Register from) const override { code.transmit_by(m_call, from); }
  void receive(Assembler& code, Register into) const override { code.receive_by(m_call, into); }

private:
  std::string m_call;
};

// "NAME/SPACING@BASE", or the name of a call. `scratch`: a word of memory.
std::unique_ptr<Console> make_console(const std::string& text, std::uint64_t scratch) {
  const std::size_t at = text.find('@');
  if (at == std::string::npos) {
    return std::make_unique<CallConsole>(text);
  }
  const std::vector<std::string> words = split(text.substr(0, at), '/');
  const std::uint64_t base = number(std::string_view(text).substr(at + 1), "--uart");
  if (words[0] == "goldfish") {
    return std::make_unique<GoldfishConsole>(base, scratch);
  }
  if (words[0] == "memory") {
    return std::make_unique<MemoryConsole>(base);
  }
  const Uart* uart = find_uart(words[0]);
  if (uart == nullptr) {
    throw Error(format("--uart: '{}' is not a device that support/uarts.cc knows", words[0]),
                ExitCode::usage);
  }
  return std::make_unique<DeviceConsole>(
      *uart, base, words.size() > 1 ? number(words[1], "--uart") : 1, scratch);
}

class Program {
public:
  Program(const Options& options, std::uint64_t scratch)
    : m_code(instruction_set(options.isa).make(number(options.load, "--load")))
    , m_console(make_console(options.uart, scratch)) {}

  void write(const std::vector<Write>& writes) {
    for (const Write& one : writes) {
      m_code->set(Register::value, one.value);
      m_code->set(Register::address, one.address);
      m_code->store_to_device(Register::value, one.width);
    }
  }
  void set_up_console() { m_console->set_up(*m_code); }
  void print(std::string_view text) {
    for (const char letter : text) {
      m_code->set(Register::value, static_cast<unsigned char>(letter));
      m_console->transmit(*m_code, Register::value);
    }
  }
  // A board whose memory is not there stops at this point.
  void check_memory(const std::vector<std::uint64_t>& addresses) {
    const auto word_for = [](std::uint64_t address) { return (address ^ 0x5aa51234) & 0xffffffff; };
    for (const std::uint64_t address : addresses) {
      m_code->set(Register::value, word_for(address));
      m_code->set(Register::address, address);
      m_code->store(Register::value, Width::word);
    }
    for (const std::uint64_t address : addresses) {
      m_code->set(Register::mask, word_for(address));
      m_code->set(Register::address, address);
      const Assembler::Place again = m_code->here();
      m_code->load(Register::found, Width::word);
      m_code->go_back(again, While::different);
    }
  }
  // A console on which nothing can be typed: the machine ends at once.
  void answer(const std::string& end) {
    const Assembler::Place begin = m_code->here();
    if (m_console->can_receive()) {
      m_console->receive(*m_code, Register::found);
      print("<");
      m_console->transmit(*m_code, Register::found);
      print(">");
    }
    if (!end.empty()) {
      if (m_console->can_receive()) {
        m_code->set(Register::mask, '.');
        m_code->go_back(begin, While::different);
      }
      if (end.find('=') == std::string::npos) {
        m_code->end_by(end);
      } else {
        write(parse_writes(end, "--end"));
      }
      print("bare program: not ended\r\n");
    }
    m_code->go_back(begin, While::always);
  }
  std::string image() const { return m_code->image(); }

private:
  std::unique_ptr<Assembler> m_code;
  std::unique_ptr<Console> m_console;
};

int run(const std::vector<std::string>& words) {
  Options options;
  std::vector<std::string> files;
  CommandLine line("OPTION... FILE", "Write a program that makes a board's console speak.");
  line.group("What")
      .option("isa", "NAME", "the instruction set", options.isa)
      .option("load", "ADDRESS", "where the program will lie", options.load)
      .flag("elf", "as an ELF file, which some boards want", options.is_elf)
      .option("uart", "NAME@ADDRESS", "the device of the console, such as pl011@0x101f1000",
              options.uart)
      .option("ram", "ADDRESS,...", "words of memory to write and read back", options.ram)
      .option("write", "ADDRESS=VALUE,...", "words that set up the board, before all else",
              options.writes)
      .option("end", "ADDRESS=VALUE,...", "words, or the name of a call, that end the machine",
              options.end)
      .operands(files);
  if (!line.parse(words)) {
    return 0;
  }
  if (files.size() != 1) {
    throw Error("one FILE to write", ExitCode::usage);
  }
  std::vector<std::uint64_t> addresses;
  for (const std::string& word : split(options.ram, ',')) {
    addresses.push_back(number(word, "--ram"));
  }
  const ElfKind& elf = instruction_set(options.isa).elf;
  if (options.is_elf && elf.machine == 0) {
    throw Error(format("--elf: no board of {} needs that", options.isa), ExitCode::usage);
  }
  Program program(options, addresses[0]);
  if (!options.writes.empty()) {
    program.write(parse_writes(options.writes, "--write"));
  }
  program.set_up_console();
  program.print("bare program: hello\r\n");
  program.check_memory(addresses);
  program.print("bare program: memory\r\n");
  program.answer(options.end);
  write_file(files[0], options.is_elf ? elf_of(elf, program.image(), number(options.load, "--load"))
                                      : program.image());
  return 0;
}

} // namespace

int main(int argc, char** argv) { return qt::run_tool("bare-program", argc, argv, run); }
