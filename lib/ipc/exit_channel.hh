// What qt-boot and the program that it runs tell each other about one machine, besides its console
// and its monitor: both ends, and all words of it.
//
// Lines of text on a stream socket, so that a program in any language can take part:
//
//   the program asks          for
//     done                    nothing more: the machine is ended in order or, if it must end by
//                             itself, left to do so
//     quit                    its end in order; kill: by SIGKILL. Neither is a crash then
//     ending                  nothing: the monitor has told the program that QEMU ends by itself,
//                             which is not to be asked anything more (qemu/early_end.hh says why)
//     hold                    being kept for people to look at, as another machine of the chain is
//     events                  all "event" lines, also for what has come already, "hand" lines, and
//                             "settled"
//     untaken                 an "untaken" line
//     panics                  nothing, once for each that it awaits: these are to end QEMU also
//                             where a failed machine would be kept
//     pause                   its deadline to stand still, as a person looks at the machine;
//                             resume: to go on
//
//   qt-boot tells
//     exited N, killed SIGX   QEMU has ended; once
//     event JSON              an event of the machine that guest_event.hh knows
//     settled                 the monitor may be asked: qt-boot has nothing under way there, and
//     the
//                             machine does as its arguments say; or that monitor is of no use
//     untaken N               so many of the bytes that were typed QEMU has not read
//     hand JSON               what somebody who looks at the machine (boot/viewers.hh) has typed,
//                             {"keys": "\\r"}, or has asked the monitor, {"monitor": "stop"}
#pragma once

#include "data/json.hh"
#include "os/event_loop.hh"
#include "os/fd.hh"
#include "os/process.hh"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace qt {

enum class ExitRequest { done, quit, kill, ending, hold, events, untaken, panics, pause, resume };
// Its word.
std::string_view text(ExitRequest request);

struct MachineEvent {
  Json event; // as QMP has it, with "event" and "data"
};
struct UntakenBytes {
  std::size_t count;
};
struct Settled {};
// A person has had a hand in the machine.
struct HandInput {
  enum class Kind { keys, monitor };
  Kind kind;
  std::string text;        // raw bytes
  bool was_before = false; // the program asked to be told
};
using ExitNews = std::variant<ExitStatus, MachineEvent, UntakenBytes, HandInput, Settled>;
// Its line.
std::string text(const ExitNews& news);

// The program's end; a descriptor that it has inherited, which it does not own. Throws Error if the
// socket fails otherwise than by being closed on the other side.
class ExitChannelOfProgram {
public:
  // `machine`: for messages. -1: there is no such channel, and nothing is asked or told.
  ExitChannelOfProgram(int fd, std::string machine)
    : m_fd(fd)
    , m_machine(std::move(machine)) {}

  int fd() const noexcept { return m_fd; }
  // May block: qt-boot reads it all the time.
  void ask(ExitRequest request);
  // What has come whole since the last call. Never blocks. Throws Error for a line that nobody
  // tells.
  std::vector<ExitNews> take_news();
  // qt-boot has closed its end.
  bool ended() const noexcept { return m_ended; }

private:
  int m_fd;
  std::string m_machine;
  std::string m_beginning; // of a line
  bool m_ended = false;
};

// qt-boot's end.
class ExitChannelOfBoot {
public:
  ExitChannelOfBoot() = default;
  // A non-blocking descriptor, or none.
  explicit ExitChannelOfBoot(UniqueFd fd)
    : m_fd(std::move(fd)) {}

  // For an event loop; whatever it finds is for take_requests().
  pollfd interest() const {
    return {m_fd.get(), static_cast<short>(POLLIN | (m_untold.empty() ? 0 : POLLOUT)), 0};
  }
  // The requests that have come whole since the last call, without words that are none; tells what
  // is untold. Never blocks.
  std::vector<ExitRequest> take_requests();
  // Does nothing if the program is gone. What a program that does not read leaves untold is told
  // when it does; of that, news that are `dispensable` only to 1 MiB.
  enum class Kind { needed, dispensable };
  void tell(const ExitNews& news, Kind kind = Kind::needed);
  void close() { m_fd.reset(); }

private:
  void send();

  UniqueFd m_fd;
  std::string m_beginning; // of a request
  std::string m_untold;
};

} // namespace qt
