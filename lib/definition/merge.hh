// How the tables of a test are laid over each other: a test over its template, a phase over its
// test. Values may still be of a wrong type; then the upper one is kept, to be told of later.
#pragma once

#include "data/toml.hh"

#include <span>
#include <string_view>
#include <vector>

namespace qt {

// The keys at the top of a definition; those of [test.NAME] and [template.NAME], and those of
// [[test.NAME.phase]].
std::vector<std::string_view> definition_keys();
std::vector<std::string_view> test_keys();
std::vector<std::string_view> phase_keys();

// `over` extends `base` (a template, the requirements of the whole file): lists are joined, `base`
// first; tables are merged key by key by the same rule; anything else is replaced. A single value
// where a list may stand ("fail", "args", …) counts as a list.
Value extend_test(const Value& base, const Value& over);
Value extend_requires(const Value& base, const Value& over);

// The phases of a test, which has a list of them, with its keys as defaults: "fail" and "args" are
// joined, the test's first, and "vm" is merged machine by machine, key by key. Its "prepare" is
// done once, before that of the first phase, its "verify" after that of the last. Everything else
// is taken or replaced whole. A phase that is no table is left as it is.
std::vector<Value> phases_with_defaults(const Value& test);
// A [test.NAME.vm.NAME] table with the VM keys of the test (or phase) as defaults; "args" are
// joined.
Value vm_with_defaults(const Value& test, const Value& vm);

} // namespace qt
