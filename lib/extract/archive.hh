// Members of archives: tar (ustar, pax, GNU), zip, cpio (newc, odc), iso9660 (Joliet, Rock Ridge)
// and the ar of Debian packages. The only includer of libarchive, of which it uses the reading
// side; nothing here creates files, and compression around an archive is not its business
// (decompress.hh).
//
// Everything that libarchive calls worse than good counts as damage, also what it merely warns
// about. A tar archive must have its end mark: without it nobody can tell that nothing is missing.
#pragma once

#include "extract/byte_source.hh"
#include "extract/read_ahead.hh"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace qt {

enum class ArchiveFormat { tar, zip, cpio, iso9660, ar };

// As in `format = "tar"`.
std::string_view archive_format_name(ArchiveFormat kind);

enum class MemberType { file, folder, symlink, hardlink, device, fifo, socket };

struct ArchiveMember {
  std::string name; // as the archive has it
  MemberType type = MemberType::file;
  std::string target; // of a symbolic or hard link
  mode_t permissions = 0644;
  std::optional<std::uint64_t> size; // where the archive says it in front of the data
  unsigned names = 1;                // names that the file has in the archive, by hard links
  std::string trouble;               // what is wrong with the member's header; empty if nothing
};

class ArchiveReader {
public:
  // A piece of a member's data: `bytes` belong at `offset`, between the pieces is a hole.
  struct Piece {
    std::uint64_t offset = 0;
    std::span<const std::byte> bytes;
  };

  // Takes ownership of `input`. Throws Error(ExitCode::failed) if it is no archive of that format.
  ArchiveReader(std::unique_ptr<ReadAhead> input, ArchiveFormat kind);
  ~ArchiveReader();
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;

  // Goes to the next member, skipping what is left of the one before. False at the end. Throws
  // Error(ExitCode::failed) if the archive is damaged or truncated.
  bool next(ArchiveMember& member);
  // The current file's next piece, valid until the next call; false at its end. Throws as next().
  bool data(Piece& piece);
  // Reads on to the end of the input, so that a checksum behind the archive is looked at.
  void drain();

private:
  struct State;
  std::unique_ptr<State> m_state;
};

// The data of the reader's current member as a source. Takes ownership of the reader.
std::unique_ptr<ByteSource> member_source(std::unique_ptr<ArchiveReader> reader);

} // namespace qt
