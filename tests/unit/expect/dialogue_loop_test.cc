#include "expect/dialogue_loop.hh"

#include <gtest/gtest.h>
#include <thread>

namespace qt {
namespace dialogue_loop_test {

using namespace std::chrono_literals;

// A busy host may stop a program for longer than any limit of its own: it is late, or a machine
// silent or gone, only if there is nothing to read when it goes on.
TEST(DialogueLoopTest, WhatHasComeCountsBeforeADeadline) {
  FdPair console = make_socket_pair();
  FdPair exit = make_socket_pair();
  DialogueLog log("");
  DialogueLoop loop({{"default", console.second.get(), -1, exit.second.get()}}, Watch{}, log);
  Console& heard = loop.guests().front()->console();
  write_all(console.first.get(), "U-Boot 20", "pair");
  loop.turn(Deadline::after(20s));
  const Deadline deadline = Deadline::after(50ms);
  std::this_thread::sleep_for(150ms);
  write_all(console.first.get(), "23", "pair");
  EXPECT_TRUE(deadline.expired());
  EXPECT_FALSE(loop.missed(deadline));
  EXPECT_FALSE(heard.quiet());
  loop.turn(deadline);
  EXPECT_EQ(heard.backlog().at(0), "U-Boot 2023");
  EXPECT_TRUE(loop.missed(deadline));
  EXPECT_FALSE(heard.quiet());
  const Deadline silence = Deadline::after(20s);
  while (!heard.quiet() && !silence.expired()) {
    loop.turn(heard.quiet_at());
  }
  EXPECT_TRUE(heard.quiet());
}

} // namespace dialogue_loop_test
} // namespace qt
