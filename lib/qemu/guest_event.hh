// Events of QEMU's monitor that matter for how a run ends, and what becomes of them: the one place
// for that. Pure. qt-boot watches its own monitor for them all through the run, keeps them in the
// verdict and passes them on to the program that asks for them (exit_channel.hh).
//
//   GUEST_PANICKED, GUEST_CRASHLOADED  guest-panic, at once
//   BLOCK_IO_ERROR that stops the machine  host, at once: nothing more will come
//   SHUTDOWN  guest-panic, guest-reset by its reason; host if QEMU was ended from outside
//   RESET     guest-reset, if by the guest and during the wait that failed
//   WATCHDOG  guest-reset if that is its action; else only said
//   MEMORY_FAILURE  guest-reset if that is its action; else only said
//   STOP without RESUME, SHUTDOWN for other reasons  only said
//
// What is "at once" fails a dialogue whenever it comes; the others fail nothing: firmware resets
// and guests power off as they please. They give a wait that has failed (a deadline, an end of
// QEMU) its cause. A dialogue with an `event` step for it wants the event: then it is neither. Of
// panics each step wants one.
#pragma once

#include "ipc/run_dir.hh"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

struct GuestFinding {
  std::optional<Cause> cause; // nothing: only worth saying
  std::string text;           // "the guest panicked"
};

bool is_noted_event(std::string_view name);

// GUEST_PANICKED or GUEST_CRASHLOADED: QEMU sends one of them for a panic.
bool is_panic_event(std::string_view name);
// How many panics `events` tell of. One that was found by asking ("early", early_end.hh) may have
// been told of before.
std::size_t count_panics(const std::vector<Json>& events);

// Whether QEMU has said that it ends: a panic with the action "poweroff", or SHUTDOWN without the
// STOP that follows for a machine that is kept. It says no STOP of one that is kept (-no-shutdown)
// and did not run: then the notice is wrong.
class NoticeOfEnd {
public:
  // Events in the order in which they have come.
  void note(const Json& event);
  bool given() const { return m_panicked || m_shutdown == Shutdown::ends; }
  // QEMU has said that it keeps the machine that has shut down.
  bool keeps() const { return m_shutdown == Shutdown::stopped; }

private:
  bool m_panicked = false;
  enum class Shutdown { none, ends, stopped } m_shutdown = Shutdown::none;
};

// `event`: as QMP has it, with "event" and "data". Nothing: it fails nothing by itself.
std::optional<GuestFinding> failure_at_once(const Json& event);

// What `events`, in the order in which they came, say of a wait that has failed or an end that
// nobody asked for. Those before `since` have not come during the wait. `status`: with which QEMU
// has exited; 0 also if it has not. A guest that chooses another one has not panicked, whatever
// reason its shutdown has.
std::optional<GuestFinding> explanation(const std::vector<Json>& events, std::size_t since,
                                        int status = 0);

} // namespace qt
