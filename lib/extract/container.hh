// What a file is, told by its content and never by its name, and how to get at what is inside: the
// decoders, archives, chains of cpio archives and packages put on top of each other.
//
// Told by: zip "PK" 03 04 or 05 06 (empty); cpio "070701", "070702" (newc) or "070707" (odc); tar a
// first block whose checksum is right; iso9660 "CD001" at byte 32769; deb "!<arch>" with a first
// member debian-binary (deb(5)): the files are in its member data.tar, however that is compressed.
// Compressions as decompress.hh says. Everything else is raw.
#pragma once

#include "extract/archive.hh"
#include "extract/byte_source.hh"
#include "extract/decompress.hh"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

enum class Format {
  raw,
  gz,
  xz,
  zst,
  bz2,
  lzma,
  lzip,
  lz4,
  lzop,
  compress,
  lrzip,
  tar,
  zip,
  cpio,
  iso9660,
  deb
};

std::string_view format_name(Format kind);
// Also by their common other names ("gzip", "lzo", "iso"). Throws Error(ExitCode::usage) with the
// names that there are.
Format parse_format(std::string_view name);

bool is_archive(Format kind);
// None for raw and archives.
Compression compression_of(Format kind);

struct OpenOptions {
  // What the content must be: an archive (perhaps compressed), or the outer compression.
  std::optional<Format> format;
  DecompressOptions decompress;
  // Normal names: only these members are of interest. Where the format has a directory (zip), no
  // others are then given, but for links on the way to them, if all of these are there.
  std::vector<std::string> only;
};

// The outermost format of a file.
Format sniff_file(const FileSource& file);

// The bytes of a compressed file, of the given compression. Errors as FileSource and ByteSource.
std::unique_ptr<ReadAhead> open_decompressed(const std::string& path, Compression compression,
                                             const OpenOptions& options);

// The members of an archive, which may be compressed. Throws Error(ExitCode::failed) if it is none,
// or none of the format asked for.
std::unique_ptr<MemberReader> open_archive(const std::string& path, const OpenOptions& options);
// Says what stands before or after an archive in its file and is not read with it, where reading it
// does not find out. A zip: a warning; the partitions of a hybrid ISO image: only with --verbose.
void tell_of_surroundings(const FileSource& file);

// cpio archives that follow each other in one file, as the kernel takes an initramfs
// (Documentation/driver-api/early-userspace/buffer-format.rst): microcode in front, the system
// after it. Each is there as it is or compressed, in any way of its own; between them, and inside
// of what is compressed, may be zeros. Anything else that follows an archive is an error. The
// members of all of them come one after the other. Where a name comes again, the later one counts,
// as everywhere (member_search.hh).
class CpioChain final : public MemberReader {
public:
  // `input` starts with an archive, or with a compressed one. Errors as decompress().
  CpioChain(std::unique_ptr<ByteSource> input, const DecompressOptions& options);
  ~CpioChain() override;

  bool next(ArchiveMember& member) override;
  bool data(Piece& piece) override;
  void drain() override;

private:
  class Tape;

  bool open_next();
  bool open_next_on(Tape& tape);

  DecompressOptions m_options;
  // Each reads from the one before it.
  std::unique_ptr<Tape> m_input;
  Compression m_compression = Compression::none; // of what m_decoded decodes
  std::unique_ptr<Tape> m_decoded;
  std::unique_ptr<ArchiveReader> m_archive;
};

// By the directory at the end of a zip file a few members are read without looking at all others.
// Reading members is the archive module's work (archive.hh): it is only shown a smaller file.
//
// A zip file that holds of `file` just the members of these normal names (member_path.hh), and
// links on the way to them, read from `file` as they are needed. Of several members of one name it
// holds the one that stands last in `file`, which is also what counts where all members are read.
// Takes ownership of `file` if it gives one. Gives none, and leaves `file` alone, if a name is not
// there or the directory is of an unusual kind (ZIP64, several disks, something before the
// first member, damage): then the whole has to be read.
std::unique_ptr<ByteSource> zip_of_members(std::unique_ptr<FileSource>& file,
                                           std::span<const std::string> names);

} // namespace qt
