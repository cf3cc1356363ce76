// What "qt-tap --list" prints: a line for each subtest, short, for people (--long), for programs
// (--json), or the names that Meson knows the files by (--meson). Looks at the cache, starts
// nothing.
#pragma once

#include "tap/selection.hh"

#include <string>
#include <vector>

namespace qt {

// Full name, tab, summary.
std::string short_listing(const std::vector<Selected>& selected);

// A paragraph for each definition: its name, suite and summary, its assets with their size where
// they are in the cache, and a line for each subtest: name, machine, what holds it back, own tags.
std::string long_listing(const std::vector<Selected>& selected);

// One JSON object a line for each subtest, everything that the definition says, templates and
// matrices multiplied out, texts with "${…}" as they are:
//   {"name": "arm/board:boot", "file": PATH, "arch", "stem", "subtest", "summary", "suite",
//    "tags": [TAG…], "requires": {…},
//    "assets": [{"name", "urls": […], "digest", "env", "path", "cached": BYTES or null}…],
//    "files": [{"name", "from", "member", "format", "resize", "directory", "writable", "text"}…],
//    "phases": [{"vms": [{"name", KEY: VALUE…}], "fail": […],
//                "prepare": [STEP…], "steps": [STEP…], "verify": [STEP…]}]}
// STEP is the step's table in normal form; members that say nothing are left out.
std::string json_listing(const std::vector<Selected>& selected);

// "func-ARCH-FILE", each once, as words for "meson test"; a definition for every emulator gives a
// pattern, "func-*-FILE".
std::string meson_listing(const std::vector<Selected>& selected);

} // namespace qt
