#include "unpack.hh"

#include "error.hh"
#include "file.hh"
#include "member_path.hh"
#include "sparse_file.hh"
#include "unpack_members.hh"

#include <algorithm>
#include <array>
#include <cassert>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace qt {

namespace {

void decompress_file(const std::string& source, Compression compression, const UnpackRule& rule,
                     const std::string& output) {
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
  file.commit();
}

void link_file(const std::string& real_source, const std::string& output) {
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
             const std::string& output) {
  const bool resized = rule.resize && size_after_resize(*rule.resize, input.size()) != input.size();
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

// "user.qemu-asset-url", as QEMU's own test framework writes it into its cache.
std::string url_of(const std::string& path) {
  std::array<char, 4096> buffer;
  const ssize_t length =
      ::getxattr(path.c_str(), "user.qemu-asset-url", buffer.data(), buffer.size());
  return length > 0 ? std::string(buffer.data(), static_cast<std::size_t>(length)) : "";
}

std::string name_from_url(std::string url) {
  url.resize(std::min({url.size(), url.find('?'), url.find('#')}));
  const std::size_t authority = url.find("://");
  const std::size_t slash = url.rfind('/');
  if (slash == std::string::npos || (authority != std::string::npos && slash < authority + 3)) {
    return "";
  }
  const std::string name = url.substr(slash + 1);
  return name == "." || name == ".." ? "" : name;
}

bool drop_suffix(std::string& name, std::span<const std::string_view> suffixes) {
  for (const std::string_view suffix : suffixes) {
    if (name.size() > suffix.size() && name.ends_with(suffix)) {
      name.resize(name.size() - suffix.size());
      return true;
    }
  }
  return false;
}

std::string default_file_name(const std::string& source, const UnpackRule& rule) {
  constexpr std::array<std::string_view, 7> k_compressions = {".gz",   ".xz", ".zst", ".bz2",
                                                              ".zstd", ".GZ", ".lzma"};
  constexpr std::array<std::string_view, 7> k_archives = {".tar", ".zip",  ".cpio", ".iso",
                                                          ".deb", ".udeb", ".ZIP"};
  constexpr std::array<std::string_view, 4> k_both = {".tgz", ".txz", ".tbz2", ".tbz"};
  std::string name = base_name(source);
  const std::string from_url = name_from_url(url_of(source));
  if (!from_url.empty()) {
    name = from_url;
  }
  if (rule.directory) {
    drop_suffix(name, k_both) || (drop_suffix(name, k_compressions), drop_suffix(name, k_archives));
    return name;
  }
  if (rule.format != Format::raw &&
      compression_of(sniff_file(FileSource(source))) != Compression::none) {
    if (drop_suffix(name, k_both)) {
      return name + ".tar";
    }
    drop_suffix(name, k_compressions);
  }
  return name;
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
    if (rule.directory) {
      unpack_tree(source, rule, outputs[0]);
      return;
    }
    if (!rule.members.empty()) {
      unpack_members(source, rule, outputs);
      return;
    }
    const Format found = sniff_file(input);
    const Format format = rule.format.value_or(found);
    const Compression compression = compression_of(format);
    if (compression != Compression::none) {
      decompress_file(source, compression, rule, outputs[0]);
      return;
    }
    if (format != Format::raw && format != found) {
      throw Error(qt::format("it is {}, not {}", format_name(found), format_name(format)),
                  ExitCode::failed);
    }
  } catch (const Error& error) {
    throw error.within(qt::format("unpacking {}", source));
  }
  hand_on(source, input, rule, outputs[0]);
}

std::vector<std::string> default_names(const std::string& source, const UnpackRule& rule) {
  std::vector<std::string> names;
  for (const std::string& member : rule.members) {
    names.push_back(base_name(asked_member_name(member).value_or("")));
  }
  if (names.empty() || names[0].empty()) {
    names = {default_file_name(source, rule)};
  }
  return names;
}

} // namespace qt
