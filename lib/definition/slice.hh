// A part of a run for one of several machines: which of the definitions it runs. Whoever is given
// the same definitions chooses the same, so that the parts together are the whole, and nothing is
// run twice.
#pragma once

#include "base/duration.hh"
#include "definition/definition.hh"

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// How long definitions took when they last ran, as "qt-report --durations FILE" writes it.

// "ARCH/FILE" → all its subtests together.
using Durations = std::map<std::string, Duration, std::less<>>;

// Lines "ARCH/FILE SECONDS"; empty lines are none. Throws Error(ExitCode::usage) for the first that
// is something else or names a file again: "FILE:LINE: …".
Durations parse_durations(std::string_view text, const std::string& file);
// The same of a file; throws Error(ExitCode::usage), too, if it cannot be read.
Durations read_durations(const std::string& path);

struct Slice {
  std::size_t number = 1; // from 1
  std::size_t of = 1;
};

// "I/N", 1 <= I <= N <= 10000. Throws Error(ExitCode::usage).
Slice parse_slice(std::string_view text);

// What is to be shared among the slices: its name, which decides where times are equal, and how
// long it takes.
struct SliceItem {
  std::string name;
  Duration time;
};

// The places in `items` that are this slice's, ascending. The longest is given out first, each to
// the slice that has the least so far. The order of `items` changes nothing.
std::vector<std::size_t> slice_of(std::span<const SliceItem> items, Slice slice);

// The places of the definitions that are this slice's. What each takes is what was measured (of a
// generic one: on any emulator); where
// nothing was, a part of its timeout: that which the measured ones took of theirs. (A timeout is
// many times what a run takes: a new file would have a machine for itself.) Of no measured ones:
// all of it.
std::vector<std::size_t> slice_of(std::span<const Definition> definitions, Slice slice,
                                  const Durations& durations);

} // namespace qt
