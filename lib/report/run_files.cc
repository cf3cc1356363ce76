#include "report/run_files.hh"

#include "base/format.hh"
#include "base/text.hh"
#include "os/fd.hh"
#include "os/file.hh"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace qt {

namespace {

// `part`: of the run directory, "" or "phase1/".
void find_files(const std::string& directory, const std::string& part,
                std::vector<std::string>& found) {
  std::error_code error;
  const std::string folder = directory + "/" + part;
  for (const std::string& name : names_in(folder, error)) {
    struct stat status;
    if (name == "scratch" || ::lstat((folder + name).c_str(), &status) < 0) {
      continue;
    }
    if (S_ISDIR(status.st_mode)) {
      find_files(directory, part + name + "/", found);
    } else if (S_ISREG(status.st_mode)) {
      found.push_back(part + name);
    }
  }
}

std::vector<std::string> shown_files(const SubtestResult& result, std::string_view ending) {
  std::vector<std::string> files = run_files(result);
  const std::vector<EarlierTry>& tries = result.verdict.tries;
  std::erase_if(files, [&tries, ending](const std::string& file) {
    const auto is_older = [&](const EarlierTry& tried) {
      return &tried != &tries.back() && file.starts_with(tried.directory + "/");
    };
    return !file.ends_with(ending) || std::any_of(tries.begin(), tries.end(), is_older);
  });
  return files;
}

std::string part_of(int fd, std::size_t size, std::uint64_t offset) {
  std::string bytes(size, '\0');
  const ssize_t count = ::pread(fd, bytes.data(), size, static_cast<off_t>(offset));
  bytes.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  return bytes;
}

} // namespace

std::vector<std::string> run_files(const SubtestResult& result) {
  std::vector<std::string> files;
  find_files(result.directory, "", files);
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> run_logs(const SubtestResult& result) {
  return shown_files(result, ".log");
}

std::vector<std::string> run_pictures(const SubtestResult& result) {
  return shown_files(result, ".png");
}

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
