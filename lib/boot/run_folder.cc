#include "boot/run_folder.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/log.hh"
#include "ipc/run_dir.hh"
#include "os/file.hh"

#include <cerrno>
#include <unistd.h>

namespace qt {

RunFolder::RunFolder(const std::string& wanted)
  : m_path(!wanted.empty() ? wanted : env::text(k_run_dir_variable)) {
  if (m_path.empty()) {
    const std::string base = env::text("TMPDIR");
    m_path = format("{}/qt-boot.XXXXXX", base.empty() ? "/tmp" : base);
    m_own = true;
    if (::mkdtemp(m_path.data()) == nullptr) {
      throw errno_error(errno, format("creating a run directory {}", m_path));
    }
  }
  m_path = absolute_path(m_path);
  make_directories(m_path);
  if (env::text(k_vms_variable).empty()) { // the outermost of a chain starts afresh
    ::unlink((m_path + "/verdict.json").c_str());
    if (env::text(k_run_dir_variable) != m_path) { // else someone has begun the run's log
      ::unlink(base_log_path(m_path).c_str());
    }
  }
  log_info(format("run directory: {}", m_path));
}

void RunFolder::finish(Interest interest) const {
  if (m_own && interest == Interest::none && verbosity() < Verbosity::verbose) {
    try {
      remove_tree(m_path);
    } catch (const Error& error) { // the run's verdict does not depend on it
      log_warning(error.what());
    }
  } else if (m_own && interest == Interest::some) {
    log_plain(format("logs: {}", m_path));
  }
}

} // namespace qt
