// One machine with all that runs for it, between its start (boot.hh) and its end (supervisor.hh).
#pragma once

#include "boot/evidence.hh"
#include "boot/hold.hh"
#include "boot/qemu_process.hh"
#include "boot/relay.hh"
#include "boot/services.hh"
#include "boot/viewers.hh"
#include "ipc/exit_channel.hh"
#include "os/event_loop.hh"
#include "os/folder_size.hh"
#include "os/logged_output.hh"
#include "os/process.hh"
#include "os/terminal.hh"
#include "qemu/own_monitor.hh"
#include "qemu/panic.hh"

#include <optional>
#include <string>

namespace qt {

// What is running. What is only referred to must outlive the object.
struct RunningMachine {
  EventLoop& loop;
  QemuProcess qemu;
  std::string emulator; // its executable
  LoggedOutput& output; // its stdout and stderr
  FolderSize& folder;   // the run directory
  std::optional<Process> program;
  Services services;
  std::optional<ConsoleRelay>& console;
  std::optional<OwnMonitor>& monitor;
  Evidence& evidence;
  Hold& hold;
  std::optional<Viewers> viewers;
  ExitChannelOfBoot exit_channel;
  EscapeKeys* escape_keys = nullptr; // a terminal is the console
};

struct RunLimits {
  std::optional<Duration> timeout; // of the whole run
  bool exit_expected = false;      // QEMU is to end by itself after the program has passed
  // What a panic is to do to QEMU that was started so that it keeps one (panic.hh).
  std::optional<AfterPanic> after_early_panic;
};

} // namespace qt
