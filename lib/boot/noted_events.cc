#include "boot/noted_events.hh"

#include "base/format.hh"
#include "qemu/guest_event.hh"

namespace qt {

namespace {

constexpr std::size_t k_most = 100;

} // namespace

void NotedEvents::note(const Json& event) {
  if (!is_noted_event(event["event"].get<std::string>())) {
    return;
  }
  const Json noted = {
      {"event", event["event"]}, {"data", event["data"]}, {"seconds", m_log.seconds()}};
  m_log.write(format("event {} {}", noted["event"].get<std::string>(), dump_json(noted["data"])));
  Json& events = m_details["events"];
  if (events.size() == k_most) {
    events.erase(k_most / 2);
  }
  events.push_back(noted);
  if (m_telling) {
    tell(noted);
  }
}

void NotedEvents::tell_program() {
  m_telling = true;
  for (const Json& event : m_details.value("events", Json::array())) {
    tell(event);
  }
}

void NotedEvents::tell(const Json& event) { m_program.tell("event " + dump_json(event)); }

} // namespace qt
