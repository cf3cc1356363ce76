#include "uarts.hh"

#include <algorithm>

namespace qt {
namespace {

constexpr std::array k_uarts = {
    // Arm PrimeCell UART (DDI 0183): UARTCR enables it; UARTFR bit 4: the receiver is empty.
    Uart{"pl011", Width::word, 0, 0, 0x18, 0x10, true, {{{0x30, 0x301}}}},
    // TI TL16C550: the line status register, bit 0. "16550/4": a register each 4 bytes.
    Uart{"16550", Width::byte, 0, 0, 5, 1, false},
    // ATmega2560 data sheet, USART: UCSRnB enables it; UCSRnA bit 7: the receive is complete.
    Uart{"avr", Width::byte, 6, 6, 0, 0x80, false, {{{1, 0x18}}}},
    // Zilog Z85C30 manual: write registers 5 and 3 enable it; read register 0 bit 0. "escc/2".
    Uart{"escc", Width::byte, 1, 1, 0, 1, false, {{{0, 5}, {0, 0x68}, {0, 3}, {0, 0xc1}}}},
    // ETRAX FS Designer's Reference, serial port: tr_ctrl and rec_ctrl enable it; stat_din bit 16.
    Uart{"etraxfs", Width::word, 0x1c, 0x20, 0x24, 0x10000, false, {{{0x00, 0x8}, {0x08, 0x8}}}},
    // Gaisler GRLIB IP core manual, APBUART: the control register enables it; status bit 0.
    Uart{"apbuart", Width::word, 0, 0, 4, 1, false, {{{8, 3}}}},
    // MCF5208 reference manual, UART: the command register enables it; USR bit 0: ready to be read.
    Uart{"mcf", Width::byte, 0xc, 0xc, 4, 1, false, {{{8, 5}}}},
    // RX62N hardware manual, SCI: SCR enables it, and enables it anew after each byte, which does
    // not
    // have to be waited for then; SSR bit 6: full.
    Uart{"rx-sci", Width::byte, 3, 5, 4, 0x40, false, {{{2, 0x30}}}, {{{2, 0x30}}}},
    // SH7750 hardware manual, SCIF: SCSCR enables it; SCFSR bits 0 and 1: data ready, full.
    Uart{"scif", Width::half, 0xc, 0x14, 0x10, 3, false, {{{8, 0x30}}}},
    // SH7750 hardware manual, SCI: SCSCR enables it; SCSSR bit 6: full.
    Uart{"sh-sci", Width::byte, 0xc, 0x14, 0x10, 0x40, false, {{{8, 0x30}}}},
    // i.MX 6 reference manual, UART: UCR1 and UCR2 enable it; USR2 bit 0: ready to be read.
    Uart{"imx",
         Width::word,
         0x40,
         0,
         0x98,
         1,
         false,
         {{{0x80, 1}, {0x84, 0x4007}}},
         {},
         {},
         {},
         k_no_register,
         0,
         Width::byte},
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
    Uart{"digic", Width::word, 0, 4, 0x14, 1, false},
    // SiFive FU540 manual: RXCTRL, TXCTRL. Its receive register has bit 31 set when it is empty,
    // and
    // gives up the byte when it is read, so interrupt pending (bit 1) is asked.
    Uart{"sifive",
         Width::word,
         0,
         4,
         0x14,
         2,
         false,
         {{{0x08, 1}, {0x0c, 1}}},
         {},
         {},
         {},
         0,
         0x80000000},
    // OpenTitan UART: CTRL starts both at a rate; STATUS bit 5: the receiver is empty.
    Uart{"opentitan",
         Width::word,
         0x1c,
         0x18,
         0x14,
         0x20,
         true,
         {{{0x10, 0xffff0003}}},
         {},
         {},
         {},
         0x14,
         1},
    // Shakti SDK: status bit 2: not empty.
    Uart{"shakti", Width::word, 4, 8, 0xc, 4, false},
    // RISC-V host-target interface: `tohost` (device 1: command 1 writes, 0 reads), `fromhost`.
    Uart{"htif",
         Width::word,
         8,
         0,
         0,
         0x100,
         false,
         {},
         {{{0xc, 0x01010000}}},
         {{{0, 0}, {0xc, 0x01000000}}},
         {},
         k_no_register,
         0,
         Width::byte},
    // AMD PG142, AXI UART Lite: status bit 0.
    Uart{"uartlite", Width::word, 4, 0, 8, 1, false},
    // Intel SA-1110 manual, UART: UTCR3 enables it; UTSR1 bit 1: not empty, bit 0: still sends.
    Uart{"strongarm", Width::word, 0x14, 0x14, 0x20, 2, false, {{{0x0c, 3}}}, {}, {}, {}, 0x20, 1},
    // ST RM0351, USART: CR1 enables it; ISR bit 5: not empty.
    Uart{"stm32l4", Width::word, 0x28, 0x24, 0x1c, 0x20, false, {{{0x00, 0x0d}}}},
    // MAX78000 user guide, UART: CTRL turns its clock on; status bit 4: the receiver is empty.
    Uart{"max78000", Width::word, 0x20, 0x20, 4, 0x10, true, {{{0x00, 0x8001}}}},
};

} // namespace

const Uart* find_uart(std::string_view name) {
  const auto* found = std::find_if(k_uarts.begin(), k_uarts.end(),
                                   [&](const Uart& one) { return one.name == name; });
  return found == k_uarts.end() ? nullptr : found;
}

} // namespace qt
