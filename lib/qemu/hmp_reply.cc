#include "qemu/hmp_reply.hh"

#include "base/text.hh"

#include <algorithm>
#include <array>
#include <vector>

namespace qt {

namespace {

// Commands that say nothing when they succeed. Source: qemu/hmp-commands.hx, and trying.
constexpr std::array<std::string_view, 84> k_silent = {
    "announce_self",
    "balloon",
    "block_job_cancel",
    "block_job_complete",
    "block_job_pause",
    "block_job_resume",
    "block_job_set_speed",
    "block_resize",
    "block_set_io_throttle",
    "block_stream",
    "boot_set",
    "c",
    "change",
    "chardev-add",
    "chardev-change",
    "chardev-remove",
    "chardev-send-break",
    "client_migrate_info",
    "closefd",
    "commit",
    "cont",
    "cpu",
    "delvm",
    "device_add",
    "device_del",
    "drive_add",
    "drive_backup",
    "drive_del",
    "drive_mirror",
    "dump-guest-memory",
    "eject",
    "exit_preconfig",
    "expire_password",
    "getfd",
    "hostfwd_add",
    "hostfwd_remove",
    "loadvm",
    "log",
    "logfile",
    "memsave",
    "migrate_cancel",
    "migrate_continue",
    "migrate_incoming",
    "migrate_pause",
    "migrate_recover",
    "migrate_set_capability",
    "migrate_set_parameter",
    "migrate_start_postcopy",
    "mouse_button",
    "mouse_move",
    "mouse_set",
    "nbd_server_add",
    "nbd_server_remove",
    "nbd_server_start",
    "nbd_server_stop",
    "netdev_add",
    "netdev_del",
    "nmi",
    "o",
    "object_add",
    "object_del",
    "one-insn-per-tb",
    "pmemsave",
    "qom-set",
    "replay_break",
    "replay_delete_break",
    "replay_seek",
    "ringbuf_write",
    "s",
    "savevm",
    "screendump",
    "sendkey",
    "set_link",
    "set_password",
    "singlestep",
    "snapshot_blkdev",
    "stop",
    "stopcapture",
    "system_powerdown",
    "system_reset",
    "system_wakeup",
    "trace-event",
    "watchdog_action",
    "wavcapture",
};

// What others say where they have failed.
struct Complaint {
  std::string_view command;
  std::string_view text;
};
constexpr auto k_complaints = std::to_array<Complaint>({
    {"calc_dirty_rate", "Incorrect period"},
    {"gdbserver", "Could not open gdbserver"},
    {"gpa2hpa", "Memory at address"},
    {"gpa2hpa", "No memory is mapped"},
    {"gpa2hva", "Memory at address"},
    {"gpa2hva", "No memory is mapped"},
    {"gva2gpa", "Unmapped"},
    {"info", "could not be resolved"}, // qom-tree
    {"info", "invalid stats"},
    {"info", "unknown event"}, // trace-events
    {"mce", "Invalid bank number"},
    {"pcie_aer_inject_error", "is invalid"},
    {"x", "Cannot access memory"},
    {"x", "unable to read memory"}, // instructions
    {"xp", "Cannot access memory"},
    {"xp", "unable to read memory"},
});

bool is_complaint(std::string_view command, std::string_view line) {
  return std::any_of(k_complaints.begin(), k_complaints.end(), [&](const Complaint& complaint) {
    return command == complaint.command && line.find(complaint.text) != std::string_view::npos;
  });
}

// What some of them say all the same, and what comes with a warning.
bool is_harmless(std::string_view line) {
  return line.empty() || line == "OK" || line.starts_with("warning: ") ||
         line.starts_with("Please use ") || line.starts_with("boot device list now set to ") ||
         (line.starts_with("host forwarding rule for ") && line.ends_with(" removed"));
}

bool tells_of_error(std::string_view line) {
  return line.starts_with("Error: ") || line.starts_with("unknown command: '") ||
         line.starts_with("No CPU available") ||
         (line.starts_with("CPU#") && line.ends_with(" not available")) ||
         (line.starts_with("Command '") && line.find("' not available") != std::string_view::npos);
}

bool is_usage(std::string_view line) {
  return line.starts_with("Try \"help ") && line.ends_with("\" for more information");
}

} // namespace

std::string hmp_error(std::string_view command, std::string_view reply) {
  const std::string word = split(trim(command), ' ').front();
  const std::string name = word.substr(0, word.find('/')); // "x/4xw": a format stands after it
  const bool is_silent = std::binary_search(k_silent.begin(), k_silent.end(), name);
  std::string before; // the line that says what is wrong with the arguments stands before the usage
  for (const std::string& whole : split(reply, '\n')) {
    const std::string line(trim(whole));
    if (is_usage(line)) {
      return before.empty() ? line : before;
    }
    if (tells_of_error(line) || is_complaint(name, line) || (is_silent && !is_harmless(line))) {
      return line;
    }
    before = line.empty() ? before : line;
  }
  return "";
}

} // namespace qt
