#include "extract/cpio_chain.hh"

#include "base/error.hh"

#include <algorithm>
#include <array>
#include <vector>

namespace qt {

// A source that several read one after the other, each from where the one before it stopped.
class CpioChain::Tape {
public:
  explicit Tape(std::unique_ptr<ByteSource> below)
    : m_below(std::move(below)) {}

  std::size_t read(std::span<std::byte> into) {
    const std::size_t again = std::min(into.size(), m_again.size() - m_again_at);
    std::copy_n(m_again.begin() + static_cast<std::ptrdiff_t>(m_again_at), again, into.begin());
    m_again_at += again;
    const std::size_t count = again + m_below->read(into.subspan(again));
    m_at += count;
    return count;
  }
  void give_back(std::span<const std::byte> bytes) {
    m_at -= bytes.size();
    if (m_below->can_seek()) {
      m_below->seek(m_at);
      return;
    }
    if (m_again_at < bytes.size()) { // not those that are there still, in front of which they go
      m_again.erase(m_again.begin(), m_again.begin() + static_cast<std::ptrdiff_t>(m_again_at));
      m_again.insert(m_again.begin(), bytes.size(), std::byte{0});
      m_again_at = bytes.size();
    }
    m_again_at -= bytes.size();
    std::copy(bytes.begin(), bytes.end(),
              m_again.begin() + static_cast<std::ptrdiff_t>(m_again_at));
  }
  void seek(std::uint64_t offset) {
    m_below->seek(offset);
    m_at = offset;
  }
  bool can_seek() const { return m_below->can_seek(); }
  std::uint64_t size() const { return m_below->size(); }
  std::uint64_t at() const { return m_at; }

  // What comes from here on, as a source of its own. The tape must outlive it.
  std::unique_ptr<ByteSource> reader();

  // Goes past zeros. Gives the bytes that come next, at most `count`; none at the end.
  std::vector<std::byte> look_past_zeros(std::size_t count) {
    std::vector<std::byte> bytes(4096);
    for (;;) {
      const std::span<std::byte> piece = std::span(bytes).first(read(bytes));
      const auto other = std::find_if(piece.begin(), piece.end(),
                                      [](std::byte byte) { return byte != std::byte{0}; });
      if (other != piece.end()) {
        give_back(piece.subspan(static_cast<std::size_t>(other - piece.begin())));
        break;
      }
      if (piece.empty()) {
        return {};
      }
    }
    bytes.resize(count);
    bytes.resize(read(bytes));
    give_back(bytes);
    return bytes;
  }

private:
  std::unique_ptr<ByteSource> m_below;
  // What was given back comes from here, from m_again_at on; only where it cannot seek.
  std::vector<std::byte> m_again;
  std::size_t m_again_at = 0;
  std::uint64_t m_at = 0;
};

namespace {

constexpr std::size_t k_part_head_bytes = 16;

template<typename Tape>
class TapeReader final : public ByteSource {
public:
  explicit TapeReader(Tape& tape)
    : m_tape(tape)
    , m_start(tape.at()) {}

  std::size_t read(std::span<std::byte> into) override { return m_tape.read(into); }
  bool can_seek() const override { return m_tape.can_seek(); }
  void seek(std::uint64_t offset) override { m_tape.seek(m_start + offset); }
  std::uint64_t size() const override { return m_tape.size() - std::min(m_start, m_tape.size()); }
  bool takes_back() const override { return true; }
  void give_back(std::span<const std::byte> bytes) override { m_tape.give_back(bytes); }

private:
  Tape& m_tape;
  std::uint64_t m_start;
};

} // namespace

std::unique_ptr<ByteSource> CpioChain::Tape::reader() {
  return std::make_unique<TapeReader<Tape>>(*this);
}

bool starts_cpio(std::string_view head) {
  constexpr std::array<std::string_view, 3> k_marks = {"070701", "070702", "070707"};
  return std::any_of(k_marks.begin(), k_marks.end(),
                     [head](std::string_view mark) { return head.starts_with(mark); });
}

CpioChain::CpioChain(std::unique_ptr<ByteSource> input, const DecompressOptions& options)
  : m_options(options)
  , m_input(std::make_unique<Tape>(std::move(input))) {}

CpioChain::~CpioChain() = default;

bool CpioChain::next(ArchiveMember& member) {
  for (;;) {
    if (m_archive) {
      if (m_archive->next(member)) {
        return true;
      }
      (m_decoded ? m_decoded : m_input)->give_back(m_archive->rest());
      m_archive.reset();
    }
    if (!open_next()) {
      return false;
    }
  }
}

// An archive, or something to look for one in. False if there is no more.
bool CpioChain::open_next() {
  if (!m_decoded || open_next_on(*m_decoded)) {
    return m_decoded || open_next_on(*m_input);
  }
  m_decoded.reset(); // what its decoder did not need is on m_input again
  return true;
}

// False at the end of the tape.
bool CpioChain::open_next_on(Tape& tape) {
  const std::vector<std::byte> head = tape.look_past_zeros(k_part_head_bytes);
  if (head.empty()) {
    return false;
  }
  if (starts_cpio(text_of(head))) {
    m_archive = std::make_unique<ArchiveReader>(
        std::make_unique<ReadAhead>(tape.reader(), Overlap::no), ArchiveFormat::cpio);
    return true;
  }
  if (m_decoded) {
    throw Error(format("in the {} data, at byte {}, is something that is no cpio archive",
                       compression_name(m_compression), tape.at()),
                ExitCode::failed);
  }
  m_compression = sniff_compression(text_of(head));
  if (m_compression == Compression::none) {
    throw Error(tape.at() == 0 ? "the cpio archive has no header"
                               : format("at byte {} the cpio archive is followed by something else",
                                        tape.at()),
                ExitCode::failed);
  }
  m_decoded = std::make_unique<Tape>(remaining_source(std::make_unique<ReadAhead>(
      decompress(m_compression, tape.reader(), m_options), Overlap::yes)));
  return true;
}

bool CpioChain::data(Piece& piece) { return m_archive->data(piece); }

void CpioChain::drain() {
  ArchiveMember member;
  while (next(member)) {
  }
}

} // namespace qt
