// Members of archives: tar (ustar, pax, GNU), zip, cpio (newc, odc), iso9660 (Joliet, Rock Ridge)
// and the ar of Debian packages. The only includer of libarchive. Nothing here creates files, and
// compression around an archive is not its business (decompress.hh), but for the decoders that only
// libarchive has, and for the one archive that is written: a compressed tar.
//
// Everything that libarchive calls worse than good counts as damage, also what it merely warns
// about. A tar archive must have its end mark: without it nobody can tell that nothing is missing.
// A tar archive that follows another is read as "tar -i" does; anything else there is damage. For
// cpio archives that follow each other: container.hh.
#pragma once

#include "extract/byte_source.hh"

#include <cstdint>
#include <functional>
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
  std::optional<std::uint64_t> size; // where the archive says it before the data
  unsigned names = 1;                // names that the file has in the archive, by hard links
  std::string trouble;               // what is wrong with the member's header; empty if nothing
};

// The members of an archive, or of several that follow each other, one by one.
class MemberReader {
public:
  // A piece of a member's data: `bytes` belong at `offset`, between the pieces is a hole.
  struct Piece {
    std::uint64_t offset = 0;
    std::span<const std::byte> bytes;
  };

  MemberReader() = default;
  virtual ~MemberReader() = default;
  MemberReader(const MemberReader&) = delete;
  MemberReader& operator=(const MemberReader&) = delete;

  // Goes to the next member, skipping what is left of the one before. False at the end. Throws
  // Error(ExitCode::failed) if the archive is damaged or truncated.
  virtual bool next(ArchiveMember& member) = 0;
  // The current file's next piece, valid until the next call; false at its end. Throws as next().
  virtual bool data(Piece& piece) = 0;
  // After the end: reads on to the end of the input, so that a checksum after the archive is looked
  // at. Throws as next().
  virtual void drain() = 0;
};

class ArchiveReader final : public MemberReader {
public:
  // Takes ownership of `input`. Throws Error(ExitCode::failed) if it is no archive of that format.
  ArchiveReader(std::unique_ptr<ReadAhead> input, ArchiveFormat kind);
  ~ArchiveReader() override;

  bool next(ArchiveMember& member) override;
  bool data(Piece& piece) override;
  void drain() override;
  // After the end: what has been read of the input but does not belong to the archive. Not where
  // the archive ends with the input. Valid until the reader is used again.
  std::span<const std::byte> rest() const;
  bool has_rest() const; // anywhere

private:
  struct State;
  std::unique_ptr<State> m_state;
};

// The data of the reader's current member as a source. Takes ownership of the reader; at the end of
// the data it looks whether the rest of the archive is as it should be.
std::unique_ptr<ByteSource> member_source(std::unique_ptr<ArchiveReader> reader);

// The decoded bytes of `input`, which is so compressed. What may follow is as decompress.hh says.
// Throws Error(ExitCode::failed), with what to do, if this libarchive was built without.
enum class LibarchiveFilter { lz4, lzop };
std::unique_ptr<ByteSource> decode_by_libarchive(LibarchiveFilter filter,
                                                 std::unique_ptr<ByteSource> input);

// Writes a tar archive, compressed with zstd: regular files in the order in which they are added,
// without owner or time, so that the same files give the same bytes.
class ArchiveWriter {
public:
  using Sink = std::function<void(std::string_view bytes)>;

  // `sink` is given what is written; what it throws comes out of the call that wrote. Throws Error
  // if this libarchive was built without zstd.
  explicit ArchiveWriter(Sink sink);
  ~ArchiveWriter();
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;

  // `name` is relative, with '/' between folders. Throws Error.
  void add(const std::string& name, std::string_view content);
  // Writes the end; call it once, after the last file. Throws Error. Without it the archive is
  // damaged.
  void finish();

private:
  struct State;
  std::unique_ptr<State> m_state;
};

} // namespace qt
