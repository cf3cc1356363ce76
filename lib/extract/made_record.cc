#include "extract/made_record.hh"

#include "base/error.hh"
#include "base/shell_words.hh"
#include "base/text.hh"
#include "definition/made_file.hh"
#include "os/file.hh"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace qt {

namespace {

constexpr const char* k_attribute = "user.qemu-test-made";

// What the last line says of a result as it is now; nothing if it cannot be right.
std::optional<std::string> marks_of(int fd, const struct stat& status) {
  if (S_ISREG(status.st_mode)) {
    return format("{} {} {}", status.st_ino, status.st_size, time_mark(status.st_mtim));
  }
  if (S_ISDIR(status.st_mode)) {
    const std::optional<std::string> marks = marks_of_tree(fd);
    return marks ? std::optional("tree " + *marks) : std::nullopt;
  }
  return std::nullopt;
}

// Of a source as it is now; empty if it cannot be looked at.
std::string source_marks(int fd) {
  struct stat status;
  if (::fstat(fd, &status) < 0) {
    return "";
  }
  return format("{} {} {} {}{}", status.st_ino, status.st_size, time_mark(status.st_mtim),
                time_mark(status.st_ctim),
                tells_its_changes(fd, status) ? "" : mark_of_content(fd));
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
  if (rule.first) {
    words.emplace_back("first");
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
  const std::string marks = source_marks(source.fd());
  if (!marks.empty()) {
    m_origin = format("2\n{}\n{}\n", marks, question_of(rule, member));
  }
}

MadeRecord::MadeRecord(const std::vector<std::string>& command,
                       const std::vector<std::string>& inputs) {
  std::string sources;
  std::vector<std::string> files = inputs;
  if (const auto program = find_program(command.at(0))) {
    files.push_back(*program);
  }
  for (const std::string& input : files) {
    const UniqueFd fd(::open(input.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    struct stat status;
    if (!fd || ::fstat(fd.get(), &status) < 0) {
      throw errno_error(errno, format("reading {}", input));
    }
    const std::string inside =
        S_ISDIR(status.st_mode) ? " " + marks_of_tree(fd.get()).value_or("") : "";
    sources += (sources.empty() ? "" : ", ") + source_marks(fd.get()) + inside;
  }
  m_origin = format("2\n{}\nmake={}\n", sources, format_escapes(shell_join(command)));
}

bool MadeRecord::is_right(const std::string& path) const noexcept {
  if (look_from_environment() == Look::at_content) { // nothing is known of that
    return false;
  }
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

bool MadeRecord::is_on(const std::string& path) noexcept {
  return ::lgetxattr(path.c_str(), k_attribute, nullptr, 0) >= 0;
}

void set_exact_time(int fd) noexcept {
  std::array<timespec, 2> times = {};
  times[0].tv_nsec = UTIME_OMIT;
  ::clock_gettime(CLOCK_REALTIME, &times[1]);
  ::futimens(fd, times.data());
}

} // namespace qt
