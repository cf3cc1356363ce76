// What a file is, told by its content and never by its name, and how to get at what is inside: the
// decoders, archives and packages put on top of each other.
//
// Told by: zip "PK" 03 04 or 05 06 (empty); cpio "070701", "070702" (newc) or "070707" (odc); tar a
// first block whose checksum is right; iso9660 "CD001" at byte 32769; deb "!<arch>" with a first
// member debian-binary (deb(5)): the files are in its member data.tar, however that is compressed.
// Compressions as decompress.hh says. Everything else is raw.
#pragma once

#include "extract/archive.hh"
#include "extract/decompress.hh"

#include <memory>
#include <optional>
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

} // namespace qt
