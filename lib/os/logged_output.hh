// What a process beside us writes (QEMU, a daemon): taken from a pipe and kept in a file, whose
// size is thereby limited (bounded_log.hh). Every byte is seen by whoever judges it, also those
// that the file leaves out.
//
// Passive: the owner polls interest() and hands the result over. Nothing here blocks.
#pragma once

#include "os/bounded_log.hh"
#include "os/event_loop.hh"
#include "os/fd.hh"

#include <functional>
#include <string>
#include <string_view>

namespace qt {

class LoggedOutput {
public:
  using Reader = std::function<void(std::string_view)>;

  // `pipe`: the reading end, made non-blocking. `reader`, which may be empty, sees all of it.
  // Throws Error.
  LoggedOutput(UniqueFd pipe, const std::string& path, std::uint64_t limit, Reader reader = {});

  pollfd interest() const { return {m_pipe.get(), POLLIN, 0}; }
  // Takes what is there, 64 KiB at most. Throws Error if the file cannot be written.
  void handle(const pollfd& polled);
  // Everyone who writes has ended: takes the rest and makes one file of it. Throws Error.
  void finish();

  const BoundedLog& log() const { return m_log; }

private:
  bool take();

  UniqueFd m_pipe;
  BoundedLog m_log;
  Reader m_reader;
};

} // namespace qt
