#include "report/run_files.hh"

#include "os/file.hh"

#include <algorithm>
#include <string_view>
#include <sys/stat.h>
#include <system_error>

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

} // namespace qt
