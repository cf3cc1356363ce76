// The client's side of QEMU's monitor protocol, as a pure state machine: bytes in, replies and
// events out; the caller moves the bytes. And what the human monitor's replies say of errors.
// Source of the facts: qemu/docs/interop/qmp-spec.rst.
//
// The server speaks first ({"QMP": {…}}), then awaits "qmp_capabilities". Replies carry the id of
// their command and may come in any order; events may come between any two. Messages are JSON
// objects; their ends are found by counting braces, so line ends and indentation do not matter, and
// a message is parsed once, when it is whole. What the greeting says of the version is not looked
// at, but that it is a second one: QEMU has executed itself again (migration in the mode cpr-exec
// of docs/devel/migration/CPR.rst), so the negotiation is repeated, and so are queries that were
// not answered; other commands get an error as their reply. A server that has negotiated already
// (with a program before us) refuses "qmp_capabilities"; that is ignored. So are replies to ids
// that are not ours: a program that inherits the monitor may have asked; remark() tells of them.
#pragma once

#include "data/json.hh"
#include "qemu/guest_event.hh"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

class Qmp {
public:
  static constexpr std::size_t k_longest_message = 128U * 1024 * 1024;
  static constexpr std::size_t k_most_events = 10000;

  // Appends the command (the first one: with the negotiation before it) to output() and gives its
  // id. `arguments`: an object, or null for none.
  std::uint64_t execute(const std::string& command, const Json& arguments);
  // Negotiates now, so that events come; execute() does it by itself. Does nothing the second time.
  void negotiate();

  // Bytes to be written to the monitor; the caller erases from the front what it has written.
  std::string& output() noexcept { return m_output; }
  const std::string& output() const noexcept { return m_output; }
  bool has_output() const noexcept { return !m_output.empty(); }

  // Takes bytes from the monitor, cut anywhere. Throws Error if they are no QMP, if a message is
  // longer than k_longest_message, or if the monitor could not read a command. After that the
  // connection is of no use.
  void feed(std::string_view bytes);

  // The whole reply, {"return": …} or {"error": {"class": TEXT, "desc": TEXT}}, once it has come.
  std::optional<Json> take_reply(std::uint64_t id);
  // The monitor has answered one of our commands.
  bool answered() const noexcept { return m_answered; }

  // Events that have come and were not taken, oldest first: {"event": NAME, "data": {…}, …}; one
  // that came without data has an empty table. Of more than k_most_events the oldest are dropped.
  std::deque<Json>& events() noexcept { return m_events; }
  // Takes an event that another monitor of the same QEMU has heard, if this one was not up by then
  // and may not get it. Should it come here as well, it is taken once: it has the same "timestamp"
  // on all monitors.
  void take_early_event(const Json& event);

  bool negotiated() const noexcept { return m_negotiated; }
  // How often QEMU has executed itself again.
  unsigned restarts() const noexcept { return m_restarts; }
  // An event has said that QEMU ends.
  bool ending() const noexcept { return m_end.given(); }

  // What may explain to people why a reply does not come: how much of a message is there, and
  // replies that nobody here asked for. Begins with "; ", or is empty.
  std::string remark() const;

private:
  void send(std::uint64_t id, Json message);
  void begin_anew();
  void take_message();
  bool is_early(const Json& event) const;
  void take_event(Json event);
  void take_answer(Json message);
  [[noreturn]] void refuse(std::string_view what, std::string_view text) const;

  std::uint64_t m_next_id = 1;
  bool m_negotiated = false;
  bool m_greeted = false;
  unsigned m_restarts = 0;
  bool m_answered = false;
  std::optional<std::chrono::microseconds> m_up_since; // the negotiation was answered; since 1970
  std::string m_output;
  std::string m_message; // what has come of the next message
  unsigned m_depth = 0;  // of braces and brackets
  bool m_in_string = false;
  bool m_escaped = false;
  std::map<std::uint64_t, Json> m_open; // commands without reply
  std::map<std::uint64_t, Json> m_replies;
  std::deque<Json> m_events;
  NoticeOfEnd m_end;
  std::vector<Json> m_early; // name and time of those from before m_up_since
  std::size_t m_strays = 0;  // replies to ids that are not ours
  std::string m_last_stray;  // its id
};

// Whether a reply of QEMU's human monitor tells of an error. The monitor has no field for that: an
// error is text like any other. Tried with QEMU 7.2, 10.0 and 11.1:
//
//   Error: Device 'x' not found                most commands
//   unknown command: 'info nonsense'           no such command in this emulator
//   Command 'info skeys' not available until … the same, since 11.1
//   Try "help x" for more information          below what is wrong with the arguments
//   No CPU available                           commands that say nothing, or one known thing,
//   invalid CPU index, Invalid boot device 'z' when they succeed
//
// The line of `reply` that tells of the error, or empty. `command`: the whole line that was asked.
std::string hmp_error(std::string_view command, std::string_view reply);

} // namespace qt
