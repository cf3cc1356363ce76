#include "qmp.hh"

#include "error.hh"

#include <gtest/gtest.h>

namespace {

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

TEST(QmpTest, RefusesWhatIsNoQmp) {
  EXPECT_THROW(Qmp().feed("HTTP/1.1"), Error);
  EXPECT_THROW(Qmp().feed("{]"), Error);
  EXPECT_THROW(Qmp().feed(R"({"error": {"class": "GenericError", "desc": "JSON"}})"), Error);
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

TEST(QmpTest, EventsAreBounded) {
  Qmp qmp;
  for (int i = 0; i < 10'050; ++i) {
    qmp.feed("{\"event\": \"E\", \"data\": {\"n\": " + std::to_string(i) + "}}");
  }
  EXPECT_EQ(qmp.events().size(), 10'000u);
  EXPECT_EQ(qmp.events().back().at("data").at("n"), 10'049);
}

} // namespace
