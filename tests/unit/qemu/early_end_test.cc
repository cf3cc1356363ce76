#include "qemu/early_end.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

namespace qt {
namespace early_end_test {

// The test plays QEMU's side: the capabilities are question 0, the status 1, the actions 2.
class EarlyEndTest : public testing::Test {
protected:
  // A new QEMU.
  void look(AfterPanic panic, AfterShutdown shutdown) {
    FdPair pair = make_socket_pair();
    m_qemu = std::move(pair.second);
    set_nonblocking(m_qemu.get());
    m_monitor.emplace(std::move(pair.first));
    m_monitor->listen([this](const Json& event) { m_end->note(event); });
    m_end.emplace(*m_monitor, panic, shutdown);
    m_end->look(
        [this](const Json& event) {
          m_found.push_back(event);
          m_end->note(event);
        },
        [this] { ++m_settled; });
    say(R"({"return": {}, "id": 0})");
  }
  void say(const std::string& bytes) {
    write_all(m_qemu.get(), bytes, "the monitor");
    m_monitor->handle({-1, 0, POLLIN});
  }
  void say_status(const std::string& status) {
    say(R"({"id": 1, "return": {"status": ")" + status + "\"}}");
  }
  // What has been asked since the last call.
  std::string heard() {
    std::array<std::byte, 65536> buffer;
    return std::string(text_of(std::span(buffer).first(read_some(m_qemu.get(), buffer).count)));
  }
  bool asks(const std::string& word) { return heard().find(word) != std::string::npos; }

  UniqueFd m_qemu;
  std::optional<OwnMonitor> m_monitor;
  std::optional<EarlyEnd> m_end;
  std::vector<Json> m_found;
  int m_settled = 0;
};

constexpr const char* k_released = R"({"return": {}, "id": 2})";
constexpr const char* k_panic = R"({"event": "GUEST_PANICKED", "data": {"action": "pause"}})";
constexpr const char* k_shutdown = R"({"event": "SHUTDOWN", "data": {"guest": true}})";
constexpr const char* k_stop = R"({"event": "STOP"})";

// A command that is still to be read when QEMU ends kills some versions: the actions come last.
TEST_F(EarlyEndTest, GivesTheActionsBackLast) {
  look(AfterPanic::ends, AfterShutdown::ends);
  const std::string asked = heard();
  const std::size_t actions = asked.find(
      R"({"arguments":{"panic":"shutdown","shutdown":"poweroff"},"execute":"set-action","id":2})");
  ASSERT_NE(actions, std::string::npos) << asked;
  EXPECT_LT(asked.find("query-status"), actions);
  EXPECT_EQ(asked.find('\n', actions), asked.size() - 1) << asked;
  say_status("running");
  EXPECT_EQ(m_settled, 0);
  say(k_released);
  EXPECT_EQ(m_settled, 1);
  EXPECT_EQ(heard(), "");
  EXPECT_TRUE(m_found.empty());
}

TEST_F(EarlyEndTest, GivesBackWhatTheMachineIsToDo) {
  look(AfterPanic::runs, AfterShutdown::ends);
  EXPECT_TRUE(asks(R"("arguments":{"panic":"none","shutdown":"poweroff"})"));
  look(AfterPanic::stays, AfterShutdown::ends);
  EXPECT_TRUE(asks(R"("arguments":{"shutdown":"poweroff"})"));
  look(AfterPanic::runs, AfterShutdown::stays);
  EXPECT_TRUE(asks(R"("arguments":{"panic":"none"})"));
  look(AfterPanic::stays, AfterShutdown::stays);
  EXPECT_FALSE(asks("set-action"));
}

TEST_F(EarlyEndTest, FindsAPanicAndEndsItsMachineOnce) {
  look(AfterPanic::ends, AfterShutdown::ends);
  heard();
  say_status("guest-panicked");
  ASSERT_EQ(m_found.size(), 1U);
  EXPECT_EQ(m_found[0]["event"], "GUEST_PANICKED");
  EXPECT_EQ(m_found[0]["data"], Json({{"action", "poweroff"}, {"early", true}}));
  EXPECT_EQ(heard(), "") << "the actions are still to be changed";
  say(k_released);
  EXPECT_TRUE(asks("quit"));
  EXPECT_EQ(m_settled, 0) << "nobody is to ask it anything more";
  say(R"({"event": "SHUTDOWN", "data": {"guest": false, "reason": "host-qmp-quit"}})");
  EXPECT_EQ(heard(), "");
}

TEST_F(EarlyEndTest, LetsAPanickedMachineGoOn) {
  look(AfterPanic::runs, AfterShutdown::ends);
  heard();
  say_status("guest-panicked");
  say(k_released);
  EXPECT_EQ(m_found[0]["data"]["action"], "run");
  EXPECT_TRUE(asks("cont"));
  EXPECT_EQ(m_settled, 1);
}

TEST_F(EarlyEndTest, KeepsAPanickedMachineUntilItIsToEnd) {
  look(AfterPanic::stays, AfterShutdown::ends);
  heard();
  say_status("guest-panicked");
  say(k_released);
  EXPECT_EQ(m_found[0]["data"]["action"], "pause");
  EXPECT_EQ(heard(), "");
  EXPECT_EQ(m_settled, 1);
  m_end->let_panics_end();
  EXPECT_TRUE(asks(R"("arguments":{"panic":"shutdown"})"));
  say(R"({"return": {"status": "guest-panicked"}, "id": 3})");
  say(R"({"return": {}, "id": 4})");
  EXPECT_TRUE(asks("quit"));
  EXPECT_EQ(m_found.size(), 1U);
}

// The second "quit" would be the command that kills QEMU.
TEST_F(EarlyEndTest, EndsOnceHoweverOftenItIsTold) {
  look(AfterPanic::stays, AfterShutdown::ends);
  m_end->let_panics_end();
  heard();
  say_status("guest-panicked");
  say(k_released);
  EXPECT_EQ(heard(), "");
  say(R"({"return": {"status": "guest-panicked"}, "id": 3})");
  say(R"({"return": {}, "id": 4})");
  EXPECT_TRUE(asks("quit"));
  m_end->let_panics_end();
  EXPECT_EQ(heard(), "");
}

TEST_F(EarlyEndTest, FindsAShutdown) {
  look(AfterPanic::ends, AfterShutdown::ends);
  heard();
  say_status("shutdown");
  say(k_released);
  ASSERT_EQ(m_found.size(), 1U);
  EXPECT_EQ(m_found[0],
            Json({{"event", "SHUTDOWN"}, {"data", {{"guest", true}, {"early", true}}}}));
  EXPECT_TRUE(asks("quit"));
}

TEST_F(EarlyEndTest, TellsOfNoShutdownTwice) {
  look(AfterPanic::ends, AfterShutdown::ends);
  say(std::string(k_shutdown) + k_stop);
  say_status("shutdown");
  heard();
  say(k_released);
  EXPECT_TRUE(m_found.empty());
  EXPECT_TRUE(asks("quit"));
}

TEST_F(EarlyEndTest, KeepsAMachineThatIsToStayAfterAShutdown) {
  look(AfterPanic::runs, AfterShutdown::stays);
  heard();
  say_status("shutdown");
  say(k_released);
  ASSERT_EQ(m_found.size(), 2U);
  EXPECT_EQ(m_found[0]["event"], "SHUTDOWN");
  EXPECT_EQ(m_found[1]["event"], "STOP");
  EXPECT_EQ(heard(), "");
  EXPECT_EQ(m_settled, 1);
}

TEST_F(EarlyEndTest, ChangesNothingWhereAllIsToStay) {
  look(AfterPanic::stays, AfterShutdown::stays);
  heard();
  say_status("guest-panicked");
  EXPECT_EQ(m_found.size(), 1U);
  EXPECT_EQ(heard(), "");
  EXPECT_EQ(m_settled, 1);
}

// Between the question and the change. A machine that did not run yet is not stopped: there is no
// STOP then.
TEST_F(EarlyEndTest, EndsWhatHasEndedMeanwhile) {
  for (const std::string& end :
       {std::string(k_panic), std::string(k_shutdown) + k_stop, std::string(k_shutdown)}) {
    look(AfterPanic::ends, AfterShutdown::ends);
    heard();
    say_status("running");
    say(end + "\n" + k_released + "\n");
    EXPECT_TRUE(asks("quit")) << end;
  }
  EXPECT_TRUE(m_found.empty());
}

TEST_F(EarlyEndTest, WhatIsToldToEndDoesSo) {
  look(AfterPanic::ends, AfterShutdown::ends);
  heard();
  say(R"({"event": "SHUTDOWN", "data": {"guest": false, "reason": "host-signal"}})");
  say_status("running");
  say(k_released);
  EXPECT_EQ(heard(), "");
}

// Later a shutdown ends QEMU, also while a panic's action is being changed.
TEST_F(EarlyEndTest, OnlyAPanicIsKeptOnceTheMachineIsSettled) {
  look(AfterPanic::stays, AfterShutdown::ends);
  say_status("running");
  say(k_released);
  m_end->let_panics_end();
  heard();
  say(k_shutdown);
  say(R"({"return": {"status": "running"}, "id": 3})");
  say(R"({"return": {}, "id": 4})");
  EXPECT_EQ(heard(), "");
}

TEST_F(EarlyEndTest, LooksAgainWhenQemuHasExecutedItself) {
  look(AfterPanic::ends, AfterShutdown::ends);
  m_monitor->on_restart([this] { m_end->look({}, [this] { ++m_settled; }); });
  say("{\"QMP\": {}}\n");
  say_status("running");
  say(k_released);
  heard();
  say("{\"QMP\": {}}\n");
  EXPECT_TRUE(asks(R"({"panic":"shutdown","shutdown":"poweroff"})"));
}

// It would be the command that kills it.
TEST_F(EarlyEndTest, AsksNothingOfAMachineThatEndsByItself) {
  look(AfterPanic::ends, AfterShutdown::ends);
  heard();
  say_status("running");
  say(std::string(k_released) + "\n" + k_shutdown + "\n");
  EXPECT_EQ(heard(), "");
}

} // namespace early_end_test
} // namespace qt
