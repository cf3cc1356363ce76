#include "extract/container.hh"

#include "base/error.hh"
#include "base/log.hh"
#include "base/text.hh"
#include "extract/cpio_chain.hh"
#include "extract/zip_directory.hh"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <numeric>

namespace qt {

namespace {

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

} // namespace qt
