#include "qemu/qmp.hh"

#include "base/error.hh"

#include <gtest/gtest.h>

namespace qmp_test {

using namespace qt;

TEST(QmpTest, NegotiatesBeforeTheFirstCommandAndOnlyOnce) {
  Qmp qmp;
  qmp.execute("query-status", Json());
  EXPECT_EQ(qmp.output(), "{\"execute\":\"qmp_capabilities\",\"id\":0}\r\n"
                          "{\"execute\":\"query-status\",\"id\":1}\r\n");
  qmp.output().clear();
  qmp.execute("cont", {{"a", 1}});
  EXPECT_EQ(qmp.output(), "{\"arguments\":{\"a\":1},\"execute\":\"cont\",\"id\":2}\r\n");
}

TEST(QmpTest, ReadsWhateverTheCutAndOrder) {
  const std::string stream = R"({"QMP": {"capabilities": ["oob"]}}
{"return": {}, "id": 0}
{"timestamp": {"seconds": 1}, "event": "STOP", "data": {"text": "a } \" ] \\"}}
{
    "return": [{"x": "}"}],
    "id": 2
}{"error": {"class": "GenericError", "desc": "{"}, "id": 1})";
  for (std::size_t piece = 1; piece < 40; ++piece) {
    Qmp qmp;
    const std::uint64_t first = qmp.execute("a", Json());
    const std::uint64_t second = qmp.execute("b", Json());
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      qmp.feed(std::string_view(stream).substr(at, piece));
    }
    EXPECT_EQ(qmp.take_reply(second)->at("return"), Json::array({{{"x", "}"}}}));
    EXPECT_EQ(qmp.take_reply(first)->at("error").at("desc"), "{");
    EXPECT_FALSE(qmp.take_reply(first));
    ASSERT_EQ(qmp.events().size(), 1u);
    EXPECT_EQ(qmp.events().front().at("data").at("text"), "a } \" ] \\");
  }
}

TEST(QmpTest, AnotherProgramMayHaveNegotiated) {
  Qmp qmp;
  const std::uint64_t id = qmp.execute("a", Json());
  qmp.feed(R"({"error": {"class": "CommandNotFound", "desc": "already complete"}, "id": 0})");
  qmp.feed(R"({"return": 1, "id": 1})");
  EXPECT_EQ(qmp.take_reply(id)->at("return"), 1);
}

TEST(QmpTest, TheGreetingMaySayAnything) {
  for (const char* greeting :
       {R"({"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}, "package": ""}}})",
        R"({"QMP": {"version": {"qemu": {"major": -1}}, "capabilities": ["oob", 7]}})",
        R"({"QMP": {"version": "eleven"}})", R"({"QMP": null})"}) {
    Qmp qmp;
    const std::uint64_t id = qmp.execute("a", Json());
    qmp.feed(greeting);
    EXPECT_FALSE(qmp.answered());
    qmp.feed(R"({"return": {}, "id": 0}{"return": 1, "id": 1})");
    EXPECT_TRUE(qmp.answered());
    EXPECT_TRUE(qmp.take_reply(id)) << greeting;
  }
}

std::string refusal(std::string_view bytes) {
  Qmp qmp;
  qmp.execute("query-x", Json());
  try {
    qmp.feed(bytes);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::internal);
    return error.what();
  }
  return "";
}

TEST(QmpTest, RefusesWhatIsNoQmp) {
  const std::string asked = "reading the monitor, which was asked 'qmp_capabilities', 'query-x': ";
  EXPECT_EQ(refusal("\r\n HTTP/1.1"), asked + "this is no QMP: 'HTTP/1.1'");
  EXPECT_EQ(refusal("{]").rfind(asked + "this is no JSON: parse error at line 1, column 2", 0), 0u);
  for (const char* message : {"[1]", "}", R"({"event": 5})", R"({"event": "STOP", "data": []})",
                              R"({"error": {}})", R"({"error": "no", "id": 1})",
                              R"({"version": 1})", R"({"error": {"class": 1, "desc": 2}})"}) {
    EXPECT_EQ(refusal(message), asked + "this is no QMP: '" + message + "'");
  }
  EXPECT_EQ(refusal(R"({"error": {"class": "GenericError", "desc": "JSON parse error"}})"),
            asked + "it could not read a command: '\"JSON parse error\"'");
  std::string deep = R"({"return": )";
  for (unsigned i = 0; i < k_deepest_json; ++i) {
    deep += '[';
  }
  EXPECT_NE(refusal(deep + std::string(k_deepest_json, ']') + "}").find("deeper than 1024"),
            std::string::npos);
}

TEST(QmpTest, TellsWhatMayExplainThatNoReplyComes) {
  Qmp qmp;
  const std::uint64_t id = qmp.execute("a", Json());
  EXPECT_EQ(qmp.remark(), "");
  qmp.feed(
      R"({"return": 1, "id": "x"} {"return": 1} {"return": 1, "id": 2} {"return": 1, "id": -1})");
  EXPECT_FALSE(qmp.take_reply(id));
  EXPECT_FALSE(qmp.take_reply(2));
  EXPECT_EQ(qmp.remark(), "; 4 replies came that nobody here asked for, the last with the id -1");
  qmp.feed(R"({"return": {"half)");
  EXPECT_EQ(
      qmp.remark().rfind(R"(; of an unfinished message 17 bytes had come: '{"return": {"half')", 0),
      0u);
  Qmp second;
  second.execute("a", Json());
  second.feed(R"({"return": 1, "id": 1} {"return": 2, "id": 1})"); // twice the same
  EXPECT_EQ(second.take_reply(1)->at("return"), 1);
  EXPECT_NE(second.remark(), "");
}

TEST(QmpTest, TakesLargeReplies) {
  Qmp qmp;
  const std::uint64_t id = qmp.execute("a", Json());
  const std::string text(64 * 1024 * 1024, 'x');
  qmp.feed(R"({"id": 1, "return": ")");
  for (std::size_t at = 0; at < text.size(); at += 65536) {
    qmp.feed(std::string_view(text).substr(at, 65536));
  }
  qmp.feed("\"}");
  EXPECT_EQ(qmp.take_reply(id)->at("return").get_ref<const std::string&>().size(), text.size());
}

TEST(QmpTest, MessagesAreBounded) {
  Qmp qmp;
  qmp.execute("query-x", Json());
  const std::string piece(1 << 20, 'x');
  qmp.feed(R"({"id": 1, "return": ")");
  for (std::size_t size = piece.size(); size < Qmp::k_longest_message; size += piece.size()) {
    qmp.feed(piece);
  }
  try {
    qmp.feed(piece);
    FAIL();
  } catch (const Error& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("'query-x': a message is longer than 128 MiB: '{\"id\": 1"),
              std::string::npos)
        << what;
    EXPECT_LT(what.size(), 200u);
  }
}

// A panic in the first milliseconds: the monitor of qt-boot was up for it, this one was not.
TEST(QmpTest, EarlyEventsHeardOnAnotherMonitor) {
  const auto event = [](const char* seconds) {
    return R"({"event": "GUEST_PANICKED", "timestamp": {"seconds": )" + std::string(seconds) +
           R"(, "microseconds": 7}})";
  };
  const auto heard = [](const std::string& text) { return Json::parse(text); };
  const char* const before = "1";
  const char* const after = "9999999999";
  Qmp qmp;
  qmp.negotiate();
  qmp.take_early_event(heard(event(before)));
  qmp.take_early_event(heard(event(after))); // it cannot be known yet whether it comes here as well
  EXPECT_EQ(qmp.events().size(), 2u);
  qmp.feed(event(before));
  qmp.feed(event(after));
  EXPECT_EQ(qmp.events().size(), 2u);

  Qmp up;
  up.negotiate();
  up.feed(event(before));
  up.events().clear(); // a step has had it
  up.feed(R"({"return": {}, "id": 0})");
  up.take_early_event(heard(event(before)));
  up.take_early_event(heard(event(after))); // comes here
  EXPECT_EQ(up.events().size(), 0u);
  up.take_early_event(heard(event("2")));
  up.take_early_event(heard(R"({"event": "GUEST_PANICKED", "data": {"early": true}})"));
  EXPECT_EQ(up.events().size(), 2u);
}

// A monitor that is lent to one client after the other greets whenever it likes.
TEST(QmpTest, AGreetingMayComeAfterTheNegotiation) {
  Qmp qmp;
  const std::uint64_t id = qmp.execute("stop", Json());
  qmp.feed(R"({"return": {}, "id": 0}{"QMP": {}}{"return": {}, "id": 1})");
  EXPECT_EQ(qmp.take_reply(id)->at("return"), Json::object());
}

// Its monitor is as at the start, and what it finds there is of before.
TEST(QmpTest, QemuExecutesItselfAgain) {
  Qmp qmp;
  const std::uint64_t query = qmp.execute("query-status", Json());
  const std::uint64_t change = qmp.execute("stop", Json());
  qmp.feed(R"({"QMP": {}}{"return": {}, "id": 0})");
  const std::string sent = std::exchange(qmp.output(), "");
  qmp.feed(R"({"QMP": {}})");
  EXPECT_EQ(qmp.output(), sent.substr(0, sent.find("{\"execute\":\"stop\"")));
  ASSERT_TRUE(qmp.take_reply(change));
  qmp.feed(R"({"id": 1, "error": {"class": "CommandNotFound", "desc": "negotiate first"}})");
  EXPECT_FALSE(qmp.take_reply(query));
  qmp.feed(R"({"return": {}, "id": 0}{"return": {"status": "running"}, "id": 1})");
  EXPECT_EQ(qmp.take_reply(query)->at("return").at("status"), "running");
}

TEST(QmpTest, EventsAreBounded) {
  Qmp qmp;
  for (int i = 0; i < 10'050; ++i) {
    qmp.feed("{\"event\": \"E\", \"data\": {\"n\": " + std::to_string(i) + "}}");
  }
  EXPECT_EQ(qmp.events().size(), 10'000u);
  EXPECT_EQ(qmp.events().back().at("data").at("n"), 10'049);
}

} // namespace qmp_test

namespace hmp_reply_test {

using namespace qt;

TEST(HmpReply, FindsTheLineThatTellsOfAnError) {
  EXPECT_EQ(hmp_error("device_add x", "Error: 'x' is not a valid device model name\r\n"),
            "Error: 'x' is not a valid device model name");
  EXPECT_EQ(hmp_error("info nonsense", "unknown command: 'info nonsense'\r\n"),
            "unknown command: 'info nonsense'");
  EXPECT_EQ(hmp_error("info skeys", "Command 'info skeys' not available until machine "
                                    "initialization has completed.\r\n"),
            "Command 'info skeys' not available until machine initialization has completed.");
  EXPECT_EQ(hmp_error("print 1+", "unexpected end of expression\r\nTry \"help print\" for more "
                                  "information\r\n"),
            "unexpected end of expression");
  EXPECT_EQ(hmp_error("drive_add 0 foo", "warning: short-form boolean option 'foo' deprecated\r\n"
                                         "Please use foo=on instead\r\n"
                                         "Must specify either driver or file\r\n"),
            "Must specify either driver or file");
  EXPECT_EQ(hmp_error("  cpu 99", "invalid CPU index\r\n"), "invalid CPU index");
  EXPECT_EQ(hmp_error("boot_set z", "Invalid boot device 'z'\r\n"), "Invalid boot device 'z'");
  EXPECT_EQ(hmp_error("info registers", "No CPU available\r\n"), "No CPU available");
}

// As QEMU 7.2 answers.
TEST(HmpReply, KnowsWhatHasNoWordForAnError) {
  const std::vector<std::pair<const char*, const char*>> complaints = {
      {"gdbserver tcp::nosuch", "Could not open gdbserver on device 'tcp::nosuch'"},
      {"gpa2hva 0xffffffffff", "No memory is mapped at address 0xffffffffff"},
      {"info qom-tree /nosuch", "Path '/nosuch' could not be resolved."},
      {"info registers 7", "CPU#7 not available"},
      {"info stats nosuch", "invalid stats target nosuch"},
      {"info trace-events nosuch", "unknown event \"nosuch\""},
      {"calc_dirty_rate 0", "Incorrect period length specified!"},
      {"mce 0 99 0 0 0", "Invalid bank number"},
      {"pcie_aer_inject_error x y", "id or pci device path is invalid or device not found. x"},
      {"replay_break 3", "setting the breakpoint is allowed only in play mode"},
      {"replay_seek 3", "replay must be enabled to seek"},
      {"singlestep x", "unexpected option x"},
      {"wavcapture /f a", "Audiodev 'a' not found"},
      {"x/4xw 0xffffffff80000000", "ffffffff80000000: Cannot access memory"},
      {"xp /2i 0xffffffffffff", "0xffffffffffff: unable to read memory"},
  };
  for (const auto& [command, reply] : complaints) {
    EXPECT_EQ(hmp_error(command, std::string(reply) + "\r\n"), reply);
  }
}

TEST(HmpReply, LeavesOtherTextsAlone) {
  EXPECT_EQ(hmp_error("stop", ""), "");
  EXPECT_EQ(hmp_error("drive_add 0 if=none", "OK\r\n"), "");
  EXPECT_EQ(hmp_error("boot_set n", "boot device list now set to n\r\n"), "");
  EXPECT_EQ(hmp_error("stopcapture 0", "warning: 'stopcapture' is deprecated\r\n"), "");
  EXPECT_EQ(hmp_error("hostfwd_remove tcp::1-:2", "host forwarding rule for tcp::1-:2 removed\r\n"),
            "");
  EXPECT_EQ(hmp_error("info usernet", "  Protocol[State] Error: 0\r\n"), "");
  EXPECT_EQ(hmp_error("mce 0 1 2 3 4 5", "CPU 0: MCE capability is not enabled, raising triple "
                                         "fault"),
            "")
      << "it did what it was asked to";
  EXPECT_EQ(hmp_error("info registers", "CPU#0\r\nEAX=00000663\r\n"), "");
  EXPECT_EQ(hmp_error("x /4x 0", "00000000: 0x00000000 0x00000000\r\n"), "");
  EXPECT_EQ(hmp_error("gdbserver", "Waiting for gdb connection on device 'tcp::1234'\r\n"), "");
}

} // namespace hmp_reply_test
