#include "expect/dialogue_loop.hh"

#include "base/error.hh"
#include "base/timeout_multiplier.hh"
#include "ipc/run_dir.hh"
#include "ipc/terminal_view.hh"
#include "os/file.hh"
#include "os/process.hh"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <sys/signalfd.h>
#include <unistd.h>

namespace qt {

DialogueLoop::DialogueLoop(const std::vector<VmChannels>& vms, const Watch& watch, DialogueLog& log)
  : m_watch(watch)
  , m_log(log) {
  sigset_t caught;
  ::sigemptyset(&caught);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    ::sigaddset(&caught, number);
  }
  m_signals = UniqueFd(::signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!m_signals) {
    throw errno_error(errno, "watching for signals");
  }
  m_signal_watch = m_loop.watch(m_signals.get(), [this](const pollfd&) { take_signal(); });
  for (const VmChannels& vm : vms) {
    m_guests.push_back(std::make_unique<Guest>(vm, watch, log, m_loop));
  }
  ::sigprocmask(SIG_BLOCK, &caught, &m_old_mask);
}

DialogueLoop::~DialogueLoop() { ::sigprocmask(SIG_SETMASK, &m_old_mask, nullptr); }

void DialogueLoop::turn(Deadline deadline, const Guest* awaited) {
  if (serve(wake_at(deadline))) {
    check(awaited);
    check_folder();
  }
}

bool DialogueLoop::serve(Deadline deadline) {
  m_log.flush(DialogueLog::Lines::keep_unfinished);
  const Clock::time_point begin = Clock::now();
  deadline = put_off(deadline, m_stopped);
  const EventLoop::Turn turn =
      m_loop.turn(m_folder ? earlier(deadline, m_folder->deadline()) : deadline);
  if (turn.stopped > Duration::zero()) {
    note_stop(turn.stopped);
  }
  if (turn.interrupted) {
    return false;
  }
  m_looked = begin;
  for (const std::unique_ptr<Guest>& guest : m_guests) {
    guest->looked(begin);
  }
  for (const std::unique_ptr<Guest>& guest : m_guests) {
    if (guest->has_console() && guest->console().undecided() && guest->console().quiet()) {
      guest->console().settle();
    }
  }
  return true;
}

void DialogueLoop::check_folder() {
  if (m_folder && m_folder->check()) {
    DialogueEnd end;
    end.cause = Cause::flood;
    end.message = m_folder->text();
    throw end;
  }
}

void DialogueLoop::note_stop(Duration span) {
  m_log.note(
      format("this program was stopped for {}, which does not count", format_duration(span)));
  m_stopped += span;
  for (const std::unique_ptr<Guest>& guest : m_guests) {
    guest->note_stop(span);
  }
}

Deadline DialogueLoop::wake_at(Deadline deadline) const {
  for (const std::unique_ptr<Guest>& guest : m_guests) {
    if (!guest->over()) {
      deadline = earlier(deadline, guest->over_at());
      deadline = earlier(deadline, guest->failure_at());
    }
    if (guest->has_console() && guest->console().undecided()) {
      deadline = earlier(deadline, guest->console().quiet_at());
    }
  }
  return deadline;
}

void DialogueLoop::take_signal() const {
  signalfd_siginfo info{};
  if (::read(m_signals.get(), &info, sizeof info) == sizeof info) {
    const auto number = static_cast<int>(info.ssi_signo);
    DialogueEnd end;
    end.cause = Cause::timeout;
    end.message = "ended by " + signal_name(number);
    end.signal = number;
    throw end;
  }
}

void DialogueLoop::check(const Guest* awaited) const {
  for (const std::unique_ptr<Guest>& guest : m_guests) {
    if (guest->failure() && (guest->over() || missed(guest->failure_at()))) {
      throw_failure(*guest, *guest->failure());
    }
    if (guest.get() == awaited) {
      continue;
    }
    if (guest->has_console() && guest->console().failure()) {
      throw_failure(*guest, *guest->console().failure());
    }
    if (guest->crashed() && guest->over()) {
      DialogueEnd end;
      end.cause = Cause::qemu_crash;
      end.message = guest->describe_end();
      end.vm = guest->name();
      throw end;
    }
  }
}

void DialogueLoop::throw_failure(const Guest& guest, const GuestFinding& failure) {
  DialogueEnd end;
  end.cause = failure.cause.value_or(Cause::assertion);
  end.vm = guest.name();
  end.message = failure.text;
  throw end;
}

void DialogueLoop::throw_failure(const Guest& guest, const Match& failure) const {
  DialogueEnd end;
  end.cause = Cause::fail_pattern;
  end.vm = guest.name();
  end.message = format("the failure text '{}' appeared", failure.text);
  end.details = {{"failure", m_watch.failures.at(failure.pattern).text}, {"matched", failure.text}};
  throw end;
}

namespace {

constexpr Duration k_last_echo{1000}; // at most, for what was typed last to have come back
constexpr Duration k_begin{10000};    // at most, for qt-boot to be there for those who look on
constexpr Duration k_look{10};

// The machines' deadlines, with qt-boot, and what a person's doing brings forth, stand still for
// as long as it lives.
class Pause {
public:
  explicit Pause(DialogueLoop& loop)
    : m_loop(loop) {
    for (const auto& guest : m_loop.guests()) {
      guest->ask_to(ExitRequest::pause);
      guest->begin_visit();
    }
  }
  ~Pause() { // best effort: after a signal nobody needs it
    try {
      for (const auto& guest : m_loop.guests()) {
        guest->end_visit();
        guest->ask_to(ExitRequest::resume);
      }
    } catch (const Error&) {
      return;
    }
  }
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

private:
  DialogueLoop& m_loop;
};

} // namespace

std::string visit_mistake(const Guest* guest, const std::string& run_dir) {
  if (!has_terminal()) {
    return "there is no terminal to give the machine to; run it at one, without Meson or with "
           "'meson test --interactive' (Meson 1.5)";
  }
  if (guest == nullptr || run_dir.empty() || !guest->has_exit()) {
    return "there is no machine of this chain to show; use qt-boot … -- QEMU-ARGS -- qt-expect …";
  }
  return guest->has_console() ? ""
                              : format("the machine '{}' has no console to show", guest->name());
}

std::optional<Duration> visit(DialogueLoop& loop, Guest& guest, const std::string& run_dir,
                              const std::string& why) {
  if (guest.over()) {
    return std::nullopt;
  }
  const Clock::time_point begin = Clock::now();
  const Pause pause(loop);
  // It starts the program before that; the first step may be meant.
  const Deadline begun = Deadline::after(scaled(k_begin));
  while (!exists(attach_path(run_dir, guest.name())) && !guest.over() && !begun.expired()) {
    loop.serve(earlier(begun, Deadline::after(k_look)));
  }
  const std::unique_ptr<TerminalView> view = TerminalView::open(run_dir, guest.name(), why);
  if (!view) {
    throw Error("the terminal is gone to which the machine was to be given");
  }
  {
    const auto wake = loop.wake_for({view->exit_fd(), POLLIN, 0});
    while (!view->ended()) {
      loop.serve(Deadline::never());
    }
  }
  const Deadline last = Deadline::after(k_last_echo);
  const auto is_quiet = [](const auto& one) {
    return !one->has_console() || one->console().quiet();
  };
  while (!last.expired() && !std::all_of(loop.guests().begin(), loop.guests().end(), is_quiet)) {
    loop.serve(earlier(last, Deadline::after(Console::k_quiet)));
  }
  return std::chrono::duration_cast<Duration>(Clock::now() - begin);
}

} // namespace qt
