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
// Works in the turns of an event loop.
#pragma once

#include "boot/relay.hh"
#include "ipc/base_log.hh"
#include "ipc/exit_channel.hh"
#include "os/event_loop.hh"
#include "qemu/own_monitor.hh"

#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace qt {

class Viewers {
public:
  // Listens. `console` and `monitor` may be empty; all must outlive the object. Throws Error.
  Viewers(const std::string& run_dir, const std::string& vm, std::optional<ConsoleRelay>& console,
          std::optional<OwnMonitor>& monitor, BaseLog& log, EventLoop& loop);
  // Removes the socket.
  ~Viewers();
  Viewers(const Viewers&) = delete;
  Viewers& operator=(const Viewers&) = delete;

  // Ends the connections of those who have gone, and of those who have seen all that will come: to
  // be called after each turn of the loop.
  void send_away();
  // The monitor has told of it.
  void note_event(const Json& event);
  // Told from now on of what those who look do to the machine.
  void tell_of_hands(std::function<void(const HandInput&)> tell) { m_tell = std::move(tell); }
  // Once after somebody has asked for the end of a machine that is kept.
  bool take_release();

private:
  enum class Role { unknown, console, keys, monitor };
  struct Viewer {
    int number;
    UniqueFd fd{};
    Role role = Role::unknown;
    std::uint64_t offset = 0; // of the console
    bool negotiated = false;  // with the monitor
    std::string in{};         // a line's beginning
    std::string out{};        // for a viewer of the monitor
    EventLoop::Registration watched{};
  };

  void accept();
  void handle(Viewer& viewer, const pollfd& found);
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
  EventLoop& m_loop;
  UniqueFd m_socket;
  std::list<Viewer> m_viewers;
  int m_last_number = 0;
  bool m_release = false;
  std::function<void(const HandInput&)> m_tell; // or empty
  EventLoop::Registration m_listening;
};

} // namespace qt
