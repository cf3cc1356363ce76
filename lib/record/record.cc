#include "record/record.hh"

#include "base/environment.hh"
#include "base/error.hh"
#include "base/log.hh"
#include "base/text.hh"
#include "boot/boot_options.hh"
#include "ipc/run_dir.hh"
#include "ipc/verdict.hh"
#include "os/file.hh"
#include "os/process.hh"
#include "qemu/emulator.hh"
#include "record/definition_text.hh"
#include "record/record_terminal.hh"
#include "record/recorded_assets.hh"
#include "record/script.hh"
#include "schema/key_option.hh"
#include "schema/tables.hh"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <ctime>
#include <fcntl.h>
#include <optional>
#include <set>
#include <system_error>
#include <unistd.h>

namespace qt {

namespace {

// A recorded definition, run without a person: by qt-tap, as everybody will run it.
struct Replay {
  bool passed = false;
  std::string console;            // all that it said
  std::optional<Verdict> verdict; // of the subtest
  std::string report;             // what qt-tap has printed
};

// The folder that has a verdict: FOLDER/ARCH/FILE.TEST.
std::string run_directory_in(const std::string& folder, unsigned depth = 0) {
  constexpr unsigned k_deepest = 3;
  std::error_code unreadable;
  if (exists(folder + "/verdict.json")) {
    return folder;
  }
  if (depth < k_deepest) {
    for (const std::string& name : names_in(folder, unreadable)) {
      const std::string found = run_directory_in(folder + "/" + name, depth + 1);
      if (!found.empty()) {
        return found;
      }
    }
  }
  return "";
}

// Runs the only subtest of `definition` with this emulator; the logs go below `folder`, which is
// emptied. Blocks as long as the definition allows. Throws Error if qt-tap cannot be started.
Replay replay(const std::string& definition, const std::string& emulator,
              const std::string& folder) {
  remove_tree(folder);
  make_directories(folder);
  const Captured run =
      run_captured({sibling_program("qt-tap"), "--output", folder, "--qemu", emulator, definition},
                   {}, Deadline::never())
          .value();
  Replay result;
  result.report = run.out + run.err;
  const std::string run_dir = run_directory_in(folder);
  if (!run_dir.empty()) {
    result.verdict = read_verdict(run_dir);
    result.console = read_file_if_exists(console_log_path(run_dir, k_default_vm)).value_or("");
  }
  result.passed = exit_status_of(run.status.wait_status) == 0 && result.verdict &&
                  result.verdict->cause == Cause::pass;
  return result;
}

// Checks it as `qt-tap --check` does: its complaints, or empty.
std::string check_definition(const std::string& definition) {
  const Captured check =
      run_captured({sibling_program("qt-tap"), "--check", definition}, {}, Deadline::never())
          .value();
  return check.status.wait_status == 0 ? "" : check.out + check.err;
}

constexpr int k_most_runs = 8;
constexpr std::size_t k_most_told = 10; // differences
constexpr double k_slower_host = 4;     // than this one
constexpr double k_usual_timeout = 90;  // of a definition, in seconds
constexpr int k_least_silence = 30;     // in seconds

Error usage_error(const std::string& message) { return Error(message, ExitCode::usage); }

std::string present_year() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  return std::to_string(utc.tm_year + 1900);
}

void check_file(const std::string& file) {
  if (!file.ends_with(".toml")) {
    throw usage_error(
        format("option --record: '{}' does not end in .toml, as definitions do", file));
  }
  if (exists(file)) {
    throw usage_error(format("option --record: {} is there already; remove it or name another "
                             "file",
                             file));
  }
  if (const std::string folder = parent_of(absolute_path(file));
      ::access(folder.c_str(), W_OK | X_OK) < 0) {
    throw errno_error(errno, format("option --record: writing into {}", folder), ExitCode::usage);
  }
}

void check_terminal() {
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1) {
    throw usage_error("option --record: standard input and output must be a terminal, at which you "
                      "use the machine");
  }
  if (!env::text(k_vms_variable).empty()) {
    throw usage_error("option --record: it records one machine, not one in the chain of another");
  }
}

class Recording {
public:
  explicit Recording(const RecordRequest& request)
    : m_request(request)
    , m_file(absolute_path(request.file))
    , m_emulator(choose_emulator("", request.machine.value("qemu", ""), "generic"))
    , m_folder(request.run_dir) {}

  int run();

private:
  std::vector<std::string> boot_words() const;
  bool note_end(TerminalSession& session) const;
  void define();
  void define_machine();
  void lift_machine_type();
  int refine();
  void share_prompt();
  void write(const std::vector<DraftStep>& steps);
  bool learn(const Replay& run, const std::vector<DraftStep>& steps, Detail detail);
  bool learn_of_step(const Verdict& verdict, const DraftStep& step);
  void tell(int runs) const;
  int finish(int status) const;

  const RecordRequest& m_request;
  const std::string m_file;
  const Emulator m_emulator;
  RunFolder m_folder;
  std::vector<Turn> m_turns;
  Knowledge m_knowledge;
  RecordedDefinition m_definition;
  bool m_is_written = false;
};

int Recording::run() {
  TerminalSession session = record_terminal(boot_words(), m_folder.path());
  if (session.signal) {
    return finish(128 + *session.signal);
  }
  if (!note_end(session)) {
    log_error(
        format("no definition comes of a run that failed; {} is not written", m_request.file));
    return finish(session.status != 0 ? session.status : to_int(ExitCode::failed));
  }
  m_turns = turns_of(session.events);
  m_knowledge.year = present_year();
  define();
  return finish(refine());
}

int Recording::finish(int status) const {
  m_folder.finish(status == 0 ? RunFolder::Interest::none : RunFolder::Interest::some);
  return status;
}

std::vector<std::string> Recording::boot_words() const {
  std::vector<std::string> words = {sibling_program("qt-boot"), "--run-dir", m_folder.path()};
  for (const Key& key : vm_keys()) {
    if (m_request.machine.contains(key.name)) {
      append_options(key, m_request.machine[std::string(key.name)], words);
    }
  }
  words.insert(words.end(), m_request.run.begin(), m_request.run.end());
  words.emplace_back("--");
  const std::string disks = m_folder.path() + "/disks";
  make_directories(disks);
  for (const std::string& word : with_copies_of_disks(m_request.arguments, disks)) {
    words.push_back(word);
  }
  return words;
}

// A QEMU that ended by itself is the end of the recording, whatever its status; false if the run
// has failed otherwise.
bool Recording::note_end(TerminalSession& session) const {
  const bool was_left =
      std::any_of(session.events.begin(), session.events.end(), [](const TerminalEvent& event) {
        return event.kind == TerminalEvent::Kind::left;
      });
  if (was_left) {
    return session.status == 0;
  }
  const std::optional<Verdict> verdict = read_verdict(m_folder.path());
  const std::optional<ExitStatus> ended =
      verdict ? exit_status_from(json_text(json_member(verdict->details, "ended"), k_default_vm))
              : std::nullopt;
  if (!ended || ended->by_signal() || (session.status != 0 && verdict->cause != Cause::qemu_exit)) {
    return false;
  }
  TerminalEvent end;
  end.kind = TerminalEvent::Kind::ended;
  end.status = ended->code();
  end.seconds = session.events.empty() ? 0 : session.events.back().seconds;
  session.events.push_back(end);
  return true;
}

// A name of letters, digits and the like, for a test.
std::string test_name(const std::string& machine) {
  std::string name = machine.substr(0, machine.find(','));
  std::replace_if(
      name.begin(), name.end(),
      [](unsigned char byte) {
        return std::isalnum(byte) == 0 &&
               std::string_view("_-.+").find(static_cast<char>(byte)) == std::string_view::npos;
      },
      '-');
  return name.empty() ? "recorded" : name;
}

// "-M virt" among QEMU's arguments is the key `machine`, by which a QEMU without it is known.
void Recording::lift_machine_type() {
  std::vector<std::string>& args = m_definition.args;
  const auto option = std::find_if(args.begin(), args.end(), [](const std::string& word) {
    return word == "-M" || word == "-machine" || word == "--machine";
  });
  if (option == args.end() || option + 1 == args.end() || m_request.machine.contains("machine") ||
      (option + 1)->find('=') < (option + 1)->find(',')) {
    return;
  }
  m_definition.keys.emplace_back("machine", *(option + 1));
  args.erase(option, option + 2);
}

void Recording::define_machine() {
  const std::string folder = base_name(parent_of(m_file));
  const std::string wanted = m_emulator.wanted;
  const std::string name = base_name(wanted);
  if (folder != m_emulator.arch || name != "qemu-system-" + folder) {
    const std::optional<std::string> found = find_program(name);
    const bool is_on_path = found && real_path(*found) == real_path(m_emulator.program);
    m_definition.keys.emplace_back("qemu", is_on_path ? name : m_emulator.program);
  }
  for (const Key& key : vm_keys()) {
    const std::string key_name(key.name);
    if (m_request.machine.contains(key_name) && key_name != "qemu") {
      m_definition.keys.emplace_back(key_name, m_request.machine[key_name]);
    }
  }
  lift_machine_type();
}

void Recording::define() {
  RecordedArguments arguments = recorded_arguments(m_request.arguments);
  m_definition.assets = std::move(arguments.assets);
  m_definition.args = std::move(arguments.args);
  define_machine();
  const auto machine = std::find_if(m_definition.keys.begin(), m_definition.keys.end(),
                                    [](const auto& key) { return key.first == "machine"; });
  const std::string type =
      machine != m_definition.keys.end() ? machine->second.get<std::string>() : m_emulator.arch;
  m_definition.test = test_name(type);
  m_definition.summary = format("A recorded dialogue with {}", m_definition.test);
  double seconds = 0;
  double silence = 0;
  bool has_sequences = false;
  for (const Turn& turn : m_turns) {
    seconds += turn.seconds;
    silence = std::max(silence, turn.silence);
    has_sequences = has_sequences || turn.output.find('\x1b') != std::string::npos;
  }
  if (has_sequences) {
    m_definition.keys.emplace_back("strip-ansi", true);
  }
  const int idle = std::max(k_least_silence, static_cast<int>(std::ceil(10 * silence)));
  m_definition.keys.emplace_back("idle-timeout", format("{}s", idle));
  if (k_slower_host * seconds + idle > k_usual_timeout) {
    m_definition.timeout =
        format("{}m", static_cast<int>(std::ceil((k_slower_host * seconds + idle) / 60)));
  }
}

// One prompt for all is a key of the test. It would be awaited also after a line that says nothing
// of what it waits for.
void Recording::share_prompt() {
  std::vector<DraftStep>& steps = m_definition.steps;
  std::set<std::string> prompts;
  bool waits_follow = true;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].role == DraftStep::Role::shell) {
      prompts.insert(steps[i].keys[1].second.get<std::string>());
    }
    const bool has_wait = i + 1 < steps.size() && steps[i + 1].keys[0].first == "wait";
    waits_follow = waits_follow && (steps[i].role != DraftStep::Role::input || has_wait);
  }
  std::erase_if(m_definition.keys, [](const auto& key) { return key.first == "prompt"; });
  if (prompts.size() != 1 || !waits_follow) {
    return;
  }
  m_definition.keys.emplace_back("prompt", *prompts.begin());
  for (DraftStep& step : steps) {
    std::erase_if(step.keys, [](const auto& key) { return key.first == "prompt"; });
  }
}

// The first time the file must not be there, also if somebody has made it meanwhile.
void Recording::write(const std::vector<DraftStep>& steps) {
  m_definition.steps = steps;
  share_prompt();
  const std::string text = definition_text(m_definition);
  if (!m_is_written) {
    const UniqueFd file = open_file(m_file, O_WRONLY | O_CREAT | O_EXCL);
    m_is_written = true;
    write_all(file.get(), text, m_file);
    return;
  }
  AtomicFile file(m_file);
  file.write(text);
  file.commit();
}

int Recording::refine() {
  Detail detail = Detail::prompts;
  for (int number = 1; number <= k_most_runs; ++number) {
    const std::vector<DraftStep> steps = draft_steps(m_turns, m_knowledge, detail);
    if (!can_fail(steps)) {
      log_error(format("{}; a test of that could not fail",
                       m_is_written ? "of what was recorded nothing comes again"
                                    : "nothing was recorded that a test could wait for"));
      if (m_is_written) {
        ::unlink(m_file.c_str());
      }
      return to_int(ExitCode::failed);
    }
    write(steps);
    if (const std::string mistakes = check_definition(m_file); !mistakes.empty()) {
      throw Error(format("{} does not pass --check: {}", m_request.file, mistakes));
    }
    log_note(format("run {} without a person: {}", number,
                    detail == Detail::prompts ? "its prompts" : "the test"));
    const Replay run = replay(m_file, m_emulator.program, m_folder.path() + "/replay");
    if (run.passed && detail == Detail::everything) {
      tell(number);
      return 0;
    }
    if (!learn(run, steps, detail)) {
      log_error(format("{} is kept, but it does not pass: {}", m_request.file,
                       run.verdict ? cause_line(*run.verdict) : run.report));
      return to_int(ExitCode::failed);
    }
    detail = run.passed ? Detail::everything : detail;
  }
  log_error(format("{} is kept, but it did not pass in {} runs; qt-tap {} shows why",
                   m_request.file, k_most_runs, m_request.file));
  return to_int(ExitCode::failed);
}

// False if the next draft would be the same and fail again.
bool Recording::learn(const Replay& run, const std::vector<DraftStep>& steps, Detail detail) {
  if (run.passed) {
    m_knowledge.runs.push_back({ConsoleText(run.console), m_turns.size()});
    return true;
  }
  const std::size_t reached = run.verdict ? run.verdict->steps.size() : 0;
  if (reached == 0 || reached > steps.size()) {
    return false;
  }
  const DraftStep& step = steps[reached - 1];
  if (!learn_of_step(*run.verdict, step)) {
    return false;
  }
  const bool waited = step.role == DraftStep::Role::text || step.role == DraftStep::Role::prompt;
  m_knowledge.runs.push_back({ConsoleText(run.console), step.turn + (waited ? 1 : 0)});
  const auto next = draft_steps(m_turns, m_knowledge, detail);
  const auto is_same = [](const DraftStep& one, const DraftStep& other) {
    return one.keys == other.keys;
  };
  if (!std::equal(next.begin(), next.end(), steps.begin(), steps.end(), is_same)) {
    return true;
  }
  const bool can_be_left_out = step.role == DraftStep::Role::text;
  return can_be_left_out &&
         m_knowledge.never_came.insert({step.turn, step.keys[0].second.get<std::string>()}).second;
}

// What a step that failed tells; false: nothing.
bool Recording::learn_of_step(const Verdict& verdict, const DraftStep& step) {
  constexpr std::string_view k_status = "the command ended with ";
  const bool is_silent = verdict.cause == Cause::timeout || verdict.cause == Cause::idle_timeout;
  const std::size_t at = verdict.message.find(k_status);
  switch (step.role) {
  case DraftStep::Role::text:
  case DraftStep::Role::prompt:
    return is_silent;
  case DraftStep::Role::shell:
    if (is_silent || verdict.message.find("this shell has no $?") != std::string::npos) {
      m_knowledge.no_shells.insert(step.keys[1].second.get<std::string>());
      return true;
    }
    if (at != std::string::npos) {
      const auto status = parse_integer(verdict.message.substr(
          at + k_status.size(),
          verdict.message.find_first_not_of("0123456789", at + k_status.size()) - at -
              k_status.size()));
      m_knowledge.statuses[step.turn] = static_cast<int>(status.value_or(1));
      return true;
    }
    return verdict.cause == Cause::assertion && m_knowledge.unjudged.insert(step.turn).second;
  case DraftStep::Role::monitor:
    return verdict.cause == Cause::assertion && m_knowledge.unjudged.insert(step.turn).second;
  case DraftStep::Role::input:
  case DraftStep::Role::end:
    break;
  }
  return false;
}

void Recording::tell(int runs) const {
  const std::vector<Difference> changed = differences(m_turns, m_knowledge);
  for (std::size_t i = 0; i < std::min(changed.size(), k_most_told); ++i) {
    log_note(
        changed[i].kept.empty()
            ? format("left out, it may be another each time: '{}'", changed[i].recorded)
            : format("of '{}' only what comes again: '{}'", changed[i].recorded, changed[i].kept));
  }
  if (changed.size() > k_most_told) {
    log_note(format("left out: {} more", changed.size() - k_most_told));
  }
  for (const auto& [turn, status] : m_knowledge.statuses) {
    log_note(format("'{}' ends with the status {}", m_turns[turn].text, status));
  }
  for (const std::size_t turn : m_knowledge.unjudged) {
    log_note(format("left out: what '{}' answers", m_turns[turn].text));
  }
  for (const std::string& prompt : m_knowledge.no_shells) {
    log_note(
        format("at '{}' no shell answers: its lines are typed, their status is not known", prompt));
  }
  if (!unechoed_lines(m_turns).empty()) {
    log_warning(format("what was typed without an echo, as passwords are, stands in {} as it was "
                       "typed",
                       m_request.file));
  }
  log_note(format("{}: {} steps; it passed, run {} without a person", m_request.file,
                  m_definition.steps.size(), runs));
}

} // namespace

int record(const RecordRequest& request) {
  check_file(request.file);
  check_terminal();
  return Recording(request).run();
}

} // namespace qt
