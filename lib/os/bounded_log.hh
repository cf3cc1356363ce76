// A file for a stream without end: its first and its last part are kept, three quarters and one
// quarter of a limit, and what lies between is left out, which one line in the file says. A stream
// within the limit is kept whole.
//
// The last part lies in a file PATH.tail, round and round, until finish() puts it after the first.
// It can be read back all the while: the log is the buffer of those who read slowly.
//
// LoggedOutput keeps what a process writes in such a file.
#pragma once

#include "os/event_loop.hh"
#include "os/fd.hh"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace qt {

inline constexpr std::uint64_t k_log_limit = 256 << 20;
// What a limit is at least.
inline constexpr std::uint64_t k_least_log_limit = 4096;

class BoundedLog {
public:
  enum class Start { afresh, at_end };
  // Makes the file, or goes on at its end: then what is in it counts as the stream's first part.
  // Throws Error.
  BoundedLog(std::string path, std::uint64_t limit, Start start = Start::afresh);

  // Throws Error if the file cannot be written.
  void write(std::string_view bytes);
  // Bytes written to this object; offsets count from there.
  std::uint64_t size() const noexcept { return m_size; }
  // The first byte from `offset` on that is still there; size() if there is none.
  std::uint64_t kept_from(std::uint64_t offset) const noexcept;
  // Reads from `offset`, which must be kept; gives how much. Throws Error.
  std::size_t read(std::uint64_t offset, std::span<std::byte> buffer) const;
  // How many bytes can be written so that everything from `offset` on is kept.
  std::uint64_t room(std::uint64_t offset) const noexcept;

  // Makes one file of it. Nothing is written or read after that. Throws Error.
  void finish();
  // How many bytes are left out; the file says so.
  std::uint64_t left_out() const noexcept { return kept_from(m_head) - std::min(m_head, m_size); }

private:
  void write_tail(std::string_view bytes);

  std::string m_path;
  std::uint64_t m_limit;
  std::uint64_t m_base = 0; // the size of the file before
  std::uint64_t m_head;     // how much of the stream goes to the file itself
  std::uint64_t m_room;     // what the other file holds
  std::uint64_t m_size = 0;
  UniqueFd m_file;
  UniqueFd m_tail; // if the stream has come so far
};

// What a process beside us writes (QEMU, a daemon): taken from a pipe and kept in a file of limited
// size. Every byte is seen by whoever judges it, also those that the file leaves out.
//
// Works in the turns of an event loop, and never blocks.
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
