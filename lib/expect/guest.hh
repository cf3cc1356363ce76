// One machine of a dialogue with its three channels (run_dir.hh): the console, the monitor and the
// line on which qt-boot tells how QEMU ended. It handles what the loop finds on them and remembers
// what came; it never waits.
#pragma once

#include "console/console.hh"
#include "ipc/exit_channel.hh"
#include "ipc/run_dir.hh"
#include "os/event_loop.hh"
#include "qemu/guest_event.hh"
#include "qemu/qmp.hh"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qt {

class Guest {
public:
  // Registers with the loop, which may throw Error in its turns. Does not own the descriptors and
  // `log`.
  Guest(const VmChannels& channels, const Watch& watch, DialogueLog& log, EventLoop& loop);
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  const std::string& name() const noexcept { return m_channels.name; }
  bool has_console() const noexcept { return m_console != nullptr; }
  bool has_monitor() const noexcept { return m_channels.qmp >= 0; }
  bool has_exit() const noexcept { return m_channels.exit >= 0; }

  // Says that so much of the console is unconsumed that no more is read; empty: it is read.
  std::string full_console() const;
  // As Console::type(): on the console, as much as is taken now.
  std::optional<std::size_t> type(std::string_view bytes);
  Console& console() noexcept { return *m_console; }
  const Console& console() const noexcept { return *m_console; }
  Qmp& qmp() noexcept { return m_qmp; }
  // While a program that has inherited the monitor may talk to it, nothing is read from it here:
  // what is not meant for that program waits, unless the program takes it.
  enum class Monitor { ours, lent };
  void set_monitor(Monitor owner) noexcept { m_monitor = owner; }
  // Nothing will come from the monitor any more.
  bool monitor_ended() const noexcept { return m_monitor_ended; }

  // done, quit or kill: qt-boot ends QEMU accordingly; has_exit() must be true.
  void request_end(ExitRequest request);

  // Any request that has no answer.
  void ask_to(ExitRequest request) { m_exit.ask(request); }

  // Asks qt-boot how much of what was typed QEMU has not read; has_exit() must be true. untaken()
  // is the answer, once it has come.
  void ask_untaken();
  const std::optional<std::size_t>& untaken() const noexcept { return m_untaken; }

  // What qt-boot tells of the machine's events (guest_event.hh). The event that a step awaits is no
  // failure from now on; of panics only as many as there are steps for them. `data` as in the step.
  void want_event(const std::string& name, const Json& data);
  // From here on events have come "meanwhile".
  void begin_step() { m_events_before = m_events.size(); }
  // What the monitor has told by now is old news: no step after this place may await it.
  void forget_events();
  // Somebody who looks at the machine (boot/viewers.hh) has typed or asked the monitor since the
  // last call; or before this program began, which is told only now.
  bool take_touched() { return std::exchange(m_is_touched, false); }
  bool take_touched_before() { return std::exchange(m_is_touched_before, false); }
  // A person is there. What comes on the console from the first key on, and what the monitor tells
  // from the first question on, is that person's doing: no step takes it for what it awaits.
  void begin_visit();
  void end_visit();

  // An unwanted event that fails the dialogue, whatever has come since.
  std::optional<GuestFinding> failure() const;
  // When it does so, if the machine is not over before: the console may say the rest until then.
  Deadline failure_at() const { return m_failure_at; }
  // What the events say of a wait in vain.
  std::optional<GuestFinding> explanation() const;

  // How QEMU ended; nothing if it runs or nobody can tell.
  const std::optional<ExitStatus>& end() const noexcept { return m_end; }
  // QEMU has ended by a signal that nobody asked for.
  bool crashed() const;
  // Everything that had come at `when` has been handled.
  void looked(Clock::time_point when);
  // Nobody was there to look for so long.
  void note_stop(Duration span);

  // QEMU has ended as far as can be told, and its console has been read to the end; or one of the
  // two has not come within 2 s after the other.
  bool over() const;
  // When over() may become true without anything coming; never if there is no sign of it.
  Deadline over_at() const;
  // "QEMU exited with status 1", "QEMU was killed by SIGSEGV" or "the console ended".
  std::string describe_end() const;
  // The cause of a failure because the machine has ended while something was awaited.
  Cause end_cause() const;

private:
  static constexpr Duration k_drain{2000};
  static constexpr Duration k_last_words{100}; // from the news of a panic to the failure

  void register_with();
  pollfd monitor_interest() const;
  void note_first_sign();
  void note_full_console();
  bool read_monitor();
  std::size_t sendable() const;
  void write_monitor();
  void read_exit();
  void take_hand_input(const HandInput& input);
  void log_keys();
  void take_event(const Json& event);
  bool is_wanted(const Json& event);
  bool has_unread() const;
  bool console_over() const { return !m_console || m_console->ended(); }
  bool exit_over() const { return !has_exit() || m_exit_ended; }

  VmChannels m_channels;
  DialogueLog& m_log;
  EventLoop& m_loop;
  ExitChannelOfProgram m_exit;
  std::unique_ptr<Console> m_console;
  bool m_full_is_noted = false;
  Qmp m_qmp;
  Monitor m_monitor = Monitor::ours;
  bool m_monitor_ended = false;
  bool m_is_settled = false;     // qt-boot has said that the monitor may be asked
  bool m_has_negotiated = false; // the negotiation is written whole
  bool m_exit_ended = false;     // its line or its end has come
  std::vector<Json> m_events;
  std::size_t m_events_before = 0;       // that came before the step
  std::set<std::string> m_wanted_events; // but panics
  std::size_t m_panics_awaited = 0;      // by steps for their own events
  std::size_t m_panic_ends_awaited = 0;  // by steps for the shutdown that comes of one
  std::vector<Json> m_panics;
  Deadline m_failure_at = Deadline::never();
  std::optional<std::size_t> m_untaken;
  bool m_is_visited = false;
  bool m_is_touched = false;
  bool m_is_touched_before = false;
  bool m_is_asked = false;    // its monitor, by a person who is there
  std::string m_keys_by_hand; // not logged yet
  std::optional<ExitStatus> m_end;
  std::optional<ExitRequest> m_request;          // to end
  std::optional<Clock::time_point> m_first_sign; // of the end
  Clock::time_point m_looked;
  std::vector<EventLoop::Registration> m_watched; // the three channels
};

} // namespace qt
