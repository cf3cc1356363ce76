// The files of a definition, made ahead of its tests: what "meson compile precache" does after the
// downloads. What is made from an asset with a digest, for that never changes, and what a command
// makes, which may take long or need what an offline run has not, if a test uses it that could run
// here. Other files that come from the host or the user, texts, what is made of them, and writable
// folders are made when a test runs.
#pragma once

#include "cache/cache.hh"
#include "definition/definition.hh"

#include <string>
#include <vector>

namespace qt {

struct PreparedFiles {
  std::vector<std::string> made; // paths
  std::vector<std::string>
      missing; // one line each: what was left out because its asset is not there
  std::vector<std::string> failed; // one line each: what cannot be made
  ExitCode worst = ExitCode::done; // of those that failed
};

// Makes each file as `folder`/<its file name>, those before it that it is made from, unless it is
// there and right (made_file.hh). A writable file is made as the master that each test copies. What
// cannot be made is not there afterwards either. Throws Error if the folder cannot be made.
PreparedFiles make_prepared_files(const Definition& definition, const Cache& cache,
                                  const std::string& folder);

} // namespace qt
