#include "report/results.hh"

#include "base/error.hh"
#include "base/format.hh"
#include "base/text.hh"
#include "console/ansi.hh"
#include "ipc/base_log.hh"
#include "ipc/run_dir.hh"
#include "os/fd.hh"
#include "os/file.hh"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

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

constexpr std::size_t k_deepest_folder = 64;
constexpr std::size_t k_most_of_log = 64 << 10; // of base.log: its start says what it is about

bool is_run_directory(const std::string& path) {
  return exists(path + "/verdict.json") || exists(base_log_path(path));
}

// A part of a name. Names stand in reports as they are, also where a line may be a command of a CI
// service, and the folders of a bundle are somebody else's.
std::string shown_name(std::string_view part) { return escape_for_display(percent_decoded(part)); }

// What follows `mark` in the first line of base.log that has it, fit to be shown.
std::string after_mark(const std::string& log, std::string_view mark) {
  const std::size_t begin = log.find(mark);
  if (begin == std::string::npos) {
    return "";
  }
  const std::size_t from = begin + mark.size();
  return escape_for_display(
      std::string_view(log).substr(from, std::min(log.find('\n', from), log.size()) - from));
}

void read_log(SubtestResult& result) {
  std::string log;
  try {
    log = read_file(base_log_path(result.directory)).substr(0, k_most_of_log);
  } catch (const Error&) { // it is there for people, and says nothing about how the run ended
    return;
  }
  const std::string subject = after_mark(log, " qt-tap: subtest ");
  if (const std::size_t of = subject.find(" of "); of != std::string::npos) {
    result.definition = subject.substr(of + 4);
  }
  const std::string started = after_mark(log, ": started ");
  result.command = started.substr(0, std::min(started.rfind(" (process "), started.size()));
  const std::string end = read_tail(base_log_path(result.directory), k_most_of_log);
  const std::string mark = format(" qt-tap: {}", k_again);
  if (const std::size_t last = end.rfind(mark); last != std::string::npos) {
    result.again = after_mark(end.substr(last), mark);
  }
}

SubtestResult read_result(const std::string& directory) {
  SubtestResult result;
  result.directory = directory;
  result.arch = shown_name(base_name(parent_of(directory)));
  const std::string name = base_name(directory);
  const std::size_t dot = name.find('.');
  result.file = shown_name(name.substr(0, dot));
  const std::string subtest = dot == std::string::npos ? "" : name.substr(dot + 1);
  result.subtest = shown_name(subtest);
  result.name = format("{}/{}:{}", result.arch, result.file, result.subtest);
  // Where a number belongs to the name of a subtest, the dot before it is written as "%2E".
  if (const std::size_t end = subtest.rfind('.');
      end != std::string::npos && parse_integer(std::string_view(subtest).substr(end + 1))) {
    result.first = format("{}/{}:{}", result.arch, result.file, shown_name(subtest.substr(0, end)));
  }
  read_log(result);
  if (std::optional<Verdict> verdict = read_verdict(directory)) {
    result.verdict = std::move(*verdict);
  } else {
    result.verdict.cause = Cause::host;
    result.verdict.message = exists(directory + "/verdict.json")
                                 ? "its verdict.json is damaged"
                                 : "there is no verdict: the run did not come to its end";
  }
  return result;
}

// How much a result says against a success.
int weight(const SubtestResult& result) {
  return result.failed() ? 3 : result.flaky() ? 2 : result.passed() ? 1 : 0;
}

class Reader {
public:
  void read(const std::string& folder, std::size_t depth = 0) {
    if (depth == 0) { // one may be named twice
      m_seen.clear();
    }
    if (is_run_directory(folder)) {
      const SubtestResult result = read_result(folder);
      for (const CheckResult& check : result.verdict.checks) {
        SubtestResult own = result;
        const std::string name = escape_for_display(check.name);
        own.name += "/" + name;
        own.first += own.first.empty() ? "" : "/" + name;
        own.subtest += "/" + name;
        own.verdict = verdict_of_check(result.verdict, check);
        add(std::move(own));
      }
      add(result);
      return;
    }
    std::error_code error;
    const std::vector<std::string> names = names_in(folder, error);
    if (error) {
      throw Error(format("reading {}: {}", folder, error.message()), ExitCode::usage);
    }
    for (const std::string& name : names) {
      const std::string path = folder + "/" + name;
      if (depth < k_deepest_folder && is_new_folder(path)) {
        read(path, depth + 1);
      }
    }
  }
  std::size_t found() const { return m_found; }
  std::vector<SubtestResult> results() && {
    std::vector<SubtestResult> list;
    for (auto& [name, result] : m_results) {
      list.push_back(std::move(result));
    }
    return list;
  }

private:
  // Links may lead in a circle.
  bool is_new_folder(const std::string& path) {
    struct stat status;
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
           m_seen.emplace(status.st_dev, status.st_ino).second;
  }

  void add(SubtestResult result) {
    ++m_found;
    const auto [known, is_new] = m_results.try_emplace({result.subject(), result.name}, result);
    if (!is_new && is_worse(result, known->second)) {
      known->second = std::move(result);
    }
  }

  std::set<std::pair<dev_t, ino_t>> m_seen;
  std::map<std::pair<std::string, std::string>, SubtestResult> m_results;
  std::size_t m_found = 0;
};

} // namespace

bool is_worse(const SubtestResult& one, const SubtestResult& other) {
  return weight(one) > weight(other);
}

std::vector<SubtestResult> read_results(std::span<const std::string> folders) {
  Reader reader;
  for (const std::string& folder : folders) {
    const std::size_t before = reader.found();
    reader.read(absolute_path(folder));
    if (reader.found() == before) {
      throw Error(format("{}: there is no result in it: no folder with a verdict.json, which "
                         "qt-tap leaves in the folder of its option --output",
                         folder),
                  ExitCode::usage);
    }
  }
  return std::move(reader).results();
}

std::string_view outcome_name(const SubtestResult& result) {
  return result.flaky()     ? "flaky"
         : result.passed()  ? "passed"
         : result.skipped() ? "skipped"
                            : "failed";
}

std::string reason_of(const SubtestResult& result) {
  const Verdict& verdict = result.verdict;
  if (result.skipped() || verdict.message.empty()) {
    return verdict.message.empty() ? std::string(cause_name(verdict.cause)) : verdict.message;
  }
  return format("{}: {}", cause_name(verdict.cause), verdict.message);
}

std::string last_line_of(const SubtestResult& result) {
  const std::vector<std::string>& lines = result.verdict.last_lines;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    std::string visible;
    AnsiFilter().feed(*line, [&visible](std::string_view passed) { visible += passed; });
    if (const std::string_view text = trim(visible); !text.empty()) {
      return escape_for_display(text);
    }
  }
  return "";
}

std::string kind_of_skip(const SubtestResult& result) {
  std::vector<std::string> words = split(result.verdict.message, ' ');
  for (std::string& word : words) {
    if (word.find("://") != std::string::npos) {
      word = word.ends_with(':') ? "URL:" : word.ends_with(';') ? "URL;" : "URL";
    }
  }
  return join(words, " ");
}

std::string counts_text(std::span<const SubtestResult> results) {
  std::map<std::string_view, std::size_t> counts;
  for (const SubtestResult& result : results) {
    ++counts[outcome_name(result)];
  }
  const std::size_t flaky = counts["flaky"];
  return format("{} passed, {}{} failed, {} skipped", counts["passed"],
                flaky > 0 ? format("{} flaky, ", flaky) : "", counts["failed"], counts["skipped"]);
}

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
