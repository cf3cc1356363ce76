#include "extract/xz_decoder.hh"

#include "base/error.hh"
#include "extract/decoder.hh"

#include <algorithm>
#include <lzma.h>
#include <string>

namespace qt {

namespace {

// The three formats of liblzma: how each begins is all that differs.
class LzmaDecoder : public Decoder {
public:
  LzmaDecoder(std::string_view name, std::unique_ptr<ByteSource> input, std::uint64_t memory_bytes)
    : Decoder(name, std::move(input))
    , m_name(name)
    , m_memory_bytes(memory_bytes) {}
  ~LzmaDecoder() override { ::lzma_end(&m_stream); }

protected:
  // Makes m_stream ready for a stream.
  virtual lzma_ret start() = 0;
  void restart() final {
    if (start() != LZMA_OK) {
      throw Error("starting liblzma: out of memory");
    }
  }
  std::uint64_t memory_bytes() const { return m_memory_bytes; }
  // The last bytes that were taken: room for the end of a stream and less than the start of
  // another.
  std::string_view end_of_input() const { return m_end; }

  lzma_stream m_stream = LZMA_STREAM_INIT;

private:
  static constexpr std::size_t k_end = 2 * LZMA_STREAM_HEADER_SIZE - 1;

  void keep_end(std::string_view taken) {
    m_end += taken.substr(taken.size() - std::min(taken.size(), k_end));
    m_end.erase(0, m_end.size() - std::min(m_end.size(), k_end));
  }

  Progress decode(std::span<const std::byte> input, std::span<std::byte> output, bool last) final {
    m_stream.next_in = reinterpret_cast<const std::uint8_t*>(input.data());
    m_stream.avail_in = input.size();
    m_stream.next_out = reinterpret_cast<std::uint8_t*>(output.data());
    m_stream.avail_out = output.size();
    const lzma_ret result = ::lzma_code(&m_stream, last ? LZMA_FINISH : LZMA_RUN);
    keep_end(text_of(input.first(input.size() - m_stream.avail_in)));
    switch (result) {
    case LZMA_OK:
    case LZMA_BUF_ERROR:
    case LZMA_STREAM_END:
      break;
    case LZMA_MEM_ERROR:
      fail_for_memory();
    case LZMA_MEMLIMIT_ERROR:
      throw Error(format("decompressing {}: it needs {} MiB of memory, the limit is {} MiB; raise "
                         "it with --memory",
                         m_name, (::lzma_memusage(&m_stream) >> 20) + 1, m_memory_bytes >> 20),
                  ExitCode::failed);
    case LZMA_OPTIONS_ERROR:
      fail("of a kind that liblzma cannot read");
    case LZMA_FORMAT_ERROR:
      fail(format("not {}, or followed by something else", m_name));
    default:
      fail("damaged or followed by something else");
    }
    return {input.size() - m_stream.avail_in, output.size() - m_stream.avail_out,
            result == LZMA_STREAM_END};
  }

  std::string_view m_name;
  std::uint64_t m_memory_bytes;
  std::string m_end;
};

class XzDecoder final : public LzmaDecoder {
public:
  XzDecoder(std::unique_ptr<ByteSource> input, std::uint64_t memory_bytes, unsigned threads)
    : LzmaDecoder("xz", std::move(input), memory_bytes)
    , m_threads(threads) {
    restart();
  }

private:
  lzma_ret start() override {
    lzma_mt settings = {};
    // liblzma joins the streams of a file by itself, and knows what padding may stand between.
    settings.flags = others_read_on() ? 0 : LZMA_CONCATENATED;
    settings.threads = m_threads != 0 ? m_threads : std::max(1U, ::lzma_cputhreads());
    // Up to the first limit it takes more threads, up to the second it works at all.
    settings.memlimit_threading = memory_bytes();
    settings.memlimit_stop = memory_bytes();
    return ::lzma_stream_decoder_mt(&m_stream, &settings);
  }
  bool starts_stream(std::string_view head) const override {
    return others_read_on() && head.starts_with("\xfd"
                                                "7zX");
  }
  // A footer has a checksum: it is not found by chance.
  bool has_ended_before() const override {
    constexpr std::string_view k_mark("\xfd"
                                      "7zXZ\0",
                                      6);
    const std::string_view end = end_of_input();
    for (std::size_t at = 0; at + LZMA_STREAM_HEADER_SIZE < end.size(); ++at) {
      lzma_stream_flags flags = {};
      const auto* const footer = reinterpret_cast<const std::uint8_t*>(end.data() + at);
      const std::string_view rest = end.substr(at + LZMA_STREAM_HEADER_SIZE);
      if (::lzma_stream_footer_decode(&flags, footer) == LZMA_OK) {
        return rest.substr(0, k_mark.size()) != k_mark.substr(0, rest.size());
      }
    }
    return false;
  }

  unsigned m_threads;
};

// One stream, of which only its length or a mark tells where it ends.
class LzmaAloneDecoder final : public LzmaDecoder {
public:
  LzmaAloneDecoder(std::unique_ptr<ByteSource> input, std::uint64_t memory_bytes)
    : LzmaDecoder("lzma", std::move(input), memory_bytes) {
    restart();
  }

private:
  lzma_ret start() override { return ::lzma_alone_decoder(&m_stream, memory_bytes()); }
  bool starts_stream(std::string_view) const override { return false; }
};

class LzipDecoder final : public LzmaDecoder {
public:
  LzipDecoder(std::unique_ptr<ByteSource> input, std::uint64_t memory_bytes)
    : LzmaDecoder("lzip", std::move(input), memory_bytes) {
    restart();
  }

private:
  lzma_ret start() override { return ::lzma_lzip_decoder(&m_stream, memory_bytes(), 0); }
  bool starts_stream(std::string_view head) const override { return head == "LZIP"; }
};

} // namespace

std::unique_ptr<ByteSource> decode_lzma(std::unique_ptr<ByteSource> input,
                                        std::uint64_t memory_bytes) {
  return std::make_unique<LzmaAloneDecoder>(std::move(input), memory_bytes);
}

std::unique_ptr<ByteSource> decode_lzip(std::unique_ptr<ByteSource> input,
                                        std::uint64_t memory_bytes) {
  return std::make_unique<LzipDecoder>(std::move(input), memory_bytes);
}

std::unique_ptr<ByteSource> decode_xz(std::unique_ptr<ByteSource> input, std::uint64_t memory_bytes,
                                      unsigned threads) {
  return std::make_unique<XzDecoder>(std::move(input), memory_bytes, threads);
}

} // namespace qt
