// The console between QEMU and its reader. The relay always takes what QEMU sends, because a simple
// UART drops what does not fit into a full socket and never recovers. Every byte goes to the log
// file first, then to the reader. The log is thereby raw and, within its limit (bounded_log.hh),
// complete, and it is the buffer of a reader that is slow: memory stays bounded however far behind
// that is. Only where a reader is so far behind that the log would lose what it still lacks,
// nothing is taken from QEMU until it has caught up.
//
// The other way, from the reader (its keys) to QEMU, nothing is lost or reordered either: the relay
// stops reading keys while QEMU takes none.
//
// Works in the turns of an event loop. Refuses to know anything about what the bytes mean.
#pragma once

#include "os/bounded_log.hh"
#include "os/event_loop.hh"
#include "os/fd.hh"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace qt {

class ConsoleRelay {
public:
  // `machine`: our end of QEMU's console, made non-blocking. `far_end`: the other, kept because
  // only there the system counts the bytes that have not been read; drain() then, not the end of
  // what `machine` gives, is the console's end. Replaces the log file. Throws Error.
  ConsoleRelay(UniqueFd machine, UniqueFd far_end, const std::string& log_path,
               std::uint64_t log_limit = k_log_limit);

  // Where the console's bytes go and where its keys come from; may be two descriptors of one
  // socket. A reader whose descriptor blocks is written to in small pieces when it has room.
  void connect(UniqueFd reader, UniqueFd keys);
  // Sees the keys before QEMU does and gives what is to be sent instead.
  void filter_keys(std::function<std::string(std::string_view)> filter);

  // From now on its work is done in the turns of the loop. Blocks there for a quarter of a
  // millisecond at most. They throw Error if the log cannot be written.
  void register_with(EventLoop& loop);

  // After QEMU's death: takes what is left and regards the console as ended, once the reader has
  // caught up so far that there is room for it.
  void drain();
  // The reader has a second from now on for the rest, and again whenever it has taken something. A
  // program that takes nothing may be waiting for just the news of QEMU's end: it can be told after
  // that and keeps its console.
  void begin_last_bytes(EventLoop& loop);
  enum class LastBytes { taken, still_read, stuck };
  LastBytes last_bytes() const;
  // Tells the reader that no more will come.
  void close_reader();
  // Makes one file of the log; the last call on this object.
  void finish_log() { m_log.finish(); }

  const BoundedLog& log() const { return m_log; }
  // Types what does not come from the reader. Call it only if takes_keys(), which is false while
  // QEMU has not taken what was typed before.
  void type(std::string_view keys);
  bool takes_keys() const { return m_machine && m_pending_keys.empty(); }

  // How many bytes of the keys QEMU has not taken, wherever they are on their way.
  std::size_t untaken() const;

  std::uint64_t received() const { return m_log.size(); }
  bool machine_ended() const { return !m_machine; }
  // The reader has everything, or there is none to have it.
  bool all_forwarded() const { return !m_reader || (!m_draining && m_forwarded == received()); }
  std::uint64_t forwarded() const { return m_forwarded; }
  // The reader is so far behind that nothing is taken from QEMU.
  bool waits_for_reader() const { return m_machine && must_wait_for_reader(); }
  // The reader has gone away by itself.
  bool reader_gone() const { return m_reader_gone; }

private:
  pollfd machine_interest() const;
  pollfd reader_interest() const;
  pollfd keys_interest() const;
  void handle_machine(const pollfd& found);
  void handle_reader(const pollfd& found);
  bool must_wait_for_reader() const;
  std::span<std::byte> buffer() const { return {m_buffer.get(), m_buffer_size}; }
  IoResult take_from_machine();
  void forward(std::span<const std::byte> fresh);
  IoCount write_to_reader(std::span<const std::byte> bytes);
  void take_keys();
  void send_keys();
  void lose_reader();

  UniqueFd m_machine;
  UniqueFd m_far_end;
  BoundedLog m_log; // of all that QEMU has sent
  UniqueFd m_reader;
  UniqueFd m_keys;
  bool m_reader_blocks = false;
  bool m_reader_gone = false;
  bool m_draining = false;       // QEMU is dead and something of its console is still to be taken
  std::uint64_t m_forwarded = 0; // bytes that the reader has been given
  std::string m_pending_keys;    // not taken by QEMU yet
  std::function<std::string(std::string_view)> m_filter;
  std::size_t m_buffer_size;
  std::unique_ptr<std::byte[]> m_buffer; // what is not used is never touched
  std::array<EventLoop::Registration, 3> m_watched;
  EventLoop* m_loop = nullptr;
  bool m_is_in_row = false; // few bytes have come, soon after others
  Clock::time_point m_last_taken;
  bool m_is_asked = false;         // keys have passed since the reader was given something
  std::optional<Timer> m_patience; // with a reader of the last bytes
  std::uint64_t m_forwarded_before = 0;
  bool m_reader_stuck = false;
};

} // namespace qt
