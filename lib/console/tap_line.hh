// One line of the Test Anything Protocol (TAP 12 to 14, testanything.org) or of the kernel's KTAP
// (Documentation/dev-tools/ktap.rst), as a guest prints it:
//
//   TAP version 14, KTAP version 1      a version
//   1..3, 1..0 # SKIP no disk           a plan: how many tests there are
//   ok 1 - name, not ok 2 name # TODO   a result, with a number and a description or without
//   Bail out! no memory                 nothing will come any more
//   # text                              a comment, which may be a diagnostic of a result
//   ---                                 begins a block of YAML, if it is indented
//
// Indented lines belong to a result that comes after them. A directive stands after the description
// and a blank: SKIP and TODO in any case of letters, XFAIL, TIMEOUT and ERROR as the kernel writes
// them. "\#" is no beginning of one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace qt {

struct TapLine {
  enum class Kind { other, version, plan, result, bail_out, comment, yaml };
  // todo: it may fail (TODO, XFAIL). failed: what the kernel says of a failure (TIMEOUT, ERROR).
  enum class Directive { none, skip, todo, failed };

  Kind kind = Kind::other;
  std::size_t indent = 0;              // blanks before it
  bool is_ktap = false;                // of a version
  bool is_ok = false;                  // of a result
  std::optional<std::uint64_t> number; // of a result
  std::uint64_t planned = 0;           // by a plan
  std::string text;                    // description, comment without "# ", reason of the end
  Directive directive = Directive::none;
  std::string reason; // what stands after the directive; of `failed` with it
};

// Numbers that are longer than this are this one: no plan and no test has it.
inline constexpr std::uint64_t k_most_of_tap_number = 1'000'000'000;

// `line`: without its end and without control sequences; foreign bytes stay in the texts.
TapLine parse_tap_line(std::string_view line);

// Whether a line that begins so may be a version, a plan, a result or the end, once the rest of it
// has come.
bool may_begin_tap_line(std::string_view text);

} // namespace qt
