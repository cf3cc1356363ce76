// A machine as a program of a chain sees it, played by a script in a thread of its own: what real
// QEMU cannot be made to do on demand. The script talks byte by byte, pauses, floods, splits, hears
// what is typed, answers the monitor and dies. Every wait in it is bounded by 20 s, so that a test
// never hangs; what the script throws is rethrown by finish(). A script ends quietly where it finds
// that the dialogue is over.
#pragma once

#include "base/duration.hh"
#include "data/json.hh"
#include "ipc/run_dir.hh"
#include "os/fd.hh"

#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace qt::support {

class FakeGuest {
public:
  using Script = std::function<void(FakeGuest&)>;

  // Starts the script. Without `with_exit` there is no exit channel, as in a pipe.
  enum class ExitChannel { yes, no };
  explicit FakeGuest(Script script, std::string name = "default",
                     ExitChannel exit = ExitChannel::yes);
  ~FakeGuest();
  FakeGuest(const FakeGuest&) = delete;
  FakeGuest& operator=(const FakeGuest&) = delete;

  // The descriptors for the dialogue; they belong to this object.
  const VmChannels& channels() const noexcept { return m_channels; }
  // Closes this process's copies of them, so that a child's are the only ones.
  void give_away();
  // Waits for the end of the script. Throws what it threw.
  void finish();

  // For the script.
  // Writes to the console in pieces of `piece` bytes with pauses between them.
  void say(std::string_view bytes, std::size_t piece = std::string_view::npos,
           Duration pause = Duration(0));
  // Reads typed bytes up to and including `text`; throws Error at the end or after 20 s.
  std::string hear(std::string_view text);
  // Hears a line and says it back, as a terminal does.
  std::string echo_line();
  // Is the wire between the dialogue and what talks on `fd`, until one of them ends.
  void connect(int fd);
  // The same for the monitor: greets if need be, reads the next command but the negotiation, which
  // it answers itself.
  Json hear_command();
  void answer(const Json& command, const Json& result);
  void monitor_say(std::string_view bytes, std::size_t piece = std::string_view::npos);
  // The next line of the exit channel: "done", "quit", "kill".
  std::string hear_request();
  // Tells how QEMU ended and closes everything; the console first.
  void end(std::string_view how);
  void close_console() { m_console.reset(); }
  void close_monitor() { m_monitor.reset(); }
  void tell(std::string_view line); // on the exit channel
  void tell_event(const std::string& name, const Json& data = Json::object());

private:
  VmChannels m_channels;
  UniqueFd m_console, m_monitor, m_exit;
  UniqueFd m_their_console, m_their_monitor, m_their_exit;
  std::string m_heard, m_commands, m_requests;
  bool m_greeted = false;
  std::exception_ptr m_failure;
  std::thread m_thread;
};

} // namespace qt::support
