#include "qemu/qmp.hh"

#include "base/error.hh"
#include "base/text.hh"

#include <algorithm>
#include <array>
#include <utility>

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

constexpr std::uint64_t k_negotiation = 0; // its id
constexpr std::size_t k_quoted = 60;

bool is_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

bool has_text(const Json& table, const char* key) {
  const auto found = table.find(key);
  return found != table.end() && found->is_string();
}

std::chrono::microseconds time_of(const Json& event) {
  const Json& time = event["timestamp"];
  return std::chrono::seconds(time.value("seconds", std::int64_t())) +
         std::chrono::microseconds(time.value("microseconds", std::int64_t()));
}

bool has_time(const Json& event) {
  const Json& time = json_member(event, "timestamp");
  return json_member(time, "seconds").is_number_integer() &&
         json_member(time, "microseconds").is_number_integer();
}

} // namespace

void Qmp::negotiate() {
  if (!m_negotiated) {
    m_negotiated = true;
    send(k_negotiation, {{"execute", "qmp_capabilities"}, {"id", k_negotiation}});
  }
}

std::uint64_t Qmp::execute(const std::string& command, const Json& arguments) {
  negotiate();
  Json message = {{"execute", command}, {"id", m_next_id}};
  if (!arguments.is_null()) {
    message["arguments"] = arguments;
  }
  send(m_next_id, std::move(message));
  return m_next_id++;
}

void Qmp::send(std::uint64_t id, Json message) {
  m_output += dump_json(message) + "\r\n";
  m_open[id] = std::move(message);
}

void Qmp::begin_anew() {
  ++m_restarts;
  m_negotiated = false;
  m_up_since.reset();
  m_output.clear();
  std::map<std::uint64_t, Json> open = std::exchange(m_open, {});
  negotiate();
  for (auto& [id, message] : open) {
    const std::string command = message["execute"];
    if (command.starts_with("query-")) {
      send(id, std::move(message));
    } else {
      m_replies[id] = {{"error",
                        {{"class", "GenericError"},
                         {"desc", "QEMU began anew before it answered '" + command + "'"}}}};
    }
  }
}

void Qmp::feed(std::string_view bytes) {
  std::size_t begin = 0; // of what belongs to m_message and is not in it yet
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char byte = bytes[i];
    if (m_in_string) {
      if (m_escaped) {
        m_escaped = false;
      } else if (byte == '\\') {
        m_escaped = true;
      } else if (byte == '"') {
        m_in_string = false;
      }
    } else if (m_depth == 0 && is_blank(byte)) {
      begin = i + 1;
    } else if (m_depth == 0 && byte != '{') {
      refuse("this is no QMP", bytes.substr(i));
    } else if (byte == '{' || byte == '[') {
      ++m_depth;
    } else if (byte == '}' || byte == ']') {
      if (--m_depth == 0) {
        m_message += bytes.substr(begin, i + 1 - begin);
        begin = i + 1;
        take_message();
      }
    } else if (byte == '"') {
      m_in_string = true;
    }
  }
  m_message += bytes.substr(begin);
  if (m_message.size() > k_longest_message) {
    refuse(format("a message is longer than {} MiB", k_longest_message >> 20), m_message);
  }
}

void Qmp::refuse(std::string_view what, std::string_view text) const {
  std::string open;
  for (const auto& [id, message] : m_open) {
    open += format("{}'{}'", open.empty() ? "" : ", ", json_text(message, "execute"));
  }
  throw Error(format("reading the monitor{}{}: {}: '{}'", open.empty() ? "" : ", which was asked ",
                     open, what, cut_json(text, k_quoted)));
}

void Qmp::take_message() {
  const std::string text = std::exchange(m_message, {});
  Json message;
  try {
    message = parse_json(text, "this is no JSON");
  } catch (const Error& error) {
    refuse(error.what(), text);
  }
  if (message.contains("event")) {
    const auto data = message.find("data");
    if (!has_text(message, "event") || (data != message.end() && !data->is_object())) {
      refuse("this is no QMP", text);
    }
    take_event(std::move(message));
  } else if (message.contains("return") || message.contains("error")) {
    const auto error = message.find("error");
    if (error != message.end() && !(has_text(*error, "class") && has_text(*error, "desc"))) {
      refuse("this is no QMP", text);
    }
    take_answer(std::move(message));
  } else if (!message.contains("QMP")) {
    refuse("this is no QMP", text);
  } else if (std::exchange(m_greeted, true) && m_up_since) {
    begin_anew();
  }
}

bool Qmp::is_early(const Json& event) const { return !m_up_since || time_of(event) <= *m_up_since; }

void Qmp::take_early_event(const Json& event) {
  if (!has_time(event) || is_early(event)) {
    take_event(event);
  }
}

void Qmp::take_event(Json event) {
  if (has_time(event) && is_early(event) && m_early.size() < k_most_events) {
    Json heard = {event["event"], event["timestamp"]};
    if (std::find(m_early.begin(), m_early.end(), heard) != m_early.end()) {
      return;
    }
    m_early.push_back(std::move(heard));
  }
  event.emplace("data", Json::object());
  m_end.note(event);
  m_events.push_back(std::move(event));
  if (m_events.size() > k_most_events) {
    m_events.pop_front();
  }
}

void Qmp::take_answer(Json message) {
  const auto id = message.find("id");
  if (id == message.end() && message.contains("error")) {
    // The monitor could not even read the id: one of the open commands has no reply to come, and
    // there is no telling which.
    refuse("it could not read a command", dump_json(message["error"]["desc"]));
  }
  if (m_restarts > 0 && !m_up_since && id != message.end() && *id != k_negotiation) {
    return; // the new QEMU found a command for the one before it, and refused it
  }
  const bool is_ours =
      id != message.end() && id->is_number_unsigned() && m_open.erase(id->get<std::uint64_t>()) > 0;
  if (!is_ours) {
    ++m_strays;
    m_last_stray = id != message.end() ? cut_json(dump_json(*id), k_quoted) : "none";
    return;
  }
  m_answered = true;
  if (*id == k_negotiation) {
    m_up_since = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now().time_since_epoch());
  } else {
    m_replies.emplace(id->get<std::uint64_t>(), std::move(message));
  }
}

std::optional<Json> Qmp::take_reply(std::uint64_t id) {
  const auto found = m_replies.find(id);
  if (found == m_replies.end()) {
    return std::nullopt;
  }
  Json reply = std::move(found->second);
  m_replies.erase(found);
  return reply;
}

std::string Qmp::remark() const {
  std::string remark;
  if (!m_message.empty()) {
    remark += format("; of an unfinished message {} bytes had come: '{}'", m_message.size(),
                     cut_json(m_message, k_quoted));
  }
  if (m_strays > 0) {
    remark += format("; {} replies came that nobody here asked for, the last with the id {}",
                     m_strays, m_last_stray);
  }
  return remark;
}

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
