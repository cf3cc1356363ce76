#include "extract/disk_image.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/text.hh"
#include "os/file.hh"
#include "os/process.hh"

#include <array>
#include <cerrno>
#include <chrono>
#include <unistd.h>

namespace qt {

namespace {

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

} // namespace

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

} // namespace qt
