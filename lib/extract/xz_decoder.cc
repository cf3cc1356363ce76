#include "extract/xz_decoder.hh"

#include "base/error.hh"
#include "extract/decoder.hh"

#include <algorithm>
#include <cassert>
#include <lzma.h>

namespace qt {

namespace {

class XzDecoder final : public Decoder {
public:
  XzDecoder(std::unique_ptr<ByteSource> input, std::uint64_t memory_bytes, unsigned threads)
    : Decoder("xz", std::move(input))
    , m_memory_bytes(memory_bytes) {
    lzma_mt settings = {};
    settings.flags = LZMA_CONCATENATED;
    settings.threads = threads != 0 ? threads : std::max(1U, ::lzma_cputhreads());
    // Up to the first limit it takes more threads, up to the second it works at all.
    settings.memlimit_threading = memory_bytes;
    settings.memlimit_stop = memory_bytes;
    if (::lzma_stream_decoder_mt(&m_stream, &settings) != LZMA_OK) {
      throw Error("starting liblzma: out of memory");
    }
  }
  ~XzDecoder() override { ::lzma_end(&m_stream); }

private:
  Progress decode(std::span<const std::byte> input, std::span<std::byte> output,
                  bool last) override {
    m_stream.next_in = reinterpret_cast<const std::uint8_t*>(input.data());
    m_stream.avail_in = input.size();
    m_stream.next_out = reinterpret_cast<std::uint8_t*>(output.data());
    m_stream.avail_out = output.size();
    const lzma_ret result = ::lzma_code(&m_stream, last ? LZMA_FINISH : LZMA_RUN);
    switch (result) {
    case LZMA_OK:
    case LZMA_BUF_ERROR:
      break;
    case LZMA_STREAM_END: // of all streams: liblzma reads concatenated ones by itself
      break;
    case LZMA_MEM_ERROR:
      fail_for_memory();
    case LZMA_MEMLIMIT_ERROR:
      throw Error(format("decompressing xz: it needs {} MiB of memory, the limit is {} MiB; raise "
                         "it with --memory",
                         (::lzma_memusage(&m_stream) >> 20) + 1, m_memory_bytes >> 20),
                  ExitCode::failed);
    case LZMA_OPTIONS_ERROR:
      fail("of a kind that liblzma cannot read");
    case LZMA_FORMAT_ERROR:
      fail("not xz, or followed by something else");
    default:
      fail("damaged or followed by something else");
    }
    return {input.size() - m_stream.avail_in, output.size() - m_stream.avail_out,
            result == LZMA_STREAM_END};
  }
  void restart() override { assert(false); }
  bool starts_stream(std::string_view) const override { return false; }

  lzma_stream m_stream = LZMA_STREAM_INIT;
  std::uint64_t m_memory_bytes;
};

} // namespace

std::unique_ptr<ByteSource> decode_xz(std::unique_ptr<ByteSource> input, std::uint64_t memory_bytes,
                                      unsigned threads) {
  return std::make_unique<XzDecoder>(std::move(input), memory_bytes, threads);
}

} // namespace qt
