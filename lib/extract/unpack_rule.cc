#include "extract/unpack_rule.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "extract/disk_image.hh"
#include "extract/member_path.hh"

#include <algorithm>
#include <bit>
#include <sys/stat.h>

namespace qt {

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

} // namespace qt
