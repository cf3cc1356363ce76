#include "schema/break_point.hh"

#include "base/format.hh"
#include "base/log.hh"
#include "base/text.hh"

namespace qt {

std::optional<std::size_t> step_number(const std::vector<Step>& steps, std::string_view word) {
  if (const auto number = parse_integer(word)) {
    const bool is_one = *number >= 1 && static_cast<std::uint64_t>(*number) <= steps.size();
    return is_one ? std::optional(static_cast<std::size_t>(*number)) : std::nullopt;
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (!word.empty() && steps[i].text("mark") == word) {
      return i + 1;
    }
  }
  return std::nullopt;
}

std::vector<std::string> numbered_steps(const std::vector<Step>& steps) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    lines.push_back(format("  {:2}  {}", i + 1, describe_step(steps[i])));
  }
  return lines;
}

Error no_such_step(const std::string& message, const std::vector<std::string>& lines) {
  std::string text = format("{}: error: option --break: {}", program_name(), message);
  for (const std::string& line : lines) {
    text += "\n" + escape_for_display(line);
  }
  return Error(text, ExitCode::usage, Error::Form::report);
}

} // namespace qt
