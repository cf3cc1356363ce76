#include "qemu/guest_event.hh"

#include <gtest/gtest.h>

namespace qt {
namespace guest_event_test {

Json event(const std::string& name, const Json& data = Json::object()) {
  return {{"event", name}, {"data", data}};
}

const Json k_reset = event("RESET", {{"guest", true}, {"reason", "guest-reset"}});

TEST(GuestEvent, APanicAndAFullDiskFailAtOnce) {
  EXPECT_EQ(failure_at_once(event("GUEST_PANICKED"))->cause, Cause::guest_panic);
  EXPECT_EQ(failure_at_once(event("GUEST_CRASHLOADED"))->cause, Cause::guest_panic);
  const auto stopped = failure_at_once(event("BLOCK_IO_ERROR", {{"action", "stop"},
                                                                {"operation", "write"},
                                                                {"device", ""},
                                                                {"node-name", "disk0"},
                                                                {"reason", "No space left"}}));
  EXPECT_EQ(stopped->cause, Cause::host);
  EXPECT_EQ(stopped->text, "the machine stands still: write error on disk0: No space left");
  EXPECT_FALSE(failure_at_once(event("BLOCK_IO_ERROR", {{"action", "report"}})));
  for (const char* name : {"RESET", "SHUTDOWN", "STOP", "WATCHDOG", "MEMORY_FAILURE"}) {
    EXPECT_TRUE(is_noted_event(name));
    EXPECT_FALSE(failure_at_once(event(name, {{"action", "stop"}}))) << name;
  }
  EXPECT_FALSE(is_noted_event("RTC_CHANGE"));
}

TEST(GuestEvent, SaysWhatQemuTellsOfIt) {
  const Json psw = {{"type", "s390"}, {"reason", "disabled-wait"}, {"psw-addr", 0xabc}};
  EXPECT_EQ(failure_at_once(event("GUEST_PANICKED", {{"info", psw}}))->text,
            "the guest panicked (disabled-wait at 0xabc)");
  EXPECT_EQ(failure_at_once(event("GUEST_PANICKED", {{"info", {{"type", "hyper-v"}}}}))->text,
            "the guest panicked");
  const Json error = {{"action", "stop"}, {"operation", "read"}, {"device", ""},
                      {"node-name", "n"}, {"reason", "why"},     {"qom-path", "/machine/x"}};
  EXPECT_EQ(failure_at_once(event("BLOCK_IO_ERROR", error))->text,
            "the machine stands still: read error on n (/machine/x): why");
}

TEST(GuestEvent, AGuestThatChoosesAStatusHasNotPanicked) {
  const std::vector<Json> failed = {event("SHUTDOWN", {{"reason", "guest-panic"}})};
  EXPECT_EQ(explanation(failed, 1)->cause, Cause::guest_panic);
  EXPECT_EQ(explanation(failed, 1, 9)->text, "the guest shut down with a status of its own");
  EXPECT_FALSE(explanation(failed, 1, 9)->cause);
  EXPECT_EQ(explanation({event("GUEST_PANICKED"), failed[0]}, 2, 1)->cause, Cause::guest_panic);
}

TEST(GuestEvent, AMemoryFailureThatResetsIsTheRoot) {
  const Json failure = event("MEMORY_FAILURE", {{"recipient", "guest"}, {"action", "reset"}});
  const auto found = explanation({failure, k_reset}, 0);
  EXPECT_EQ(found->cause, Cause::guest_reset);
  EXPECT_EQ(found->text, "a memory failure was reported (guest, action reset)");
  EXPECT_EQ(explanation({failure, k_reset}, 2)->cause, Cause::guest_reset);
  const Json harmless = event("MEMORY_FAILURE", {{"recipient", "guest"}, {"action", "inject"}});
  EXPECT_EQ(explanation({k_reset, harmless}, 0)->cause, Cause::guest_reset);
}

TEST(GuestEvent, AShutdownIsExplainedByItsReason) {
  const auto of = [](const char* reason) {
    return explanation({event("SHUTDOWN", {{"guest", true}, {"reason", reason}})}, 1);
  };
  EXPECT_EQ(of("guest-panic")->cause, Cause::guest_panic);
  EXPECT_EQ(of("guest-reset")->cause, Cause::guest_reset);
  EXPECT_EQ(of("host-signal")->cause, Cause::host);
  EXPECT_FALSE(of("guest-shutdown")->cause);
  EXPECT_EQ(of("guest-shutdown")->text, "the guest shut down");
  EXPECT_FALSE(of("host-qmp-quit")->cause);
  const auto early = explanation({event("SHUTDOWN", {{"guest", true}, {"early", true}})}, 1);
  EXPECT_FALSE(early->cause);
  EXPECT_EQ(early->text, "the guest shut down or reset before the monitor was ready");
}

TEST(GuestEvent, NoticeOfAnEndIsAShutdownThatDoesNotStopTheMachine) {
  const Json shutdown = event("SHUTDOWN");
  const Json stop = event("STOP");
  const auto given = [](const std::vector<Json>& events) {
    NoticeOfEnd notice;
    for (const Json& event : events) {
      notice.note(event);
    }
    return notice.given();
  };
  EXPECT_FALSE(given({}));
  EXPECT_TRUE(given({shutdown}));
  EXPECT_TRUE(given({event("GUEST_PANICKED", {{"action", "poweroff"}}), stop}));
  EXPECT_FALSE(given({event("GUEST_PANICKED", {{"action", "pause"}}), stop}));
  EXPECT_TRUE(given({shutdown, k_reset}));
  EXPECT_FALSE(given({shutdown, stop})) << "-no-shutdown";
  EXPECT_TRUE(given({shutdown, stop, shutdown})) << "and quit";
  EXPECT_TRUE(given({stop, shutdown})) << "by a person, before";
}

TEST(GuestEvent, OnlyAResetDuringTheWaitExplainsIt) {
  EXPECT_FALSE(explanation({k_reset}, 1));
  EXPECT_FALSE(explanation({}, 0));
  EXPECT_FALSE(explanation({k_reset}, 7));
  EXPECT_EQ(explanation({k_reset}, 0)->cause, Cause::guest_reset);
  EXPECT_EQ(explanation({k_reset, k_reset, k_reset}, 1)->text, "the guest reset 2 times meanwhile");
  const Json asked = event("RESET", {{"guest", false}, {"reason", "host-qmp-system-reset"}});
  EXPECT_FALSE(explanation({asked}, 0));
}

TEST(GuestEvent, TheNearestToTheRootExplains) {
  const Json panic = event("GUEST_PANICKED");
  const Json stop = event("STOP");
  EXPECT_EQ(explanation({k_reset, panic, event("SHUTDOWN", {{"reason", "guest-reset"}})}, 0)->cause,
            Cause::guest_panic);
  const auto watchdog = explanation({event("WATCHDOG", {{"action", "reset"}}), k_reset}, 0);
  EXPECT_EQ(watchdog->cause, Cause::guest_reset);
  EXPECT_EQ(watchdog->text, "a watchdog fired (action reset)");
  EXPECT_FALSE(explanation({event("WATCHDOG", {{"action", "pause"}}), stop}, 0)->cause);
  EXPECT_EQ(explanation({stop}, 0)->text, "the machine was stopped and not resumed");
  EXPECT_FALSE(explanation({stop, event("RESUME")}, 0));
  EXPECT_EQ(
      explanation({event("MEMORY_FAILURE", {{"recipient", "guest"}, {"action", "inject"}})}, 0)
          ->text,
      "a memory failure was reported (guest, action inject)");
}

TEST(GuestEvent, OfAnyShapeIsTaken) {
  const std::vector<Json> odd = {
      Json(),
      5,
      Json::array({1}),
      parse_json(R"({"event": 5})", "t"),
      parse_json(R"({"event": "SHUTDOWN", "data": {"reason": 5}})", "t"),
      parse_json(
          R"({"event": "GUEST_PANICKED", "data": {"info": {"reason": [1], "psw-addr": "x"}}})",
          "t"),
      parse_json(R"({"event": "WATCHDOG", "data": "x"})", "t"),
      parse_json(R"({"event": "BLOCK_IO_ERROR"})", "t"),
      parse_json(R"({"event": "RESET", "data": {"guest": "yes"}})", "t")};
  for (const Json& event : odd) {
    EXPECT_NO_THROW((void)failure_at_once(event)) << event;
    EXPECT_NO_THROW((void)explanation({event}, 0, 0)) << event;
  }
  EXPECT_NO_THROW((void)explanation(odd, 0, 0));
}

} // namespace guest_event_test
} // namespace qt
