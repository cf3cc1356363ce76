#include "extract/decompress.hh"

#include "base/error.hh"
#include "extract/archive.hh"

#include <algorithm>
#include <array>
#include <bzlib.h>
#include <cassert>
#include <cstring>
#include <lzma.h>
#include <string>
#include <vector>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace qt {

namespace {

constexpr std::size_t k_input_bytes = 256U << 10;

// What the decoders of compressed streams share: the compressed bytes that wait, and the order of
// streams, padding and end. A decoder only turns some of the waiting bytes into some output. Where
// the input takes back what is not needed, the end is where something else begins.
class Decoder : public ByteSource {
public:
  // `name`: of the compression, for messages; must outlive the decoder.
  Decoder(std::string_view name, std::unique_ptr<ByteSource> input);

  std::size_t read(std::span<std::byte> into) final;

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

  // Of a library that joins streams by itself: whether the last one was complete, and what has come
  // since begins no other.
  virtual bool has_ended_before() const { return false; }

  // Whether whatever follows the streams is somebody else's.
  bool others_read_on() const { return m_input->takes_back(); }

  // "the gz data is REASON"
  [[noreturn]] void fail(std::string_view reason) const;
  // The library could not get the memory that the data asks for.
  [[noreturn]] void fail_for_memory() const;

private:
  void start_stream_or_end();
  void refill_head();

  std::string_view m_name;
  std::unique_ptr<ByteSource> m_input;
  std::vector<std::byte> m_buffer;
  std::span<std::byte> m_waiting;
  bool m_input_ended = false;
  bool m_between_streams = false;
  bool m_padding = false;
  bool m_ended = false;
};

Decoder::Decoder(std::string_view name, std::unique_ptr<ByteSource> input)
  : m_name(name)
  , m_input(std::move(input))
  , m_buffer(k_input_bytes) {}

std::size_t Decoder::read(std::span<std::byte> into) {
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
      fail(has_ended_before() ? "followed by something else" : "truncated");
    }
  }
  return filled;
}

void Decoder::start_stream_or_end() {
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
    if (!others_read_on()) {
      fail("followed by something else");
    }
    m_input->give_back(m_waiting);
    m_waiting = {};
    m_ended = true;
    return;
  }
  restart();
  m_between_streams = false;
}

// A header may lie across two reads: moves what waits to the front and reads on.
void Decoder::refill_head() {
  if (m_waiting.size() >= 4 || m_input_ended) {
    return;
  }
  const std::size_t kept = m_waiting.size();
  std::memmove(m_buffer.data(), m_waiting.data(), kept);
  const std::size_t count = m_input->read(std::span(m_buffer).subspan(kept));
  m_input_ended = count < m_buffer.size() - kept;
  m_waiting = std::span(m_buffer).first(kept + count);
}

void Decoder::fail(std::string_view reason) const {
  throw Error(format("the {} data is {}", m_name, reason), ExitCode::failed);
}

void Decoder::fail_for_memory() const {
  throw Error(format("the {} data asks for more memory than this process may have", m_name),
              ExitCode::failed);
}

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

// Blocks of a file are decoded side by side where their headers say how large they are, as those of
// "xz -T0" do; a file of one block takes one thread. liblzma joins concatenated streams by itself.
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
      fail_for_memory();
    }
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      fail("damaged");
    }
    return {input.size() - m_stream.avail_in, room - m_stream.avail_out, result == Z_STREAM_END};
  }
  void restart() override { ::inflateReset(&m_stream); }
  bool starts_stream(std::string_view head) const override {
    return head.starts_with("\x1f\x8b\x08");
  }

  z_stream m_stream = {};
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
        fail_for_memory();
      }
      fail("damaged");
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
      fail_for_memory();
    }
    if (result != BZ_OK && result != BZ_STREAM_END) {
      fail("damaged");
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

bool is_lzma(std::string_view head) {
  if (head.size() < 14 || head[0] != '\x5d' || head[13] != '\0') {
    return false;
  }
  const std::uint64_t dictionary = little_endian(head.substr(1, 4));
  const std::uint64_t size = little_endian(head.substr(5, 8));
  const std::uint64_t low = dictionary & -dictionary; // the lowest bit that is set
  return (dictionary == low || dictionary == 3 * low) && dictionary >= 65536 &&
         (size == ~std::uint64_t{0} || size < std::uint64_t{1} << 38);
}

bool is_bzip2(std::string_view head) {
  return head.starts_with("BZh") && head.size() > 4 && head[3] >= '1' && head[3] <= '9' &&
         (head.substr(4).starts_with("\x31\x41\x59\x26\x53\x59") ||
          head.substr(4).starts_with("\x17\x72\x45\x38\x50\x90"));
}

} // namespace

Compression sniff_compression(std::string_view head) {
  using namespace std::string_view_literals;
  struct Mark {
    std::string_view bytes;
    Compression compression;
  };
  static constexpr std::array k_marks = {
      Mark{"\x1f\x8b\x08"sv, Compression::gzip},
      Mark{"\xfd\x37zXZ\0"sv, Compression::xz},
      Mark{"\x28\xb5\x2f\xfd"sv, Compression::zstd},
      Mark{"LZIP\1"sv, Compression::lzip},
      Mark{"\x04\x22\x4d\x18"sv, Compression::lz4},
      Mark{"\x02\x21\x4c\x18"sv, Compression::lz4},
      Mark{"\x89LZO\0\r\n"sv, Compression::lzop},
      Mark{"\x1f\x9d"sv, Compression::compress},
      Mark{"LRZI"sv, Compression::lrzip},
  };
  for (const Mark& mark : k_marks) {
    if (head.starts_with(mark.bytes)) {
      return mark.compression;
    }
  }
  if (head.size() >= 4 && (head[0] & 0xf0) == 0x50 && head.substr(1, 3) == "\x2a\x4d\x18"sv) {
    return Compression::zstd;
  }
  if (is_bzip2(head)) {
    return Compression::bzip2;
  }
  return is_lzma(head) ? Compression::lzma : Compression::none;
}

std::string_view compression_name(Compression compression) {
  constexpr std::array<std::string_view, 11> k_short_names = {
      "", "gz", "xz", "zst", "bz2", "lzma", "lzip", "lz4", "lzop", "compress", "lrzip"};
  return k_short_names.at(static_cast<std::size_t>(compression));
}

std::unique_ptr<ByteSource> decompress(Compression compression, std::unique_ptr<ByteSource> input,
                                       const DecompressOptions& options) {
  switch (compression) {
  case Compression::gzip:
    return std::make_unique<GzipDecoder>(std::move(input));
  case Compression::xz:
    return std::make_unique<XzDecoder>(std::move(input), options.memory_bytes, options.threads);
  case Compression::zstd:
    return std::make_unique<ZstdDecoder>(std::move(input));
  case Compression::bzip2:
    return std::make_unique<Bzip2Decoder>(std::move(input));
  case Compression::lzma:
    return std::make_unique<LzmaAloneDecoder>(std::move(input), options.memory_bytes);
  case Compression::lzip:
    return std::make_unique<LzipDecoder>(std::move(input), options.memory_bytes);
  case Compression::lz4:
    return decode_by_libarchive(LibarchiveFilter::lz4, std::move(input));
  case Compression::lzop:
    return decode_by_libarchive(LibarchiveFilter::lzop, std::move(input));
  case Compression::compress: // nothing in it tells whether it is whole
    throw Error("it is compress'ed (.Z), which is not read here; uncompress it first",
                ExitCode::failed);
  case Compression::lrzip:
    throw Error("it is lrzip-compressed, which is not read here; lrunzip it first",
                ExitCode::failed);
  case Compression::none:
    break;
  }
  assert(false);
  return nullptr;
}

} // namespace qt
