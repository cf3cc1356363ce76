#include "expect/dialogue_loop.hh"

#include "base/error.hh"
#include "os/process.hh"

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

} // namespace qt
