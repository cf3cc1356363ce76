// Any bytes as what a monitor says. However they are cut, the same messages come of them and the
// same bytes are refused; what is taken has the shape that its users rely on, and is found to
// contain itself.
#include "base/error.hh"
#include "expect/reply_check.hh"
#include "qemu/guest_event.hh"
#include "qemu/qmp.hh"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using namespace qt;

void need(bool holds) {
  if (!holds) {
    std::abort();
  }
}

struct Outcome {
  std::vector<Json> messages;
  bool refused = false;

  bool operator==(const Outcome&) const = default;
};

Outcome feed(std::string_view stream, std::string_view cuts) {
  Qmp qmp;
  const std::uint64_t first = qmp.execute("a", Json());
  const std::uint64_t second = qmp.execute("b", {{"x", 1}});
  Outcome outcome;
  try {
    for (std::size_t i = 0; !stream.empty(); ++i) {
      const std::size_t piece =
          cuts.empty() ? stream.size() : 1 + static_cast<unsigned char>(cuts[i % cuts.size()]) % 31;
      qmp.feed(stream.substr(0, piece));
      stream.remove_prefix(std::min(piece, stream.size()));
    }
  } catch (const Error& error) {
    need(std::string(error.what()).size() < 1000);
    outcome.refused = true;
  }
  need(qmp.remark().size() < 1000);
  for (const std::uint64_t id : {first, second}) {
    if (std::optional<Json> reply = qmp.take_reply(id)) {
      need(reply->contains("return") || (reply->at("error").at("class").is_string() &&
                                         reply->at("error").at("desc").is_string()));
      outcome.messages.push_back(std::move(*reply));
    }
  }
  for (Json& event : qmp.events()) {
    need(event.at("event").is_string() && event.at("data").is_object());
    outcome.messages.push_back(std::move(event));
  }
  return outcome;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  const Outcome whole = feed(stream, "");
  need(whole == feed(stream, stream) && whole == feed(stream, std::string_view("\0", 1)));
  std::vector<Json> events;
  for (const Json& message : whole.messages) {
    need(json_contains(message, message) && json_equal(message, message));
    need(json_equal(message, parse_json(dump_json(message), "again")));
    for (const Json& other : whole.messages) {
      const ReplyMistake mistake = difference("", message, other);
      need(static_cast<bool>(mistake) != json_contains(message, other));
      need(static_cast<bool>(mistake) == !mistake.diff.empty());
    }
    if (message.contains("event")) {
      events.push_back(message);
    }
  }
  (void)explanation(events, events.size() / 2);
  return 0;
}
