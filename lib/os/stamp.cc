#include "os/stamp.hh"

#include "base/error.hh"
#include "os/file.hh"

#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {

namespace {

bool is_device(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode));
}

} // namespace

void clear_stamp(const std::string& path) {
  struct stat status {};
  if (is_device(path) || (::lstat(path.c_str(), &status) < 0 && errno == ENOENT)) {
    return;
  }
  if (S_ISDIR(status.st_mode) || S_ISSOCK(status.st_mode) || S_ISFIFO(status.st_mode)) {
    throw Error(format("--stamp {}: it is {}, not a file", path,
                       S_ISDIR(status.st_mode) ? "a folder" : "a fifo or a socket"),
                ExitCode::usage);
  }
  if (::unlink(path.c_str()) < 0 && errno != ENOENT) {
    throw errno_error(errno, format("removing the stamp {}", path));
  }
}

void write_stamp(const std::string& path) {
  if (!is_device(path)) {
    AtomicFile(path).commit();
  }
}

} // namespace qt
