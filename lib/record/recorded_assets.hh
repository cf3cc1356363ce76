// The files that QEMU's arguments name, as assets of a definition. The download cache tells where a
// file came from: one that lies there, or whose content does, is an asset with URL and digest; any
// other is one with its path. A disk gets a copy for each run, as the guest may write to it.
#pragma once

#include "record/definition_text.hh"

#include <string>
#include <vector>

namespace qt {

struct RecordedArguments {
  std::vector<std::string> args; // as a definition has them, with ${asset.NAME} and ${file.NAME}
  std::vector<RecordedAsset> assets;
};

// Looks at the file system and at the cache that the environment names; neither is changed. A file
// whose size is that of a file in the cache is read.
RecordedArguments recorded_arguments(const std::vector<std::string>& words);

// The same words with the path of a copy in `folder` for each disk that the guest may write to: who
// records must not change what the recording is run on again. Throws Error.
std::vector<std::string> with_copies_of_disks(const std::vector<std::string>& words,
                                              const std::string& folder);

} // namespace qt
