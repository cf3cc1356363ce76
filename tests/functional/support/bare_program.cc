// Writes a program for a board without an operating system, which makes its console speak:
//
//   bare-program --isa arm --load 0x10000 --uart pl011@0x101f1000 --ram 0x8000,0x7fffff0 FILE
//
// It prints "bare program: hello", writes a word to each address of --ram and reads them back,
// prints "bare program: memory", and then answers each byte that it reads with "<byte>". It lies at
// --load and is entered there. The board is as it is at reset; the device of the console is set up.
#include "base/error.hh"
#include "base/text.hh"
#include "cli/cli.hh"
#include "instruction_sets.hh"
#include "os/file.hh"

#include <algorithm>
#include <array>

namespace {

using namespace qt;
using Register = Assembler::Register;
using While = Assembler::While;

struct Write {
  std::uint32_t offset;
  std::uint32_t value;
};

// A serial device, with offsets from its base; of a 16550 in steps of its register spacing.
struct Uart {
  std::string_view name;
  Width width;
  std::uint32_t transmit;
  std::uint32_t receive;
  std::uint32_t status;
  std::uint32_t received;      // bit of `status` …
  bool received_when_clear;    // … which is clear when there is a byte, else set
  std::array<Write, 4> set_up; // those with a value other than 0, in order
};

constexpr std::array k_uarts = {
    // Arm PrimeCell UART (DDI 0183): UARTCR enables it; UARTFR bit 4: the receiver is empty.
    Uart{"pl011", Width::word, 0, 0, 0x18, 0x10, true, {{{0x30, 0x301}}}},
    // TI TL16C550: the line status register, bit 0. "16550/4": a register each 4 bytes.
    Uart{"16550", Width::byte, 0, 0, 5, 1, false, {}},
    // i.MX 6 reference manual, UART: UCR1 and UCR2 enable it; USR2 bit 0: ready to be read.
    Uart{"imx", Width::word, 0x40, 0, 0x98, 1, false, {{{0x80, 1}, {0x84, 0x4007}}}},
    // Samsung Exynos 4210 manual, UART: UTRSTAT bit 0.
    Uart{"exynos", Width::word, 0x20, 0x24, 0x10, 1, false, {{{0x00, 3}, {0x04, 5}}}},
    // Zynq-7000 reference manual (UG585), Cadence UART: control, mode; channel status bit 1: empty.
    Uart{"cadence",
         Width::word,
         0x30,
         0x30,
         0x2c,
         2,
         true,
         {{{0x00, 0x17}, {0x00, 0x14}, {0x04, 0x20}}}},
    // ST RM0090, USART: CR1 enables it; SR bit 5: not empty.
    Uart{"stm32", Width::word, 4, 4, 0, 0x20, false, {{{0x0c, 0x200c}}}},
    // Arm CMSDK (DDI 0479), APB UART: baud rate, control; state bit 1: full.
    Uart{"cmsdk", Width::word, 0, 0, 4, 2, false, {{{0x10, 16}, {0x08, 3}}}},
    // nRF51 reference manual, UART: enable, start both; the event RXDRDY.
    Uart{"nrf51",
         Width::word,
         0x51c,
         0x518,
         0x108,
         1,
         false,
         {{{0x500, 4}, {0x000, 1}, {0x008, 1}}}},
    // Canon DIGIC, from what runs on its cameras: status bit 0.
    Uart{"digic", Width::word, 0, 4, 8, 1, false, {}},
    // SiFive FU540 manual: RXCTRL, TXCTRL. Its receive register has bit 31 set when it is empty,
    // and
    // gives up the byte when it is read, so interrupt pending (bit 1) is asked.
    Uart{"sifive", Width::word, 0, 4, 0x14, 2, false, {{{0x08, 1}, {0x0c, 1}}}},
};

struct Options {
  std::string isa;
  std::string uart;
  std::string ram;
  std::string load = "0";
};

std::uint64_t number(std::string_view text, std::string_view option) {
  const std::optional<std::int64_t> value = parse_integer(text);
  if (!value || *value < 0) {
    throw Error(format("{}: '{}' is not an address such as 0x10000", option, text),
                ExitCode::usage);
  }
  return static_cast<std::uint64_t>(*value);
}

class Program {
public:
  Program(const Options& options)
    : m_code(make_assembler(options.isa, number(options.load, "--load"))) {
    // "NAME/SPACING@BASE"
    const std::size_t at = options.uart.find('@');
    const std::vector<std::string> words = split(options.uart.substr(0, at), '/');
    const auto uart = std::find_if(k_uarts.begin(), k_uarts.end(),
                                   [&](const Uart& one) { return one.name == words[0]; });
    if (at == std::string::npos || uart == k_uarts.end()) {
      throw Error(format("--uart: '{}' is not NAME@ADDRESS of a device such as pl011@0x101f1000 or "
                         "16550/4@0x1e784000",
                         options.uart),
                  ExitCode::usage);
    }
    m_uart = *uart;
    m_base = number(std::string_view(options.uart).substr(at + 1), "--uart");
    m_spacing = words.size() > 1 ? number(words[1], "--uart") : 1;
  }

  void set_up() {
    for (const Write& write : m_uart.set_up) {
      if (write.value != 0) {
        m_code->set(Register::value, write.value);
        m_code->set(Register::address, place_of(write.offset));
        m_code->store(Register::value, m_uart.width);
      }
    }
  }
  void print(std::string_view text) {
    for (const char letter : text) {
      m_code->set(Register::value, static_cast<unsigned char>(letter));
      transmit(Register::value);
    }
  }
  // A board whose memory is not there stops at this point.
  void check_memory(const std::vector<std::uint64_t>& addresses) {
    const auto word_for = [](std::uint64_t address) { return address ^ 0x5aa51234; };
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
  void answer() {
    const Assembler::Place begin = m_code->here();
    m_code->set(Register::address, place_of(m_uart.status));
    m_code->set(Register::mask, m_uart.received);
    const Assembler::Place again = m_code->here();
    m_code->load(Register::found, m_uart.width);
    m_code->go_back(again, m_uart.received_when_clear ? While::common : While::none_common);
    m_code->set(Register::address, place_of(m_uart.receive));
    m_code->load(Register::found, m_uart.width);
    print("<");
    transmit(Register::found);
    print(">");
    m_code->go_back(begin, While::always);
  }
  const std::string& code() const { return m_code->code(); }

private:
  std::uint64_t place_of(std::uint32_t offset) const { return m_base + offset * m_spacing; }
  void transmit(Register from) {
    m_code->set(Register::address, place_of(m_uart.transmit));
    m_code->store(from, m_uart.width);
  }

  std::unique_ptr<Assembler> m_code;
  Uart m_uart = k_uarts[0];
  std::uint64_t m_base = 0;
  std::uint64_t m_spacing = 1;
};

int run(const std::vector<std::string>& words) {
  Options options;
  std::vector<std::string> files;
  CommandLine line("OPTION... FILE", "Write a program that makes a board's console speak.");
  line.group("What")
      .option("isa", "NAME", "the instruction set", options.isa)
      .option("load", "ADDRESS", "where the program will lie", options.load)
      .option("uart", "NAME@ADDRESS", "the device of the console, such as pl011@0x101f1000",
              options.uart)
      .option("ram", "ADDRESS,...", "words of memory to write and read back", options.ram)
      .operands(files);
  if (!line.parse(words)) {
    return 0;
  }
  if (files.size() != 1) {
    throw Error("one FILE to write", ExitCode::usage);
  }
  Program program(options);
  program.set_up();
  program.print("bare program: hello\r\n");
  std::vector<std::uint64_t> addresses;
  for (const std::string& word : split(options.ram, ',')) {
    addresses.push_back(number(word, "--ram"));
  }
  program.check_memory(addresses);
  program.print("bare program: memory\r\n");
  program.answer();
  write_file(files[0], program.code());
  return 0;
}

} // namespace

int main(int argc, char** argv) { return qt::run_tool("bare-program", argc, argv, run); }
