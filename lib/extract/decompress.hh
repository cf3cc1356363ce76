// Compressed streams of every kind in one shape. The only includer of zlib, libzstd, libbz2 and
// liblzma; archive.hh has libarchive, which brings lz4 and lzop where it was built with them. What
// cannot be decoded here is refused by name: nobody shall take it for content.
//
// Several streams one after the other are one stream, in all formats but lzma. After the last one
// only zeros may follow (padding of flash images and tapes; in xz a multiple of four, as its format
// says); anything else is an error, unless the input takes it back for somebody who reads on
// there. An error is also a stream that ends early: whatever was read before must then not be used.
//
// Told by their first bytes: gzip 1f 8b 08 (RFC 1952), xz fd "7zXZ" 00 (xz file format 1.1.0),
// Zstandard 28 b5 2f fd or a skippable frame 5? 2a 4d 18 (RFC 8878), bzip2 "BZh" 1-9 and the first
// block's mark 314159265359, or the end's mark 177245385090; lzip "LZIP" 01; lz4 04 22 4d 18, its
// older format, which the kernel takes, 02 21 4c 18; lzop 89 "LZO"; compress 1f 9d; lrzip "LRZI".
// lzma has no mark: it is a byte 5d, a dictionary's size of 2^n or 2^n + 2^(n-1), 64 KiB or more, a
// size that is unknown (ff…) or below 256 GiB, and a zero, with which its range coder begins.
#pragma once

#include "extract/byte_source.hh"

#include <cstdint>
#include <memory>
#include <string_view>

namespace qt {

enum class Compression { none, gzip, xz, zstd, bzip2, lzma, lzip, lz4, lzop, compress, lrzip };

// What bytes that start with `head` (16 are enough) are compressed with.
Compression sniff_compression(std::string_view head);
// As in `format = "xz"`: "gz", "xz", "zst", …; "" for none.
std::string_view compression_name(Compression compression);

struct DecompressOptions {
  // xz, lzma, lzip: the most that the decoder may use with all its threads. A stream that needs
  // more on one thread is refused.
  std::uint64_t memory_bytes = std::uint64_t{1} << 30;
  unsigned threads = 0; // xz only; 0: as many as there are processors
};

// The decoded bytes of `input`, which is compressed with `compression` (not none). Throws
// Error(ExitCode::failed), with what to do, for what cannot be decoded here.
std::unique_ptr<ByteSource> decompress(Compression compression, std::unique_ptr<ByteSource> input,
                                       const DecompressOptions& options);

} // namespace qt
