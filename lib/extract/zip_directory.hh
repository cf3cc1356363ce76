// The directory at the end of a zip file, for reading a few members without looking at all others.
// Reading members is the archive module's work (archive.hh): this one only shows it a smaller file.
//
// Format (PKWARE APPNOTE 6.3.10): each member has a local header "PK" 03 04 with its data after
// it, and an entry "PK" 01 02 in the central directory; at the file's end stands the record "PK" 05
// 06 that says where the directory is. Numbers are little-endian.
#pragma once

#include "extract/byte_source.hh"

#include <memory>
#include <span>
#include <string>

namespace qt {

// A zip file that holds of `file` just the members of these normal names (member_path.hh), and
// links on the way to them, read from `file` as they are needed. Of several members of one name it
// holds the one that stands last in `file`, which is also what counts where all members are read.
// Takes ownership of `file` if it gives one. Gives none, and leaves `file` alone, if a name is not
// there or the directory is of an unusual kind (ZIP64, several disks, something in front of the
// first member, damage): then the whole has to be read.
std::unique_ptr<ByteSource> zip_of_members(std::unique_ptr<FileSource>& file,
                                           std::span<const std::string> names);
// How many bytes of the file stand before and after what its directory knows of.
struct ZipSurroundings {
  std::uint64_t before = 0;
  std::uint64_t after = 0;
};
ZipSurroundings zip_surroundings(const FileSource& file);

} // namespace qt
