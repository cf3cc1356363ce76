// How much the files of a folder take of the disk, looked at once a second, so that no test fills
// it: logs that we write have limits of their own, but QEMU writes some by itself (-D, a character
// device to a file).
//
// Passive: the owner waits for deadline(), then calls check().
#pragma once

#include "base/duration.hh"

#include <cstdint>
#include <string>

namespace qt {

class FolderSize {
public:
  // `left_out`: a folder in it that does not count.
  FolderSize(std::string path, std::string left_out, std::uint64_t limit);

  Deadline deadline() const { return m_deadline; }
  // Looks if it is time; true once, when the limit is passed.
  bool check();
  // What check() has found, for people: "the logs in DIR take 2.1 GiB; the limit is …".
  std::string text() const;

  // What is there now, in bytes. What cannot be looked at does not count.
  static std::uint64_t of(const std::string& path, const std::string& left_out);

private:
  std::string m_path;
  std::string m_left_out;
  std::uint64_t m_limit;
  std::uint64_t m_size = 0;
  Deadline m_deadline;
};

} // namespace qt
