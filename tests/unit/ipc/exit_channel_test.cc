#include "ipc/exit_channel.hh"

#include "base/error.hh"
#include "os/file.hh"

#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace exit_channel_test {

using testing::ElementsAre;

class ExitChannelTest : public testing::Test {
protected:
  // As another program of the chain might: in any pieces.
  void say(std::string_view bytes) { write_all(m_far.get(), bytes, "the channel"); }

  FdPair m_pair = make_socket_pair();
  UniqueFd m_far = std::move(m_pair.second);
  ExitChannelOfBoot m_boot = [this] {
    set_nonblocking(m_pair.first.get());
    return ExitChannelOfBoot(std::move(m_pair.first));
  }();
  ExitChannelOfProgram m_program{m_far.get(), "default"};
};

TEST_F(ExitChannelTest, EveryRequestArrivesAsWhatItWas) {
  for (const ExitRequest request :
       {ExitRequest::done, ExitRequest::quit, ExitRequest::kill, ExitRequest::ending,
        ExitRequest::hold, ExitRequest::events, ExitRequest::untaken, ExitRequest::panics,
        ExitRequest::pause, ExitRequest::resume}) {
    m_program.ask(request);
    EXPECT_THAT(m_boot.take_requests(), ElementsAre(request)) << text(request);
  }
}

TEST_F(ExitChannelTest, RequestsComeInAnyPieces) {
  say("do");
  EXPECT_TRUE(m_boot.take_requests().empty());
  say("ne\nno such word\n\nkill\nqui");
  EXPECT_THAT(m_boot.take_requests(), ElementsAre(ExitRequest::done, ExitRequest::kill));
  say("t\n");
  EXPECT_THAT(m_boot.take_requests(), ElementsAre(ExitRequest::quit));
}

TEST_F(ExitChannelTest, EveryKindOfNewsArrivesAsWhatItWas) {
  m_boot.tell(MachineEvent{{{"event", "RESET"}, {"data", {{"guest", true}}}}});
  m_boot.tell(UntakenBytes{17});
  m_boot.tell(Settled{});
  m_boot.tell(HandInput{HandInput::Kind::keys, "ls\r\xff\n"});
  m_boot.tell(HandInput{HandInput::Kind::monitor, "stop", true});
  m_boot.tell(ExitStatus{3 << 8});
  m_boot.tell(ExitStatus{SIGSEGV});
  const std::vector<ExitNews> news = m_program.take_news();
  ASSERT_EQ(news.size(), 7U);
  EXPECT_EQ(std::get<MachineEvent>(news[0]).event["data"]["guest"], true);
  EXPECT_EQ(std::get<UntakenBytes>(news[1]).count, 17U);
  EXPECT_TRUE(std::holds_alternative<Settled>(news[2]));
  EXPECT_EQ(std::get<HandInput>(news[3]).kind, HandInput::Kind::keys);
  EXPECT_EQ(std::get<HandInput>(news[3]).text, "ls\r\xff\n");
  EXPECT_FALSE(std::get<HandInput>(news[3]).was_before);
  EXPECT_EQ(std::get<HandInput>(news[4]).kind, HandInput::Kind::monitor);
  EXPECT_EQ(std::get<HandInput>(news[4]).text, "stop");
  EXPECT_TRUE(std::get<HandInput>(news[4]).was_before);
  EXPECT_EQ(std::get<ExitStatus>(news[5]).code(), 3);
  EXPECT_EQ(std::get<ExitStatus>(news[6]).signal(), SIGSEGV);
  EXPECT_FALSE(m_program.ended());
}

TEST_F(ExitChannelTest, NobodyTellsAnythingElse) {
  for (const char* wrong :
       {"", "exited", "exited x", "exited 256", "killed SIGX", "untaken -1", "untaken", "event",
        "event {", "hand", "hand {}", "hand {", "anything"}) {
    FdPair pair = make_socket_pair();
    ExitChannelOfProgram program(pair.first.get(), "default");
    write_all(pair.second.get(), std::string(wrong) + "\n", "the channel");
    EXPECT_THROW(program.take_news(), Error) << wrong;
  }
}

TEST_F(ExitChannelTest, NeitherEndMindsThatTheOtherHasGone) {
  m_boot.close();
  EXPECT_TRUE(m_program.take_news().empty());
  EXPECT_TRUE(m_program.ended());
  m_program.ask(ExitRequest::done);

  ExitChannelOfProgram none(-1, "default");
  none.ask(ExitRequest::done);
  ExitChannelOfBoot nobody;
  nobody.tell(ExitStatus{0});
  EXPECT_TRUE(nobody.take_requests().empty());
}

TEST_F(ExitChannelTest, WhatIsDispensableDoesNotFillTheMemory) {
  const MachineEvent event{{{"event", "RESET"}, {"data", std::string(100'000, 'x')}}};
  for (int i = 0; i < 100; ++i) {
    m_boot.tell(event, ExitChannelOfBoot::Kind::dispensable);
  }
  m_boot.tell(ExitStatus{0});
  std::size_t events = 0;
  bool exited = false;
  while (!exited) {
    (void)m_boot.take_requests();
    for (const ExitNews& news : m_program.take_news()) {
      events += std::holds_alternative<MachineEvent>(news) ? 1 : 0;
      exited = exited || std::holds_alternative<ExitStatus>(news);
    }
  }
  EXPECT_GT(events, 5U);
  EXPECT_LT(events, 20U);
}

} // namespace exit_channel_test
} // namespace qt
