// A definition: one TOML file with the tests of one board (README, "Definitions").
// load_definition() reads it with everything it includes, checks every key and value, and
// multiplies templates, params and matrices out, so that what it gives is plain: a list of
// subtests.
//
// Strings still hold "${…}" where a value is known only at run time; "${params.N}" and matrix
// variables are already replaced. Nothing here looks at the host or starts anything.
#pragma once

#include "json.hh"
#include "vocabulary.hh"

#include <map>
#include <string>
#include <vector>

namespace qt {

// Exactly one of: urls (with digest), env, path; env may have a digest too.
struct Asset {
  std::string name;
  std::vector<std::string> urls; // tried in order
  std::string digest;            // 64 (SHA-256) or 128 (SHA-512) lower-case hex digits, or empty
  std::string env;               // the variable that names the user's own file
  std::string path;              // a host file; may have * and ? (the last in order is taken)
};

// How a file is made from an asset or from another file.
struct FileRule {
  std::string name;      // as in [file.NAME]
  std::string from;      // name of an asset or file; empty if `has_text`
  std::string file_name; // the name it gets on disk: the key "name", else `name`
  bool has_text = false;
  std::string text; // content, to be substituted
  std::string member;
  std::string format;
  std::string resize;
  bool directory = false;
  bool skip_devices = false;
  bool writable = false; // made anew for each subtest, in its scratch folder
};

struct Vm {
  std::string name;             // "default" if the test has just one
  Json values = Json::object(); // by vm_keys(), in normal form
};

// One boot (or several machines at once): prepare, dialogue, verify.
struct Phase {
  std::vector<Vm> vms;       // in the order of the file; empty: only host steps
  Json fail = Json::array(); // patterns armed for the whole dialogue
  std::vector<Step> prepare; // host steps (run, file) before the boot
  std::vector<Step> steps;
  std::vector<Step> verify; // host steps after QEMU has ended
};

struct Subtest {
  std::string name; // "N" or "N[a,b]" with a matrix; no '#', unique in the definition
  std::string summary;
  Json required = Json::object(); // by requires_keys(), the file's and the test's together
  std::vector<Phase> phases;      // at least one
  // Every value named in the strings above that is not known here, without "${" and "}":
  // "file.bios", "scratch", "port.a". Names that steps save are not among them.
  std::vector<std::string> variables;
};

struct Definition {
  std::string path;   // as given
  std::string folder; // absolute, the value of ${data}
  std::string arch;   // the name of the folder: "riscv64", "generic"
  std::string stem;   // the file's name without ".toml"
  std::string summary;
  std::map<std::string, Asset> assets;
  std::map<std::string, FileRule> files;
  std::vector<Subtest> subtests; // in the order of the file

  // The assets that a file is made from in the end (one, or none for a text).
  std::string asset_of(const std::string& file) const;
};

// Throws Error(ExitCode::usage) whose message has one line for each mistake in the file,
// "FILE:LINE:COLUMN: error: what is wrong; what was expected", all of them at once; an unreadable
// file is Error(ExitCode::internal).
Definition load_definition(const std::string& path);

} // namespace qt
