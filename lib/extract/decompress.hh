// Compressed streams: gzip, xz, Zstandard and bzip2 behind one shape. The only includer of zlib,
// libzstd and libbz2; xz_decoder.hh has liblzma.
//
// Several streams one after the other are one stream, in all formats. Behind the last one only
// zeros may follow (padding of flash images and tapes; in xz a multiple of four, as its format
// says); anything else is an error, and so is a stream that ends early: whatever was read before
// must then not be used.
//
// Told by their first bytes: gzip 1f 8b 08 (RFC 1952), xz fd "7zXZ" 00 (xz file format 1.1.0),
// Zstandard 28 b5 2f fd or a skippable frame 5? 2a 4d 18 (RFC 8878), bzip2 "BZh" 1-9 and the first
// block's mark 314159265359, or the end's mark 177245385090.
#pragma once

#include "extract/byte_source.hh"

#include <cstdint>
#include <memory>
#include <string_view>

namespace qt {

enum class Compression { none, gzip, xz, zstd, bzip2 };

// What bytes that start with `head` (ten are enough) are compressed with.
Compression sniff_compression(std::string_view head);
// As in `format = "xz"`: "gz", "xz", "zst", "bz2"; "" for none.
std::string_view compression_name(Compression compression);

struct DecompressOptions {
  // xz only: the most that its decoder may use with all its threads. A stream that needs more on
  // one thread is refused.
  std::uint64_t memory_bytes = std::uint64_t{1} << 30;
  unsigned threads = 0; // xz only; 0: as many as there are processors
};

// The decoded bytes of `input`, which is compressed with `compression` (not none).
std::unique_ptr<ByteSource> decompress(Compression compression, std::unique_ptr<ByteSource> input,
                                       const DecompressOptions& options);

} // namespace qt
