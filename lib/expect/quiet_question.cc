#include "expect/quiet_question.hh"

#include "base/timeout_multiplier.hh"

namespace qt {

namespace {

constexpr Duration k_reply{2000};

} // namespace

std::string ask_quietly(const StepRun& run, Guest& guest, const std::string& line) {
  if (!guest.has_monitor() || guest.monitor_ended()) {
    return "";
  }
  Qmp& qmp = guest.qmp();
  const std::uint64_t id = qmp.execute("human-monitor-command", {{"command-line", line}});
  const Deadline end = Deadline::after(scaled(k_reply));
  std::optional<Json> reply;
  while (!(reply = qmp.take_reply(id)) && !guest.monitor_ended() && !run.loop.missed(end)) {
    run.loop.turn(end);
  }
  return reply ? json_text(*reply, "return") : "";
}

} // namespace qt
