#include "boot/noted_events.hh"

#include "base/format.hh"
#include "qemu/guest_event.hh"

#include <algorithm>

namespace qt {

namespace {

constexpr std::size_t k_most = 100;

} // namespace

void NotedEvents::note(const Json& event) {
  const std::string name = json_text(event, "event");
  if (!is_noted_event(name)) {
    return;
  }
  const Json& data = json_member(event, "data");
  Json noted = {{"event", name}, {"data", data}, {"seconds", m_log.seconds()}};
  if (const auto time = event.find("timestamp"); time != event.end()) {
    noted["timestamp"] = *time;
  }
  m_log.write(format("event {} {}", name, dump_json(data)));
  Json& events = m_details["events"];
  if (events.size() == k_most) {
    const auto fails_nothing = [](const Json& kept) { return !failure_at_once(kept); };
    const auto middle = events.begin() + k_most / 2;
    const auto found = std::find_if(middle, events.end(), fails_nothing);
    events.erase(found == events.end() ? middle : found);
  }
  events.push_back(noted);
  if (m_telling) {
    tell(noted);
  }
}

void NotedEvents::tell_program() {
  m_telling = true;
  for (const Json& event : json_list(m_details, "events")) {
    tell(event);
  }
}

// Of a flood of events those that fail a dialogue get through.
void NotedEvents::tell(const Json& event) {
  m_program.tell(MachineEvent{event}, failure_at_once(event)
                                          ? ExitChannelOfBoot::Kind::needed
                                          : ExitChannelOfBoot::Kind::dispensable);
}

} // namespace qt
