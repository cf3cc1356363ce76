#include "extract/unpack.hh"

#include "base/error.hh"
#include "base/log.hh"
#include "extract/made_record.hh"
#include "extract/member_search.hh"
#include "extract/unpack_tree.hh"
#include "os/file.hh"
#include "os/sparse_file.hh"

#include <array>
#include <cassert>
#include <new>
#include <sys/stat.h>
#include <unistd.h>

namespace qt {

namespace {

void decompress_file(const std::string& source, Compression compression, const UnpackRule& rule,
                     const std::string& output, const MadeRecord& record) {
  const std::unique_ptr<ReadAhead> input =
      open_decompressed(source, compression, {rule.format, rule.decompress, {}});
  OutputBudget budget(rule.limit, source);
  AtomicFile file(output, 0644);
  SparseWriter writer(file.fd(), output);
  for (;;) {
    const std::span<const std::byte> piece = input->next();
    if (piece.empty()) {
      break;
    }
    budget.take(piece.size());
    writer.write(piece);
  }
  finish_file(writer, rule);
  record.put_on(file.fd());
  file.commit();
}

void link_file(const std::string& real_source, const std::string& output) {
  std::array<char, 4096> there;
  const ssize_t length = ::readlink(output.c_str(), there.data(), there.size());
  if (length > 0 &&
      std::string_view(there.data(), static_cast<std::size_t>(length)) == real_source) {
    return;
  }
  // Beside its place first, then renamed: what stands there is replaced in one step.
  const std::string temporary = format("{}.{}", output, ::getpid());
  if (::symlink(real_source.c_str(), temporary.c_str()) < 0) {
    throw errno_error(errno, format("creating {}", temporary));
  }
  if (::rename(temporary.c_str(), output.c_str()) < 0) {
    const int number = errno;
    ::unlink(temporary.c_str());
    throw errno_error(number, format("publishing {}", output));
  }
}

void hand_on(const std::string& source, const FileSource& input, const UnpackRule& rule,
             const std::string& output, const MadeRecord& record) {
  const bool resized = needs_resizing(input.fd(), input.size(), rule, source);
  if (!rule.writable && !resized) {
    link_file(real_path(source), output);
    return;
  }
  struct stat status;
  if (::fstat(input.fd(), &status) < 0) {
    throw errno_error(errno, format("looking at {}", source));
  }
  AtomicFile file(output, (status.st_mode & 0111) | 0644);
  copy_contents(input.fd(), file.fd(), input.size(), output);
  SparseWriter writer(file.fd(), output);
  writer.skip_to(input.size());
  finish_file(writer, rule);
  record.put_on(file.fd());
  file.commit();
}

// Replacing a file by a link to itself would lose it.
void check_not_itself(const std::string& source, const std::string& output) {
  const std::string place = real_path(parent_of(output)) + "/" + base_name(output);
  if (place == real_path(source)) {
    throw Error(
        format("{} would be replaced by what is made from it; give another --output", output),
        ExitCode::usage);
  }
}

// Says so where a result needs nothing: without that a person would wonder why nothing is written.
bool is_there(const MadeRecord& record, const UnpackRule& rule, const std::string& output) {
  struct stat status;
  const bool right = ::lstat(output.c_str(), &status) == 0 &&
                     (S_ISDIR(status.st_mode) ? rule.directory : !rule.directory) &&
                     record.is_right(output);
  if (right) {
    log_info(format("{} is there already and right", output));
  }
  return right;
}

void make_members(const std::string& source, const FileSource& input, const UnpackRule& rule,
                  const std::vector<std::string>& outputs) {
  std::vector<MemberOutput> wanted;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    MemberOutput output = {rule.members[i], outputs[i], MadeRecord(input, rule, rule.members[i])};
    if (!is_there(output.record, rule, output.path)) {
      wanted.push_back(std::move(output));
    }
  }
  if (!wanted.empty()) {
    unpack_members(source, rule, wanted);
  }
}

void make_file(const std::string& source, const FileSource& input, const UnpackRule& rule,
               const std::string& output, const MadeRecord& record) {
  const Format found = sniff_file(input);
  const Format asked = rule.format.value_or(found);
  const Compression compression = compression_of(asked);
  if (compression != Compression::none) {
    decompress_file(source, compression, rule, output, record);
    return;
  }
  if (asked != Format::raw && asked != found) {
    throw Error(format("it is {}, not {}", format_name(found), format_name(asked)),
                ExitCode::failed);
  }
  hand_on(source, input, rule, output, record);
}

} // namespace

void unpack(const std::string& source, const UnpackRule& rule,
            const std::vector<std::string>& outputs) {
  check_rule(rule);
  assert(outputs.size() == (rule.directory || rule.members.empty() ? 1 : rule.members.size()));
  const FileSource input(source);
  for (const std::string& output : outputs) {
    check_not_itself(source, output);
  }
  try {
    if (rule.directory || !rule.members.empty()) {
      tell_of_surroundings(input);
    }
    if (!rule.directory && !rule.members.empty()) {
      make_members(source, input, rule, outputs);
      return;
    }
    const MadeRecord record(input, rule, "");
    if (is_there(record, rule, outputs[0])) {
      return;
    }
    if (rule.directory) {
      unpack_tree(source, rule, outputs[0], record);
    } else {
      make_file(source, input, rule, outputs[0], record);
    }
  } catch (const Error& error) {
    throw error.within(format("unpacking {}", source));
  } catch (const std::bad_alloc&) {
    throw Error(format("unpacking {}: it asks for more memory than this process may have", source),
                ExitCode::failed);
  }
}

} // namespace qt
