// How much the files of a folder take of the disk, looked at once a second, so that no test fills
// it: logs that we write have limits of their own, but QEMU writes some by itself (-D, a character
// device to a file). A folder in it may be left out, for disks and the like that may be as large as
// they are to be: it counts only once it is larger than the limit and the disk is nearly full.
//
// The owner waits for deadline(), then calls check().
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
  // Looks if it is time; true once, when the limit is passed or the disk nearly full.
  bool check();
  // What check() has found, for people: "the logs in DIR take 2.1 GiB; the limit is …".
  std::string text() const;

  // What is there now, in bytes. What cannot be looked at does not count.
  static std::uint64_t of(const std::string& path, const std::string& left_out);

private:
  bool fills_the_disk();

  std::string m_path;
  std::string m_left_out;
  std::uint64_t m_limit;
  std::uint64_t m_size = 0;
  std::uint64_t m_left_out_size = 0; // where the disk is nearly full …
  std::uint64_t m_free = 0;          // … and has so much left
  Deadline m_deadline;
};

} // namespace qt
