#include "os/event_loop.hh"

#include "base/error.hh"
#include "os/fd.hh"

#include <array>
#include <csignal>
#include <ctime>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace qt {
namespace event_loop_test {

using namespace std::chrono_literals;

class EventLoopTest : public testing::Test {
protected:
  void write_first() { write_all(m_first.second.get(), "x", "pair"); }
  void write_second() { write_all(m_second.second.get(), "x", "pair"); }
  void turn() { m_loop.turn(Deadline::after(0ms)); }
  // A source that notes when it is called, and reads nothing.
  EventLoop::Handler note(const std::string& name) {
    return [this, name](const pollfd&) { m_called += name; };
  }

  EventLoop m_loop;
  FdPair m_first = make_socket_pair();
  FdPair m_second = make_socket_pair();
  std::string m_called;
};

TEST_F(EventLoopTest, CallsTheHandlersOfWhatHasNewsInTheOrderOfTheirRegistration) {
  const auto second = m_loop.watch(m_second.first.get(), note("second "));
  const auto first = m_loop.watch(m_first.first.get(), note("first "));
  turn();
  EXPECT_EQ(m_called, "");
  write_first();
  turn();
  EXPECT_EQ(m_called, "first ");
  write_second();
  turn();
  EXPECT_EQ(m_called, "first second first ");
}

TEST_F(EventLoopTest, HandsOverWhatWasFound) {
  short found = 0;
  const auto source = m_loop.watch(
      [this] {
        return pollfd{m_first.first.get(), POLLIN | POLLOUT, 0};
      },
      [&found](const pollfd& entry) { found = entry.revents; });
  turn();
  EXPECT_EQ(found, POLLOUT);
  write_first();
  turn();
  EXPECT_EQ(found, POLLIN | POLLOUT);
}

TEST_F(EventLoopTest, AsksBeforeEachWaitWhatIsWanted) {
  bool is_wanted = false;
  const auto source = m_loop.watch(
      [&] {
        return pollfd{is_wanted ? m_first.first.get() : -1, POLLIN, 0};
      },
      note("x"));
  write_first();
  turn();
  EXPECT_EQ(m_called, "");
  is_wanted = true;
  turn();
  EXPECT_EQ(m_called, "x");
}

TEST_F(EventLoopTest, OneThatIsNoLongerRegisteredIsNotCalled) {
  auto source = m_loop.watch(m_first.first.get(), note("first "));
  write_first();
  source = m_loop.watch(m_second.first.get(), note("second "));
  write_second();
  turn();
  EXPECT_EQ(m_called, "second ");
  source = {};
  turn();
  EXPECT_EQ(m_called, "second ");
}

TEST_F(EventLoopTest, AHandlerMayEndItselfAndOthersOfTheSameTurn) {
  std::optional<EventLoop::Registration> own;
  std::optional<EventLoop::Registration> other;
  own = m_loop.watch(m_first.first.get(), [&](const pollfd&) {
    m_called += "own ";
    own.reset();
    other.reset();
  });
  other = m_loop.watch(m_second.first.get(), note("other "));
  write_first();
  write_second();
  turn();
  turn();
  EXPECT_EQ(m_called, "own ");
}

TEST_F(EventLoopTest, AHandlerMayRegisterMany) {
  std::vector<EventLoop::Registration> more;
  const auto source = m_loop.watch(m_first.first.get(), [&](const pollfd&) {
    for (int i = 0; i < 100 && more.size() < 100; ++i) {
      more.push_back(m_loop.watch(m_second.first.get(), note("x")));
    }
  });
  write_first();
  write_second();
  turn();
  EXPECT_EQ(m_called, "") << "what registers in a turn is looked at in the next";
  turn();
  EXPECT_EQ(m_called, std::string(100, 'x'));
}

TEST_F(EventLoopTest, WhatAHandlerThrowsLeavesTheRestToTheNextTurn) {
  bool throws = true;
  const auto first = m_loop.watch(m_first.first.get(), [&](const pollfd&) {
    if (throws) {
      throw Error("no");
    }
  });
  const auto second = m_loop.watch(m_second.first.get(), note("second "));
  write_first();
  write_second();
  EXPECT_THROW(turn(), Error);
  EXPECT_EQ(m_called, "");
  throws = false;
  turn();
  EXPECT_EQ(m_called, "second ");
}

TEST_F(EventLoopTest, WithoutAHandlerNewsEndTheTurn) {
  const auto source = m_loop.watch(m_first.first.get(), {});
  write_first();
  m_loop.turn(); // for ever, if it did not
}

TEST_F(EventLoopTest, KeepsToItsLimit) {
  const auto source = m_loop.watch(m_first.first.get(), note("x"));
  const Deadline limit = Deadline::after(50ms);
  m_loop.turn(limit);
  EXPECT_TRUE(limit.expired());
  write_first();
  m_loop.turn(limit);
  EXPECT_EQ(m_called, "x") << "what is there counts";
}

// While it looks again and again it takes a processor: for a moment only.
TEST_F(EventLoopTest, SleepsIfAQuickAnswerIsFollowedBySlowOnes) {
  const auto source = m_loop.watch(m_first.first.get(), note("answer "));
  const auto turn_and_cost = [this](Duration limit) {
    const std::clock_t before = std::clock(); // of this process, but not while it sleeps
    m_loop.expect_answer();
    m_loop.turn(Deadline::after(limit));
    return static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  };
  write_first();
  turn_and_cost(10s); // the quick one
  EXPECT_EQ(m_called, "answer ");
  std::array<std::byte, 1> byte;
  read_some(m_first.first.get(), byte);
  EXPECT_LT(turn_and_cost(400ms), 0.2);
  EXPECT_EQ(m_called, "answer ");
  std::thread other([this] {
    std::this_thread::sleep_for(20ms);
    write_first();
  });
  turn_and_cost(10s);
  other.join();
  EXPECT_EQ(m_called, "answer answer ");
}

TEST_F(EventLoopTest, ATimerIsDueOnceForEachTimeThatItIsSet) {
  Timer timer(m_loop, [this] { m_called += "t"; });
  turn();
  EXPECT_EQ(m_called, "");
  timer.set(20ms);
  EXPECT_TRUE(timer.is_set());
  while (m_called.empty()) {
    m_loop.turn(); // wakes for it
  }
  EXPECT_FALSE(timer.is_set());
  turn();
  EXPECT_EQ(m_called, "t");
  timer.set(0ms);
  timer.cancel();
  turn();
  EXPECT_EQ(m_called, "t");
}

TEST_F(EventLoopTest, WhatHasComeIsHandledBeforeATimerIsDue) {
  Timer timer(m_loop, [this] { m_called += "timer "; });
  const auto source = m_loop.watch(m_first.first.get(), note("news "));
  write_first();
  timer.set(0ms);
  turn();
  EXPECT_EQ(m_called, "news timer ");
}

TEST_F(EventLoopTest, AHandlerMayCancelATimerThatWouldBeDue) {
  Timer timer(m_loop, [this] { m_called += "timer "; });
  const auto source =
      m_loop.watch(m_first.first.get(), [&timer](const pollfd&) { timer.cancel(); });
  write_first();
  timer.set(0ms);
  turn();
  EXPECT_EQ(m_called, "");
}

TEST_F(EventLoopTest, ATimerMayEndAnother) {
  std::optional<Timer> second;
  Timer first(m_loop, [&] {
    m_called += "first ";
    second.reset();
  });
  second.emplace(m_loop, [this] { m_called += "second "; });
  first.set(0ms);
  second->set(0ms);
  turn();
  turn();
  EXPECT_EQ(m_called, "first ");
}

TEST_F(EventLoopTest, ARegistrationMayOutliveItsLoop) {
  std::optional<EventLoop> loop(std::in_place);
  const auto source = loop->watch(m_first.first.get(), {});
  loop.reset();
}

// The timer would be late by the clock, and has all of its time by the program's own.
TEST_F(EventLoopTest, NoticesThatItWasStoppedWhichCountsForNoTimer) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    bool is_late = false;
    Timer timer(m_loop, [&is_late] { is_late = true; });
    Duration stopped{0};
    for (const Deadline end = Deadline::after(30s); stopped < 1s && !end.expired();) {
      timer.set(2s);
      stopped += m_loop.turn(end).stopped;
    }
    ::_exit(stopped > 1500ms && !is_late && timer.is_set() ? 0 : 1);
  }
  std::this_thread::sleep_for(100ms);
  ::kill(child, SIGSTOP);
  std::this_thread::sleep_for(3s);
  ::kill(child, SIGCONT);
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(WaitFor, GivesWhatItHasFound) {
  FdPair pair = make_socket_pair();
  EXPECT_EQ(look_at(pair.first.get(), POLLIN), 0);
  EXPECT_EQ(look_at(pair.first.get(), POLLOUT), POLLOUT);
  const Deadline deadline = Deadline::after(30ms);
  EXPECT_EQ(wait_for(pair.first.get(), POLLIN, deadline), 0);
  EXPECT_TRUE(deadline.expired());
  write_all(pair.second.get(), "x", "pair");
  EXPECT_EQ(wait_for(pair.first.get(), POLLIN, Deadline::never()), POLLIN);
  pair.second.reset();
  EXPECT_NE(look_at(pair.first.get(), 0) & POLLHUP, 0) << "an end comes unasked";
  EXPECT_EQ(look_at(-1, POLLIN), 0);
}

TEST(PutOff, KeepsWhatIsLeft) {
  EXPECT_TRUE(put_off(Deadline::never(), 1s).is_never());
  EXPECT_GT(put_off(Deadline::after(0ms), 1h).remaining(), 59min);
}

} // namespace event_loop_test
} // namespace qt
