#include "extract/command_file.hh"

#include "base/error.hh"
#include "base/log.hh"
#include "base/substitute.hh"
#include "base/timeout_multiplier.hh"
#include "extract/made_record.hh"
#include "os/fd.hh"
#include "os/file.hh"
#include "os/file_lock.hh"
#include "os/process.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

extern char** environ;

namespace qt {

namespace {

constexpr std::string_view k_out = "out";

// While it lives, no other program makes the same file: its folder is ours.
class Turn {
public:
  explicit Turn(std::string lock)
    : m_path(std::move(lock))
    , m_lock(FileLock::await(m_path, Deadline::never())) {}
  ~Turn() { ::unlink(m_path.c_str()); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

private:
  std::string m_path;
  std::optional<FileLock> m_lock;
};

// An empty folder that goes with the object. Its name is always the same: what a run that was
// killed has left goes with the next one.
class WorkFolder {
public:
  explicit WorkFolder(std::string path)
    : m_path(std::move(path)) {
    remove_tree(m_path);
    make_directories(m_path);
  }
  ~WorkFolder() {
    try {
      remove_tree(m_path);
    } catch (const std::exception& error) {
      log_warning(error.what());
    }
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  const std::string& path() const { return m_path; }

private:
  std::string m_path;
};

std::vector<std::string> words_for(const CommandRule& rule, const std::string& result) {
  const Lookup lookup = [&result](std::string_view name) {
    return name == k_out ? std::optional(result) : std::nullopt;
  };
  std::vector<std::string> words;
  for (const std::string& word : rule.words) {
    words.push_back(substitute(word, lookup, Pass::last));
  }
  return words;
}

// While it lives, the environment is what no two users and no two runs have differently without
// meaning it: a record of origin can't know of any other variable.
class EssentialEnvironment {
public:
  EssentialEnvironment() {
    for (char** entry = environ; *entry != nullptr; ++entry) {
      if (is_essential(*entry)) {
        m_entries.push_back(*entry);
      }
    }
    m_entries.push_back(nullptr);
    environ = m_entries.data();
  }
  ~EssentialEnvironment() { environ = m_saved; }
  EssentialEnvironment(const EssentialEnvironment&) = delete;
  EssentialEnvironment& operator=(const EssentialEnvironment&) = delete;

private:
  static bool is_essential(std::string_view entry) {
    constexpr std::array<std::string_view, 5> k_names = {"PATH", "HOME", "TMPDIR", "LD_PRELOAD",
                                                         "LD_LIBRARY_PATH"};
    return std::find(k_names.begin(), k_names.end(), entry.substr(0, entry.find('='))) !=
           k_names.end();
  }

  char** m_saved = environ;
  std::vector<char*> m_entries;
};

Process spawn_without_variables(const std::vector<std::string>& words,
                                const SpawnOptions& options) {
  const EssentialEnvironment environment;
  return Process::spawn(words, options);
}

void run_in(const std::string& folder, const std::vector<std::string>& words, Duration timeout) {
  const UniqueFd nothing = open_file("/dev/null", O_RDONLY);
  SpawnOptions options;
  options.standard_input = nothing.get();
  options.standard_output = STDERR_FILENO;
  options.directory = folder;
  options.descendants = SpawnOptions::Descendants::end_with_it;
  Process process = spawn_without_variables(words, options);
  const std::optional<ExitStatus> status = process.wait(Deadline::after(scaled(timeout)));
  if (!status) {
    throw Error(format("{} has not ended within {}", words[0], format_duration(scaled(timeout))),
                ExitCode::deadline);
  }
  if (status->wait_status != 0) {
    throw Error(format("{} {}", words[0], status->text()), ExitCode::failed);
  }
}

// The result as it is now: a file or a folder. A link would lead into the folder that goes.
UniqueFd open_result(const std::string& result, const std::string& command) {
  struct stat status;
  if (::lstat(result.c_str(), &status) < 0) {
    throw Error(format("{} has ended well, but not made ${{out}}", command), ExitCode::failed);
  }
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
    throw Error(format("what {} made is neither a file nor a folder", command), ExitCode::failed);
  }
  UniqueFd fd(::open(result.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) {
    throw errno_error(errno, format("opening what {} made", command));
  }
  return fd;
}

// A folder stands in the way of a rename. What a command has made goes; any other is somebody's.
void put_in_place(const std::string& result, const std::string& path) {
  if (::rename(result.c_str(), path.c_str()) == 0) {
    return;
  }
  const int number = errno;
  if (number != ENOTEMPTY && number != EEXIST && number != EISDIR && number != ENOTDIR) {
    throw errno_error(number, "renaming the result");
  }
  struct stat status;
  if (::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && !MadeRecord::is_on(path)) {
    throw Error("a folder that no command is known to have made is there already: remove it, or "
                "give another --output",
                ExitCode::failed);
  }
  remove_tree(path);
  if (::rename(result.c_str(), path.c_str()) < 0) {
    throw errno_error(errno, "renaming the result");
  }
}

} // namespace

void check_command(const CommandRule& rule) {
  if (!has_placeholder(rule.words, k_out)) {
    throw Error("option --make: the command does not say ${out}, the file that it is to make",
                ExitCode::usage);
  }
}

void make_by_command(const CommandRule& rule, const std::string& output) {
  const auto is_right = [&](const MadeRecord& record) {
    const bool right = record.is_right(output);
    if (right) {
      log_info(format("{} is there already and right", output));
    }
    return right;
  };
  if (is_right(MadeRecord(rule.words, rule.inputs))) {
    return;
  }
  const std::string path = absolute_path(output);
  try {
    const std::string name = format("{}/.{}.making", parent_of(path), base_name(path));
    make_directories(parent_of(path));
    const Turn turn(name + ".lock");
    const MadeRecord record(rule.words, rule.inputs);
    if (is_right(record)) { // whoever had the turn before has made it
      return;
    }
    const WorkFolder folder(name);
    const std::string result = folder.path() + "/" + base_name(path);
    run_in(folder.path(), words_for(rule, result), rule.timeout);
    record.put_on(open_result(result, rule.words[0]).get());
    put_in_place(result, path);
  } catch (const Error& error) {
    throw error.within(format("making {}", output));
  }
}

} // namespace qt
