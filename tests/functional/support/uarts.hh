// The serial devices of QEMU's boards: how a byte is written to one, and how one is read.
#pragma once

#include "isa/assembler.hh"

#include <array>
#include <cstdint>
#include <string_view>

namespace qt {

constexpr std::uint32_t k_no_register = 0xffffffff;

struct RegisterWrite {
  std::uint32_t offset = k_no_register;
  std::uint32_t value = 0;
};

// Offsets are from the device's base; of a 16550 in steps of its register spacing.
struct Uart {
  std::string_view name;
  Width width;
  std::uint32_t transmit;
  std::uint32_t receive;
  std::uint32_t status;
  std::uint32_t received;                   // bit of `status` …
  bool received_when_clear;                 // … which is clear when there is a byte, else set
  std::array<RegisterWrite, 4> set_up = {}; // in order
  // After a byte was written, before one is awaited, after one was read.
  std::array<RegisterWrite, 2> after_transmit = {};
  std::array<RegisterWrite, 2> before_receive = {};
  std::array<RegisterWrite, 2> after_receive = {};
  // Where a queue can be full: register, and its bit that is set then.
  std::uint32_t full_status = k_no_register;
  std::uint32_t full = 0;
  Width receive_width = width; // of `receive`
};

// Null for a name that is not there.
const Uart* find_uart(std::string_view name);

} // namespace qt
