// People who look at a running machine (attach.hh is their side). They come in through a UNIX
// socket in the run directory, VM.attach, and say in their first line what they want:
//
//   console   the console: at most the last 64 KiB of what has come, then what comes, until its end
//   keys      the same, and what they send is typed on the console; base.log says so
//   monitor   a QMP connection of their own, with a greeting and events; it shares qt-boot's
//   release   no answer: a machine that is kept (--on-fail) may end now
//
// Nobody who looks can disturb: what a viewer has not read lies in the console's log, not in
// memory; nothing here blocks; one that leaves 64 MiB of the monitor unread is sent away.
//
// Passive: the owner polls what add_polls() adds and hands it to handle().
#pragma once

#include "boot/relay.hh"
#include "ipc/base_log.hh"
#include "qemu/own_monitor.hh"

#include <list>
#include <optional>
#include <poll.h>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

class Viewers {
public:
  // Listens. `console` and `monitor` may be empty; all must outlive the object. Throws Error.
  Viewers(const std::string& run_dir, const std::string& vm, std::optional<ConsoleRelay>& console,
          std::optional<OwnMonitor>& monitor, BaseLog& log);
  // Removes the socket.
  ~Viewers();
  Viewers(const Viewers&) = delete;
  Viewers& operator=(const Viewers&) = delete;

  void add_polls(std::vector<pollfd>& polled);
  // `polled`: the entries that add_polls() has added, with what poll(2) has found.
  void handle(std::span<const pollfd> polled);
  // The monitor has told of it.
  void note_event(const Json& event);
  // Once after somebody has asked for the end of a machine that is kept.
  bool take_release();

private:
  enum class Role { unknown, console, keys, monitor };
  struct Viewer {
    int number;
    UniqueFd fd;
    Role role = Role::unknown;
    std::uint64_t offset = 0; // of the console
    bool negotiated = false;  // with the monitor
    std::string in;           // a line's beginning
    std::string out;          // for a viewer of the monitor
  };

  void accept();
  void take_input(Viewer& viewer);
  void take_line(Viewer& viewer, const std::string& line);
  void choose_role(Viewer& viewer, const std::string& line);
  void type(const Viewer& viewer, std::string_view keys);
  void command(Viewer& viewer, const std::string& line);
  void say(int number, const Json& message);
  void send(Viewer& viewer);
  bool finished(const Viewer& viewer) const;
  short events_for(const Viewer& viewer) const;

  std::string m_path;
  std::optional<ConsoleRelay>& m_console;
  std::optional<OwnMonitor>& m_monitor;
  BaseLog& m_log;
  UniqueFd m_socket;
  std::list<Viewer> m_viewers;
  int m_last_number = 0;
  bool m_release = false;
};

// The socket of a machine in a run directory.
std::string attach_path(const std::string& run_dir, std::string_view vm);

} // namespace qt
