#include "cache/cache_copy.hh"

#include "base/error.hh"
#include "data/digest.hh"
#include "data/url.hh"
#include "os/file.hh"
#include "os/file_lock.hh"
#include "os/sparse_file.hh"

#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {

namespace {

enum class Linking { no, yes };

// Whether the bytes are the source's very own, not a copy that may have gone wrong.
bool place(const std::string& source, const std::string& target, Linking linking) {
  ::unlink(target.c_str());
  const UniqueFd from = open_regular_file(source);
  struct stat status;
  struct stat named;
  if (::fstat(from.get(), &status) < 0 || ::lstat(source.c_str(), &named) < 0) {
    throw errno_error(errno, format("reading {}", source));
  }
  UniqueFd to = open_file(target, O_RDWR | O_CREAT | O_EXCL);
  if (share_contents(from.get(), to.get())) {
    return true;
  }
  // Only of what is ours, for its mode is changed with it.
  if (linking == Linking::yes && status.st_uid == ::geteuid() && S_ISREG(named.st_mode)) {
    ::unlink(target.c_str());
    if (::link(source.c_str(), target.c_str()) == 0) {
      return true;
    }
    to = open_file(target, O_RDWR | O_CREAT | O_EXCL);
  }
  copy_contents(from.get(), to.get(), static_cast<std::uint64_t>(status.st_size), target);
  return false;
}

std::string wrong_digest(int fd, const std::string& path, const std::string& digest) {
  Digester digester(digest_kind(digest));
  add_file_range(digester, fd, 0, std::numeric_limits<std::uint64_t>::max(), path);
  return digester.hex() == digest ? "" : digester.hex();
}

class Copying {
public:
  Copying(const Cache& from, const Cache& to, const std::string& digest, Trust trust)
    : m_from(from)
    , m_to(to)
    , m_digest(digest)
    , m_source(from.path_of(digest))
    , m_trust(trust) {}

  CacheCopy run();

private:
  bool is_there() const;
  std::optional<FileLock> lock_source() const;
  void record(const Cache& cache, int fd) const {
    if (const auto marks = Cache::marks(fd)) {
      cache.record(m_digest, *marks);
    }
  }

  const Cache& m_from;
  const Cache& m_to;
  const std::string& m_digest;
  const std::string m_source;
  const Trust m_trust;
};

bool Copying::is_there() const {
  if (m_to.state(m_digest) != Cache::State::unverified) {
    return m_to.state(m_digest) == Cache::State::verified;
  }
  const std::string path = m_to.path_of(m_digest);
  const std::optional<std::string> marks = Cache::marks(path);
  if (marks && digest_of_file(path, digest_kind(m_digest)) == m_digest) {
    m_to.record(m_digest, *marks);
    return true;
  }
  m_to.quarantine(m_digest);
  return false;
}

// A second name changes the source's own times, so that its record has to be made anew, which needs
// its lock. Nothing in a lower cache may change.
std::optional<FileLock> Copying::lock_source() const {
  try {
    if (m_trust == Trust::its_records && m_source == m_from.own_path(m_digest)) {
      return FileLock::acquire(m_from.lock_path(m_digest));
    }
  } catch (const Error&) { // it cannot be written
  }
  return std::nullopt;
}

CacheCopy Copying::run() {
  const std::optional<FileLock> hold =
      m_trust == Trust::its_records ? m_from.hold(m_digest) : std::nullopt;
  if (!Cache::marks(m_source)) { // there is none, or no regular file
    return {m_digest, CacheCopy::Outcome::absent, "",
            format("{} is not in {}", m_digest, m_from.root())};
  }
  const FileLock lock = m_to.lock(m_digest);
  if (is_there()) {
    return {m_digest, CacheCopy::Outcome::there, m_to.path_of(m_digest), ""};
  }
  const std::optional<FileLock> source_lock = lock_source();
  const bool believed =
      m_trust == Trust::its_records && m_from.state(m_digest) == Cache::State::verified;
  const bool same = place(m_source, m_to.partial_path(m_digest),
                          source_lock || m_trust == Trust::nothing ? Linking::yes : Linking::no);
  const std::string partial = m_to.partial_path(m_digest);
  const UniqueFd fd = open_file(partial, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!believed || !same) {
    if (const std::string found = wrong_digest(fd.get(), partial, m_digest); !found.empty()) {
      m_to.discard_partial(m_digest);
      return {m_digest, CacheCopy::Outcome::wrong, "",
              format("{} has the digest {}: not taken", m_source, found)};
    }
  }
  m_to.publish(m_digest, display_url(Cache::url_of(m_source)), fd.get());
  record(m_to, fd.get());
  if (believed && source_lock) {
    record(m_from, fd.get());
  }
  return {m_digest, CacheCopy::Outcome::copied, m_to.own_path(m_digest), ""};
}

} // namespace

CacheCopy copy_asset(const Cache& from, const Cache& to, const std::string& digest, Trust trust) {
  return Copying(from, to, digest, trust).run();
}

} // namespace qt
