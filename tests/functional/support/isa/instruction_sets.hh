// The instruction sets by name, a file for each family of them.
#pragma once

#include "assembler.hh"
#include "elf.hh"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace qt {

struct InstructionSet {
  std::string_view name;
  std::unique_ptr<Assembler> (*make)(std::uint64_t load);
  ElfKind elf = {};
};

// Throws Error(ExitCode::usage), with the names that there are, for another one.
const InstructionSet& instruction_set(std::string_view name);

// What each file has, for instruction_set().
std::span<const InstructionSet> alpha_instruction_sets();
std::span<const InstructionSet> arm_instruction_sets();
std::span<const InstructionSet> avr_instruction_sets();
std::span<const InstructionSet> cris_instruction_sets();
std::span<const InstructionSet> hexagon_instruction_sets();
std::span<const InstructionSet> hppa_instruction_sets();
std::span<const InstructionSet> loongarch_instruction_sets();
std::span<const InstructionSet> m68k_instruction_sets();
std::span<const InstructionSet> microblaze_instruction_sets();
std::span<const InstructionSet> mips_instruction_sets();
std::span<const InstructionSet> nios2_instruction_sets();
std::span<const InstructionSet> openrisc_instruction_sets();
std::span<const InstructionSet> power_instruction_sets();
std::span<const InstructionSet> riscv_instruction_sets();
std::span<const InstructionSet> rx_instruction_sets();
std::span<const InstructionSet> s390_instruction_sets();
std::span<const InstructionSet> sparc_instruction_sets();
std::span<const InstructionSet> superh_instruction_sets();
std::span<const InstructionSet> tricore_instruction_sets();
std::span<const InstructionSet> x86_instruction_sets();
std::span<const InstructionSet> xtensa_instruction_sets();

} // namespace qt
