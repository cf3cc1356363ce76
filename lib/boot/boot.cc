#include "boot/boot.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/log.hh"
#include "base/shell_words.hh"
#include "base/text.hh"
#include "base/timeout_multiplier.hh"
#include "boot/output_check.hh"
#include "boot/qemu_process.hh"
#include "boot/supervisor.hh"
#include "ipc/run_dir.hh"
#include "os/bounded_log.hh"
#include "os/file.hh"
#include "os/terminal.hh"
#include "qemu/probe.hh"

#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

namespace qt {

namespace {

constexpr std::size_t k_output_tail = 262144; // of QEMU's own, for messages
constexpr std::size_t k_log_tail = 65536;
constexpr std::size_t k_console_lines = 10;
constexpr std::size_t k_longest_shown = 300; // of those
constexpr Duration k_ready(30'000);          // for all daemons together
constexpr Duration k_orphans(2000);          // they take some milliseconds

void check_program(const std::string& name, std::string_view advice = "") {
  if (find_program(name)) {
    return;
  }
  if (name.find('/') != std::string::npos && exists(name)) {
    throw Error(format("starting {}: it cannot be executed", name), ExitCode::cannot_exec);
  }
  throw Error(format("starting {}: no such program{}", name, advice), ExitCode::not_found);
}

// These programs of the toolkit see to the end of all that they start.
bool guards_itself(const std::vector<std::string>& program) {
  const std::optional<std::string> found =
      program.empty() ? std::nullopt : find_program(program[0]);
  return found && (*found == sibling_program("qt-expect") || *found == sibling_program("qt-boot"));
}

std::vector<int> outer_exit_channels() {
  std::vector<int> channels;
  for (const VmChannels& vm : parse_vms(env::text(k_vms_variable))) {
    if (vm.exit >= 0) {
      channels.push_back(vm.exit);
    }
  }
  return channels;
}

class Boot {
public:
  explicit Boot(const BootOptions& options)
    : m_options(options)
    , m_guards_itself(guards_itself(options.program))
    , m_timeout(scaled(options.timeout))
    , m_run_dir(options.run_dir)
    , m_log(m_run_dir.path(), "qt-boot " + options.name)
    , m_output_check(options.output_checks, options.skip_if_output) {}

  int run();

private:
  void run_machine();
  void end_orphans() const;
  std::vector<Service> start_services();
  QemuProcess start_qemu(const Channels& channels);
  std::optional<Process> start_program(const Channels& channels);
  void connect_console(RunningMachine& machine, Channels& channels);
  struct Started {
    Process process;
    std::unique_ptr<LoggedOutput> output;
  };
  Started start(const std::vector<std::string>& argv, SpawnOptions spawn, const std::string& output,
                LoggedOutput::Reader reader = {});
  void note_what_is_left_out(const BoundedLog& log, const std::string& whose);
  std::string similar_machines() const;
  int conclude();
  void record_start_failure(const Error& error);

  const BootOptions& m_options;
  bool m_guards_itself; // the program
  std::optional<Duration> m_timeout;
  RunFolder m_run_dir;
  BaseLog m_log;
  EventLoop m_loop;
  TerminationSignals m_signals;
  EscapeKeys m_escape_keys;
  OutputCheck m_output_check;
  std::unique_ptr<LoggedOutput> m_qemu_output;
  RunFacts m_facts;
};

int Boot::run() {
  m_facts.vm = m_options.name;
  m_facts.machine = m_options.machine.machine.value_or("");
  m_facts.timeout = m_options.timeout.value_or(Duration::zero());
  if (m_guards_itself) {
    adopt_orphans();
  }
  try {
    run_machine();
  } catch (const Error& error) {
    end_orphans();
    record_start_failure(error);
    throw;
  }
  end_orphans();
  return conclude();
}

// What a program that was killed has started ends by itself; nobody shall meet it after us.
void Boot::end_orphans() const {
  if (m_guards_itself && (!m_facts.program || m_facts.program->by_signal())) {
    await_orphans(Deadline::after(k_orphans));
  }
}

void Boot::run_machine() {
  check_program(m_options.machine.qemu,
                "; install it, or name another with --qemu or QEMU_TEST_QEMU_BINARY");
  if (!m_options.wrapper.empty()) {
    check_program(m_options.wrapper[0]);
  }
  if (!m_options.program.empty()) {
    check_program(m_options.program[0]); // before a machine is started for nothing
    m_facts.program_name = base_name(m_options.program[0]);
  }
  Channels channels(
      {m_options.machine.console != Json(false), m_options.monitors, !m_options.program.empty()});
  Services services(start_services(), m_log);
  std::optional<ConsoleRelay> console;
  std::optional<OwnMonitor> monitor;
  if (channels.monitor) { // it asks for events before QEMU can have any
    monitor.emplace(std::move(channels.monitor));
  }
  QemuProcess qemu = start_qemu(channels);
  std::optional<Process> program = start_program(channels);
  channels.close_other_ends();
  Evidence evidence(m_run_dir.path(), m_options.name, monitor, m_log, m_loop);
  Hold hold(m_options.on_fail, m_run_dir.path(), m_options.name, outer_exit_channels());
  FolderSize folder = size_of_run(m_run_dir.path(), m_options.log_limit);
  RunningMachine machine{m_loop,
                         std::move(qemu),
                         find_program(m_options.machine.qemu).value_or(m_options.machine.qemu),
                         *m_qemu_output,
                         folder,
                         std::move(program),
                         std::move(services),
                         console,
                         monitor,
                         evidence,
                         hold,
                         {},
                         ExitChannelOfBoot(std::move(channels.exit)),
                         {}};
  std::optional<RawTerminal> terminal;
  if (channels.console) {
    console.emplace(std::move(channels.console), std::move(channels.qemu_console),
                    console_log_path(m_run_dir.path(), m_options.name), m_options.log_limit);
    connect_console(machine, channels);
    if (machine.escape_keys != nullptr) {
      terminal.emplace(STDIN_FILENO);
    }
  }
  machine.viewers.emplace(m_run_dir.path(), m_options.name, console, monitor, m_log, m_loop);
  RunLimits limits = {m_timeout, !m_options.expected.exit.is_null(), {}};
  const bool stays = stays_after_shutdown(m_options.machine);
  limits.after_shutdown = stays ? AfterShutdown::stays : AfterShutdown::ends;
  if (keeps_early_end(m_options.machine)) {
    const std::string action = panic_action(m_options.machine);
    limits.after_panic = action == "none"             ? AfterPanic::runs
                         : action == "pause" || stays ? AfterPanic::stays
                                                      : AfterPanic::ends;
  }
  supervise(machine, limits, m_signals, m_log, m_facts);
  if (console) {
    note_what_is_left_out(console->log(), "the console");
  }
  note_what_is_left_out(m_qemu_output->log(), "QEMU");
}

// Daemons and QEMU: no input, their output to a file of the run directory. Whatever they start ends
// with them.
Boot::Started Boot::start(const std::vector<std::string>& argv, SpawnOptions spawn,
                          const std::string& output, LoggedOutput::Reader reader) {
  const UniqueFd null = open_file("/dev/null", O_RDONLY);
  FdPair pipe = make_pipe();
  auto logged = std::make_unique<LoggedOutput>(std::move(pipe.first), output, m_options.log_limit,
                                               std::move(reader));
  if (spawn.standard_input < 0) { // else it has a terminal
    spawn.standard_input = null.get();
    spawn.standard_output = pipe.second.get();
    spawn.standard_error = pipe.second.get();
  }
  spawn.descendants = SpawnOptions::Descendants::end_with_it;
  spawn.keep.insert(spawn.keep.end(), m_options.inherited.begin(), m_options.inherited.end());
  Process process = Process::spawn(argv, spawn);
  m_log.write(format("started {} (process {})", shell_join(argv), process.pid()));
  return {std::move(process), std::move(logged)};
}

void Boot::note_what_is_left_out(const BoundedLog& log, const std::string& whose) {
  if (log.left_out() > 0) {
    m_log.write(format("the log of {} leaves {} out, {} bytes in its middle: it is limited to {}",
                       whose, format_size(log.left_out()), log.left_out(),
                       format_size(m_options.log_limit)));
    m_facts.details["left-out"][whose] = log.left_out();
  }
}

std::vector<Service> Boot::start_services() {
  std::vector<Service> services;
  std::vector<std::string> logs;
  for (std::size_t i = 0; i < m_options.services.size(); ++i) {
    const std::vector<std::string>& argv = m_options.services[i];
    logs.push_back(format("{}/service.{}.log", m_run_dir.path(), i));
    Started started = start(argv, {}, logs.back());
    services.push_back({format("service {} ({})", i, base_name(argv[0])),
                        std::move(started.process), std::move(started.output)});
  }
  const auto dead = [&services]() -> std::string {
    for (Service& service : services) {
      const std::optional<ExitStatus> status = service.process.poll();
      service.output->handle({-1, 0, POLLIN}); // what "log:TEXT" looks for, and its last words
      if (status) {
        return format("{} {}", service.name, status->text());
      }
    }
    return "";
  };
  await_ready(m_options.ready, logs, dead, Deadline::after(m_timeout.value_or(scaled(k_ready))),
              m_signals.fd());
  return services;
}

QemuProcess Boot::start_qemu(const Channels& channels) {
  const MachineChannels ends = channels.of_qemu();
  SpawnOptions spawn;
  spawn.keep = ends.monitors;
  if (ends.console >= 0) {
    spawn.keep.push_back(ends.console);
  }
  MachineOptions machine = m_options.machine;
  std::optional<GdbStub> stub;
  if (m_options.gdb_stub) {
    stub.emplace();
    spawn.keep.push_back(stub->fd());
    const std::vector<std::string> words = stub->arguments();
    machine.arguments.insert(machine.arguments.end(), words.begin(), words.end());
  }
  std::vector<std::string> argv = qemu_command(machine, ends);
  std::string wrapped; // where a wrapper will find it
  if (!m_options.wrapper.empty()) {
    wrapped = absolute_path(find_program(argv[0]).value_or(argv[0]));
    argv[0] = wrapped;
    argv.insert(argv.begin(), m_options.wrapper.begin(), m_options.wrapper.end());
  }
  UniqueFd terminal;
  if (m_options.gdb) {
    wrapped = absolute_path(find_program(m_options.machine.qemu).value_or(m_options.machine.qemu));
    argv = under_gdb(argv);
    terminal = UniqueFd(::open("/dev/tty", O_RDWR | O_CLOEXEC));
    if (!terminal) {
      throw errno_error(errno, "opening the terminal for gdb", ExitCode::usage);
    }
    spawn.standard_input = spawn.standard_output = spawn.standard_error = terminal.get();
    log_plain(
        format("{}: the machine '{}' is under gdb: type run", program_name(), m_options.name));
  }
  Started qemu = start(argv, spawn, qemu_log_path(m_run_dir.path(), m_options.name),
                       [this](std::string_view said) { m_output_check.feed(said); });
  m_qemu_output = std::move(qemu.output);
  if (stub) {
    log_plain(format("{}: the machine '{}' waits for gdb: target remote {}, then continue",
                     program_name(), m_options.name, stub->address()));
  }
  return {std::move(qemu.process), std::move(wrapped)};
}

std::optional<Process> Boot::start_program(const Channels& channels) {
  if (m_options.program.empty()) {
    return std::nullopt;
  }
  std::vector<VmChannels> vms = parse_vms(env::text(k_vms_variable));
  vms.push_back(channels.of_program(m_options.name));
  SpawnOptions spawn;
  for (const VmChannels& vm : vms) {
    for (const int fd : {vm.console, vm.qmp, vm.exit}) {
      if (fd >= 0) {
        spawn.keep.push_back(fd);
      }
    }
  }
  spawn.keep.insert(spawn.keep.end(), m_options.inherited.begin(), m_options.inherited.end());
  spawn.descendants = m_guards_itself ? SpawnOptions::Descendants::not_watched
                                      : SpawnOptions::Descendants::end_with_it;
  spawn.environment = {{k_vms_variable, format_vms(vms)}, {k_run_dir_variable, m_run_dir.path()}};
  Process process = Process::spawn(m_options.program, spawn);
  m_log.write(format("started {} (process {})", shell_join(m_options.program), process.pid()));
  return process;
}

void Boot::connect_console(RunningMachine& machine, Channels& channels) {
  if (channels.reader) {
    UniqueFd keys = duplicate_fd(channels.reader.get());
    machine.console->connect(std::move(channels.reader), std::move(keys));
    return;
  }
  machine.console->connect(reopen_for_writing(STDOUT_FILENO), duplicate_fd(STDIN_FILENO));
  if (::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1) {
    machine.escape_keys = &m_escape_keys;
    machine.console->filter_keys(
        [this](std::string_view keys) { return m_escape_keys.feed(keys); });
    log_plain("Ctrl-a x ends the machine, Ctrl-a h lists the keys");
  }
}

// For a message only: that costs the start of one more QEMU.
std::string Boot::similar_machines() const {
  const std::optional<std::string> program = find_program(m_options.machine.qemu);
  if (!m_options.machine.machine || !says_no_such_machine(m_facts.qemu_output) || !program) {
    return "";
  }
  try {
    Probe probe(absolute_path(*program), probe_folder());
    probe.ask_again(); // what is remembered of it may be what it no longer is
    return probe.suggest(Probe::Kind::machine, split(*m_options.machine.machine, ',').front());
  } catch (const Error&) {
    return "";
  }
}

int Boot::conclude() {
  const std::string& folder = m_run_dir.path();
  m_facts.seconds = m_log.seconds();
  m_facts.qemu_output = read_tail(qemu_log_path(folder, m_options.name), k_output_tail);
  m_output_check.end();
  m_facts.output_mistake = m_output_check.mistake(
      m_options.name == k_default_vm ? "QEMU's output"
                                     : format("QEMU ({})'s output", m_options.name));
  m_facts.skip_text = m_output_check.skip_text();
  m_facts.console_lines =
      last_lines(read_tail(console_log_path(folder, m_options.name), k_log_tail), k_console_lines);
  for (std::string& line : m_facts.console_lines) {
    line = last_part(line, k_longest_shown);
  }
  m_facts.similar_machines = similar_machines();
  const Judgement judgement = judge(m_facts, m_options.expected, read_verdict(folder));
  if (judgement.verdict) {
    write_verdict(folder, *judgement.verdict);
    m_log.write(format("verdict: {}: {}", cause_name(judgement.verdict->cause),
                       judgement.verdict->message));
  }
  m_log.write(format("exit status {}", judgement.status));
  if (!judgement.message.empty()) {
    judgement.status == to_int(ExitCode::absent) ? log_warning("skip: " + judgement.message)
                                                 : log_error(judgement.message);
  }
  const bool nothing_to_see = judgement.status == 0 || judgement.status == to_int(ExitCode::absent);
  m_run_dir.finish(nothing_to_see ? RunFolder::Interest::none : RunFolder::Interest::some);
  return judgement.status;
}

// Something could not be started, or the host failed under way. Best effort: the error itself is
// reported in any case.
void Boot::record_start_failure(const Error& error) {
  m_log.write(error.what());
  Verdict verdict;
  verdict.cause = Cause::host;
  verdict.message = error.what();
  verdict.vm = m_options.name;
  verdict.seconds = m_log.seconds();
  try {
    write_verdict(m_run_dir.path(), verdict);
    const bool started = error.code() == ExitCode::internal;
    m_run_dir.finish(started ? RunFolder::Interest::some : RunFolder::Interest::none);
  } catch (const Error&) {
    return;
  }
}

} // namespace

int boot(const BootOptions& options) { return Boot(options).run(); }

} // namespace qt
