#include "descendants.hh"

#include "base/duration.hh"
#include "base/format.hh"
#include "base/text.hh"
#include "os/file.hh"

#include <dirent.h>
#include <map>
#include <unistd.h>

namespace qt::support {

namespace {

struct Entry {
  std::string name;
  char state;
  pid_t parent;
};

// Nothing if it has just ended. "PID (NAME) STATE PARENT …"; the name may hold anything.
std::optional<Entry> entry_of(long long pid) {
  std::optional<std::string> stat;
  try {
    stat = read_file_if_exists(format("/proc/{}/stat", pid));
  } catch (const std::exception&) {
    return std::nullopt;
  }
  if (!stat || stat->empty()) {
    return std::nullopt;
  }
  const std::size_t open = stat->find('(');
  const std::size_t close = stat->rfind(')');
  return Entry{stat->substr(open + 1, close - open - 1), (*stat)[close + 2],
               static_cast<pid_t>(std::atoi(stat->c_str() + close + 4))};
}

std::map<pid_t, Entry> all_processes() {
  std::map<pid_t, Entry> all;
  DIR* const folder = ::opendir("/proc");
  while (const dirent* entry = ::readdir(folder)) {
    const auto pid = parse_integer(entry->d_name);
    if (auto found = pid ? entry_of(*pid) : std::nullopt) {
      all.emplace(static_cast<pid_t>(*pid), std::move(*found));
    }
  }
  ::closedir(folder);
  return all;
}

enum class Kin { ours, not_ours, unknown };

// Unknown where a parent ended while its neighbours were looked at: its child has another by now.
Kin kin(pid_t pid, const std::map<pid_t, Entry>& all) {
  for (std::size_t i = 0; i <= all.size(); ++i) {
    const auto found = all.find(pid);
    if (found == all.end()) {
      return pid <= 1 ? Kin::not_ours : Kin::unknown;
    }
    if (found->second.parent == ::getpid()) {
      return Kin::ours;
    }
    if (pid == ::getpid()) {
      return Kin::not_ours;
    }
    pid = found->second.parent;
  }
  return Kin::unknown; // numbers were given anew, and form a circle
}

} // namespace

std::vector<Descendant> descendants() {
  constexpr int k_looks = 100; // others come and go all the time
  std::vector<Descendant> living;
  bool is_certain = false;
  for (int look = 0; look < k_looks && !is_certain; ++look) {
    const std::map<pid_t, Entry> all = all_processes();
    living.clear();
    is_certain = true;
    for (const auto& [pid, entry] : all) {
      const Kin found = kin(pid, all);
      is_certain = is_certain && found != Kin::unknown;
      if (found == Kin::ours && entry.state != 'Z' && entry.state != 'X') {
        living.push_back({pid, entry.name});
      }
    }
  }
  return living;
}

std::vector<std::string> orphans() {
  const Deadline deadline = Deadline::after(std::chrono::seconds(5));
  std::vector<Descendant> left;
  while (!(left = descendants()).empty() && !deadline.expired()) {
    ::usleep(2000);
  }
  std::vector<std::string> names;
  for (const Descendant& process : left) {
    names.push_back(format("{} ({})", process.pid, process.name));
  }
  return names;
}

} // namespace qt::support
