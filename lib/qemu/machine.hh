// From what a test says about a machine to QEMU's argument vector, and which of QEMU's options take
// lists. Pure: opens nothing and asks nobody; the descriptors are numbers that QEMU will inherit.
//
// The order of the arguments:
//   -sandbox … -net …            if it is to be confined
//   -display none -vga none      no window, and no card that takes the console away
//   -chardev … -qmp …            a monitor for each descriptor (QEMU 11.1 warns of -mon)
//   -action panic=exit-failure   without a monitor: only the exit status can tell of a panic; or
//          panic=pause           if that status is what is wanted: such a QEMU never ends
//   -machine -cpu -accel
//   -chardev … -serial …         the console: "-serial null" for each port before it
//   the user's arguments         so that they can add to all of the above and override it
//   -action panic=pause,shutdown=pause   for our own monitor, which takes it back (early_end.hh)
//   -device pvpanic…             after them: it takes no PCI slot that they count on
//   -device TYPE,chardev=console a console that is a device comes last: QEMU makes devices in this
//                                order, and a virtconsole needs the bus that the user adds
// With such a console there is "-serial none" instead: the port that pseries and s390x machines
// make by themselves is of the same kind and would take its place.
#pragma once

#include "data/json.hh"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

struct MachineOptions {
  std::string qemu; // path or name of the emulator
  // Handed on as given, an empty one too; nothing: QEMU's default.
  std::optional<std::string> machine;
  std::optional<std::string> cpu;
  std::optional<std::string> accel;
  // The vocabulary's normal form: a serial port's number, a device type, or false.
  Json console = 0;
  std::vector<std::string> arguments;
  std::string backdoor;     // path of a UNIX socket for one monitor more; empty: none
  std::string panic_device; // panic.hh; after the arguments; empty: none
  enum class Sandbox { off, on } sandbox = Sandbox::off; // QEMU's own seccomp filter
  // If the arguments say nothing about the network: what QEMU gives by itself; the usual card on
  // one that reaches neither host nor internet; no card.
  enum class Network { usual, restricted, none } network = Network::usual;
  // What a panic does without a monitor.
  enum class UnheardPanic { ends, stops } unheard_panic = UnheardPanic::ends;
};

// Whether QEMU makes no network by itself for a machine with these arguments: they name one (-net,
// -nic, -netdev; a -device joins it with netdev=), or say -nodefaults. Everything that stands where
// an option may counts, since only QEMU knows which of its options take a value.
bool says_network(const std::vector<std::string>& arguments);

// QEMU's ends of the channels; -1 and empty: there is none.
struct MachineChannels {
  int console = -1;
  std::vector<int> monitors;
};

// argv[0] is options.qemu. `channels.console` must be there if the options ask for a console.
std::vector<std::string> qemu_command(const MachineOptions& options,
                                      const MachineChannels& channels);

// What the arguments say that a panic does to QEMU: "none", "pause", "shutdown", "exit-failure";
// empty: nothing is said.
std::string panic_action(const MachineOptions& options);
// A machine with a monitor is started so that it is there to be seen when the monitor comes up,
// whatever its guest has done (early_end.hh); false: a panic is to end QEMU in a way of its own.
bool keeps_early_end(const MachineOptions& options);
// The arguments say that the machine is stopped where QEMU would end.
bool stays_after_shutdown(const MachineOptions& options);

// True if QEMU's messages say that it does not know the machine type it was asked for. QEMU 7.2
// says "NAME: unsupported machine type" and "Use -machine help …" on the next line; newer ones put
// the type in quotes after it.
bool says_no_such_machine(std::string_view output);

// True if QEMU's messages say that it could not begin for want of memory that the host locks for
// io_uring, of which a user who is not root has 8 MiB for all processes together (ulimit -l). The
// kernel gives back what processes have had some time after their end, so that many that start one
// after the other can be too many, and the next one may be none too many. QEMU 11 needs some for
// each monitor and aborts.
bool says_no_locked_memory(std::string_view output);

// QEMU's options whose value is a list, "file=PATH,format=raw": a comma in a path would end it
// there, and has to be written twice. Sources: qemu/util/qemu-option.c, qemu/softmmu/vl.c,
// qemu_chr_parse_compat() of qemu/chardev/char.c.

// Whether QEMU reads `value` as a list where it stands after `option`: "-drive" or "--drive". A
// value in JSON is none, and a character device in the old form only for sockets:
// "unix:PATH,server".
bool is_option_list(std::string_view option, std::string_view value);

// The same for a command of the human monitor, as a whole: "drive_add 0 file=PATH".
bool is_list_command(std::string_view command);

// "a,b" → "a,,b".
std::string doubled_commas(std::string_view text);

} // namespace qt
