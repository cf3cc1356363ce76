// The client's side of QEMU's monitor protocol, as a pure state machine: bytes in, replies and
// events out; the caller moves the bytes. Source of the facts: qemu/docs/interop/qmp-spec.rst.
//
// The server speaks first ({"QMP": {…}}), then awaits "qmp_capabilities". Replies carry the id of
// their command and may come in any order; events may come between any two. Messages are JSON
// objects; their ends are found by counting braces, so line ends and indentation do not matter. A
// server that has negotiated already (with a program before us) refuses "qmp_capabilities"; that is
// ignored.
#pragma once

#include "json.hh"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace qt {

class Qmp {
public:
  // Appends the command (the first one: with the negotiation before it) to output() and gives its
  // id. `arguments`: an object, or null for none.
  std::uint64_t execute(const std::string& command, const Json& arguments);
  // Negotiates now, so that events come; execute() does it by itself. Does nothing the second time.
  void negotiate();

  // Bytes to be written to the monitor; the caller erases from the front what it has written.
  std::string& output() noexcept { return m_output; }
  bool has_output() const noexcept { return !m_output.empty(); }

  // Takes bytes from the monitor, cut anywhere. Throws Error if they are no QMP, or a message is
  // over 256 MiB.
  void feed(std::string_view bytes);

  // The whole reply, {"return": …} or {"error": {"class": …, "desc": …}}, once it has come.
  std::optional<Json> take_reply(std::uint64_t id);

  // Events that have come and were not taken, oldest first: {"event": NAME, "data": {…}, …}. Of
  // more than 10000 the oldest are dropped.
  std::deque<Json>& events() noexcept { return m_events; }

  bool negotiated() const noexcept { return m_negotiated; }

private:
  void take_message(std::string_view text);

  std::uint64_t m_next_id = 1;
  bool m_negotiated = false;
  std::string m_output;
  std::string m_message; // what has come of the next message
  unsigned m_depth = 0;  // of braces and brackets
  bool m_in_string = false;
  bool m_escaped = false;
  std::map<std::uint64_t, Json> m_replies;
  std::deque<Json> m_events;
};

} // namespace qt
