// The payloads of a subtest: finds out which of its assets and files are there already, and makes
// the others before the clock starts. What is there costs a few system calls; the rest is done by
// qt-fetch and qt-extract as processes, so that this program links neither network nor archives.
//
// A file is made once for all subtests and runs of a definition, in a folder of its own,
// beside it ".NAME.made": the command that made it and size and time of what it was made from. If
// either is different now it is made anew. Writable files and texts belong to one subtest and
// are made in its scratch folder.
#pragma once

#include "definition.hh"
#include "plan.hh"
#include "run_dir.hh"
#include "stage.hh"
#include "substitute.hh"

#include <map>
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
    shared, // a file: `command` makes it
    own,    // the same, for this subtest
    text,   // a small file of this subtest with `text` in it, after substitution
  };
  Kind kind = Kind::there;
  std::string variable; // "asset.kernel", "file.bios"
  std::string path;     // where it is, or will be
  std::string source;   // what a file is made from
  std::vector<std::string> command;
  std::string text;
};

struct PreparationPlan {
  std::vector<Preparation> steps;           // in an order in which they can be made
  std::map<std::string, std::string> paths; // variable → path
  std::string missing; // why something cannot be had at all on this host: a skip; or empty
};

// For the names "asset.N" and "file.N" among `variables`. Looks at the host, changes nothing.
// Throws Error if nothing says where the cache is.
PreparationPlan plan_preparation(const Definition& definition,
                                 const std::vector<std::string>& variables,
                                 const PayloadPlaces& places);

// How it went. A cause other than `pass` comes with a message: `skip` (unavailable now), `asset`
// (wrong or gone), `host`.
struct Prepared {
  Cause cause = Cause::pass;
  std::string message;
};

// Makes what is not there. `lookup` has the values for texts. Waits without limit, but for the end
// of this program: look at `request` afterwards.
Prepared prepare(const PreparationPlan& plan, const Lookup& lookup, EndRequest& request,
                 const LineSink& log);

} // namespace qt
