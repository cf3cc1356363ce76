#include "extract/unpack_rule.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/text.hh"
#include "extract/member_path.hh"
#include "os/file.hh"
#include "os/process.hh"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <set>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace qt {

namespace {

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
  constexpr std::array<std::string_view, 12> k_compressed = {
      ".gz", ".xz", ".zst", ".bz2", ".zstd", ".GZ", ".lzma", ".lz4", ".lz", ".lzo", ".Z", ".lrz"};
  constexpr std::array<std::string_view, 7> k_archived = {".tar", ".zip",  ".cpio", ".iso",
                                                          ".deb", ".udeb", ".ZIP"};
  constexpr std::array<std::string_view, 6> k_both = {".tgz", ".txz", ".tbz2",
                                                      ".tbz", ".tlz", ".tzst"};
  std::string name = base_name(source);
  const std::string from_url = name_from_url(url_of(source));
  if (!from_url.empty()) {
    name = from_url;
  }
  if (rule.directory) {
    drop_suffix(name, k_both) || (drop_suffix(name, k_compressed), drop_suffix(name, k_archived));
    return name;
  }
  if (rule.format != Format::raw &&
      compression_of(sniff_file(FileSource(source))) != Compression::none) {
    if (drop_suffix(name, k_both)) {
      return name + ".tar";
    }
    drop_suffix(name, k_compressed);
  }
  return name;
}

bool is_folder(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::string bytes_at(int fd, std::uint64_t offset, std::size_t count, const std::string& name) {
  std::string bytes(count, '\0');
  const ssize_t got = ::pread(fd, bytes.data(), count, static_cast<off_t>(offset));
  if (got < 0) {
    throw errno_error(errno, format("reading {}", name));
  }
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) {
    number = number << 8 | static_cast<unsigned char>(byte);
  }
  return number;
}

std::string qemu_img() {
  const std::string asked = env::text("QEMU_TEST_QEMU_IMG");
  const std::string name = asked.empty() ? "qemu-img" : asked;
  const std::optional<std::string> path = find_program(name);
  if (!path) {
    throw Error(format("resizing a qcow2 image needs {}, which is not here; install it or set "
                       "QEMU_TEST_QEMU_IMG",
                       name),
                ExitCode::absent);
  }
  return *path;
}

// The format of a disk image in which the guest's disk is not what the file is: it cannot be made
// larger by making the file larger. Told by content: qcow2 "QFI" fb, vmdk "KDMV" or a text
// descriptor, vdi 7f 10 da be at byte 64, vhdx "vhdxfile", vpc (VHD) "conectix" in front or 512
// bytes before the end, qed "QED" 00, parallels "WithoutFreeSpace" or "WithouFreSpacExt", dmg
// "koly" 512 bytes before the end. Names are QEMU's. Empty for everything else, which is taken as
// it is. Throws Error if it cannot be read.
std::string_view disk_image_format(int fd, std::uint64_t size, const std::string& name) {
  using namespace std::string_view_literals;
  struct Mark {
    std::string_view bytes;
    std::string_view format;
    std::size_t offset = 0;
    bool from_end = false;
  };
  static constexpr std::array k_marks = {
      Mark{"QFI\xfb"sv, "qcow2"},
      Mark{"KDMV"sv, "vmdk"},
      Mark{"# Disk DescriptorFile"sv, "vmdk"},
      Mark{"\x7f\x10\xda\xbe"sv, "vdi", 64},
      Mark{"vhdxfile"sv, "vhdx"},
      Mark{"conectix"sv, "vpc"},
      Mark{"conectix"sv, "vpc", 512, true},
      Mark{"QED\0"sv, "qed"},
      Mark{"WithoutFreeSpace"sv, "parallels"},
      Mark{"WithouFreSpacExt"sv, "parallels"},
      Mark{"koly"sv, "dmg", 512, true},
  };
  const std::string head = bytes_at(fd, 0, 128, name);
  const std::string end = size < 512 ? "" : bytes_at(fd, size - 512, 16, name);
  for (const Mark& mark : k_marks) {
    const std::string_view where = mark.from_end ? std::string_view(end) : std::string_view(head);
    const std::size_t at = mark.from_end ? 0 : mark.offset;
    if (where.size() > at && where.substr(at).starts_with(mark.bytes)) {
      return mark.format;
    }
  }
  return "";
}

// What the guest sees of a qcow2 image, in bytes. Throws Error(ExitCode::failed) if it is damaged,
// or needs other files, of which nothing is known here.
std::uint64_t qcow2_disk_size(int fd, const std::string& name) {
  const std::string header = bytes_at(fd, 0, 80, name);
  if (header.size() < 72) {
    throw Error(format("{}: the qcow2 image is truncated", name), ExitCode::failed);
  }
  constexpr std::uint64_t k_external_data = 4; // an incompatible feature, from version 3 on
  const std::string_view view = header;
  const bool is_new = big_endian(view.substr(4, 4)) >= 3 && view.size() >= 80;
  if (big_endian(view.substr(8, 8)) != 0 ||
      (is_new && (big_endian(view.substr(72, 8)) & k_external_data) != 0)) {
    throw Error(format("{}: the qcow2 image is a part only, of another file it needs; convert it "
                       "first: qemu-img convert -O qcow2 IMAGE WHOLE",
                       name),
                ExitCode::failed);
  }
  return big_endian(view.substr(24, 8));
}

// Gives a qcow2 image, open for writing, a larger disk with "qemu-img resize" (QEMU_TEST_QEMU_IMG,
// else of PATH). Throws Error: ExitCode::absent if there is no qemu-img, ExitCode::failed with what
// it says.
void resize_qcow2(int fd, std::uint64_t size, const std::string& name) {
  SpawnOptions options;
  options.keep = {fd};
  const std::optional<Captured> ended =
      run_captured({qemu_img(), "resize", "-q", "-f", "qcow2", format("/proc/self/fd/{}", fd),
                    std::to_string(size)},
                   options, Deadline::after(std::chrono::minutes(5)));
  if (!ended) {
    throw Error(format("resizing {}: qemu-img has not ended after five minutes", name));
  }
  if (ended->status.by_signal() || ended->status.code() != 0) {
    const std::vector<std::string> said = last_lines(ended->err, 1);
    throw Error(format("resizing {}: qemu-img {}{}", name, ended->status.text(),
                       said.empty() ? "" : ": " + said[0]),
                ExitCode::failed);
  }
}

} // namespace

Resize parse_resize(std::string_view text) {
  if (text == "pow2") {
    return {true, 0};
  }
  const std::optional<std::uint64_t> bytes = parse_size(text);
  if (!bytes) {
    throw Error(format("'{}' is neither pow2 nor a size such as 16M", text), ExitCode::usage);
  }
  return {false, *bytes};
}

void check_rule(const UnpackRule& rule) {
  const auto refuse = [](const char* reason) { throw Error(reason, ExitCode::usage); };
  if (rule.directory && rule.members.size() > 1) {
    refuse("with directory at most one member can be given: the folder that is wanted");
  }
  if (rule.directory && rule.resize) {
    refuse("resize is for a file, not for a directory");
  }
  if (rule.first && (rule.directory || rule.members.empty())) {
    refuse("first is for a member");
  }
  if ((rule.directory || !rule.members.empty()) && rule.format == Format::raw) {
    refuse("a file of format raw has no members");
  }
  for (const std::string& member : rule.members) {
    const std::optional<std::string> name = asked_member_name(member);
    if (!name || (name->empty() && !rule.directory)) {
      throw Error(format("'{}' cannot be the name of a member", member), ExitCode::usage);
    }
  }
}

OutputBudget::OutputBudget(const OutputLimit& limit, const std::string& source) {
  constexpr std::uint64_t k_gib = std::uint64_t{1} << 30;
  struct stat status;
  const std::uint64_t size =
      ::stat(source.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
  m_limit = limit.bytes.value_or(std::min(16 * k_gib, std::max(k_gib, 1000 * size)));
}

void OutputBudget::take(std::uint64_t bytes) {
  if (bytes > m_limit - m_used) {
    throw Error(format("what comes out is larger than {} bytes; if that is right, raise --max-size",
                       m_limit),
                ExitCode::failed);
  }
  m_used += bytes;
}

std::uint64_t size_after_resize(const Resize& resize, std::uint64_t size) {
  const std::uint64_t wanted = resize.power_of_two ? std::bit_ceil(size) : resize.bytes;
  if (wanted < size) {
    throw Error(format("resizing: the file has {} bytes, more than the {} asked for", size, wanted),
                ExitCode::failed);
  }
  return wanted;
}

bool needs_resizing(int fd, std::uint64_t size, const UnpackRule& rule, const std::string& name) {
  if (!rule.resize) {
    return false;
  }
  const bool as_it_is = rule.format == Format::raw;
  const std::string_view image = as_it_is ? "" : disk_image_format(fd, size, name);
  if (!image.empty() && image != "qcow2") {
    throw Error(
        format("resizing {0}: it is a {1} image, whose disk does not grow with the file; "
               "convert it first: qemu-img convert -f {1} -O raw IMAGE DISK (or, if the file "
               "is meant: --format raw)",
               name, image),
        ExitCode::failed);
  }
  const std::uint64_t now = image.empty() ? size : qcow2_disk_size(fd, name);
  return size_after_resize(*rule.resize, now) != now;
}

void finish_file(SparseWriter& writer, const UnpackRule& rule) {
  writer.finish();
  if (!needs_resizing(writer.fd(), writer.size(), rule, writer.name())) {
    return;
  }
  if (rule.format != Format::raw &&
      !disk_image_format(writer.fd(), writer.size(), writer.name()).empty()) {
    const std::uint64_t disk = qcow2_disk_size(writer.fd(), writer.name());
    resize_qcow2(writer.fd(), size_after_resize(*rule.resize, disk), writer.name());
    return;
  }
  writer.skip_to(size_after_resize(*rule.resize, writer.size()));
  writer.finish();
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

std::vector<std::string> output_paths(const std::string& source, const UnpackRule& rule,
                                      const std::optional<std::string>& output) {
  const bool several = rule.members.size() > 1;
  const bool in_folder = !output || output->ends_with('/') || is_folder(*output) || several;
  if (output && (rule.directory || !in_folder)) {
    std::string path = absolute_path(*output);
    while (path.size() > 1 && path.ends_with('/')) {
      path.pop_back();
    }
    make_directories(parent_of(path));
    return {path};
  }
  const std::string folder = output.value_or(".");
  make_directories(folder);
  std::vector<std::string> paths;
  std::set<std::string> seen;
  for (const std::string& name : default_names(source, rule)) {
    if (!seen.insert(name).second) {
      throw Error(format("two members have the name '{}'; extract them one by one", name),
                  ExitCode::usage);
    }
    paths.push_back(absolute_path(folder + "/" + name));
  }
  return paths;
}

} // namespace qt
