#include "boot/relay.hh"

#include "base/error.hh"
#include "os/event_loop.hh"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace qt {

namespace {

constexpr std::size_t k_buffer = 65536;
// The last part of the log holds several of what is taken from QEMU at once.
constexpr std::size_t k_pieces = 64;
constexpr std::size_t k_least_piece = k_least_log_limit / k_pieces;
constexpr std::size_t k_keys = 4096;
constexpr Duration k_stuck{1000}; // takes nothing for that long
// A UART hands its bytes over one by one. While they come in a row, each turn waits for some, which
// saves a quarter of what the programs of a boot cost; an answer to keys need not wait. Each byte
// takes the room of some hundred in the socket, which holds 500 of them on most hosts: so a row
// that is faster than half a byte in a microsecond is taken as it comes.
constexpr std::size_t k_small = 128;
constexpr std::chrono::microseconds k_gather{250};
// What a pipe that poll(2) finds writable takes without blocking (PIPE_BUF of Linux).
constexpr std::size_t k_blocking_piece = 4096;

constexpr short k_gone = POLLERR | POLLHUP | POLLNVAL;

std::size_t unread(int fd) {
  int count = 0;
  return ::ioctl(fd, FIONREAD, &count) == 0 ? static_cast<std::size_t>(count) : 0;
}

} // namespace

ConsoleRelay::ConsoleRelay(UniqueFd machine, UniqueFd far_end, const std::string& log_path,
                           std::uint64_t log_limit)
  : m_machine(std::move(machine))
  , m_far_end(std::move(far_end))
  , m_log(log_path, log_limit)
  , m_buffer_size(std::clamp<std::uint64_t>(log_limit / k_pieces, k_least_piece, k_buffer))
  , m_buffer(std::make_unique_for_overwrite<std::byte[]>(m_buffer_size)) {
  set_nonblocking(m_machine.get());
}

void ConsoleRelay::connect(UniqueFd reader, UniqueFd keys) {
  m_reader = std::move(reader);
  m_keys = std::move(keys);
  m_reader_blocks = (::fcntl(m_reader.get(), F_GETFL) & O_NONBLOCK) == 0;
}

void ConsoleRelay::filter_keys(std::function<std::string(std::string_view)> filter) {
  m_filter = std::move(filter);
}

void ConsoleRelay::register_with(EventLoop& loop) {
  m_loop = &loop;
  m_watched = {
      loop.watch([this] { return machine_interest(); },
                 [this](const pollfd& found) { handle_machine(found); }),
      loop.watch([this] { return reader_interest(); },
                 [this](const pollfd& found) { handle_reader(found); }),
      loop.watch([this] { return keys_interest(); }, [this](const pollfd&) { take_keys(); })};
}

pollfd ConsoleRelay::machine_interest() const {
  const int events = (must_wait_for_reader() ? 0 : POLLIN) | (m_pending_keys.empty() ? 0 : POLLOUT);
  return {events != 0 ? m_machine.get() : -1, static_cast<short>(events), 0};
}

pollfd ConsoleRelay::reader_interest() const {
  const bool behind = m_forwarded < received();
  return {m_reader.get(), static_cast<short>(behind ? POLLOUT : 0), 0};
}

// A descriptor whose other side has gone is reported whatever is asked for: keys that must wait for
// QEMU are therefore not watched at all.
pollfd ConsoleRelay::keys_interest() const {
  const bool keys_wait = !m_pending_keys.empty() || !m_machine;
  return {keys_wait ? -1 : m_keys.get(), POLLIN, 0};
}

void ConsoleRelay::handle_machine(const pollfd& found) {
  if ((found.revents & (POLLIN | k_gone)) != 0 && m_machine && !must_wait_for_reader() &&
      take_from_machine() == IoResult::ended) {
    m_machine.reset();
  }
  if ((found.revents & POLLOUT) != 0) {
    send_keys();
  }
  if (m_draining) {
    drain();
  }
}

void ConsoleRelay::handle_reader(const pollfd& found) {
  if ((found.revents & k_gone) != 0 && m_reader) {
    lose_reader();
  } else if ((found.revents & POLLOUT) != 0) {
    forward({});
  }
  if (m_draining) {
    drain();
  }
}

bool ConsoleRelay::must_wait_for_reader() const {
  return m_reader && m_log.room(m_forwarded) < m_buffer_size;
}

IoResult ConsoleRelay::take_from_machine() {
  if (m_is_in_row && !m_is_asked && !m_draining) {
    std::this_thread::sleep_for(k_gather);
  }
  const IoCount got = read_some(m_machine.get(), buffer());
  const Clock::time_point before = std::exchange(m_last_taken, Clock::now());
  m_is_in_row = got.count > 1 && got.count < k_small && m_last_taken - before < 3 * k_gather;
  if (got.result == IoResult::done) {
    const std::span<const std::byte> fresh = buffer().first(got.count);
    m_log.write(text_of(fresh));
    forward(fresh);
  }
  return got.result;
}

// `fresh` are the last bytes of the log. Only a reader that has all before them gets them directly.
void ConsoleRelay::forward(std::span<const std::byte> fresh) {
  if (!m_reader) {
    m_forwarded = received();
    m_is_asked = false;
    return;
  }
  std::span<const std::byte> bytes = fresh;
  if (m_forwarded + fresh.size() != received()) {
    if (!fresh.empty()) {
      return; // the loop will say when the reader has room for what it still lacks
    }
    bytes = buffer().first(m_log.read(m_forwarded, buffer()));
  }
  const IoCount sent = write_to_reader(bytes);
  m_forwarded += sent.count;
  if (sent.result == IoResult::ended) {
    lose_reader();
  } else if (sent.count > 0 && m_loop != nullptr && std::exchange(m_is_asked, false)) {
    m_loop->expect_answer();
  }
}

IoCount ConsoleRelay::write_to_reader(std::span<const std::byte> bytes) {
  if (m_reader_blocks) {
    if (look_at(m_reader.get(), POLLOUT) == 0) {
      return {IoResult::would_block, 0};
    }
    bytes = bytes.first(std::min(bytes.size(), k_blocking_piece));
  }
  return write_some(m_reader.get(), bytes);
}

void ConsoleRelay::take_keys() {
  if (!m_keys || !m_pending_keys.empty()) {
    return;
  }
  std::array<std::byte, k_keys> keys;
  const IoCount got = read_some(m_keys.get(), keys);
  if (got.result == IoResult::ended) {
    m_keys.reset();
  } else if (got.result == IoResult::done) {
    const std::string_view text = text_of(std::span(keys).first(got.count));
    m_pending_keys = m_filter ? m_filter(text) : std::string(text);
    send_keys();
  }
}

void ConsoleRelay::type(std::string_view keys) {
  m_pending_keys += keys;
  send_keys();
}

void ConsoleRelay::send_keys() {
  if (!m_machine || m_pending_keys.empty()) {
    return;
  }
  const IoCount sent = write_some(m_machine.get(), bytes_of(m_pending_keys));
  m_pending_keys.erase(0, sent.count);
  if (m_loop != nullptr && sent.count > 0) {
    m_loop->expect_answer();
    m_is_asked = true;
  }
  if (sent.result == IoResult::ended) {
    m_pending_keys.clear(); // what QEMU has sent before it ended is still to be read
  }
}

std::size_t ConsoleRelay::untaken() const {
  return unread(m_keys.get()) + m_pending_keys.size() + unread(m_far_end.get());
}

void ConsoleRelay::drain() {
  m_draining = static_cast<bool>(m_machine);
  while (m_draining && !must_wait_for_reader()) {
    m_draining = take_from_machine() == IoResult::done;
  }
  if (!m_draining) {
    m_machine.reset();
  }
  m_far_end.reset();
  m_pending_keys.clear();
}

void ConsoleRelay::begin_last_bytes(EventLoop& loop) {
  m_forwarded_before = m_forwarded;
  m_patience.emplace(loop, [this] {
    m_reader_stuck = m_forwarded == m_forwarded_before;
    if (!m_reader_stuck) {
      m_forwarded_before = m_forwarded;
      m_patience->set(k_stuck);
    }
  });
  m_patience->set(k_stuck);
}

ConsoleRelay::LastBytes ConsoleRelay::last_bytes() const {
  return all_forwarded()  ? LastBytes::taken
         : m_reader_stuck ? LastBytes::stuck
                          : LastBytes::still_read;
}

void ConsoleRelay::lose_reader() {
  m_reader.reset();
  m_reader_gone = true;
  m_forwarded = received();
}

void ConsoleRelay::close_reader() {
  if (m_reader) {
    ::shutdown(m_reader.get(), SHUT_RDWR); // no socket: closing is enough
  }
  // A socket closed with bytes unread is an error on the other side instead of its end.
  const bool is_socket = m_keys && ::recv(m_keys.get(), m_buffer.get(), 0, MSG_DONTWAIT) == 0;
  while (is_socket && ::recv(m_keys.get(), m_buffer.get(), m_buffer_size, MSG_DONTWAIT) > 0) {
  }
  m_reader.reset();
  m_keys.reset();
  m_forwarded = received();
  if (m_draining) {
    drain(); // nobody is waited for any more
  }
}

} // namespace qt
