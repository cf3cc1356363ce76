#include "extract/archive.hh"

#include "base/error.hh"

#include <archive.h>
#include <archive_entry.h>
#include <array>
#include <cassert>
#include <cerrno>
#include <clocale>
#include <cstring>

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

  std::string format_reason(const char* reason) const {
    return qt::format("the {} archive is damaged or truncated{}{}", archive_format_name(format),
                      reason != nullptr ? ": " : "", reason != nullptr ? reason : "");
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
      const std::span<const std::byte> piece = state->input->next();
      *buffer = piece.data();
      return static_cast<la_ssize_t>(piece.size());
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
    return false;
  }
  if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
    state.fail();
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

} // namespace qt
