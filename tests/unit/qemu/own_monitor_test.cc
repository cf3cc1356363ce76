#include "qemu/own_monitor.hh"

#include <gtest/gtest.h>
#include <unistd.h>

namespace qt {
namespace own_monitor_test {

// The test plays QEMU's side.
class Monitor : public testing::Test {
protected:
  Monitor() {
    FdPair pair = make_socket_pair();
    m_qemu = std::move(pair.second);
    m_monitor.emplace(std::move(pair.first));
  }

  void say(const std::string& bytes) {
    write_all(m_qemu.get(), bytes, "the monitor");
    m_monitor->handle({-1, 0, POLLIN});
  }
  std::string heard() {
    std::array<std::byte, 65536> buffer;
    return std::string(text_of(std::span(buffer).first(read_some(m_qemu.get(), buffer).count)));
  }

  UniqueFd m_qemu;
  std::optional<OwnMonitor> m_monitor;
};

TEST_F(Monitor, NegotiatesAndKnowsThatQemuIsUpOnlyByAnAnswer) {
  EXPECT_EQ(heard(), "{\"execute\":\"qmp_capabilities\",\"id\":0}\r\n");
  say("{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n");
  EXPECT_FALSE(m_monitor->answered());
  say("{\"return\": {}, \"id\": 0}\r\n");
  EXPECT_TRUE(m_monitor->answered());
}

TEST_F(Monitor, GivesEachQuestionItsAnswerHoweverTheBytesAreCut) {
  std::string first;
  std::string second;
  m_monitor->ask("a", Json::object(), [&first](const Json& reply) { first = dump_json(reply); });
  m_monitor->ask("b", {{"x", 1}}, [&second](const Json& reply) { second = dump_json(reply); });
  EXPECT_NE(heard().find("{\"arguments\":{\"x\":1},\"execute\":\"b\",\"id\":2}\r\n"),
            std::string::npos);
  for (const char c : std::string("{\"id\": 2, \"return\": 7}{\"id\": 1, \"error\": "
                                  "{\"class\": \"C\", \"desc\": \"d\"}}\n")) {
    say(std::string(1, c));
  }
  EXPECT_EQ(first, R"({"error":{"class":"C","desc":"d"},"id":1})");
  EXPECT_EQ(second, R"({"id":2,"return":7})");
}

TEST_F(Monitor, AsksToQuitOnce) {
  m_monitor->quit();
  EXPECT_NE(heard().find("quit"), std::string::npos);
  set_nonblocking(m_qemu.get());
  m_monitor->quit();
  EXPECT_EQ(heard(), "");
  say("{\"QMP\": {}}{\"return\": {}, \"id\": 0}{\"QMP\": {}}"); // it has executed itself
  heard();
  m_monitor->quit();
  EXPECT_NE(heard().find("quit"), std::string::npos);
}

TEST_F(Monitor, DeliversInTheOrderInWhichQemuTells) {
  std::string order;
  m_monitor->listen([&order](const Json& event) { order += json_text(event, "event"); });
  m_monitor->ask("a", Json::object(), [&order](const Json&) { order += "-answer-"; });
  say("{\"event\": \"ONE\"}\r\n{\"id\": 1, \"return\": {}}\r\n{\"event\": \"TWO\"}\r\n");
  EXPECT_EQ(order, "ONE-answer-TWO");
}

TEST_F(Monitor, ReportsEvents) {
  std::string name;
  m_monitor->listen([&name](const Json& event) { name = json_text(event, "event"); });
  say("{\"event\": \"STOP\", \"timestamp\": {}}\n");
  EXPECT_EQ(name, "STOP");
}

TEST_F(Monitor, SurvivesTheEnd) {
  bool answered = false;
  m_monitor->ask("a", Json::object(), [&answered](const Json&) { answered = true; });
  say("{\"id\": 7, \"return\": {}}{\"return\":");
  m_qemu.reset();
  m_monitor->handle({-1, 0, POLLIN | POLLHUP});
  EXPECT_TRUE(m_monitor->ended());
  EXPECT_EQ(m_monitor->interest().fd, -1);
  EXPECT_EQ(m_monitor->mistake(), "");
  m_monitor->ask("quit", Json::object(), {});
  EXPECT_FALSE(answered);
}

TEST_F(Monitor, GivesUpWhatIsNoMonitor) {
  m_monitor->ask("query-status", Json::object(), {});
  say("login: ");
  EXPECT_TRUE(m_monitor->ended());
  EXPECT_EQ(m_monitor->mistake(), "reading the monitor, which was asked 'qmp_capabilities', "
                                  "'query-status': this is no QMP: 'login: '");
}

} // namespace own_monitor_test
} // namespace qt
