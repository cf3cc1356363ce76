// The user's terminal as a machine's console: raw mode that is always given back, and the escape
// key that QEMU's users know, Ctrl-a.
#pragma once

#include "os/fd.hh"

#include <array>
#include <string>
#include <string_view>
#include <termios.h>

namespace qt {

// Throws Error if `fd` is no terminal.
termios terminal_mode(int fd);

// Puts a terminal into a mode in the destructor: that which it had before, whatever others have
// made of it meanwhile.
class KeptMode {
public:
  // `fd` must outlive the object.
  KeptMode(int fd, const termios& mode)
    : m_fd(fd)
    , m_mode(mode) {}
  ~KeptMode();
  KeptMode(const KeptMode&) = delete;
  KeptMode& operator=(const KeptMode&) = delete;

  const termios& mode() const noexcept { return m_mode; }

private:
  int m_fd;
  termios m_mode;
};

// Puts a terminal into raw mode (every key goes to the guest, output is left as it is) and restores
// it in the destructor.
class RawTerminal {
public:
  // `fd` must be a terminal and outlive the object. Throws Error.
  explicit RawTerminal(int fd);

private:
  KeptMode m_before;
};

// Lets a terminal edit lines as ever, but hand over at once, with what stands before it, an escape
// key; restores it in the destructor.
class EscapableLines {
public:
  // As for RawTerminal.
  explicit EscapableLines(int fd);

private:
  KeptMode m_before;
};

inline constexpr char k_escape_key = '\x01'; // Ctrl-a

// Takes the commands out of what is typed: Ctrl-a with a letter. Ctrl-a Ctrl-a and Ctrl-a a are one
// Ctrl-a for the guest.
class EscapeKeys {
public:
  // The keys that are left for the guest. A command may be split over two calls.
  std::string feed(std::string_view keys);

  // The letters of the commands since the last call, in order. QEMU's users know x (quit) and h
  // (help); what the others mean, if anything, is the caller's to say.
  std::string take_commands();

private:
  bool m_after_prefix = false;
  std::string m_commands;
};

inline constexpr std::array<std::string_view, 4> k_escape_help = {
    "",
    "Ctrl-a x  end the machine",
    "Ctrl-a a  send one Ctrl-a (so does Ctrl-a Ctrl-a)",
    "Ctrl-a h  this text",
};

// A descriptor of our own for what `fd` (0, 1 or 2) refers to. Non-blocking where that does not
// change the descriptor of other processes: pipes and terminals are opened anew; anything else is
// a plain duplicate.
UniqueFd reopen_for_writing(int fd);

} // namespace qt
