#include "definition/made_file.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/shell_words.hh"
#include "base/text.hh"
#include "os/file.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <functional>
#include <glob.h>
#include <memory>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace qt {

namespace {

constexpr std::uint64_t k_prime = 0x100000001b3;

// FNV-1a, of whole words where there are such: it has to notice changes, not attacks.
std::uint64_t hash_on(std::uint64_t hash, std::string_view bytes) {
  while (bytes.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    hash = (hash ^ word) * k_prime;
    hash ^= hash >> 32;
    bytes.remove_prefix(sizeof word);
  }
  for (const char letter : bytes) {
    hash = (hash ^ static_cast<unsigned char>(letter)) * k_prime;
  }
  return hash;
}

std::uint64_t hash_of(std::string_view bytes) { return hash_on(0xcbf29ce484222325, bytes); }

// Blocks of zeros count as holes, which some file systems make of them. Nothing if it cannot be
// read.
std::optional<std::uint64_t> hash_of_content(int fd) {
  constexpr std::size_t k_block = 4096;
  static constexpr std::array<char, k_block> k_zeros = {};
  std::vector<char> buffer(64 * k_block);
  std::uint64_t hash = hash_of("");
  for (off_t at = 0;;) {
    const off_t data = ::lseek(fd, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) { // nothing but a hole is left
      return hash;
    }
    at = data < 0 ? at : data - data % static_cast<off_t>(k_block);
    const ssize_t count = ::pread(fd, buffer.data(), buffer.size(), at);
    if (count <= 0) {
      return count == 0 ? std::optional(hash) : std::nullopt;
    }
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
    for (; !bytes.empty(); bytes.remove_prefix(std::min(k_block, bytes.size()))) {
      const std::string_view block = bytes.substr(0, k_block);
      if (std::memcmp(block.data(), k_zeros.data(), block.size()) != 0) {
        hash = hash_on(hash ^ static_cast<std::uint64_t>(at), block);
      }
      at += static_cast<off_t>(block.size());
    }
  }
}

std::string marks_of_status(const struct stat& status) {
  return format("{} {} {} {}", status.st_ino, status.st_size, time_mark(status.st_mtim),
                time_mark(status.st_ctim));
}

std::string target_of(int folder, const char* name) {
  std::array<char, 4096> target;
  const ssize_t length = ::readlinkat(folder, name, target.data(), target.size());
  return length < 0 ? "" : std::string(target.data(), static_cast<std::size_t>(length));
}

// One thing in a tree.
struct Entry {
  int folder;
  const char* base;
  std::string name; // from the tree's root
  struct stat status;
};

// Goes through everything below a folder, in no order. False if something cannot be looked at, or
// `visit` says so.
bool walk(UniqueFd fd, const std::string& name, const std::function<bool(const Entry&)>& visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(fd ? ::fdopendir(fd.get()) : nullptr,
                                                   ::closedir);
  if (!folder) {
    return false;
  }
  const int handle = fd.release(); // the folder's now
  while (const dirent* const found = ::readdir(folder.get())) {
    const std::string_view base(found->d_name);
    if (base == "." || base == "..") {
      continue;
    }
    Entry entry = {handle, found->d_name, format("{}/{}", name, base), {}};
    if (::fstatat(handle, entry.base, &entry.status, AT_SYMLINK_NOFOLLOW) < 0 || !visit(entry)) {
      return false;
    }
    constexpr int k_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if (S_ISDIR(entry.status.st_mode) &&
        !walk(UniqueFd(::openat(handle, entry.base, k_flags)), entry.name, visit)) {
      return false;
    }
  }
  return true;
}

UniqueFd open_folder(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

UniqueFd open_regular(int folder, const char* name) {
  return UniqueFd(::openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
}

// The sum over all entries, for folders are not read in order.
std::optional<std::uint64_t> content_of_tree(const std::string& path) {
  std::uint64_t sum = 0;
  const bool whole = walk(open_folder(path), "", [&sum](const Entry& entry) {
    std::optional<std::uint64_t> content = 0;
    if (S_ISREG(entry.status.st_mode)) {
      content = hash_of_content(open_regular(entry.folder, entry.base).get());
    } else if (S_ISLNK(entry.status.st_mode)) {
      content = hash_of(target_of(entry.folder, entry.base));
    }
    sum += content ? hash_of(format("{} {}", entry.name, *content)) : 0;
    return content.has_value();
  });
  return whole ? std::optional(sum) : std::nullopt;
}

// What the line IS says of a file as it is now; nothing if it cannot be a made file.
std::optional<std::string> marks_of(const std::string& path) {
  struct stat status;
  if (::lstat(path.c_str(), &status) < 0) {
    return std::nullopt;
  }
  if (S_ISREG(status.st_mode)) {
    return "file " + marks_of_status(status);
  }
  if (S_ISDIR(status.st_mode)) {
    const UniqueFd folder = open_folder(path);
    const std::optional<std::string> marks = folder ? marks_of_tree(folder.get()) : std::nullopt;
    return marks ? std::optional(format("tree {} {}", status.st_ino, *marks)) : std::nullopt;
  }
  if (S_ISLNK(status.st_mode)) {
    const std::string target = target_of(AT_FDCWD, path.c_str());
    const bool is_there = ::stat(path.c_str(), &status) == 0;
    return is_there ? std::optional(
                          format("link {} {}", format_escapes(target), marks_of_status(status)))
                    : std::nullopt;
  }
  return std::nullopt;
}

// What the line CONTENT says. Of a link nothing: the file is not ours.
std::optional<std::string> content_of(const std::string& path, std::string_view marks) {
  std::optional<std::uint64_t> hash;
  if (marks.starts_with("tree ")) {
    hash = content_of_tree(path);
  } else if (marks.starts_with("file ")) {
    hash = hash_of_content(open_regular(AT_FDCWD, path.c_str()).get());
  } else {
    hash = 0;
  }
  return hash ? std::optional(format("CONTENT {:016x}\n", *hash)) : std::nullopt;
}

std::string record_path(const std::string& path) {
  return parent_of(path) + "/." + base_name(path) + ".made";
}

std::string head_of_record(const std::string& origin) { return "2\n" + origin + "IS "; }

// Whole; empty if there is none, or one of another origin.
std::string read_record(const std::string& path, const std::string& origin) noexcept {
  const std::optional<std::string> record = read_small_file(record_path(path), Writer::trusted);
  return record && record->starts_with(head_of_record(origin)) ? *record : "";
}

std::string host_marks(const std::string& path) {
  struct stat status;
  if (path.empty() || ::stat(path.c_str(), &status) < 0) {
    return "nothing";
  }
  std::string marks = format("{} {}", format_escapes(real_path(path)), marks_of_status(status));
  if (S_ISREG(status.st_mode)) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    marks += fd && tells_its_changes(fd.get(), status) ? "" : mark_of_content(fd.get());
  } else if (S_ISDIR(status.st_mode)) {
    const UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    marks += " tree " + (folder ? marks_of_tree(folder.get()) : std::nullopt).value_or("nothing");
  }
  return marks;
}

// The last in order of those that fit; empty if none does.
std::string last_match(const std::string& pattern) {
  glob_t found = {};
  std::string path;
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0 && found.gl_pathc > 0) {
    path = found.gl_pathv[found.gl_pathc - 1];
  }
  ::globfree(&found);
  return path;
}

std::string from_line(const Asset& asset) {
  return asset.digest.empty() ? format("FROM host {}\n", host_marks(host_path_of(asset)))
                              : format("FROM digest {}\n", asset.digest);
}

std::string rule_line(const FileRule& rule) {
  std::vector<std::string> words;
  if (!rule.make.empty()) {
    words.push_back("make=" + shell_join(rule.make));
  }
  for (const auto& [key, text] :
       {std::pair("member", &rule.member), std::pair("format", &rule.format),
        std::pair("resize", &rule.resize)}) {
    if (!text->empty()) {
      words.push_back(format("{}={}", key, *text));
    }
  }
  for (const auto& [key, flag] :
       {std::pair("directory", rule.directory), std::pair("first", rule.first)}) {
    if (flag) {
      words.emplace_back(key);
    }
  }
  return "OF " + format_escapes(shell_join(words)) + "\n";
}

} // namespace

std::string time_mark(const timespec& time) {
  return format("{}.{:09}", time.tv_sec, time.tv_nsec);
}

bool tells_its_changes(int fd, const struct stat& status) {
  struct statvfs system;
  return status.st_mtim.tv_sec > 1 && ::fstatvfs(fd, &system) == 0 &&
         (system.f_flag & ST_RDONLY) == 0;
}

std::string mark_of_content(int fd) {
  const std::optional<std::uint64_t> hash = hash_of_content(fd);
  return hash ? format(" {:016x}", *hash) : "";
}

std::optional<std::string> marks_of_tree(int folder) {
  std::uint64_t sum = 0;
  UniqueFd again(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const bool whole = walk(std::move(again), "", [&sum](const Entry& entry) {
    std::string marks = format("{} {:o}", entry.name, entry.status.st_mode);
    if (S_ISLNK(entry.status.st_mode)) {
      marks += " " + target_of(entry.folder, entry.base);
    } else if (!S_ISDIR(entry.status.st_mode)) {
      marks += " " + marks_of_status(entry.status);
    }
    sum += hash_of(marks);
    return true;
  });
  return whole ? std::optional(format("{:016x}", sum)) : std::nullopt;
}

std::string origin_of(const Definition& definition, const FileRule& rule) {
  const std::string line = rule_line(rule);
  if (rule.make.empty()) {
    return line + (rule.from_asset ? from_line(definition.assets.at(rule.from))
                                   : origin_of(definition, definition.files.at(rule.from)));
  }
  std::string lines = line;
  if (const std::string& program = rule.make[0]; program.find("${") == std::string::npos) {
    lines += format("BY host {}\n", host_marks(find_program(program).value_or("")));
  }
  for (const std::string& input : rule.inputs) {
    const std::string asset = asset_in(input);
    const std::string file = file_in(input);
    lines += format("INPUT {}\n", format_escapes(input));
    lines += !asset.empty()  ? from_line(definition.assets.at(asset))
             : !file.empty() ? origin_of(definition, definition.files.at(file))
                             : format("FROM host {}\n", host_marks(input));
  }
  return lines;
}

std::string host_path_of(const Asset& asset) {
  if (!asset.path.empty()) {
    return last_match(asset.path);
  }
  const std::string value = asset.env.empty() ? "" : env::text(asset.env.c_str());
  return value.empty() ? "" : absolute_path(value);
}

Look look_from_environment() {
  return env::flag("QEMU_TEST_VERIFY_FILES") ? Look::at_content : Look::at_marks;
}

std::string made_file_lock(const std::string& path) {
  return parent_of(path) + "/." + base_name(path) + ".lock";
}

MadeFileUse::MadeFileUse(std::string path, std::string origin) noexcept
  : m_path(std::move(path))
  , m_origin(std::move(origin))
  , m_record(read_record(m_path, m_origin)) {}

bool MadeFileUse::is_same() const noexcept {
  return has_record() && read_record(m_path, m_origin) == m_record;
}

MadeFile look_at_made_file(const std::string& path, const std::string& origin, Look look) noexcept {
  try {
    const std::string record = read_record(path, origin);
    if (record.empty()) {
      return MadeFile::absent;
    }
    const std::optional<std::string> marks = marks_of(path);
    if (!marks || !record.substr(head_of_record(origin).size()).starts_with(*marks + "\n")) {
      return MadeFile::changed;
    }
    const bool same =
        look == Look::at_marks || record.ends_with(content_of(path, *marks).value_or("unreadable"));
    return same ? MadeFile::right : MadeFile::changed;
  } catch (const std::exception&) {
    return MadeFile::absent;
  }
}

void remove_made_file(const std::string& path) {
  remove_tree(record_path(path));
  remove_tree(path);
}

void record_made_file(const std::string& path, const std::string& origin) {
  const auto seal = [](int folder, const char* name, const struct stat& status) {
    // A file system without modes has no use for it.
    static_cast<void>(::fchmodat(folder, name, status.st_mode & 07555, 0));
  };
  struct stat status;
  if (::lstat(path.c_str(), &status) < 0) {
    throw errno_error(errno, format("looking at {}", path));
  }
  if (S_ISREG(status.st_mode)) {
    seal(AT_FDCWD, path.c_str(), status);
  } else if (S_ISDIR(status.st_mode)) {
    walk(open_folder(path), "", [&seal](const Entry& entry) {
      if (S_ISREG(entry.status.st_mode)) {
        seal(entry.folder, entry.base, entry.status);
      }
      return true;
    });
  }
  const std::optional<std::string> marks = marks_of(path);
  const std::optional<std::string> content = marks ? content_of(path, *marks) : std::nullopt;
  if (!content) {
    throw Error(format("{} cannot be read again after it was made", path));
  }
  AtomicFile record(record_path(path), 0644); // what others may write is not believed
  record.write(head_of_record(origin) + *marks + "\n" + *content);
  record.commit();
}

} // namespace qt
