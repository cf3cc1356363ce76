// A tree of files made from an archive, of which nothing is believed: it comes into being in a
// temporary folder beside its place and is renamed there when all of it is right. No name, no
// relative link and no way through a link leads out of it. An absolute link, which any root file
// system has, is made as it is and never followed: a member whose way leads over one is refused.
// Devices, owners and setuid bits are not made; what is made its owner can read and write.
#pragma once

#include "extract/member_path.hh"
#include "os/fd.hh"

#include <string>
#include <sys/types.h>

namespace qt {

// What publish() does if something stands in the tree's place already. An empty folder never
// matters.
enum class Existing { refuse, replace };

class TreeWriter {
public:
  // The tree will be at `path`; the folder above it must be there. Throws Error.
  explicit TreeWriter(std::string path);
  ~TreeWriter(); // removes what was not published
  TreeWriter(const TreeWriter&) = delete;
  TreeWriter& operator=(const TreeWriter&) = delete;

  // All names are in normal form (member_path.hh). Folders above are made where they are missing; a
  // file, link or empty folder of the same name is replaced. Errors: ExitCode::failed for what the
  // archive is to blame for, without the member's name; ExitCode::internal for the disk.
  void make_folder(const std::string& name, mode_t permissions);
  // A new, empty file, open for writing.
  UniqueFd make_file(const std::string& name, mode_t permissions);
  void make_symlink(const std::string& name, const std::string& target);
  // `target` is the normal name of a file or link made before.
  void make_hardlink(const std::string& name, const std::string& target);
  // Removes a file, link or empty folder of that name, if there is one.
  void remove(const std::string& name);
  // The file that a hard link is another name of, emptied, for its new content: cpio archives carry
  // the content with the last of the names.
  UniqueFd reopen_file(const std::string& name);

  // The tree itself, for reading what is in it by now.
  UniqueFd open_root() const;

  // Checks all links once more, as they are now, and puts the tree in its place. Throws Error, with
  // the name of the link; then nothing has changed there.
  void publish(Existing existing);

private:
  struct Place {
    int folder; // held by m_folder
    std::string name;
    std::string base;
  };

  Place place_of(const std::string& name);
  int open_folder(const std::string& name);
  static void remove_file(const Place& place);

  std::string m_path;
  std::string m_temporary;
  UniqueFd m_root;
  LinkMap m_links;
  // The folder of the member before: members of a folder mostly stand together.
  std::string m_folder_name;
  UniqueFd m_folder;
};

} // namespace qt
