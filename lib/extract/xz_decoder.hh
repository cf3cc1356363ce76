// xz in threads, and the two other formats of the same compression. The only includer of liblzma.
//
// Blocks of a file are decoded side by side where their headers say how large they are, as those of
// "xz -T0" do; a file of one block takes one thread. liblzma joins concatenated streams by itself.
#pragma once

#include "extract/byte_source.hh"

#include <cstdint>
#include <memory>

namespace qt {

// The decoded bytes of `input`. `memory_bytes`: the most that all threads may use together; fewer
// threads then run, and a file that needs more on one is refused. `threads`: 0 for as many as there
// are processors.
std::unique_ptr<ByteSource> decode_xz(std::unique_ptr<ByteSource> input, std::uint64_t memory_bytes,
                                      unsigned threads);
// The same for .lzma, the format before xz, whose data nothing checks, and for lzip. One thread.
std::unique_ptr<ByteSource> decode_lzma(std::unique_ptr<ByteSource> input,
                                        std::uint64_t memory_bytes);
std::unique_ptr<ByteSource> decode_lzip(std::unique_ptr<ByteSource> input,
                                        std::uint64_t memory_bytes);

} // namespace qt
