// How much the files of a run may take of the disk: all logs together a few times what one may,
// and what is in the scratch folder whatever the disk has room for. The program that runs a
// machine looks after that, and the one that runs a stage without a machine.
#pragma once

#include "os/folder_size.hh"

#include <cstdint>
#include <string>

namespace qt {

FolderSize size_of_run(const std::string& run_dir, std::uint64_t log_limit);

// The scratch folder that is in use there: all phases of a subtest, which have run directories of
// their own in its run directory, share one.
std::string scratch_of_run(const std::string& run_dir);

} // namespace qt
