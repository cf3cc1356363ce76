#include "boot/supervisor.hh"

#include "ipc/run_dir.hh"
#include "os/file.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qt {
namespace noted_events_test {

using testing::HasSubstr;

// The test plays the program.
class NotedEventsTest : public testing::Test {
protected:
  NotedEventsTest()
    : m_log(m_folder.path(), "test") {
    FdPair pair = make_socket_pair();
    m_program = std::move(pair.second);
    set_nonblocking(m_program.get());
    m_channel = ExitChannelOfBoot(std::move(pair.first));
  }

  void note(const std::string& name, const Json& data = Json::object()) {
    m_events.note({{"event", name}, {"data", data}, {"timestamp", {{"seconds", 1}}}});
  }
  std::string heard() {
    std::array<std::byte, 65536> buffer;
    return std::string(text_of(std::span(buffer).first(read_some(m_program.get(), buffer).count)));
  }

  TempDir m_folder{"noted-events"};
  BaseLog m_log;
  UniqueFd m_program;
  ExitChannelOfBoot m_channel;
  Json m_details = Json::object();
  NotedEvents m_events{m_details, m_channel, m_log};
};

TEST_F(NotedEventsTest, KeepsAndLogsWhatMayExplainAnEndAndNothingElse) {
  note("RTC_CHANGE");
  EXPECT_EQ(m_details, Json::object());
  note("WATCHDOG", {{"action", "reset"}});
  ASSERT_EQ(m_details["events"].size(), 1U);
  const Json& kept = m_details["events"][0];
  EXPECT_EQ(kept["event"], "WATCHDOG");
  EXPECT_EQ(kept["data"]["action"], "reset");
  EXPECT_TRUE(kept["seconds"].is_number());
  EXPECT_EQ(kept["timestamp"]["seconds"], 1); // the program may have heard it, too
  EXPECT_THAT(read_file(base_log_path(m_folder.path())),
              HasSubstr(R"(event WATCHDOG {"action":"reset"})"));
}

TEST_F(NotedEventsTest, AnEventOfAnyShapeIsTaken) {
  m_events.note({{"event", 5}});
  m_events.note(Json::array());
  m_details["events"] = "not a list";
  m_events.tell_program();
  m_details.erase("events");
  m_events.note({{"event", "SHUTDOWN"}});
  EXPECT_EQ(m_details["events"][0]["event"], "SHUTDOWN");
}

TEST_F(NotedEventsTest, AProgramHearsOfThemOnceItHasAskedAlsoOfTheEarlierOnes) {
  note("STOP");
  EXPECT_EQ(heard(), "");
  m_events.tell_program();
  const std::string earlier = heard();
  EXPECT_EQ(earlier.find("event {"), 0U);
  EXPECT_THAT(earlier, HasSubstr(R"("event":"STOP")"));
  note("RTC_CHANGE");
  EXPECT_EQ(heard(), "");
  note("RESUME");
  EXPECT_THAT(heard(), HasSubstr(R"("event":"RESUME")"));
}

TEST_F(NotedEventsTest, OfAFloodTheOldestAndTheNewestAreKept) {
  for (int i = 0; i < 1000; ++i) {
    note("RESET", {{"number", i}});
  }
  const Json& events = m_details["events"];
  ASSERT_EQ(events.size(), 100U);
  EXPECT_EQ(events[0]["data"]["number"], 0);
  EXPECT_EQ(events[49]["data"]["number"], 49);
  EXPECT_EQ(events[50]["data"]["number"], 950);
  EXPECT_EQ(events[99]["data"]["number"], 999);
}

TEST_F(NotedEventsTest, NoFloodWashesAPanicAway) {
  for (int i = 0; i < 60; ++i) {
    note("RESET");
  }
  note("GUEST_PANICKED");
  for (int i = 0; i < 1000; ++i) {
    note("RESET");
  }
  const Json& events = m_details["events"];
  EXPECT_EQ(events.size(), 100U);
  EXPECT_TRUE(std::any_of(events.begin(), events.end(),
                          [](const Json& event) { return event["event"] == "GUEST_PANICKED"; }));
}

} // namespace noted_events_test
} // namespace qt
