// The one place where this project waits: a loop that descriptors and deadlines register with, and
// wait_for() for one descriptor alone.
//
// A loop asks before each wait what every descriptor is wanted for, as GLib's asks its sources: an
// object whose interest changes with its state only has to say it. In a turn the handlers are
// called in the order in which they have registered, then the timers that are due.
//
// It notices when this program was stopped meanwhile: by Ctrl-Z, by SIGSTOP, by a host that had no
// time for it. What has come by then is handled before anything is late, and the span counts for no
// timer: what was not there to look cannot be late. A stop cannot be seen from inside. So no sleep
// before a deadline is longer than 500 ms, and one that has lasted for over a second was no sleep;
// shorter stops count as ordinary time. A host that is suspended needs none of this: the monotonic
// clock stands still with it.
//
// A processor that has gone to sleep takes 25 µs to wake in a virtual machine, and an exchange
// between processes pays that for each of them. So a loop whose owner has asked something of
// another process looks again and again for a moment before it sleeps, if the answer before came as
// quickly: that costs at most one moment for each answer that is slow after a quick one.
#pragma once

#include "base/duration.hh"

#include <functional>
#include <memory>
#include <optional>
#include <poll.h>
#include <vector>

namespace qt {

// Waits until poll(2) finds one of `events`, or an error, on a descriptor; -1 is none. Gives what
// it has found: 0 at the deadline, or if a signal has come first.
short wait_for(int fd, short events, Deadline deadline);
// What it finds now.
short look_at(int fd, short events);

// `deadline` as it is if `span` does not count.
Deadline put_off(Deadline deadline, Duration span);

class EventLoop {
  struct Source;

public:
  using Interest = std::function<pollfd()>; // revents is of no account; descriptor -1: none now
  using Handler = std::function<void(const pollfd& found)>;

  EventLoop() = default;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Ends what it stands for when it is destroyed or another is assigned to it, also from within a
  // handler. May outlive the loop.
  class Registration {
  public:
    Registration() = default;
    Registration(Registration&&) noexcept = default;
    Registration& operator=(Registration&& other) noexcept;
    ~Registration();

  private:
    friend class EventLoop;
    explicit Registration(std::shared_ptr<Source> source)
      : m_source(std::move(source)) {}

    std::shared_ptr<Source> m_source;
  };

  // From the next turn on. Without a handler news only end the turn. A handler must be able to find
  // nothing: another one of the same turn may have taken it.
  [[nodiscard]] Registration watch(Interest interest, Handler handler);
  // For as long as the descriptor is readable.
  [[nodiscard]] Registration watch(int fd, Handler handler);
  // An object with one descriptor, which says interest() and takes handle(). It must stay where it
  // is.
  template<typename T>
  [[nodiscard]] Registration watch(T& object) {
    return watch([&object] { return object.interest(); },
                 [&object](const pollfd& found) { object.handle(found); });
  }

  struct Turn {
    int news = 0;             // descriptors that had some
    bool interrupted = false; // by a signal: nothing was looked at
    Duration stopped{0};      // for so long this program did not run
  };
  // Waits for news, for `limit`, for a timer, or for 500 ms, and handles what there is; without any
  // deadline for as long as nothing comes, and then it notices no stop. What a handler throws
  // leaves the turn, with the rest unhandled: the next one finds it again. Throws Error if poll(2)
  // fails. Not to be called from a handler.
  Turn turn(Deadline limit = Deadline::never());
  // Something was sent to which another process may answer at once: holds for the next turn.
  void expect_answer() { m_expects_answer = true; }

private:
  friend class Timer;

  int wait(int limit);
  void handle_news();
  void handle_timers();

  std::vector<std::shared_ptr<Source>> m_sources;
  std::vector<class Timer*> m_timers; // null: gone
  std::vector<pollfd> m_polled;       // of m_sources
  bool m_expects_answer = false;
  bool m_answers_are_quick = false; // the last one was
};

// A deadline that a loop wakes for. It is put off by the time in which the program was stopped.
class Timer {
public:
  // `due` is called once for each set(). The loop must outlive the object.
  Timer(EventLoop& loop, std::function<void()> due);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Replaces what was set before.
  void set(Duration span) { m_deadline = Deadline::after(span); }
  void cancel() { m_deadline = Deadline::never(); }
  bool is_set() const { return !m_deadline.is_never(); }
  // Until it is due; nothing if it is not set.
  std::optional<Duration> left() const {
    return is_set() ? std::optional(m_deadline.remaining()) : std::nullopt;
  }

private:
  friend class EventLoop;

  EventLoop& m_loop;
  std::function<void()> m_due;
  Deadline m_deadline = Deadline::never();
};

} // namespace qt
