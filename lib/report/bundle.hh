// What failed, as one file for a bug report: the run directories of the failures and of what is
// flaky, with the summary. An unpacked bundle is read as the results of a run are (results.hh).
//
//   NAME/summary.txt           as for people: causes, last lines, the commands that run it again
//   NAME/ARCH/FILE.SUBTEST/…   the files of the run directory, without scratch/
//
// A stranger reads it: secrets in URLs are taken out of all files, and the host's folders are
// called RESULTS, DEFINITIONS, TOOLS (of these programs) and HOME. Paths of the system and of
// elsewhere stay: they say what was run.
#pragma once

#include "report/results.hh"

#include <span>
#include <string>

namespace qt {

// Writes a compressed tar archive, whole or not at all; the same results give the same bytes. Its
// name must end in ".tar.zst", and what stands before that is NAME. Of a file over 16 MiB the
// middle is left out, and it says so. Throws Error (usage for another name).
void write_bundle(const std::string& path, std::span<const SubtestResult> results);

} // namespace qt
