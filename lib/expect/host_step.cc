#include "expect/host_step.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "base/timeout_multiplier.hh"
#include "data/regex.hh"
#include "data/url.hh"
#include "os/file.hh"
#include "os/process.hh"
#include "os/tcp_port.hh"
#include "schema/key.hh"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

namespace qt {

namespace {

constexpr Duration k_reply{2000}; // of the human monitor
constexpr Duration k_hold{250};   // in which the guest's refusal of a forwarded connection comes

// For messages: the last line of a text, or nothing.
std::string last_line(const std::string& text) {
  const std::vector<std::string> lines = last_lines(text, 1);
  return lines.empty() ? "" : ": " + lines.back();
}

// The last 4 KiB of an output, for the verdict.
std::string end_of(const std::string& output) {
  return output.substr(output.size() - std::min<std::size_t>(output.size(), 4096));
}

// Takes what is there of a child's output; false at its end.
bool collect(const StepRun& run, const UniqueFd& pipe, std::string& text) {
  std::array<std::byte, 65536> buffer;
  for (;;) {
    const IoCount got = read_some(pipe.get(), buffer);
    if (got.result != IoResult::done) {
      return got.result == IoResult::would_block;
    }
    text += text_of(std::span(buffer).first(got.count));
    if (text.size() > k_most_output) {
      run.fail(Cause::flood, format("the command wrote more than {}{}", format_size(k_most_output),
                                    last_line(text)));
    }
  }
}

// For as long as it lives the monitors are left to a program.
class LentMonitors {
public:
  explicit LentMonitors(DialogueLoop& loop)
    : m_loop(loop) {
    set(Guest::Monitor::lent);
  }
  ~LentMonitors() { set(Guest::Monitor::ours); }
  LentMonitors(const LentMonitors&) = delete;
  LentMonitors& operator=(const LentMonitors&) = delete;

private:
  void set(Guest::Monitor owner) const {
    for (const auto& guest : m_loop.guests()) {
      guest->set_monitor(owner);
    }
  }

  DialogueLoop& m_loop;
};

enum class Output { standard, error };

// Runs a program to its end and gathers one of its two outputs; the other is the caller's stderr.
ExitStatus run_program(const StepRun& run, const std::vector<std::string>& argv, Output gathered,
                       std::string& text) {
  const UniqueFd null = open_file("/dev/null", O_RDWR);
  FdPair pipe = make_pipe();
  SpawnOptions options;
  options.standard_input = null.get();
  options.standard_output = gathered == Output::standard ? pipe.second.get() : null.get();
  options.standard_error = gathered == Output::standard ? -1 : pipe.second.get();
  options.keep = run.channels;
  options.descendants = SpawnOptions::Descendants::end_with_it;
  const LentMonitors lent(run.loop);
  Process process = Process::spawn(argv, options);
  pipe.second.reset();
  set_nonblocking(pipe.first.get());
  const auto ended = run.loop.wake_for({process.exit_fd(), POLLIN, 0});
  for (;;) {
    const std::optional<ExitStatus> status = process.poll();
    if (pipe.first && !collect(run, pipe.first, text)) {
      pipe.first.reset();
    }
    if (status) { // a grandchild may hold the pipe open; it is not waited for
      return *status;
    }
    if (run.late()) {
      run.time_out(format("{} still runs{}", argv[0], last_line(text)));
    }
    const auto output = run.loop.wake_for({pipe.first.get(), POLLIN, 0});
    run.turn();
  }
}

// qt-fetch as a judge of digests: `url` may be on the guest, or a file.
void check_by_fetch(const StepRun& run, const std::string& url, const std::string& sha256) {
  const TempDir folder("qt-expect-");
  std::string messages;
  const ExitStatus status = run_program(
      run,
      {sibling_program("qt-fetch"), "--uncached", "--output", folder.path() + "/file", url, sha256},
      Output::error, messages);
  if (status.code() == static_cast<int>(ExitCode::usage)) {
    throw Error(format("fetching {}{}", display_url(url), last_line(messages)), ExitCode::usage);
  }
  if (status.wait_status != 0) {
    run.fail(Cause::assertion, format("qt-fetch {}{}", status.text(), last_line(messages)));
  }
}

// Waits until a connection stands, or it is known why it does not. One that is held is held to the
// end, also past the deadline: else the last of many tries would count as open, whoever is there.
void decide(const StepRun& run, TcpConnection& connection) {
  while (!connection.is_decided()) {
    if (run.late() && connection.state() != TcpConnection::State::held) {
      run.time_out("the connection was neither accepted nor refused");
    }
    const auto news = run.loop.wake_for(connection.interest());
    run.loop.turn(run.late() ? connection.deadline()
                             : earlier(run.limit.deadline, connection.deadline()));
    run.loop.check(nullptr);
    connection.go_on();
  }
}

// The answer of the human monitor to `line`; empty if the machine has no monitor, or gives none
// within 2 s. No step asks this, and what comes of it is judged nowhere.
std::string ask_quietly(const StepRun& run, Guest& guest, const std::string& line) {
  if (!guest.has_monitor() || guest.monitor_ended()) {
    return "";
  }
  Qmp& qmp = guest.qmp();
  const std::uint64_t id = qmp.execute("human-monitor-command", {{"command-line", line}});
  const Deadline end = Deadline::after(scaled(k_reply));
  std::optional<Json> reply;
  while (!(reply = qmp.take_reply(id)) && !guest.monitor_ended() && !run.loop.missed(end)) {
    run.loop.turn(end);
  }
  return reply ? json_text(*reply, "return") : "";
}

// What QEMU's user network, as its monitor tells, knows of a connection to this port: nothing, that
// it waits for the guest to take it, or that the guest has. Such a connection stands already for
// whoever made it.
enum class Taken { unknown, awaited, yes };

Taken taken_by_guest(const StepRun& run, const std::string& where) {
  const std::string port = where.substr(where.rfind(':') + 1);
  Taken taken = Taken::unknown;
  for (const auto& guest : run.loop.guests()) {
    const std::string connections = ask_quietly(run, *guest, "info usernet");
    const auto has = [&](std::string_view state) { // "TCP[STATE] FD ADDRESS PORT …"
      const Regex line(format("TCP\\[{}\\] +[0-9]+ +[^ ]+ +{} ", state, port));
      return line.search(connections).has_value();
    };
    if (has("(?!SYN_SENT|HOST_FORWARD)[A-Z0-9_]+")) {
      return Taken::yes;
    }
    taken = has("SYN_SENT") ? Taken::awaited : taken;
  }
  return taken;
}

// Waits until the guest has said something, too, where QEMU's user network stands between. That
// gives up after a time: then it forgets the connection, and closes it.
void decide_with_guest(const StepRun& run, TcpConnection& connection, const std::string& where) {
  decide(run, connection);
  bool is_awaited = false;
  while (connection.state() == TcpConnection::State::open) {
    const Taken taken = taken_by_guest(run, where);
    if (taken == Taken::yes || (taken == Taken::unknown && !is_awaited)) {
      return;
    }
    is_awaited = true;
    if (run.late()) {
      run.time_out("QEMU's user network has accepted the connection, but not the guest");
    }
    connection.hold_again();
    decide(run, connection);
  }
}

// The first group, or the whole match; nothing if the group took no part.
std::optional<std::string> part_found(const std::string& expression, const std::string& text) {
  const std::optional<Regex::Found> found = Regex(expression).search(text);
  if (!found) {
    return std::nullopt;
  }
  return found->groups.empty() ? text.substr(found->begin, found->end - found->begin)
                               : found->groups.front();
}

} // namespace

void check_status(const StepRun& run, const CommandChecks& checks, int status,
                  const std::string& how, const std::string& output) {
  if (checks.status && *checks.status != status) {
    run.fail(Cause::assertion,
             format("asked status {}, {}{}", *checks.status, how, last_line(output)),
             {{"stdout", end_of(output)}});
  }
}

void check_output(const StepRun& run, const CommandChecks& checks, const std::string& output) {
  const std::string mistake = text_mistake(checks.output, output, "the output");
  if (!mistake.empty()) {
    const std::vector<std::string> last = last_lines(output, 1);
    run.fail(Cause::assertion,
             format("{}; {}", mistake,
                    last.empty() ? "there is none" : format("its last line is '{}'", last[0])),
             {{"stdout", end_of(output)}});
  }
}

void save_by_regex(const StepRun& run, const std::vector<Save>& saves, const std::string& text) {
  for (const Save& save : saves) {
    const std::optional<std::string> found = part_found(save.place, text);
    if (!found && !save.otherwise) {
      run.fail(Cause::assertion, format("nothing to save as '{}': no match of '{}'{}", save.name,
                                        save.place, last_line(text)));
    }
    run.saved.keep(save.name, found ? Json(*found) : Json(*save.otherwise));
  }
}

void run_step(const StepRun& run, const RunCommand& step) {
  run.loop.check(nullptr);
  const std::vector<std::string>& argv = step.argv;
  std::string output;
  const ExitStatus status = run_program(run, argv, Output::standard, output);
  if (!step.checks.is_status_named &&
      exit_status_of(status.wait_status) == static_cast<int>(ExitCode::absent)) {
    const std::vector<std::string> reason = last_lines(output, 1);
    run.fail(Cause::skip,
             reason.empty() ? argv[0] + " says that a prerequisite is absent" : reason[0]);
  }
  check_status(run, step.checks, exit_status_of(status.wait_status),
               format("{} {}", argv[0], status.text()), output);
  check_output(run, step.checks, output);
  save_by_regex(run, step.checks.saves, output);
}

void run_step(const StepRun& run, const FetchFile& step) {
  run.loop.check(nullptr);
  check_by_fetch(run, step.url, step.sha256);
}

void run_step(const StepRun& run, const CheckFile& step) {
  run.loop.check(nullptr);
  const std::string& path = step.path;
  if (path.find('\0') == std::string::npos && !exists(path)) {
    run.fail(Cause::assertion, "there is no such file");
  }
  struct stat status {};
  if (::fstat(open_regular_file(path).get(), &status) < 0) {
    throw errno_error(errno, format("looking at {}", path));
  }
  if (static_cast<std::uint64_t>(status.st_size) < step.least) {
    run.fail(Cause::assertion,
             format("asked at least {} bytes, it has {}", step.least, status.st_size));
  }
  if (!step.matches.empty() || !step.lacks.empty()) {
    const std::string content = read_file(path);
    if (!step.matches.empty() && !Regex(step.matches).search(content)) {
      run.fail(Cause::assertion, format("nothing in it matches '{}'{}", step.matches,
                                        content.empty() ? "; it is empty" : ""));
    }
    if (!step.lacks.empty() && content.find(step.lacks) != std::string::npos) {
      run.fail(Cause::assertion, format("'{}' is in it", step.lacks));
    }
  }
  if (!step.sha256.empty()) {
    check_by_fetch(run, file_url(absolute_path(path)), step.sha256);
  }
}

// One attempt at a connection; with a time-out of the step's own, "open" tries again until then.
// QEMU has opened its own ports before it answers its monitor.
void run_step(const StepRun& run, const CheckPort& step) {
  run.loop.check(nullptr);
  for (const auto& guest : run.loop.guests()) {
    ask_quietly(run, *guest, "info status");
  }
  run.loop.check(nullptr);
  for (;;) {
    TcpConnection connection(step.where, scaled(k_hold));
    step.is_open ? decide_with_guest(run, connection, step.where) : decide(run, connection);
    if (!step.is_open && connection.state() == TcpConnection::State::failed) {
      run.fail(Cause::assertion, format("nobody has refused: {}", connection.refusal()));
    }
    const bool is_open = connection.state() == TcpConnection::State::open;
    if (is_open == step.is_open) {
      return;
    }
    if (!step.tries_again) {
      run.fail(Cause::assertion, is_open ? "the connection was accepted" : connection.refusal());
    }
    if (run.late()) {
      run.time_out(connection.refusal());
    }
    run.turn(Deadline::after(run.modifiers.every));
  }
}

void run_step(const StepRun& run, const Sleep& step) {
  run.loop.check(nullptr);
  run.pause(step.span);
}

} // namespace qt
