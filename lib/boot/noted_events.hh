// Events of the machine that may explain how its run ends (guest_event.hh knows which): kept for
// the verdict as "events", written to base.log, and told to the program once it has asked for them
// (exit_channel.hh). A guest that resets for ever does not fill the memory: of more than 100 the
// oldest 50 and the newest 50 are kept, and what fails a test by itself.
#pragma once

#include "data/json.hh"
#include "ipc/base_log.hh"
#include "ipc/exit_channel.hh"

namespace qt {

class NotedEvents {
public:
  // `details`: an object, that of the verdict. All must outlive the object.
  NotedEvents(Json& details, ExitChannelOfBoot& program, BaseLog& log)
    : m_details(details)
    , m_program(program)
    , m_log(log) {}

  // `event`: as QMP has it, with "event" and "data". Nothing happens for one that explains nothing.
  void note(const Json& event);
  // Those that have come, and from now on each as it comes.
  void tell_program();

private:
  void tell(const Json& event);

  Json& m_details;
  ExitChannelOfBoot& m_program;
  BaseLog& m_log;
  bool m_telling = false;
};

} // namespace qt
