#include "ipc/run_size.hh"

#include "ipc/run_dir.hh"
#include "os/file.hh"

namespace qt {

namespace {

constexpr unsigned k_logs = 8; // as large as the limit of one, are the limit of all

} // namespace

FolderSize size_of_run(const std::string& run_dir, std::uint64_t log_limit) {
  return {run_dir, scratch_of_run(run_dir), log_limit * k_logs};
}

std::string scratch_of_run(const std::string& run_dir) {
  const std::string own = scratch_path(run_dir);
  const std::string shared = scratch_path(parent_of(run_dir));
  return !exists(own) && base_name(run_dir).starts_with("phase") && exists(shared) ? shared : own;
}

} // namespace qt
