// The folder of one subtest's run (scene.hh), which nobody else uses meanwhile.
#pragma once

#include "os/file_lock.hh"

#include <cstddef>
#include <optional>
#include <string>

namespace qt {

// A run directory that no other process uses at the same time, nor has used for the same repeater,
// which the lock's file names. It need not be there yet.
class RunDirectory {
public:
  // The folder `wanted`, or `wanted`.2, .3, … if that is in use. Throws Error.
  RunDirectory(const std::string& wanted, const std::string& repeater);

  const std::string& path() const noexcept { return m_path; }

private:
  std::string m_path;
  std::optional<FileLock> m_lock;
};

// Removes what the repetitions of an earlier run have left, `wanted`.2, .3, …, where nobody uses
// it: they are no results of the run that begins. Throws Error.
void remove_repetitions(const std::string& wanted);

// "try1": where the logs of a subtest's first try are, in its run directory, when it is run again.
std::string try_folder(std::size_t number);

// Puts what is in the run directory, but for tries set aside before, into the folder of the try
// `number`. Throws Error.
void set_try_aside(const std::string& run_dir, std::size_t number);

} // namespace qt
