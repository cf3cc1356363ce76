#include "report/shortened_log.hh"

#include "base/format.hh"
#include "base/text.hh"
#include "os/fd.hh"
#include "os/file.hh"

#include <cstdint>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {

namespace {

std::string part_of(int fd, std::size_t size, std::uint64_t offset) {
  std::string bytes(size, '\0');
  const ssize_t count = ::pread(fd, bytes.data(), size, static_cast<off_t>(offset));
  bytes.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  return bytes;
}

} // namespace

std::string shortened_log(const std::string& path, std::size_t limit) {
  const UniqueFd fd = open_regular_file(path);
  struct stat status;
  if (::fstat(fd.get(), &status) < 0) {
    return "";
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size <= limit) {
    return part_of(fd.get(), static_cast<std::size_t>(size), 0);
  }
  const std::size_t head = limit / 4;
  const std::size_t tail = limit - head;
  return part_of(fd.get(), head, 0) +
         format("\n\n… {} are left out here; the whole is in {} …\n\n", format_size(size - limit),
                path) +
         part_of(fd.get(), tail, size - tail);
}

} // namespace qt
