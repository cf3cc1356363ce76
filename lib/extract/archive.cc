#include "extract/archive.hh"

#include "base/error.hh"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <array>
#include <cassert>
#include <cerrno>
#include <clocale>
#include <cstring>
#include <exception>
#include <utility>
#include <vector>

namespace qt {

namespace {

// libarchive converts names by the thread's character set; in the C locale it cannot say names
// that are not ASCII.
void use_utf8_names() {
  struct Locale {
    Locale()
      : handle(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
      if (handle != nullptr) {
        ::uselocale(handle);
      }
    }
    ~Locale() {
      if (handle != nullptr) {
        ::uselocale(LC_GLOBAL_LOCALE);
        ::freelocale(handle);
      }
    }
    locale_t handle;
  };
  thread_local const Locale k_locale;
  static_cast<void>(k_locale);
}

MemberType type_of(archive_entry* entry) {
  if (::archive_entry_hardlink(entry) != nullptr) {
    return MemberType::hardlink;
  }
  switch (::archive_entry_filetype(entry)) {
  case AE_IFDIR:
    return MemberType::folder;
  case AE_IFLNK:
    return MemberType::symlink;
  case AE_IFCHR:
  case AE_IFBLK:
    return MemberType::device;
  case AE_IFIFO:
    return MemberType::fifo;
  case AE_IFSOCK:
    return MemberType::socket;
  default:
    return MemberType::file;
  }
}

std::string text_or_empty(const char* text) { return text != nullptr ? text : ""; }

} // namespace

struct ArchiveReader::State {
  std::unique_ptr<ReadAhead> input;
  ArchiveFormat format;
  archive* handle = nullptr;
  archive_entry* entry = nullptr; // the handle's
  std::exception_ptr input_failure;
  std::span<const std::byte> piece; // the last that libarchive was given
  bool ended = false;

  ~State() { ::archive_read_free(handle); }

  // The reason of the last failure: the input's own, or what libarchive says.
  [[noreturn]] void fail() {
    if (input_failure) {
      std::rethrow_exception(input_failure);
    }
    if (::archive_errno(handle) == ENOMEM) { // it is what the headers ask for
      throw Error(qt::format("the {} archive asks for more memory than this process may have",
                             archive_format_name(format)),
                  ExitCode::failed);
    }
    throw Error(format_reason(::archive_error_string(handle)), ExitCode::failed);
  }

  // The same for the header of a member: in a tar archive the blocks of an end mark may stand
  // before what is none.
  [[noreturn]] void fail_at_header() {
    constexpr la_int64_t k_block = 512;
    const la_int64_t read =
        ::archive_filter_bytes(handle, 0) - ::archive_read_header_position(handle);
    if (format == ArchiveFormat::tar && !input_failure && read > k_block) {
      throw Error("the tar archive is followed by something else", ExitCode::failed);
    }
    fail();
  }

  std::string format_reason(const char* reason) const {
    return qt::format("the {} archive is damaged or truncated{}{}", archive_format_name(format),
                      reason != nullptr ? ": " : "", reason != nullptr ? reason : "");
  }

  // Bytes of the input that libarchive was given and had no use for.
  std::uint64_t unused() const {
    return input->position() - static_cast<std::uint64_t>(::archive_filter_bytes(handle, 0));
  }

  // Exceptions must not pass through libarchive: they wait here until it has returned.
  template<typename Result, typename Body>
  Result guarded(Body body) noexcept {
    try {
      return body();
    } catch (...) {
      input_failure = std::current_exception();
      ::archive_set_error(handle, EIO, "reading failed");
      return ARCHIVE_FATAL;
    }
  }

  static la_ssize_t on_read(archive*, void* self, const void** buffer) {
    auto* state = static_cast<State*>(self);
    return state->guarded<la_ssize_t>([&] {
      state->piece = state->input->next();
      *buffer = state->piece.data();
      return static_cast<la_ssize_t>(state->piece.size());
    });
  }

  static la_int64_t on_skip(archive*, void* self, la_int64_t request) {
    auto* state = static_cast<State*>(self);
    return state->guarded<la_int64_t>([&] {
      ReadAhead& source = *state->input;
      const std::uint64_t left = source.size() - std::min(source.position(), source.size());
      const std::uint64_t count = std::min(static_cast<std::uint64_t>(request), left);
      source.seek(source.position() + count);
      return static_cast<la_int64_t>(count);
    });
  }

  static la_int64_t on_seek(archive*, void* self, la_int64_t offset, int whence) {
    auto* state = static_cast<State*>(self);
    return state->guarded<la_int64_t>([&]() -> la_int64_t {
      ReadAhead& source = *state->input;
      const std::uint64_t base = whence == SEEK_SET   ? 0
                                 : whence == SEEK_CUR ? source.position()
                                                      : source.size();
      const la_int64_t target = static_cast<la_int64_t>(base) + offset;
      if (target < 0) {
        return ARCHIVE_FATAL;
      }
      source.seek(static_cast<std::uint64_t>(target));
      return target;
    });
  }
};

std::string_view archive_format_name(ArchiveFormat kind) {
  constexpr std::array<std::string_view, 5> k_names = {"tar", "zip", "cpio", "iso9660", "ar"};
  return k_names.at(static_cast<std::size_t>(kind));
}

ArchiveReader::ArchiveReader(std::unique_ptr<ReadAhead> input, ArchiveFormat kind)
  : m_state(std::make_unique<State>()) {
  use_utf8_names();
  State& state = *m_state;
  state.format = kind;
  state.input = std::move(input);
  state.handle = ::archive_read_new();
  if (state.handle == nullptr) {
    throw Error("starting libarchive: out of memory");
  }
  int result = ARCHIVE_OK;
  switch (kind) {
  case ArchiveFormat::tar:
    result = ::archive_read_support_format_tar(state.handle);
    if (result == ARCHIVE_OK) {
      result =
          ::archive_read_set_format_option(state.handle, "tar", "read_concatenated_archives", "1");
    }
    break;
  case ArchiveFormat::zip:
    // The directory at the end is what counts; only where it cannot be reached is the file read
    // from its start.
    result = state.input->can_seek() ? ::archive_read_support_format_zip_seekable(state.handle)
                                     : ::archive_read_support_format_zip_streamable(state.handle);
    break;
  case ArchiveFormat::cpio:
    result = ::archive_read_support_format_cpio(state.handle);
    break;
  case ArchiveFormat::iso9660:
    result = ::archive_read_support_format_iso9660(state.handle);
    break;
  case ArchiveFormat::ar:
    result = ::archive_read_support_format_ar(state.handle);
    break;
  }
  assert(result == ARCHIVE_OK);
  if (state.input->can_seek()) {
    ::archive_read_set_skip_callback(state.handle, State::on_skip);
    ::archive_read_set_seek_callback(state.handle, State::on_seek);
  }
  ::archive_read_set_read_callback(state.handle, State::on_read);
  ::archive_read_set_callback_data(state.handle, &state);
  result = ::archive_read_open1(state.handle);
  if (result != ARCHIVE_OK) {
    state.fail();
  }
}

ArchiveReader::~ArchiveReader() = default;

bool ArchiveReader::next(ArchiveMember& member) {
  State& state = *m_state;
  const int result = ::archive_read_next_header(state.handle, &state.entry);
  if (result == ARCHIVE_EOF) {
    // The end mark of a tar archive is at least one block; it has then been consumed.
    const bool tar = state.format == ArchiveFormat::tar;
    if (tar &&
        ::archive_filter_bytes(state.handle, 0) == ::archive_read_header_position(state.handle)) {
      throw Error("the tar archive is truncated: it has no end mark", ExitCode::failed);
    }
    state.ended = true;
    return false;
  }
  if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
    state.fail_at_header();
  }
  member = {};
  if (result == ARCHIVE_WARN) {
    member.trouble = state.format_reason(::archive_error_string(state.handle));
  }
  const char* name = ::archive_entry_pathname(state.entry);
  if (name == nullptr || *name == '\0') {
    throw Error(state.format_reason("a member without a name"), ExitCode::failed);
  }
  member.name = name;
  member.type = type_of(state.entry);
  member.names = ::archive_entry_nlink(state.entry);
  member.permissions = ::archive_entry_perm(state.entry) & 0777;
  if (member.type == MemberType::symlink) {
    member.target = text_or_empty(::archive_entry_symlink(state.entry));
  } else if (member.type == MemberType::hardlink) {
    member.target = text_or_empty(::archive_entry_hardlink(state.entry));
  }
  if (::archive_entry_size_is_set(state.entry) != 0) {
    member.size = static_cast<std::uint64_t>(::archive_entry_size(state.entry));
  }
  return true;
}

bool ArchiveReader::data(Piece& piece) {
  State& state = *m_state;
  const void* buffer = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  const int result = ::archive_read_data_block(state.handle, &buffer, &size, &offset);
  if (result != ARCHIVE_OK && result != ARCHIVE_EOF) {
    state.fail();
  }
  piece = {static_cast<std::uint64_t>(offset), {static_cast<const std::byte*>(buffer), size}};
  return result == ARCHIVE_OK;
}

void ArchiveReader::drain() {
  while (!m_state->input->next().empty()) {
  }
}

std::span<const std::byte> ArchiveReader::rest() const {
  assert(m_state->ended && m_state->unused() <= m_state->piece.size());
  return m_state->piece.last(m_state->unused());
}

bool ArchiveReader::has_rest() const { return m_state->unused() > 0; }

namespace {

class MemberSource final : public ByteSource {
public:
  explicit MemberSource(std::unique_ptr<ArchiveReader> reader)
    : m_reader(std::move(reader)) {}

  std::size_t read(std::span<std::byte> into) override {
    std::size_t filled = 0;
    while (filled < into.size() && !m_ended) {
      if (m_piece.bytes.empty()) {
        m_ended = !m_reader->data(m_piece);
        if (m_ended) {
          ArchiveMember other;
          while (m_reader->next(other)) {
          }
          // Less than a header: libarchive takes it for the end.
          if (m_reader->has_rest()) {
            throw Error("the ar archive is followed by something else", ExitCode::failed);
          }
        }
        continue;
      }
      // Members of the archives that this is for (ar) have no holes.
      const std::size_t count = std::min(m_piece.bytes.size(), into.size() - filled);
      std::memcpy(into.data() + filled, m_piece.bytes.data(), count);
      m_piece.bytes = m_piece.bytes.subspan(count);
      filled += count;
    }
    return filled;
  }

private:
  std::unique_ptr<ArchiveReader> m_reader;
  ArchiveReader::Piece m_piece;
  bool m_ended = false;
};

} // namespace

std::unique_ptr<ByteSource> member_source(std::unique_ptr<ArchiveReader> reader) {
  return std::make_unique<MemberSource>(std::move(reader));
}

namespace {

// lz4's older format has no end: 02 21 4c 18, then blocks, each after its size in four bytes,
// little-endian, until the input ends. libarchive takes zeros for a block. Like the kernel, this
// ends the input before what can be neither the size of a block nor one stream more. Other
// formats it gives as they are.
class Lz4Blocks final : public ByteSource {
public:
  explicit Lz4Blocks(std::unique_ptr<ByteSource> input)
    : m_input(std::move(input)) {}

  // What comes now is what follows the blocks.
  void go_on() { m_state = State::anything; }

  std::size_t read(std::span<std::byte> into) override {
    std::size_t filled = 0;
    while (filled < into.size() && m_state != State::ended) {
      if (m_left == 0 && m_state != State::anything) {
        look_at_word();
        continue;
      }
      const std::size_t room = into.size() - filled;
      const std::size_t wanted =
          m_state == State::anything ? room : std::min<std::uint64_t>(room, m_left);
      const std::size_t count = read_some(into.subspan(filled, wanted));
      filled += count;
      m_left -= m_state == State::anything ? 0 : count;
      if (count < wanted) {
        break;
      }
    }
    return filled;
  }
  bool takes_back() const override { return m_input->takes_back(); }
  void give_back(std::span<const std::byte> bytes) override { m_input->give_back(bytes); }

private:
  enum class State { start, blocks, ended, anything };

  std::size_t read_some(std::span<std::byte> into) {
    const std::size_t again = std::min(into.size(), m_word.size());
    std::copy_n(m_word.begin(), again, into.begin());
    m_word.erase(m_word.begin(), m_word.begin() + static_cast<std::ptrdiff_t>(again));
    return again + m_input->read(into.subspan(again));
  }
  // Looks at four bytes, which are then given with the block after them.
  void look_at_word() {
    constexpr std::uint64_t k_mark = 0x184c2102;
    constexpr std::uint64_t k_block = 8U << 20; // decoded; one that does not shrink takes more
    constexpr std::uint64_t k_most = k_block + k_block / 255 + 16;
    m_word.resize(4);
    m_word.resize(m_input->read(m_word));
    const std::uint64_t word = little_endian(text_of(m_word));
    const bool is_whole = m_word.size() == 4;
    if (is_whole && word == k_mark) {
      m_state = State::blocks;
      m_left = 4;
    } else if (m_state == State::start) {
      m_state = State::anything;
    } else if (is_whole && word > 0 && word <= k_most) {
      m_left = 4 + word;
    } else {
      m_state = State::ended;
    }
  }

  std::unique_ptr<ByteSource> m_input;
  std::vector<std::byte> m_word; // looked at, and not yet given
  std::uint64_t m_left = 0;      // of the block
  State m_state = State::start;
};

// libarchive's decoders pull their input themselves, unlike those of decompress.cc.
class FilterSource final : public ByteSource {
public:
  FilterSource(LibarchiveFilter filter, std::unique_ptr<ByteSource> input)
    : m_name(filter == LibarchiveFilter::lz4 ? "lz4" : "lzop")
    , m_input(std::make_unique<Lz4Blocks>(std::move(input)))
    , m_handle(::archive_read_new(), ::archive_read_free)
    , m_buffer(256U << 10) {
    if (!m_handle) {
      throw Error("starting libarchive: out of memory");
    }
    archive* const handle = m_handle.get();
    const int known = filter == LibarchiveFilter::lz4 ? ::archive_read_support_filter_lz4(handle)
                                                      : ::archive_read_support_filter_lzop(handle);
    if (known != ARCHIVE_OK) { // else it would start a program
      throw Error(format("it is {0}-compressed, which the libarchive here cannot read; decompress "
                         "it with {0} -d",
                         m_name),
                  ExitCode::failed);
    }
    ::archive_read_support_format_raw(handle);
    ::archive_read_support_format_empty(handle);
  }

  std::size_t read(std::span<std::byte> into) override {
    if (!m_opened) {
      open();
    }
    std::size_t filled = 0;
    while (filled < into.size() && !m_ended) {
      const la_ssize_t count =
          m_empty ? 0
                  : ::archive_read_data(m_handle.get(), into.data() + filled, into.size() - filled);
      if (count < 0) {
        fail();
      }
      filled += static_cast<std::size_t>(count);
      if (count == 0) {
        m_ended = true;
        look_at_rest();
      }
    }
    return filled;
  }

private:
  void open() {
    m_opened = true;
    ::archive_read_set_read_callback(m_handle.get(), on_read);
    ::archive_read_set_callback_data(m_handle.get(), this);
    archive_entry* entry = nullptr;
    if (::archive_read_open1(m_handle.get()) != ARCHIVE_OK) {
      fail();
    }
    // Ours and the one that stands for the input. Without ours the data would come as it is.
    if (const int filters = ::archive_filter_count(m_handle.get()); filters != 2) {
      throw Error(format("the {} data is {}", m_name,
                         filters < 2 ? "damaged" : "compressed twice: decompress it once first"),
                  ExitCode::failed);
    }
    const int result = ::archive_read_next_header(m_handle.get(), &entry);
    m_empty = result == ARCHIVE_EOF;
    if (result != ARCHIVE_OK && !m_empty) {
      fail();
    }
  }

  // libarchive ends where it knows no further stream, whatever that is, or cannot know, with less
  // than the four bytes of a mark.
  void look_at_rest() {
    const auto used = static_cast<std::uint64_t>(::archive_filter_bytes(m_handle.get(), -1));
    const std::uint64_t unused = m_read - used;
    std::span<const std::byte> rest = unused <= m_piece.size()
                                          ? m_piece.last(unused)
                                          : std::span<const std::byte>(m_last).last(
                                                std::min<std::uint64_t>(unused, m_last.size()));
    m_input->go_on();
    for (;;) {
      const auto other = std::find_if(rest.begin(), rest.end(),
                                      [](std::byte byte) { return byte != std::byte{0}; });
      rest = rest.subspan(static_cast<std::size_t>(other - rest.begin()));
      if (!rest.empty()) {
        break;
      }
      rest = std::span(m_buffer).first(m_input->read(m_buffer));
      if (rest.empty()) {
        return;
      }
    }
    if (!m_input->takes_back()) {
      throw Error(format("the {} data is followed by something else", m_name), ExitCode::failed);
    }
    m_input->give_back(rest);
  }

  [[noreturn]] void fail() {
    if (m_failure) {
      std::rethrow_exception(m_failure);
    }
    throw Error(format("the {} data is damaged or truncated", m_name), ExitCode::failed);
  }

  static la_ssize_t on_read(archive* handle, void* self, const void** buffer) {
    auto* source = static_cast<FilterSource*>(self);
    try {
      const std::size_t count = source->m_input->read(source->m_buffer);
      source->m_read += count;
      if (count > 0) {
        source->m_piece = std::span(source->m_buffer).first(count);
        source->m_last.insert(source->m_last.end(),
                              source->m_piece.end() - std::min<std::ptrdiff_t>(count, 3),
                              source->m_piece.end());
        source->m_last.erase(source->m_last.begin(),
                             source->m_last.end() -
                                 std::min<std::ptrdiff_t>(source->m_last.size(), 3));
      }
      *buffer = source->m_buffer.data();
      return static_cast<la_ssize_t>(count);
    } catch (...) {
      source->m_failure = std::current_exception();
      ::archive_set_error(handle, EIO, "reading failed");
      return ARCHIVE_FATAL;
    }
  }

  std::string_view m_name;
  std::unique_ptr<Lz4Blocks> m_input;
  std::unique_ptr<archive, int (*)(archive*)> m_handle;
  std::vector<std::byte> m_buffer;
  std::span<const std::byte> m_piece; // the last that libarchive was given
  std::vector<std::byte> m_last;      // the last three bytes, of whatever pieces
  std::uint64_t m_read = 0;
  std::exception_ptr m_failure;
  bool m_opened = false;
  bool m_empty = false;
  bool m_ended = false;
};

} // namespace

std::unique_ptr<ByteSource> decode_by_libarchive(LibarchiveFilter filter,
                                                 std::unique_ptr<ByteSource> input) {
  return std::make_unique<FilterSource>(filter, std::move(input));
}

struct ArchiveWriter::State {
  Sink sink;
  std::exception_ptr failure; // must not pass through libarchive
  ::archive* archive = ::archive_write_new();

  static la_ssize_t write(::archive* archive, void* self, const void* bytes, std::size_t size) {
    auto& state = *static_cast<State*>(self);
    try {
      state.sink({static_cast<const char*>(bytes), size});
      return static_cast<la_ssize_t>(size);
    } catch (...) {
      state.failure = std::current_exception();
      ::archive_set_error(archive, EIO, "writing it failed");
      return -1;
    }
  }
  void require(int result) {
    if (failure) {
      std::rethrow_exception(failure);
    }
    if (result < ARCHIVE_OK) {
      const char* const why = ::archive_error_string(archive);
      throw Error(format("writing an archive: {}", why != nullptr ? why : "libarchive failed"));
    }
  }
};

ArchiveWriter::ArchiveWriter(Sink sink)
  : m_state(std::make_unique<State>()) {
  use_utf8_names();
  m_state->sink = std::move(sink);
  if (m_state->archive == nullptr) {
    throw Error("starting libarchive: out of memory");
  }
  m_state->require(::archive_write_set_format_pax_restricted(m_state->archive));
  m_state->require(::archive_write_add_filter_zstd(m_state->archive));
  // Zeros after the end of the compressed bytes would be damage to zstd.
  m_state->require(::archive_write_set_bytes_in_last_block(m_state->archive, 1));
  m_state->require(
      ::archive_write_open(m_state->archive, m_state.get(), nullptr, State::write, nullptr));
}

// What is not finished is thrown away: libarchive would write the end.
ArchiveWriter::~ArchiveWriter() {
  m_state->sink = [](std::string_view) {};
  ::archive_write_free(m_state->archive);
}

void ArchiveWriter::add(const std::string& name, std::string_view content) {
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(::archive_entry_new(),
                                                                       ::archive_entry_free);
  ::archive_entry_set_pathname(entry.get(), name.c_str());
  ::archive_entry_set_filetype(entry.get(), AE_IFREG);
  ::archive_entry_set_perm(entry.get(), 0644);
  ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
  ::archive_entry_set_mtime(entry.get(), 0, 0);
  m_state->require(::archive_write_header(m_state->archive, entry.get()));
  const la_ssize_t written = ::archive_write_data(m_state->archive, content.data(), content.size());
  m_state->require(written < 0 ? static_cast<int>(written) : ARCHIVE_OK);
}

void ArchiveWriter::finish() { m_state->require(::archive_write_close(m_state->archive)); }

} // namespace qt
