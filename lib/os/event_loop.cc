#include "os/event_loop.hh"

#include "base/error.hh"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <sched.h>
#include <utility>

namespace qt {

namespace {

constexpr int k_longest_sleep = 500;              // ms
constexpr Duration k_longest_excess{500};         // of a sleep over what was asked for
constexpr std::chrono::microseconds k_quick{100}; // an answer

} // namespace

struct EventLoop::Source {
  Interest interest;
  Handler handler;
  bool gone = false;
};

short wait_for(int fd, short events, Deadline deadline) {
  pollfd entry = {fd, events, 0};
  return ::poll(&entry, 1, deadline.poll_timeout()) > 0 ? entry.revents : short{0};
}

short look_at(int fd, short events) {
  return wait_for(fd, events, Deadline::after(Duration::zero()));
}

Deadline put_off(Deadline deadline, Duration span) {
  return deadline.is_never() ? deadline : Deadline::after(deadline.remaining() + span);
}

EventLoop::Registration::~Registration() {
  if (m_source) {
    m_source->gone = true;
  }
}

EventLoop::Registration& EventLoop::Registration::operator=(Registration&& other) noexcept {
  if (m_source && m_source != other.m_source) {
    m_source->gone = true;
  }
  m_source = std::move(other.m_source);
  return *this;
}

EventLoop::Registration EventLoop::watch(Interest interest, Handler handler) {
  m_sources.push_back(
      std::make_shared<Source>(Source{std::move(interest), std::move(handler), false}));
  return Registration(m_sources.back());
}

EventLoop::Registration EventLoop::watch(int fd, Handler handler) {
  return watch([fd] { return pollfd{fd, POLLIN, 0}; }, std::move(handler));
}

EventLoop::Turn EventLoop::turn(Deadline limit) {
  std::erase_if(m_sources, [](const auto& source) { return source->gone; });
  std::erase(m_timers, nullptr);
  m_polled.clear();
  for (const auto& source : m_sources) {
    m_polled.push_back(source->interest());
  }
  for (const Timer* const timer : m_timers) {
    limit = earlier(limit, timer->m_deadline);
  }
  const int left = limit.poll_timeout();
  const int asked = left < 0 ? left : std::min(left, k_longest_sleep);
  const Clock::time_point latest = Clock::now() + Duration(std::max(asked, 0));
  Turn turn;
  const int found = wait(asked);
  if (found < 0 && errno != EINTR) {
    throw errno_error(errno, "waiting for descriptors");
  }
  turn.news = std::max(found, 0);
  turn.interrupted = found < 0;
  const auto excess = std::chrono::duration_cast<Duration>(Clock::now() - latest);
  if (asked >= 0 && excess > k_longest_excess) {
    turn.stopped = excess;
    for (Timer* const timer : m_timers) {
      timer->m_deadline = put_off(timer->m_deadline, excess);
    }
  }
  if (!turn.interrupted) {
    handle_news();
    handle_timers();
  }
  return turn;
}

// poll(2) with `limit`, in ms. While it looks again and again, whoever else is ready to run comes
// first.
int EventLoop::wait(int limit) {
  if (!std::exchange(m_expects_answer, false) || limit == 0) {
    return ::poll(m_polled.data(), m_polled.size(), limit);
  }
  const Clock::time_point begin = Clock::now();
  int found = 0;
  while (m_answers_are_quick && found == 0 && Clock::now() - begin < k_quick) {
    found = ::poll(m_polled.data(), m_polled.size(), 0);
    if (found == 0) {
      ::sched_yield();
    }
  }
  if (found == 0) {
    found = ::poll(m_polled.data(), m_polled.size(), limit);
  }
  m_answers_are_quick = Clock::now() - begin < k_quick;
  return found;
}

// Handlers may register others, which are not in m_polled, and end those that stand there.
void EventLoop::handle_news() {
  for (std::size_t i = 0; i < m_polled.size(); ++i) {
    const std::shared_ptr<Source> source = m_sources[i];
    if (m_polled[i].revents != 0 && !source->gone && source->handler) {
      source->handler(m_polled[i]);
    }
  }
}

void EventLoop::handle_timers() {
  const Clock::time_point now = Clock::now();
  for (std::size_t i = 0; i < m_timers.size(); ++i) {
    if (Timer* const timer = m_timers[i]; timer != nullptr && timer->m_deadline.expired(now)) {
      timer->cancel();
      timer->m_due();
    }
  }
}

Timer::Timer(EventLoop& loop, std::function<void()> due)
  : m_loop(loop)
  , m_due(std::move(due)) {
  m_loop.m_timers.push_back(this);
}

Timer::~Timer() {
  std::replace(m_loop.m_timers.begin(), m_loop.m_timers.end(), this, static_cast<Timer*>(nullptr));
}

} // namespace qt
