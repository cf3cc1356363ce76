// Reads one subtest from the table of a test in which template, params and matrix are put in
// already: its phases, machines and steps, and what it requires.
#pragma once

#include "base/duration.hh"
#include "definition/payload.hh"
#include "definition/schema.hh"
#include "schema/step.hh"

#include <optional>
#include <string>
#include <vector>

namespace qt {

struct Vm {
  std::string name;             // "default" if the test has just one
  Json values = Json::object(); // by vm_keys(), in normal form
};

// A named part of a dialogue with a result of its own.
struct NamedCheck {
  std::string name; // unique in the test, a plain word
  std::string summary;
  std::vector<Step> steps;
};

// One boot (or several machines at once): prepare, dialogue, verify.
struct Phase {
  std::vector<Vm> vms;            // in the order of the file; empty: only host steps
  Json dialogue = Json::object(); // by test_dialogue_keys(), in normal form
  std::vector<Step> prepare;      // host steps (run, file, sleep) before the boot
  std::vector<Step> steps;
  std::vector<NamedCheck> checks; // after the steps; none where there are several phases
  std::vector<Step> verify;       // host steps after QEMU has ended
};

struct Subtest {
  std::string name; // "N" or "N[a,b]" with a matrix; no '#', unique in the definition
  std::string summary;
  std::vector<std::string> tags;   // its own, the file's first
  std::optional<Duration> timeout; // of all phases together, as named
  Json required = Json::object();  // by requires_keys(), the file's and the test's together
  std::vector<Phase> phases;       // at least one
  // Every value named in the strings above that is not known here, without "${" and "}":
  // "file.bios", "scratch", "port.a". Names that steps save are not among them.
  std::vector<std::string> variables;
};

// `test` is [test.NAME], merged and substituted; `at` the place of its name; `required` the file's
// own requires, or nullptr. With Texts::pending (`reader`) only what stands in the table itself is
// checked, not how its parts fit together.
//
// The machine of each VM is added to what the subtest requires, unless requires says machine = [].
Subtest read_subtest(const Member& test, const Value* required, const Payloads& payloads,
                     const Reader& reader);

// The key "tags": words that are no operators of a selection and do not look like a tag that
// follows from the definition (tag.hh): letters, digits and _ - . + only.
std::vector<std::string> read_tags(const Value& value, const Reader& reader);

} // namespace qt
