// A cache of its own with files in it, for tests.
#pragma once

#include "cache/cache.hh"
#include "data/digest.hh"

#include <array>
#include <chrono>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>

namespace qt::support {

inline std::string sha256_of(const std::string& body) {
  Digester digester(DigestKind::sha256);
  digester.add(bytes_of(body));
  return digester.hex();
}

class FilledCache {
public:
  using WallTime = std::chrono::system_clock::time_point;

  explicit FilledCache(const std::string& name = "")
    : cache(m_folder.path() + "/" + name) {}

  // A verified file that was last used `age` ago. Gives its digest.
  std::string put(const std::string& body, std::chrono::hours age = std::chrono::hours(0)) const {
    const std::string digest = sha256_of(body);
    make_directories(cache.folder());
    write_file(cache.partial_path(digest), body);
    cache.publish(digest, "http://host/" + body.substr(0, 20));
    write_file(cache.own_path(digest) + ".stamp",
               std::to_string(std::chrono::system_clock::to_time_t(now - age)));
    return digest;
  }
  // Bytes that are not those of the digest, whatever a record says.
  void damage(const std::string& digest) const {
    ::chmod(cache.own_path(digest).c_str(), 0640);
    write_file(cache.own_path(digest), "damage");
  }
  // Sets the time of a file in the folder back.
  void age(const std::string& name, std::chrono::hours by) const {
    const std::string path = cache.folder() + "/" + name;
    const timespec then{std::chrono::system_clock::to_time_t(now - by), 0};
    ::utimensat(AT_FDCWD, path.c_str(), std::array{then, then}.data(), 0);
  }

private:
  TempDir m_folder{"qt-filled-cache-"};

public:
  const WallTime now = std::chrono::system_clock::now();
  const Cache cache;
};

} // namespace qt::support
