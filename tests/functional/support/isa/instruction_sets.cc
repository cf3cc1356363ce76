#include "instruction_sets.hh"

#include "base/error.hh"
#include "base/text.hh"

#include <string>
#include <vector>

namespace qt {

const InstructionSet& instruction_set(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& family : {
           alpha_instruction_sets(),     arm_instruction_sets(),     avr_instruction_sets(),
           cris_instruction_sets(),      hexagon_instruction_sets(), hppa_instruction_sets(),
           loongarch_instruction_sets(), m68k_instruction_sets(),    microblaze_instruction_sets(),
           mips_instruction_sets(),      nios2_instruction_sets(),   openrisc_instruction_sets(),
           power_instruction_sets(),     riscv_instruction_sets(),   rx_instruction_sets(),
           s390_instruction_sets(),      sparc_instruction_sets(),   superh_instruction_sets(),
           tricore_instruction_sets(),   x86_instruction_sets(),     xtensa_instruction_sets(),
       }) {
    for (const InstructionSet& set : family) {
      if (set.name == name) {
        return set;
      }
      names.emplace_back(set.name);
    }
  }
  throw Error(format("'{}' is none of the instruction sets {}", name, join(names, ", ")),
              ExitCode::usage);
}

} // namespace qt
