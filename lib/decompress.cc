#include "decompress.hh"

#include "error.hh"

#include <array>
#include <bzlib.h>
#include <cassert>
#include <cstring>
#include <lzma.h>
#include <vector>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace qt {

namespace {

constexpr std::size_t k_input_bytes = 256U << 10;

[[noreturn]] void fail(std::string_view format_name, std::string_view reason) {
  throw Error(format("the {} data is {}", format_name, reason), ExitCode::failed);
}

// What the four decoders share: the compressed bytes that wait, and the order of streams, padding
// and end. A decoder only turns some of the waiting bytes into some output.
class Decoder : public ByteSource {
public:
  Decoder(std::string_view name, std::unique_ptr<ByteSource> input)
    : m_name(name)
    , m_input(std::move(input))
    , m_buffer(k_input_bytes) {}

  std::size_t read(std::span<std::byte> into) final {
    std::size_t filled = 0;
    while (filled < into.size() && !m_ended) {
      if (m_waiting.empty() && !m_input_ended) {
        const std::size_t count = m_input->read(m_buffer);
        m_waiting = std::span(m_buffer).first(count);
        m_input_ended = count < m_buffer.size();
      }
      if (m_between_streams) {
        start_stream_or_end();
        continue;
      }
      const std::size_t waiting = m_waiting.size();
      const Progress progress = decode(m_waiting, into.subspan(filled), m_input_ended);
      m_waiting = m_waiting.subspan(progress.used);
      filled += progress.made;
      if (progress.stream_ended) {
        m_between_streams = true;
      } else if (progress.used == 0 && progress.made == 0 && (m_input_ended || waiting > 0)) {
        fail(m_name, "truncated");
      }
    }
    return filled;
  }

protected:
  struct Progress {
    std::size_t used = 0;
    std::size_t made = 0;
    bool stream_ended = false;
  };

  // Decodes some of `input` into `output`, which is not empty. `last`: nothing follows `input`.
  virtual Progress decode(std::span<const std::byte> input, std::span<std::byte> output,
                          bool last) = 0;
  // Makes ready for one more stream.
  virtual void restart() = 0;
  // True if another stream starts with these bytes, of which there may be fewer than four.
  virtual bool starts_stream(std::string_view head) const = 0;

  std::string_view name() const { return m_name; }

private:
  void start_stream_or_end() {
    while (!m_waiting.empty() && m_waiting.front() == std::byte{0}) {
      m_waiting = m_waiting.subspan(1);
      m_padding = true;
    }
    if (m_waiting.empty()) {
      m_ended = m_input_ended;
      return;
    }
    refill_head();
    if (m_padding || !starts_stream(text_of(m_waiting).substr(0, 4))) {
      fail(m_name, "followed by something else");
    }
    restart();
    m_between_streams = false;
  }

  // A header may lie across two reads: moves what waits to the front and reads on.
  void refill_head() {
    if (m_waiting.size() >= 4 || m_input_ended) {
      return;
    }
    const std::size_t kept = m_waiting.size();
    std::memmove(m_buffer.data(), m_waiting.data(), kept);
    const std::size_t count = m_input->read(std::span(m_buffer).subspan(kept));
    m_input_ended = count < m_buffer.size() - kept;
    m_waiting = std::span(m_buffer).first(kept + count);
  }

  std::string_view m_name;
  std::unique_ptr<ByteSource> m_input;
  std::vector<std::byte> m_buffer;
  std::span<std::byte> m_waiting;
  bool m_input_ended = false;
  bool m_between_streams = false;
  bool m_padding = false;
  bool m_ended = false;
};

class GzipDecoder final : public Decoder {
public:
  explicit GzipDecoder(std::unique_ptr<ByteSource> input)
    : Decoder("gz", std::move(input)) {
    if (::inflateInit2(&m_stream, 16 + MAX_WBITS) != Z_OK) {
      throw Error("starting zlib: out of memory");
    }
  }
  ~GzipDecoder() override { ::inflateEnd(&m_stream); }

private:
  Progress decode(std::span<const std::byte> input, std::span<std::byte> output, bool) override {
    // zlib counts in 32 bits and does not say const.
    const auto room = static_cast<uInt>(std::min<std::size_t>(output.size(), 1U << 30));
    m_stream.next_in =
        const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data())); // NOLINT: not written
    m_stream.avail_in = static_cast<uInt>(input.size());
    m_stream.next_out = reinterpret_cast<Bytef*>(output.data());
    m_stream.avail_out = room;
    const int result = ::inflate(&m_stream, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR) {
      throw Error("decompressing gz: out of memory");
    }
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      fail(name(), "damaged");
    }
    return {input.size() - m_stream.avail_in, room - m_stream.avail_out, result == Z_STREAM_END};
  }
  void restart() override { ::inflateReset(&m_stream); }
  bool starts_stream(std::string_view head) const override {
    return head.starts_with("\x1f\x8b\x08");
  }

  z_stream m_stream = {};
};

class XzDecoder final : public Decoder {
public:
  XzDecoder(std::unique_ptr<ByteSource> input, const DecompressOptions& options)
    : Decoder("xz", std::move(input))
    , m_memory_bytes(options.memory_bytes) {
    lzma_mt settings = {};
    settings.flags = LZMA_CONCATENATED;
    settings.threads = options.threads != 0 ? options.threads : std::max(1U, ::lzma_cputhreads());
    // Up to the first limit it takes more threads, up to the second it works at all.
    settings.memlimit_threading = options.memory_bytes;
    settings.memlimit_stop = options.memory_bytes;
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
      throw Error("decompressing xz: out of memory");
    case LZMA_MEMLIMIT_ERROR:
      throw Error(format("decompressing xz: it needs {} MiB of memory, the limit is {} MiB; raise "
                         "it with --memory",
                         (::lzma_memusage(&m_stream) >> 20) + 1, m_memory_bytes >> 20),
                  ExitCode::failed);
    case LZMA_OPTIONS_ERROR:
      fail(name(), "of a kind that liblzma cannot read");
    case LZMA_FORMAT_ERROR:
      fail(name(), "not xz, or followed by something else");
    default:
      fail(name(), "damaged or followed by something else");
    }
    return {input.size() - m_stream.avail_in, output.size() - m_stream.avail_out,
            result == LZMA_STREAM_END};
  }
  void restart() override { assert(false); }
  bool starts_stream(std::string_view) const override { return false; }

  lzma_stream m_stream = LZMA_STREAM_INIT;
  std::uint64_t m_memory_bytes;
};

class ZstdDecoder final : public Decoder {
public:
  explicit ZstdDecoder(std::unique_ptr<ByteSource> input)
    : Decoder("zst", std::move(input))
    , m_context(::ZSTD_createDCtx(), ::ZSTD_freeDCtx) {
    // Files made with --long=31 --ultra need the largest window.
    if (!m_context ||
        ::ZSTD_isError(::ZSTD_DCtx_setParameter(m_context.get(), ZSTD_d_windowLogMax, 31)) != 0) {
      throw Error("starting libzstd: out of memory");
    }
  }

private:
  Progress decode(std::span<const std::byte> input, std::span<std::byte> output, bool) override {
    ZSTD_inBuffer in = {input.data(), input.size(), 0};
    ZSTD_outBuffer out = {output.data(), output.size(), 0};
    const std::size_t left = ::ZSTD_decompressStream(m_context.get(), &out, &in);
    if (::ZSTD_isError(left) != 0) {
      if (::ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation) {
        throw Error("decompressing zst: out of memory");
      }
      fail(name(), "damaged");
    }
    return {in.pos, out.pos, left == 0};
  }
  void restart() override { ::ZSTD_DCtx_reset(m_context.get(), ZSTD_reset_session_only); }
  bool starts_stream(std::string_view head) const override {
    return sniff_compression(head) == Compression::zstd;
  }

  std::unique_ptr<ZSTD_DCtx, decltype(&::ZSTD_freeDCtx)> m_context;
};

class Bzip2Decoder final : public Decoder {
public:
  explicit Bzip2Decoder(std::unique_ptr<ByteSource> input)
    : Decoder("bz2", std::move(input)) {
    start();
  }
  ~Bzip2Decoder() override { ::BZ2_bzDecompressEnd(&m_stream); }

private:
  void start() {
    m_stream = {};
    if (::BZ2_bzDecompressInit(&m_stream, 0, 0) != BZ_OK) {
      throw Error("starting libbz2: out of memory");
    }
  }
  Progress decode(std::span<const std::byte> input, std::span<std::byte> output, bool) override {
    const auto room = static_cast<unsigned>(std::min<std::size_t>(output.size(), 1U << 30));
    m_stream.next_in =
        const_cast<char*>(reinterpret_cast<const char*>(input.data())); // NOLINT: not written
    m_stream.avail_in = static_cast<unsigned>(input.size());
    m_stream.next_out = reinterpret_cast<char*>(output.data());
    m_stream.avail_out = room;
    const int result = ::BZ2_bzDecompress(&m_stream);
    if (result == BZ_MEM_ERROR) {
      throw Error("decompressing bz2: out of memory");
    }
    if (result != BZ_OK && result != BZ_STREAM_END) {
      fail(name(), "damaged");
    }
    return {input.size() - m_stream.avail_in, room - m_stream.avail_out, result == BZ_STREAM_END};
  }
  void restart() override {
    ::BZ2_bzDecompressEnd(&m_stream);
    start();
  }
  bool starts_stream(std::string_view head) const override { return head.starts_with("BZh"); }

  bz_stream m_stream = {};
};

} // namespace

Compression sniff_compression(std::string_view head) {
  using namespace std::string_view_literals;
  const std::string_view block = head.size() > 4 ? head.substr(4) : std::string_view();
  if (head.starts_with("\x1f\x8b\x08"sv)) {
    return Compression::gzip;
  }
  if (head.starts_with("\xfd"
                       "7zXZ\0"sv)) {
    return Compression::xz;
  }
  if (head.starts_with("\x28\xb5\x2f\xfd"sv) ||
      (head.size() >= 4 && (head[0] & 0xf0) == 0x50 && head.substr(1, 3) == "\x2a\x4d\x18"sv)) {
    return Compression::zstd;
  }
  if (head.starts_with("BZh"sv) && head.size() > 4 && head[3] >= '1' && head[3] <= '9' &&
      (block.starts_with("\x31\x41\x59\x26\x53\x59"sv) ||
       block.starts_with("\x17\x72\x45\x38\x50\x90"sv))) {
    return Compression::bzip2;
  }
  return Compression::none;
}

std::string_view compression_name(Compression compression) {
  constexpr std::array<std::string_view, 5> k_names = {"", "gz", "xz", "zst", "bz2"};
  return k_names.at(static_cast<std::size_t>(compression));
}

std::unique_ptr<ByteSource> decompress(Compression compression, std::unique_ptr<ByteSource> input,
                                       const DecompressOptions& options) {
  switch (compression) {
  case Compression::gzip:
    return std::make_unique<GzipDecoder>(std::move(input));
  case Compression::xz:
    return std::make_unique<XzDecoder>(std::move(input), options);
  case Compression::zstd:
    return std::make_unique<ZstdDecoder>(std::move(input));
  case Compression::bzip2:
    return std::make_unique<Bzip2Decoder>(std::move(input));
  case Compression::none:
    break;
  }
  assert(false);
  return nullptr;
}

} // namespace qt
