#include "ipc/base_log.hh"

#include "base/format.hh"
#include "base/secrets.hh"
#include "ipc/run_dir.hh"

#include <fcntl.h>
#include <unistd.h>

namespace qt {

BaseLog::BaseLog(const std::string& run_dir, std::string who)
  : m_who(std::move(who))
  , m_fd(open_file(base_log_path(run_dir), O_WRONLY | O_CREAT | O_APPEND)) {}

void BaseLog::write(std::string_view text) noexcept {
  const std::string line = format("[{:9.4f}] {}: {}\n", seconds(), m_who, fit_to_show(text));
  const ssize_t count = ::write(m_fd.get(), line.data(), line.size());
  m_written += count > 0 ? static_cast<std::uint64_t>(count) : 0;
}

double BaseLog::seconds() const noexcept {
  return std::chrono::duration<double>(Clock::now() - m_start).count();
}

} // namespace qt
