#include "extract/tree_writer.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "os/file.hh"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {

namespace {

constexpr int k_folder_flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

[[noreturn]] void refuse(const std::string& reason) { throw Error(reason, ExitCode::failed); }

// A name that no file system takes is the archive's fault, all else the disk's.
Error creation_error(int number, std::string_view what) {
  return errno_error(number, format("creating {}", what),
                     number == ENAMETOOLONG ? ExitCode::failed : ExitCode::internal);
}

void rename_aside_and_replace(const std::string& temporary, const std::string& path) {
  if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) == 0) {
    remove_tree(temporary); // this is now what stood there
    return;
  }
  if (errno != EINVAL && errno != ENOSYS) {
    throw errno_error(errno, format("replacing {}", path));
  }
  // A file system that cannot exchange two names.
  remove_tree(path);
  if (::rename(temporary.c_str(), path.c_str()) < 0) {
    throw errno_error(errno, format("publishing {}", path));
  }
}

} // namespace

TreeWriter::TreeWriter(std::string path)
  : m_path(std::move(path))
  , m_temporary(m_path + ".XXXXXX") {
  if (::mkdtemp(m_temporary.data()) == nullptr) {
    const int number = errno;
    m_temporary.clear();
    throw errno_error(number, format("creating a temporary folder for {}", m_path));
  }
  m_root.reset(::open(m_temporary.c_str(), k_folder_flags));
  if (!m_root) {
    throw errno_error(errno, format("opening {}", m_temporary));
  }
}

TreeWriter::~TreeWriter() {
  if (m_temporary.empty()) {
    return;
  }
  try {
    remove_tree(m_temporary);
  } catch (const Error&) {
    // Nothing more can be done; the failure that led here is being reported.
  }
}

int TreeWriter::open_folder(const std::string& name) {
  if (name.empty()) {
    return m_root.get();
  }
  if (m_folder && name == m_folder_name) {
    return m_folder.get();
  }
  UniqueFd folder;
  int above = m_root.get();
  for (const std::string& part : split(name, '/')) {
    UniqueFd next(::openat(above, part.c_str(), k_folder_flags));
    if (!next && errno == ENOENT) {
      if (::mkdirat(above, part.c_str(), 0777) < 0) {
        throw creation_error(errno, "a folder");
      }
      next.reset(::openat(above, part.c_str(), k_folder_flags));
    }
    if (!next) {
      if (errno == ENOTDIR || errno == ELOOP) {
        refuse(format("'{}' on its way is not a folder", part));
      }
      throw creation_error(errno, "a folder");
    }
    folder = std::move(next);
    above = folder.get();
  }
  m_folder = std::move(folder);
  m_folder_name = name;
  return m_folder.get();
}

TreeWriter::Place TreeWriter::place_of(const std::string& name) {
  // Links that were made before are followed in the mind only: what is opened has none.
  const std::optional<std::string> resolved = m_links.resolve_parent(name);
  if (!resolved) {
    refuse("a symbolic link on its way is absolute, leads out of the archive or in a circle");
  }
  const SplitName parts = split_name(*resolved);
  if (parts.base.empty()) {
    refuse("it is not a file's name");
  }
  return {open_folder(parts.parent), *resolved, parts.base};
}

void TreeWriter::remove_file(const Place& place) {
  if (::unlinkat(place.folder, place.base.c_str(), 0) < 0 && errno != ENOENT) {
    int number = errno;
    if (number == EISDIR) {
      if (::unlinkat(place.folder, place.base.c_str(), AT_REMOVEDIR) == 0) {
        return;
      }
      number = errno;
    }
    if (number == ENOTEMPTY || number == EEXIST) {
      refuse("a folder of that name, with something in it, is there already");
    }
    throw errno_error(number, "replacing a file");
  }
}

void TreeWriter::make_folder(const std::string& name, mode_t permissions) {
  if (name.empty()) {
    return;
  }
  const Place place = place_of(name);
  const mode_t mode = permissions | 0700;
  if (::mkdirat(place.folder, place.base.c_str(), mode) == 0) {
    return;
  }
  struct stat status;
  if (errno != EEXIST ||
      ::fstatat(place.folder, place.base.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) {
    throw creation_error(errno, "a folder");
  }
  if (S_ISDIR(status.st_mode)) {
    return;
  }
  remove_file(place);
  m_links.forget(place.name);
  if (::mkdirat(place.folder, place.base.c_str(), mode) < 0) {
    throw creation_error(errno, "a folder");
  }
}

UniqueFd TreeWriter::make_file(const std::string& name, mode_t permissions) {
  const Place place = place_of(name);
  constexpr int k_flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const mode_t mode = (permissions & 0777) | 0600;
  UniqueFd fd(::openat(place.folder, place.base.c_str(), k_flags, mode));
  if (!fd && errno == EEXIST) {
    remove_file(place);
    m_links.forget(place.name);
    fd.reset(::openat(place.folder, place.base.c_str(), k_flags, mode));
  }
  if (!fd) {
    throw creation_error(errno, "a file");
  }
  return fd;
}

void TreeWriter::make_symlink(const std::string& name, const std::string& target) {
  const Place place = place_of(name);
  if (m_links.lead_of(place.name, target) == LinkMap::Lead::outside) {
    refuse(format("the symbolic link to '{}' leads out of the archive or in a circle", target));
  }
  remove_file(place);
  if (::symlinkat(target.c_str(), place.folder, place.base.c_str()) < 0) {
    throw creation_error(errno, "a symbolic link");
  }
  m_links.set(place.name, target);
}

void TreeWriter::make_hardlink(const std::string& name, const std::string& target) {
  const std::optional<std::string> from = m_links.resolve_parent(target);
  const std::optional<std::string> to = m_links.resolve_parent(name);
  if (!from || !to) {
    refuse("a symbolic link on its way is absolute, leads out of the archive or in a circle");
  }
  if (*from == *to) {
    return;
  }
  const auto link = m_links.all().find(*from);
  if (link != m_links.all().end()) {
    make_symlink(name, std::string(link->second));
    return;
  }
  const Place source = place_of(target);
  const UniqueFd file(
      ::openat(source.folder, source.base.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status;
  if (!file || ::fstat(file.get(), &status) < 0 || !S_ISREG(status.st_mode)) {
    refuse(
        format("the hard link leads to '{}', which is no file before it in the archive", target));
  }
  const UniqueFd folder(::fcntl(source.folder, F_DUPFD_CLOEXEC, 0)); // place_of() may close it
  const Place place = place_of(name);
  remove_file(place);
  m_links.forget(place.name);
  if (::linkat(folder.get(), source.base.c_str(), place.folder, place.base.c_str(), 0) < 0) {
    throw creation_error(errno, "a hard link");
  }
}

void TreeWriter::remove(const std::string& name) {
  const std::optional<std::string> place = m_links.resolve_parent(name); // a way without links
  struct stat status;
  if (place && !place->empty() &&
      ::fstatat(m_root.get(), place->c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    remove_file(place_of(name));
    m_links.forget(*place);
  }
}

UniqueFd TreeWriter::reopen_file(const std::string& name) {
  const Place place = place_of(name);
  UniqueFd fd(::openat(place.folder, place.base.c_str(),
                       O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    throw errno_error(errno, "opening a file",
                      errno == ELOOP || errno == ENOENT ? ExitCode::failed : ExitCode::internal);
  }
  return fd;
}

UniqueFd TreeWriter::open_root() const {
  return open_file(m_temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

void TreeWriter::publish(Existing existing) {
  // A link that was fine when it was made may lead elsewhere by a link made after it.
  for (const auto& [name, target] : m_links.all()) {
    if (m_links.lead_of(name, target) == LinkMap::Lead::outside) {
      refuse(
          format("member '{}': the symbolic link to '{}' leads out of the archive or in a circle",
                 name, target));
    }
  }
  const mode_t mask = ::umask(0);
  ::umask(mask);
  ::chmod(m_temporary.c_str(), 0777 & ~mask);
  if (::rename(m_temporary.c_str(), m_path.c_str()) == 0) {
    m_temporary.clear();
    return;
  }
  const int number = errno;
  if (number != ENOTEMPTY && number != EEXIST && number != ENOTDIR) {
    throw errno_error(number, format("publishing {}", m_path));
  }
  if (existing == Existing::refuse) {
    refuse(format("{} is there already: remove it, or give another --output", m_path));
  }
  rename_aside_and_replace(m_temporary, m_path);
  m_temporary.clear();
}

} // namespace qt
