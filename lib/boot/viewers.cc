#include "boot/viewers.hh"

#include "base/error.hh"
#include "ipc/run_dir.hh"
#include "os/unix_socket.hh"

#include <algorithm>
#include <array>
#include <sys/socket.h>
#include <unistd.h>

namespace qt {

namespace {

constexpr std::uint64_t k_history = 65536;
constexpr std::size_t k_longest_line = 16 << 20;
constexpr std::size_t k_most_unread = 64 << 20;

// The reply that QEMU gave to qt-boot, as if the viewer had asked.
Json with_id_of(const Json& request, Json reply) {
  reply.erase("id");
  if (request.contains("id")) {
    reply["id"] = request["id"];
  }
  return reply;
}

// What a viewer has written; null if it is no JSON, or nested too deeply.
Json parsed_request(const std::string& line) {
  try {
    return parse_json(line, "a request");
  } catch (const Error&) {
    return {};
  }
}

// The line for the human monitor that a request has, as whoever types it knows it.
std::string asked_text(const Json& request, const std::string& line) {
  const bool is_hmp = json_text(request, "execute") == "human-monitor-command";
  const std::string command = json_text(json_member(request, "arguments"), "command-line");
  return is_hmp && !command.empty() ? command : line;
}

} // namespace

Viewers::Viewers(const std::string& run_dir, const std::string& vm,
                 std::optional<ConsoleRelay>& console, std::optional<OwnMonitor>& monitor,
                 BaseLog& log, EventLoop& loop)
  : m_path(attach_path(run_dir, vm))
  , m_console(console)
  , m_monitor(monitor)
  , m_log(log)
  , m_loop(loop)
  , m_socket(listen_at(m_path))
  , m_listening(loop.watch(m_socket.get(), [this](const pollfd&) { accept(); })) {}

Viewers::~Viewers() {
  for (Viewer& viewer : m_viewers) {
    send(viewer); // what it takes now
  }
  ::unlink(m_path.c_str());
}

void Viewers::send_away() {
  m_viewers.remove_if([this](const Viewer& viewer) { return !viewer.fd || finished(viewer); });
}

bool Viewers::finished(const Viewer& viewer) const {
  switch (viewer.role) {
  case Role::console:
  case Role::keys:
    return !m_console || (m_console->machine_ended() && viewer.offset == m_console->received());
  case Role::monitor:
    return (!m_monitor || m_monitor->ended()) && viewer.out.empty();
  case Role::unknown:
    break;
  }
  return false;
}

short Viewers::events_for(const Viewer& viewer) const {
  const bool views_console = viewer.role == Role::console || viewer.role == Role::keys;
  const bool behind = views_console && viewer.offset < m_console->received();
  const bool must_wait = viewer.role == Role::keys && !m_console->takes_keys();
  return static_cast<short>((must_wait ? 0 : POLLIN) |
                            (behind || !viewer.out.empty() ? POLLOUT : 0));
}

void Viewers::handle(Viewer& viewer, const pollfd& found) {
  if (!viewer.fd) { // what the monitor has said in this turn could not be handed on
    return;
  }
  if ((found.revents & ~POLLOUT) != 0) {
    take_input(viewer);
  }
  if ((found.revents & POLLOUT) != 0) {
    send(viewer);
  }
}

void Viewers::accept() {
  UniqueFd fd(::accept4(m_socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) {
    return;
  }
  Viewer& viewer = m_viewers.emplace_back(Viewer{++m_last_number, std::move(fd)});
  viewer.watched = m_loop.watch(
      [this, &viewer] {
        return pollfd{viewer.fd.get(), events_for(viewer), 0};
      },
      [this, &viewer](const pollfd& found) { handle(viewer, found); });
}

void Viewers::take_input(Viewer& viewer) {
  std::array<std::byte, 4096> buffer;
  const IoCount got = read_some(viewer.fd.get(), buffer);
  if (got.result == IoResult::ended) {
    viewer.fd.reset();
  }
  if (got.result != IoResult::done) {
    return;
  }
  viewer.in += text_of(std::span(buffer).first(got.count));
  for (std::size_t end; viewer.role != Role::keys && viewer.fd &&
                        (end = viewer.in.find('\n')) != std::string::npos;) {
    const std::string line = viewer.in.substr(0, end);
    viewer.in.erase(0, end + 1);
    take_line(viewer, line);
  }
  if (viewer.role == Role::keys) {
    type(viewer, viewer.in);
    viewer.in.clear();
  }
  if (viewer.in.size() > k_longest_line) {
    viewer.fd.reset();
  }
}

void Viewers::take_line(Viewer& viewer, const std::string& line) {
  if (viewer.role == Role::unknown) {
    choose_role(viewer, line);
  } else if (viewer.role == Role::monitor) {
    command(viewer, line);
  }
}

void Viewers::choose_role(Viewer& viewer, const std::string& line) {
  m_log.write(format("viewer {}: {}", viewer.number, line));
  if ((line == "console" || line == "keys") && m_console) {
    viewer.role = line == "keys" ? Role::keys : Role::console;
    viewer.offset = m_console->received() - std::min(m_console->received(), k_history);
  } else if (line == "monitor" && m_monitor && !m_monitor->ended()) {
    viewer.role = Role::monitor;
    m_monitor->ask("query-version", Json::object(), [this, who = viewer.number](const Json& reply) {
      const Json version = json_member(reply, "return");
      say(who, {{"QMP", {{"version", version}, {"capabilities", Json::array()}}}});
    });
  } else {
    m_release = m_release || line == "release";
    viewer.fd.reset();
  }
}

void Viewers::type(const Viewer& viewer, std::string_view keys) {
  if (!keys.empty()) {
    m_log.write(format("viewer {} types: {}", viewer.number, keys));
    if (m_tell) { // before its echo can come
      m_tell({HandInput::Kind::keys, std::string(keys)});
    }
    m_console->type(keys);
  }
}

void Viewers::command(Viewer& viewer, const std::string& line) {
  const Json request = parsed_request(line);
  const std::string what = json_text(request, "execute");
  if (what.empty()) {
    const Json error = {{"class", "GenericError"}, {"desc", "expected {\"execute\": …}"}};
    say(viewer.number, with_id_of(request, {{"error", error}}));
    return;
  }
  if (what == "qmp_capabilities") { // they have been agreed on long ago
    viewer.negotiated = true;
    say(viewer.number, with_id_of(request, {{"return", Json::object()}}));
    return;
  }
  m_log.write(format("viewer {} asks: {}", viewer.number, line));
  if (m_tell) {
    m_tell({HandInput::Kind::monitor, asked_text(request, line)});
  }
  m_monitor->ask(what, request.value("arguments", Json::object()),
                 [this, who = viewer.number, request](const Json& reply) {
                   say(who, with_id_of(request, reply));
                 });
}

// The viewer may have gone meanwhile.
void Viewers::say(int number, const Json& message) {
  for (Viewer& viewer : m_viewers) {
    if (viewer.number == number && viewer.fd) {
      viewer.out += dump_json(message) + "\r\n";
      send(viewer);
      if (viewer.out.size() > k_most_unread) {
        viewer.fd.reset();
      }
    }
  }
}

void Viewers::note_event(const Json& event) {
  for (const Viewer& viewer : m_viewers) {
    if (viewer.negotiated) {
      say(viewer.number, event);
    }
  }
}

void Viewers::send(Viewer& viewer) {
  if (!viewer.fd) {
    return;
  }
  IoCount sent{IoResult::done, 0};
  if (viewer.role == Role::monitor) {
    sent = write_some(viewer.fd.get(), bytes_of(viewer.out));
    viewer.out.erase(0, sent.count);
  } else if (viewer.role != Role::unknown) {
    std::array<std::byte, 65536> buffer;
    viewer.offset = m_console->log().kept_from(viewer.offset);
    const std::size_t count = m_console->log().read(viewer.offset, buffer);
    sent = write_some(viewer.fd.get(), std::span(buffer).first(count));
    viewer.offset += sent.count;
  }
  if (sent.result == IoResult::ended) {
    viewer.fd.reset();
  }
}

bool Viewers::take_release() { return std::exchange(m_release, false); }

} // namespace qt
