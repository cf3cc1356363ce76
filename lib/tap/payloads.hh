// Which of a subtest's payloads are there already and which have to be made, by what command.
// What is there costs a few system calls. Looks at the host, changes nothing but the time of last
// use of a cached asset.
//
// A file is made once for all subtests and runs of a definition, in a folder of its own, or was
// made ahead of them in another; which it is there, and that it is right, its record tells
// (made_file.hh), before it is used and afterwards. Writable files and texts belong to one subtest
// and are made in its scratch folder.
#pragma once

#include "base/substitute.hh"
#include "definition/definition.hh"
#include "definition/made_file.hh"
#include "ipc/run_dir.hh"
#include "os/file.hh"
#include "os/file_lock.hh"
#include "tap/plan.hh"
#include "tap/stage.hh"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace qt {

struct PayloadPlaces {
  Programs programs;
  std::string shared;   // the folder for this definition's files
  std::string prepared; // where someone has made them already (--prepared), or empty
  std::string scratch;  // of the subtest
};

struct Preparation {
  enum class Kind {
    there,  // nothing to do
    fetch,  // an asset: `command` brings it into the cache
    shared, // a file: `command` makes it, for all
    own,    // the same, for this subtest
    text,   // a small file of this subtest with `text` in it, after substitution
  };
  Kind kind = Kind::there;
  std::string variable; // "asset.kernel", "file.bios"
  std::string path;     // where it is, or will be
  std::string source;   // what a file is made from
  std::string origin;   // of a file that others may use too (made_file.hh)
  std::string made;     // that file: `path`, or what is copied to it
  std::vector<std::string> command;
  bool by_command = false; // of the definition: one that hangs is a failure, no slow download
  std::string text;
};

struct PreparationPlan {
  std::vector<Preparation> steps;           // in an order in which they can be made
  std::map<std::string, std::string> paths; // variable → path
  std::set<std::string> wanted;             // of these, those that the subtest itself names
  std::string missing; // why something cannot be had at all on this host: a skip; or empty
};

// For the names "asset.N" and "file.N" among `variables`. Looks at the host, changes nothing.
// Throws Error if nothing says where the cache is.
PreparationPlan plan_preparation(const Definition& definition,
                                 const std::vector<std::string>& variables,
                                 const PayloadPlaces& places);

struct UsedFile {
  std::string variable;
  MadeFileUse use;
};

// How it went. A cause other than `pass` comes with a message: `skip` (unavailable now), `asset`
// (wrong or gone), `host`.
struct Prepared {
  Cause cause = Cause::pass;
  std::string message;
  std::vector<FileLock> holds;     // while they live, nobody cleans the assets out of the cache
  std::vector<UsedFile> used = {}; // by the subtest itself
};

// Makes what is not there. `lookup` has the values for texts. Waits until the deadline, or the end
// of this program: look at `request` afterwards. What is not there at the deadline is unavailable.
Prepared prepare(const PreparationPlan& plan, const Lookup& lookup, Deadline deadline,
                 EndRequest& request, const LineSink& log);

// That a file is no longer the one that was used: then nobody knows what that gave. Empty: all are.
std::string say_replaced(const std::vector<UsedFile>& used);

} // namespace qt
