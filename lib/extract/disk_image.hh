// Disk images in which the guest's disk is not what the file is: they cannot be made larger by
// making the file larger. Told by content: qcow2 "QFI" fb, vmdk "KDMV" or a text descriptor, vdi
// 7f 10 da be at byte 64, vhdx "vhdxfile", vpc (VHD) "conectix" in front or 512 bytes before the
// end, qed "QED" 00, parallels "WithoutFreeSpace" or "WithouFreSpacExt", dmg "koly" 512 bytes
// before the end. Names are QEMU's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace qt {

// The format of such an image; empty for everything else, which is taken as it is. Throws Error if
// it cannot be read.
std::string_view disk_image_format(int fd, std::uint64_t size, const std::string& name);

// What the guest sees of a qcow2 image, in bytes. Throws Error(ExitCode::failed) if it is damaged,
// or needs other files, of which nothing is known here.
std::uint64_t qcow2_disk_size(int fd, const std::string& name);
// Gives a qcow2 image, open for writing, a larger disk with "qemu-img resize" (QEMU_TEST_QEMU_IMG,
// else of PATH). Throws Error: ExitCode::absent if there is no qemu-img, ExitCode::failed with what
// it says.
void resize_qcow2(int fd, std::uint64_t size, const std::string& name);

} // namespace qt
