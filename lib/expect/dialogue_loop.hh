// How a dialogue waits. Whatever a step waits for, it waits in turn(): there all consoles are read
// and searched for failure texts, monitors are served, the ends of machines and signals are
// noticed. What ends a dialogue early leaves turn() as a DialogueEnd. A person may visit a guest
// meanwhile.
#pragma once

#include "expect/guest.hh"
#include "os/event_loop.hh"
#include "os/folder_size.hh"

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace qt {

// Thrown where a dialogue is decided before its last step; caught once, by run_dialogue().
struct DialogueEnd {
  Cause cause = Cause::assertion;
  std::string message; // what happened, without naming the step
  std::string vm;      // the machine concerned; empty if none
  std::string awaited;
  Json details = Json::object();
  int signal = 0;    // that ended the program; 0: none
  bool late = false; // a deadline has passed, whatever the cause of that
};

class DialogueLoop {
public:
  // Does not own the descriptors and `log`. Blocks SIGTERM, SIGINT and SIGHUP as long as it lives.
  DialogueLoop(const std::vector<VmChannels>& vms, const Watch& watch, DialogueLog& log);
  ~DialogueLoop();
  DialogueLoop(const DialogueLoop&) = delete;
  DialogueLoop& operator=(const DialogueLoop&) = delete;

  std::vector<std::unique_ptr<Guest>>& guests() noexcept { return m_guests; }
  const Watch& watch() const noexcept { return m_watch; }
  const std::vector<std::unique_ptr<Guest>>& guests() const noexcept { return m_guests; }

  // Waits until something happens or `deadline` passes, and handles it; may return for no reason.
  // `awaited`: the machine on whose console the caller looks for something itself; its failures are
  // left to the caller, who knows what came first. Throws DialogueEnd, Error.
  void turn(Deadline deadline, const Guest* awaited = nullptr);
  // The same without looking at what fails a dialogue: that stays there for the next turn. False if
  // nothing was looked at.
  bool serve(Deadline deadline);
  // A descriptor of the caller's that turn() wakes for, too.
  [[nodiscard]] EventLoop::Registration wake_for(pollfd wanted) {
    return m_loop.watch([wanted] { return wanted; }, {});
  }

  // From now on turn() ends the dialogue when the files there fill the disk.
  void look_after(FolderSize folder) { m_folder = std::move(folder); }

  // Whether `deadline` had passed when turn() looked last: what came before it has been handled. A
  // program that a busy host, or Ctrl-Z, has stopped for long is late only if there is nothing to
  // read, and the time in which it was stopped does not count (event_loop.hh).
  bool missed(Deadline deadline) const { return deadline.expired(m_looked - m_stopped); }

  // Throws DialogueEnd if a failure text has come or a machine has crashed, `awaited` aside, or if
  // an event fails the dialogue.
  void check(const Guest* awaited) const;
  [[noreturn]] void throw_failure(const Guest& guest, const Match& failure) const;
  [[noreturn]] static void throw_failure(const Guest& guest, const GuestFinding& failure);

private:
  Deadline wake_at(Deadline deadline) const;
  void take_signal() const;
  void check_folder();
  void note_stop(Duration span);

  EventLoop m_loop;
  Watch m_watch;
  DialogueLog& m_log;
  UniqueFd m_signals;
  sigset_t m_old_mask;
  EventLoop::Registration m_signal_watch;
  std::vector<std::unique_ptr<Guest>> m_guests;
  std::optional<FolderSize> m_folder;
  Clock::time_point m_looked;
  Duration m_stopped{0}; // for how long this program was
};

// A person at the terminal while a dialogue stands still (--break): the machine's console and
// monitor are given to whoever is there until that person leaves. Meanwhile all consoles are read
// and logged, events are noticed, and nothing has a deadline.

// Why `guest` cannot be shown on the terminal; empty if it can.
std::string visit_mistake(const Guest* guest, const std::string& run_dir);

// `why` is told on the terminal. Gives how long it took; nothing if nobody came, as the machine is
// over. Throws DialogueEnd after a signal, Error.
std::optional<Duration> visit(DialogueLoop& loop, Guest& guest, const std::string& run_dir,
                              const std::string& why);

} // namespace qt
