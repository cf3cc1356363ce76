// QEMU's options whose value is a list, "file=PATH,format=raw": a comma in a path would end it
// there, and has to be written twice. Sources: qemu/util/qemu-option.c, qemu/softmmu/vl.c,
// qemu_chr_parse_compat() of qemu/chardev/char.c.
#pragma once

#include <string>
#include <string_view>

namespace qt {

// Whether QEMU reads `value` as a list where it stands after `option`: "-drive" or "--drive". A
// value in JSON is none, and a character device in the old form only for sockets:
// "unix:PATH,server".
bool is_option_list(std::string_view option, std::string_view value);

// The same for a command of the human monitor, as a whole: "drive_add 0 file=PATH".
bool is_list_command(std::string_view command);

// "a,b" → "a,,b".
std::string doubled_commas(std::string_view text);

} // namespace qt
