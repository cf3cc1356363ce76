#include "extract/zip_directory.hh"

#include "extract/member_path.hh"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace qt {

namespace {

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
  // ZIP64 and files with something in front of them do not fit this sum.
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

} // namespace

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

} // namespace qt
