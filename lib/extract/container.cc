#include "extract/container.hh"

#include "base/error.hh"
#include "base/log.hh"
#include "base/text.hh"
#include "extract/member_path.hh"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <numeric>

namespace qt {

namespace {

constexpr std::size_t k_part_head_bytes = 16; // of cpio archives that follow each other

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

// Whether a cpio archive starts so.
bool starts_cpio(std::string_view head) {
  constexpr std::array<std::string_view, 3> k_marks = {"070701", "070702", "070707"};
  return std::any_of(k_marks.begin(), k_marks.end(),
                     [head](std::string_view mark) { return head.starts_with(mark); });
}

// A zip file (PKWARE APPNOTE 6.3.10): each member has a local header "PK" 03 04 with its data after
// it, and an entry "PK" 01 02 in the central directory; at the file's end stands the record "PK" 05
// 06 that says where the directory is. Numbers are little-endian.
constexpr std::size_t k_end_bytes = 22;
constexpr std::size_t k_most_comment_bytes = 65535;
constexpr std::size_t k_zip64_locator_bytes = 20;
constexpr std::size_t k_entry_bytes = 46;
constexpr std::size_t k_local_bytes = 30;
constexpr std::size_t k_descriptor_bytes = 24;
constexpr std::uint64_t k_most_directory_bytes = 256U << 20;

std::uint64_t number_at(std::string_view bytes, std::size_t at, std::size_t length) {
  return little_endian(bytes.substr(at, length));
}

void put_number(std::string& bytes, std::size_t at, std::size_t length, std::uint64_t number) {
  for (std::size_t i = 0; i < length; ++i) {
    bytes[at + i] = static_cast<char>(number >> (8 * i));
  }
}

// A stretch of the smaller file: of the file itself, or bytes made here.
struct Stretch {
  std::uint64_t size;
  std::uint64_t file_offset;
  std::string bytes; // if not empty
};

class StretchSource final : public ByteSource {
public:
  StretchSource(std::unique_ptr<FileSource> file, std::vector<Stretch> stretches)
    : m_file(std::move(file))
    , m_stretches(std::move(stretches)) {}

  std::size_t read(std::span<std::byte> into) override {
    std::size_t filled = 0;
    std::uint64_t start = 0;
    for (const Stretch& stretch : m_stretches) {
      const std::uint64_t end = start + stretch.size;
      if (m_offset < end && filled < into.size()) {
        const std::size_t count = std::min<std::uint64_t>(into.size() - filled, end - m_offset);
        const std::size_t got = read_from(stretch, m_offset - start, into.subspan(filled, count));
        filled += got;
        m_offset += got;
        if (got < count) {
          break; // the file is shorter than its directory says
        }
      }
      start = end;
    }
    return filled;
  }
  bool can_seek() const override { return true; }
  void seek(std::uint64_t offset) override { m_offset = offset; }
  std::uint64_t size() const override {
    std::uint64_t sum = 0;
    for (const Stretch& stretch : m_stretches) {
      sum += stretch.size;
    }
    return sum;
  }

private:
  std::size_t read_from(const Stretch& stretch, std::uint64_t at, std::span<std::byte> into) {
    if (!stretch.bytes.empty()) {
      std::memcpy(into.data(), stretch.bytes.data() + at, into.size());
      return into.size();
    }
    m_file->seek(stretch.file_offset + at);
    return m_file->read(into);
  }

  std::unique_ptr<FileSource> m_file;
  std::vector<Stretch> m_stretches;
  std::uint64_t m_offset = 0;
};

// The record at the end.
struct EndRecord {
  std::string bytes;
  std::uint64_t place;
};

std::optional<EndRecord> find_end(const FileSource& file) {
  const std::uint64_t tail_size =
      std::min<std::uint64_t>(file.size(), k_end_bytes + k_most_comment_bytes);
  const std::string tail = file.peek(file.size() - tail_size, tail_size);
  const std::size_t end = tail.rfind("PK\x05\x06");
  if (end == std::string::npos || tail.size() - end < k_end_bytes) {
    return std::nullopt;
  }
  return EndRecord{tail.substr(end), file.size() - tail_size + end};
}

std::optional<std::string> read_directory(const FileSource& file) {
  const std::optional<EndRecord> end = find_end(file);
  if (!end) {
    return std::nullopt;
  }
  const std::string_view record = end->bytes;
  const std::uint64_t size = number_at(record, 12, 4);
  const std::uint64_t offset = number_at(record, 16, 4);
  const bool one_disk = number_at(record, 4, 4) == 0;
  // ZIP64 and files with something before them do not fit this sum.
  if (!one_disk || offset + size != end->place || size > k_most_directory_bytes ||
      number_at(record, 10, 2) == 0xffff) {
    return std::nullopt;
  }
  return file.peek(offset, size);
}

std::uint64_t place_of(std::string_view entry) { return number_at(entry, 42, 4); }

// Whether a member of this name may be a link on the way to `wanted`.
bool is_above(std::string_view raw_name, std::string_view wanted) {
  while (raw_name.starts_with("./")) {
    raw_name.remove_prefix(2);
  }
  return !raw_name.ends_with('/') && wanted.size() > raw_name.size() &&
         wanted[raw_name.size()] == '/' && wanted.starts_with(raw_name);
}

// The entries of the wanted members, and of links on the way to them, in the order of the
// directory; nothing if not all are there or one cannot be read here.
std::optional<std::vector<std::string>> find_entries(std::string_view directory,
                                                     std::span<const std::string> names) {
  std::vector<std::string> above;
  std::vector<std::string> found(names.size());
  while (directory.size() >= k_entry_bytes && directory.starts_with("PK\x01\x02")) {
    const std::size_t name_length = number_at(directory, 28, 2);
    const std::size_t length =
        k_entry_bytes + name_length + number_at(directory, 30, 2) + number_at(directory, 32, 2);
    if (length > directory.size()) {
      return std::nullopt;
    }
    const std::string_view entry = directory.substr(0, length);
    const std::string_view raw_name = directory.substr(k_entry_bytes, name_length);
    for (std::size_t i = 0; i < names.size(); ++i) {
      // Nearly all names differ at their ends already.
      if (raw_name.ends_with(names[i]) && normal_member_name(raw_name) == names[i]) {
        if (found[i].empty() || place_of(entry) > place_of(found[i])) {
          found[i] = entry;
        }
        break;
      }
      if (is_above(raw_name, names[i])) {
        above.emplace_back(entry);
        break;
      }
    }
    directory.remove_prefix(length);
  }
  if (std::find(found.begin(), found.end(), "") != found.end()) {
    return std::nullopt;
  }
  found.insert(found.end(), above.begin(), above.end());
  std::sort(found.begin(), found.end(), [](const std::string& one, const std::string& other) {
    return place_of(one) < place_of(other);
  });
  return found;
}

// How many bytes of the file stand before and after what its directory knows of.
struct ZipSurroundings {
  std::uint64_t before = 0;
  std::uint64_t after = 0;
};

ZipSurroundings zip_surroundings(const FileSource& file) {
  const std::optional<EndRecord> end = find_end(file);
  if (!end) {
    return {}; // reading it says what is wrong
  }
  const std::string_view record = end->bytes;
  const std::uint64_t after = record.size() - k_end_bytes;
  const std::uint64_t comment = number_at(record, 20, 2);
  const std::uint64_t directory = number_at(record, 12, 4);
  const std::uint64_t offset = number_at(record, 16, 4);
  ZipSurroundings around;
  around.after = after - std::min(after, comment);
  // In ZIP64 the directory is followed by records of its own, and the numbers may be elsewhere.
  const bool is_zip64 = end->place >= k_zip64_locator_bytes &&
                        file.peek(end->place - k_zip64_locator_bytes, 4) == "PK\x06\x07";
  if (!is_zip64 && end->place >= offset + directory) {
    around.before = end->place - offset - directory;
  }
  return around;
}

constexpr std::size_t k_head_bytes = 34U << 10; // up to an ISO image's first descriptor

constexpr std::array<std::string_view, 16> k_names = {
    "raw",  "gz",       "xz",    "zst", "bz2", "lzma", "lzip",    "lz4",
    "lzop", "compress", "lrzip", "tar", "zip", "cpio", "iso9660", "deb"};

struct Alias {
  std::string_view name;
  Format format;
};

constexpr std::array k_aliases = {Alias{"gzip", Format::gz},    Alias{"zstd", Format::zst},
                                  Alias{"bzip2", Format::bz2},  Alias{"lz", Format::lzip},
                                  Alias{"lzo", Format::lzop},   Alias{"Z", Format::compress},
                                  Alias{"iso", Format::iso9660}};

// The formats of k_compressions stand in the same order as those of Compression.
constexpr std::array k_compressions = {Format::raw,  Format::gz,       Format::xz,   Format::zst,
                                       Format::bz2,  Format::lzma,     Format::lzip, Format::lz4,
                                       Format::lzop, Format::compress, Format::lrzip};

// The checksum is the sum of the header's 512 bytes, its own eight counted as spaces; written in
// octal (POSIX.1-2017, pax, "ustar Interchange Format"). Old tars have no other mark.
bool is_tar_header(std::string_view head) {
  if (head.size() < 512 || head[0] == '\0') {
    return false;
  }
  const auto sum_of = [](std::string_view bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), 0L, [](long sum, char byte) {
      return sum + static_cast<unsigned char>(byte);
    });
  };
  const long sum = sum_of(head.substr(0, 148)) + 8L * ' ' + sum_of(head.substr(156, 356));
  const std::string field(head.substr(148, 8));
  char* end = nullptr;
  return std::strtol(field.c_str(), &end, 8) == sum && end != field.c_str();
}

Format sniff_bytes(std::string_view head) {
  using namespace std::string_view_literals;
  const Compression compression = sniff_compression(head);
  if (compression != Compression::none) {
    return k_compressions.at(static_cast<std::size_t>(compression));
  }
  if (head.starts_with("PK\x03\x04"sv) || head.starts_with("PK\x05\x06"sv)) {
    return Format::zip;
  }
  // The kernel reads past zeros, and looks for an archive at each fourth byte.
  const std::size_t padding = std::min(head.find_first_not_of('\0'), head.size());
  if (padding % 4 == 0 && starts_cpio(head.substr(padding))) {
    return Format::cpio;
  }
  if (head.starts_with("!<arch>\ndebian-binary")) {
    return Format::deb;
  }
  if (is_tar_header(head)) {
    return Format::tar;
  }
  if (head.size() > 32774 && head.substr(32769, 5) == "CD001") {
    return Format::iso9660;
  }
  return Format::raw;
}

ArchiveFormat archive_format(Format kind) {
  switch (kind) {
  case Format::zip:
    return ArchiveFormat::zip;
  case Format::cpio:
    return ArchiveFormat::cpio;
  case Format::iso9660:
    return ArchiveFormat::iso9660;
  case Format::deb:
    return ArchiveFormat::ar;
  default:
    return ArchiveFormat::tar;
  }
}

std::unique_ptr<ReadAhead> decoded(Compression compression, std::unique_ptr<ByteSource> source,
                                   const OpenOptions& options) {
  return std::make_unique<ReadAhead>(decompress(compression, std::move(source), options.decompress),
                                     Overlap::yes);
}

// A file of which only the start matters: that something follows is not yet a mistake.
class StartOfFile final : public ByteSource {
public:
  StartOfFile(const std::string& path, std::uint64_t offset)
    : m_file(path) {
    m_file.seek(offset);
  }

  std::size_t read(std::span<std::byte> into) override { return m_file.read(into); }
  bool takes_back() const override { return true; }
  void give_back(std::span<const std::byte>) override {}

private:
  FileSource m_file;
};

// Of what is compressed from `offset` on.
Format sniff_inside(const std::string& path, Compression compression, const OpenOptions& options,
                    std::uint64_t offset = 0) {
  ReadAhead start(
      decompress(compression, std::make_unique<StartOfFile>(path, offset), options.decompress),
      Overlap::no);
  return sniff_bytes(text_of(start.peek()));
}

// The kernel reads past zeros before a compressed archive, too; much else may begin with zeros.
bool is_padded_initramfs(const std::string& path, const OpenOptions& options) {
  const std::string head = FileSource(path).peek(0, k_head_bytes);
  const std::size_t padding = std::min(head.find_first_not_of('\0'), head.size());
  const Compression compression = sniff_compression(std::string_view(head).substr(padding));
  if (padding == 0 || compression == Compression::none) {
    return false;
  }
  try {
    return sniff_inside(path, compression, options, padding) == Format::cpio;
  } catch (const Error&) { // it only looked like one
    return false;
  }
}

// The tar inside a Debian package.
std::unique_ptr<ArchiveReader> open_package(std::unique_ptr<ReadAhead> input,
                                            const OpenOptions& options) {
  auto package = std::make_unique<ArchiveReader>(std::move(input), ArchiveFormat::ar);
  ArchiveMember member;
  do {
    if (!package->next(member)) {
      throw Error("the Debian package has no data.tar", ExitCode::failed);
    }
  } while (member.name != "data.tar" && !member.name.starts_with("data.tar."));
  auto data = std::make_unique<ReadAhead>(member_source(std::move(package)), Overlap::no);
  const Compression compression = sniff_compression(text_of(data->peek()));
  if (compression != Compression::none) {
    data = decoded(compression, remaining_source(std::move(data)), options);
  }
  return std::make_unique<ArchiveReader>(std::move(data), ArchiveFormat::tar);
}

} // namespace

std::string_view format_name(Format kind) { return k_names.at(static_cast<std::size_t>(kind)); }

Format parse_format(std::string_view name) {
  for (std::size_t i = 0; i < k_names.size(); ++i) {
    if (k_names.at(i) == name) {
      return static_cast<Format>(i);
    }
  }
  for (const Alias& alias : k_aliases) {
    if (alias.name == name) {
      return alias.format;
    }
  }
  const std::vector<std::string> names(k_names.begin(), k_names.end());
  throw Error(format("unknown format '{}'; there are {}", name, join(names, ", ")),
              ExitCode::usage);
}

bool is_archive(Format kind) { return kind >= Format::tar; }

Compression compression_of(Format kind) {
  const auto found = std::find(k_compressions.begin(), k_compressions.end(), kind);
  return found == k_compressions.end() ? Compression::none
                                       : static_cast<Compression>(found - k_compressions.begin());
}

Format sniff_file(const FileSource& file) { return sniff_bytes(file.peek(0, k_head_bytes)); }

std::unique_ptr<ReadAhead> open_decompressed(const std::string& path, Compression compression,
                                             const OpenOptions& options) {
  return decoded(compression, std::make_unique<FileSource>(path), options);
}

std::unique_ptr<MemberReader> open_archive(const std::string& path, const OpenOptions& options) {
  auto file = std::make_unique<FileSource>(path);
  Format found = sniff_file(*file);
  std::unique_ptr<ReadAhead> input;
  const Compression outer = compression_of(found);
  if (outer != Compression::none) {
    if (options.format && !is_archive(*options.format) && *options.format != found) {
      throw Error(format("it is {}, not {}", format_name(found), format_name(*options.format)),
                  ExitCode::failed);
    }
    found = sniff_inside(path, outer, options);
    input = decoded(outer, std::move(file), options);
  } else {
    std::unique_ptr<ByteSource> source;
    if (found == Format::zip && !options.only.empty()) {
      source = zip_of_members(file, options.only);
    }
    if (!source) {
      source = std::move(file);
    }
    input = std::make_unique<ReadAhead>(std::move(source), Overlap::no);
  }
  if (found == Format::raw && outer == Compression::none && is_padded_initramfs(path, options)) {
    found = Format::cpio;
  }
  if (options.format && is_archive(*options.format)) {
    if (found != Format::raw && found != *options.format) {
      throw Error(format("it is {}, not {}", format_name(found), format_name(*options.format)),
                  ExitCode::failed);
    }
    found = *options.format;
  }
  if (!is_archive(found)) {
    throw Error(outer == Compression::none
                    ? "it is not an archive that is known here"
                    : format("it is {}-compressed, but what is inside is not an archive that is "
                             "known here",
                             compression_name(outer)),
                ExitCode::failed);
  }
  if (found == Format::deb) {
    return open_package(std::move(input), options);
  }
  if (found == Format::cpio) {
    return std::make_unique<CpioChain>(std::make_unique<FileSource>(path), options.decompress);
  }
  return std::make_unique<ArchiveReader>(std::move(input), archive_format(found));
}

void tell_of_surroundings(const FileSource& file) {
  const Format found = sniff_file(file);
  if (found == Format::zip) {
    const ZipSurroundings around = zip_surroundings(file);
    for (const auto& [bytes, where] :
         {std::pair(around.before, "before"), std::pair(around.after, "after")}) {
      if (bytes > 0) {
        log_warning(format("{} bytes {} the zip archive are not looked at", bytes, where));
      }
    }
  }
  if (found == Format::iso9660) {
    // The primary volume descriptor (ECMA-119, 8.4): how many blocks there are, of which size.
    const std::string numbers = file.peek(32768 + 80, 50);
    const std::uint64_t volume = numbers.size() < 50 ? file.size()
                                                     : little_endian(numbers.substr(0, 4)) *
                                                           little_endian(numbers.substr(48, 2));
    if (file.size() > volume) {
      log_info(
          format("{} bytes after the ISO 9660 volume are not looked at", file.size() - volume));
    }
  }
}

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
    if (m_again_at < bytes.size()) { // not those that are there still, before which they go
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

std::unique_ptr<ByteSource> CpioChain::Tape::reader() {
  return std::make_unique<TapeReader<Tape>>(*this);
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

std::unique_ptr<ByteSource> zip_of_members(std::unique_ptr<FileSource>& file,
                                           std::span<const std::string> names) {
  const std::optional<std::string> directory = read_directory(*file);
  if (!directory) {
    return nullptr;
  }
  std::optional<std::vector<std::string>> entries = find_entries(*directory, names);
  if (!entries) {
    return nullptr;
  }
  std::vector<Stretch> stretches;
  std::string smaller_directory;
  std::uint64_t place = 0;
  for (std::string& entry : *entries) {
    const std::uint64_t packed_size = number_at(entry, 20, 4);
    const std::uint64_t offset = number_at(entry, 42, 4);
    const std::string local = file->peek(offset, k_local_bytes);
    if (packed_size == 0xffffffff || offset == 0xffffffff || local.size() < k_local_bytes ||
        !local.starts_with("PK\x03\x04")) {
      return nullptr;
    }
    const std::uint64_t size = k_local_bytes + number_at(local, 26, 2) + number_at(local, 28, 2) +
                               packed_size + k_descriptor_bytes;
    stretches.push_back({std::min(size, file->size() - offset), offset, ""});
    put_number(entry, 42, 4, place);
    smaller_directory += entry;
    place += stretches.back().size;
  }
  if (place + smaller_directory.size() > 0xfffffffe) {
    return nullptr;
  }
  std::string end = "PK\x05\x06" + std::string(k_end_bytes - 4, '\0');
  put_number(end, 8, 2, entries->size());
  put_number(end, 10, 2, entries->size());
  put_number(end, 12, 4, smaller_directory.size());
  put_number(end, 16, 4, place);
  smaller_directory += end;
  stretches.push_back({smaller_directory.size(), 0, smaller_directory});
  return std::make_unique<StretchSource>(std::move(file), std::move(stretches));
}

} // namespace qt
