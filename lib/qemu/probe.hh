// What an emulator can do: its version, machines, accelerators, devices, network back ends,
// commands of the monitor, what it was built with, and what of a confinement it can do. Asked over
// the monitor of a QEMU without a machine, then remembered, so that a test that asks again pays for
// reading one small file. Names are compared exactly; a machine's aliases count as names.
//
// The record is FOLDER/NAME.txt, NAME being the program's absolute path with '-' for '/':
//   { "identity": { "files": […], "folders": […] }, "version": "7.2.22",
//     "netdevs": { "user": true, … }, "config": { "igvm": false, … }, "sandbox": true,
//     "memory": { "virt": bytes, … }, "firmware": "/usr/share/qemu" }
// in one line, and after it the lists, each in a line that begins with its name:
//   machines none virt …
//   accelerators …
//   devices …
//   commands …
// It holds for exactly these files (the program, where its links lead, and if it is a script the
// programs that it names: device, inode, size, times) and folders of modules ($QEMU_MODULE_DIR,
// those of an installation or a build that the program belongs to); anything else is asked anew.
// What an emulator lacks may come with a module in a place that nobody knows: before a test is
// skipped for it, ask_again(). Network back ends, what the build can do, default memory and the
// folder of firmware can only be asked one by one and are added when someone does. A record that
// cannot be read or written costs time, nothing else.
#pragma once

#include "base/duration.hh"
#include "data/json.hh"
#include "qemu/machine.hh"
#include "schema/build_word.hh"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// Where records are kept by all programs: "probe" beside the downloads; empty if nothing says where
// the cache is.
std::string probe_folder();
// What a record says of the emulator that it holds for: its member "identity". Starts nothing.
Json emulator_identity(const std::string& program);

class Probe {
public:
  // `program`: absolute path of the emulator. `folder`: where records are kept; it need not exist;
  // empty: nothing is remembered. `limit` bounds each question, so that a program that hangs is
  // noticed. Starts nothing.
  Probe(std::string program, std::string folder, Duration limit = std::chrono::seconds(10));

  // Where answers come from a record that this process has not made, asks the emulator and makes a
  // new one. True if it did; false: the answers are fresh. Throws as below.
  bool ask_again();

  // Each starts the emulator if the answer is not remembered. They throw Error(ExitCode::internal)
  // "asking PROGRAM …" if it cannot be started, does not speak or ends, with what it said, and
  // Error(ExitCode::deadline) if it does not answer in time.
  std::string version();
  bool has_machine(std::string_view name);
  bool has_accelerator(std::string_view name); // built in; whether the host lets it work is open
  bool has_device(std::string_view name);
  bool has_command(std::string_view name); // of the monitor (QMP)
  bool has_netdev(const std::string& name);
  bool was_built_with(const BuildWord& word); // and the module is installed, where it is in one
  bool has_sandbox();                         // the option -sandbox
  // Where the emulator looks first for firmware and other data; empty if it does not say.
  std::string firmware_folder();
  // Bytes of a machine's main memory: what "-m" in `arguments` says, else the machine's default. A
  // machine that does not start with nothing in it cannot be asked and counts as 128 MiB. `machine`
  // may have properties.
  std::uint64_t memory(const std::string& machine, const std::vector<std::string>& arguments);
  // "; did you mean 'virt'?" for a name that the emulator does not have, or "". A name with another
  // number in it is another board or device, not a slip.
  enum class Kind { machine, accelerator, device, command };
  std::string suggest(Kind kind, std::string_view name);

private:
  const Json& answers();
  bool lists(const char* key, std::string_view name);
  void ask();
  void remember() const noexcept;

  std::string m_program;
  std::string m_record_path;
  Duration m_limit;
  Json m_identity;              // what the record must say of the program
  Json m_answers;               // null until read or asked
  bool m_is_remembered = false; // they were read
};

// What of a confinement an emulator can do. One built without seccomp still gets no network that
// reaches the host, one without user networking (slirp) its card on none; people are told.
//
// Takes back what the emulator lacks and says so on stderr. Starts it to ask, unless the answer is
// remembered or nothing is to be confined. `machine` with its arguments. Throws Error if the
// emulator does not answer: what cannot be asked is not run unconfined.
void fit_confinement(MachineOptions& machine);

} // namespace qt
