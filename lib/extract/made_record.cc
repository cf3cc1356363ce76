#include "extract/made_record.hh"

#include "base/error.hh"
#include "base/shell_words.hh"
#include "base/text.hh"

#include <array>
#include <dirent.h>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace qt {

namespace {

constexpr const char* k_attribute = "user.qemu-test-made";

std::string time_text(const timespec& time) {
  return format("{}.{:09}", time.tv_sec, time.tv_nsec);
}

// FNV-1a: it has to notice changes, not attacks.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char letter : text) {
    hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
  }
  return hash;
}

std::string link_target(int folder, const char* name) {
  std::array<char, 4096> target;
  const ssize_t length = ::readlinkat(folder, name, target.data(), target.size());
  return length < 0 ? "" : std::string(target.data(), static_cast<std::size_t>(length));
}

// The sum over all entries, for folders are not read in order. Nothing if one cannot be looked at.
std::optional<std::uint64_t> reckon_tree(UniqueFd fd, const std::string& name) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(fd.get()), ::closedir);
  if (!folder) {
    return std::nullopt;
  }
  const int handle = fd.release(); // the folder's now
  std::uint64_t sum = 0;
  while (const dirent* const entry = ::readdir(folder.get())) {
    const std::string_view base(entry->d_name);
    if (base == "." || base == "..") {
      continue;
    }
    struct stat status;
    if (::fstatat(handle, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
      return std::nullopt;
    }
    const std::string path = format("{}/{}", name, base);
    std::string marks = format("{} {:o}", path, status.st_mode);
    if (S_ISDIR(status.st_mode)) {
      const std::optional<std::uint64_t> below =
          reckon_tree(UniqueFd(::openat(handle, entry->d_name,
                                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)),
                      path);
      if (!below) {
        return std::nullopt;
      }
      sum += *below;
    } else if (S_ISLNK(status.st_mode)) {
      marks += " " + link_target(handle, entry->d_name);
    } else {
      marks += format(" {} {}", status.st_size, time_text(status.st_mtim));
    }
    sum += hash_of(marks);
  }
  return sum;
}

// What the last line says of a result as it is now; nothing if it cannot be right.
std::optional<std::string> marks_of(int fd, const struct stat& status) {
  if (S_ISREG(status.st_mode)) {
    return format("{} {}", status.st_size, time_text(status.st_mtim));
  }
  if (S_ISDIR(status.st_mode)) {
    const std::optional<std::uint64_t> sum =
        reckon_tree(UniqueFd(::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), "");
    return sum ? std::optional(format("tree {:016x}", *sum)) : std::nullopt;
  }
  return std::nullopt;
}

std::string question_of(const UnpackRule& rule, const std::string& member) {
  std::vector<std::string> words;
  if (rule.format) {
    words.push_back("format=" + std::string(format_name(*rule.format)));
  }
  if (rule.resize) {
    words.push_back(rule.resize->power_of_two ? "resize=pow2"
                                              : format("resize={}", rule.resize->bytes));
  }
  if (rule.directory) {
    words.emplace_back("directory");
  }
  for (const std::string& folder : rule.members) {
    if (rule.directory) {
      words.push_back("member=" + folder);
    }
  }
  if (!member.empty()) {
    words.push_back("member=" + member);
  }
  return format_escapes(shell_join(words));
}

} // namespace

MadeRecord::MadeRecord(const FileSource& source, const UnpackRule& rule,
                       const std::string& member) {
  struct stat status;
  if (::fstat(source.fd(), &status) == 0) {
    m_origin =
        format("1\n{} {} {} {}\n{}\n", status.st_ino, status.st_size, time_text(status.st_mtim),
               time_text(status.st_ctim), question_of(rule, member));
  }
}

bool MadeRecord::is_right(const std::string& path) const noexcept {
  try {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat status;
    if (m_origin.empty() || !fd || ::fstat(fd.get(), &status) < 0 ||
        (status.st_mode & 0600) != 0600) {
      return false;
    }
    std::array<char, 8192> record;
    const ssize_t length = ::fgetxattr(fd.get(), k_attribute, record.data(), record.size());
    if (length < 0) {
      return false;
    }
    const std::string_view found(record.data(), static_cast<std::size_t>(length));
    // A tree is walked only if the rest is right.
    return found.starts_with(m_origin) &&
           found.substr(m_origin.size()) == marks_of(fd.get(), status);
  } catch (const std::exception&) {
    return false;
  }
}

void MadeRecord::put_on(int fd) const noexcept {
  try {
    struct stat status;
    if (m_origin.empty() || ::fstat(fd, &status) < 0) {
      return;
    }
    if (S_ISREG(status.st_mode)) {
      set_exact_time(fd);
      if (::fstat(fd, &status) < 0) {
        return;
      }
    }
    const std::optional<std::string> marks = marks_of(fd, status);
    if (marks) {
      const std::string record = m_origin + *marks;
      ::fsetxattr(fd, k_attribute, record.data(), record.size(), 0);
    }
  } catch (const std::exception&) {
    // Without record it is made anew the next time.
  }
}

void set_exact_time(int fd) noexcept {
  std::array<timespec, 2> times = {};
  times[0].tv_nsec = UTIME_OMIT;
  ::clock_gettime(CLOCK_REALTIME, &times[1]);
  ::futimens(fd, times.data());
}

} // namespace qt
