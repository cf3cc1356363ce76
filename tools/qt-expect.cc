#include "base/environment.hh"
#include "base/error.hh"
#include "base/log.hh"
#include "base/text.hh"
#include "boot/attach.hh"
#include "cli/cli.hh"
#include "expect/dialogue.hh"
#include "ipc/tap.hh"
#include "os/file.hh"
#include "schema/key_option.hh"
#include "schema/tables.hh"

#include <algorithm>
#include <set>
#include <unistd.h>

namespace {

using namespace qt;

// Options build the dialogue in the order in which they stand: a step's name begins a step, a
// modifier belongs to the step before it, and before the first step to the whole dialogue.
class DialogueOptions {
public:
  explicit DialogueOptions(Dialogue& dialogue)
    : m_dialogue(dialogue) {}

  void add_to(CommandLine& line) {
    line.group("Steps");
    line.option("check", "NAME", "what follows is a check of this name, with a result of its own",
                [this](const std::string& name) { begin_check(name); });
    for (const Key& key : step_type_keys()) {
      add(line, key, [this, &key](const std::string& form, const std::string& text) {
        Step step;
        step.type = *step_type_from(key.name);
        set_from_option(key, form, text, step.values);
        m_dialogue.steps.push_back(std::move(step));
      });
    }
    line.group("For the step before; before the first step: for the whole dialogue");
    std::set<std::string_view> names;
    for (const auto keys : {step_modifier_keys(), dialogue_keys()}) {
      for (const Key& key : keys) {
        if (names.insert(key.name).second) {
          add(line, key, [this, &key](const std::string& form, const std::string& text) {
            modify(key.name, form, text);
          });
        }
      }
    }
  }

  // Throws Error(ExitCode::usage) if the last check has none.
  void need_steps() const {
    if (is_check_empty()) {
      throw Error(format("the check '{}' has no steps, so it could not fail",
                         m_dialogue.checks.back().name),
                  ExitCode::usage);
    }
  }

private:
  using Take = std::function<void(const std::string& form, const std::string& text)>;

  static void add(CommandLine& line, const Key& key, const Take& take) {
    for (const OptionForm& form : option_forms(key)) {
      line.option(form.name, form.argument, form.help,
                  [take, name = form.name](const std::string& text) {
                    try {
                      take(name, text);
                    } catch (const Error& error) {
                      throw error.within("option --" + name);
                    }
                  });
    }
  }

  // A check that has no step could not fail.
  bool is_check_empty() const {
    return !m_dialogue.checks.empty() && m_dialogue.checks.back().first == m_dialogue.steps.size();
  }

  void begin_check(const std::string& name) {
    const bool is_known = std::any_of(m_dialogue.checks.begin(), m_dialogue.checks.end(),
                                      [&name](const Check& check) { return check.name == name; });
    if (name.empty() || is_known) {
      throw Error(name.empty() ? "option --check: expected a name, got nothing"
                               : format("option --check: there are two checks '{}'", name),
                  ExitCode::usage);
    }
    need_steps();
    m_dialogue.checks.push_back({name, m_dialogue.steps.size()});
  }

  void modify(std::string_view name, const std::string& form, const std::string& text) {
    const Key* const key = m_dialogue.steps.empty()
                               ? find_key(dialogue_keys(), name)
                               : find_step_key(m_dialogue.steps.back().type, name);
    if (is_check_empty()) {
      throw Error("it belongs after a step of the check", ExitCode::usage);
    }
    if (key == nullptr) {
      throw Error(m_dialogue.steps.empty() ? "it belongs after the step that it modifies"
                                           : format("the step {} has no use for it",
                                                    step_type_name(m_dialogue.steps.back().type)),
                  ExitCode::usage);
    }
    set_from_option(*key, form, text,
                    m_dialogue.steps.empty() ? m_dialogue.defaults
                                             : m_dialogue.steps.back().values);
  }

  Dialogue& m_dialogue;
};

// The machines of the chain, or those of another run; in a pipe the one whose console is standard
// input.
void find_machines(Dialogue& dialogue, const std::optional<std::string>& attached) {
  if (attached) { // that run's files are its own
    dialogue.vms = attach_channels(absolute_path(*attached));
    return;
  }
  dialogue.vms = parse_vms(env::text(k_vms_variable));
  if (dialogue.vms.empty() && needs_machine(dialogue)) {
    VmChannels piped;
    piped.name = k_default_vm;
    piped.console = 0;
    dialogue.vms.push_back(piped);
  }
  dialogue.run_dir = env::text(k_run_dir_variable);
  dialogue.stage = env::text(k_stage_variable);
}

// A monitor's reply, for whoever asks by hand.
void print_reply(const std::string& reply) {
  for (const std::string& line : last_lines(reply, reply.size())) {
    print_line(escape_for_display(line));
  }
}

// The tests that the guest has run itself, and the checks, in TAP; and that there is a failure
// beside them.
void print_results(const Verdict& verdict) {
  TapWriter tap(STDOUT_FILENO, verdict.checks.size());
  for (const CheckResult& check : verdict.checks) {
    if (check.expected) {
      tap.expected_failure(check.name, *check.expected);
    } else if (check.cause == Cause::skip) {
      tap.skip(check.name, check.message);
    } else if (check.cause == Cause::pass) {
      tap.ok(check.name);
    } else {
      tap.not_ok(check.name);
      tap.comment(check.message);
      for (const std::string& line : check.last_lines) {
        tap.comment(line);
      }
    }
  }
  if (is_failure(verdict.cause)) {
    tap.bail_out(verdict.message);
  } else {
    tap.finish();
  }
}

void report(const Verdict& verdict) {
  for (const Mark& mark : verdict.marks) {
    const bool is_the_failure = json_text(verdict.details, "mark") == mark.name;
    if (mark.is_late() && !is_the_failure) {
      log_warning(late_text(mark));
    }
  }
  for (const CheckResult& check : verdict.checks) {
    if (check.cause == Cause::skip) {
      log_warning(format("check '{}': skip: {}", check.name, check.message));
    } else if (verdict.cause == Cause::check && check.cause != Cause::pass) {
      log_error(format("check '{}': {}", check.name, check.message));
    }
  }
  if (verdict.cause == Cause::pass) {
    return;
  }
  if (verdict.cause == Cause::skip) {
    log_warning("skip: " + verdict.message);
    return;
  }
  log_error(verdict.message);
  for (const std::string& line : json_texts(verdict.details, "diff")) {
    log_plain(line);
  }
  for (const std::string& line : verdict.last_lines) {
    log_plain("  | " + line);
  }
}

int body(const std::vector<std::string>& words) {
  Dialogue dialogue;
  CommandLine line("[DEFAULTS] STEP [MODIFIERS] [STEP [MODIFIERS]]…",
                   "Holds a dialogue with a machine that qt-boot runs, and judges it.");
  DialogueOptions options(dialogue);
  options.add_to(line);
  std::optional<std::string> attached;
  line.group("Instead of a machine of this chain")
      .option("attach", "RUN_DIR", "talk to the machines of a test that runs there", attached);
  line.group("A person at the terminal")
      .option("break", "STEP|fail",
              "before this step (its number or its mark), or when the dialogue fails, give the "
              "machine to the terminal, without deadlines, until Ctrl-a x; may be repeated",
              dialogue.breaks);
  line.example("qt-boot --qemu qemu-system-arm --machine virt -- -bios u-boot.bin -- \\\n"
               "    qt-expect --interrupt ' ' --until '=> ' --line version --wait U-Boot");
  line.exit_codes("0 passed · 1 failed · 2 usage · 77 a command of --run says that a\n"
                  "prerequisite is absent, or no machine to attach to · 99 could not judge ·\n"
                  "124 deadline · 126/127 a command could not run · 128+n ended by signal n");
  if (!line.parse(words)) {
    return to_int(ExitCode::done);
  }
  if (dialogue.steps.empty() && !dialogue.defaults.contains("fail")) {
    throw Error("no steps; say what to wait for, as in --wait 'login:'", ExitCode::usage);
  }
  options.need_steps();
  if (attached && !dialogue.breaks.empty()) {
    throw Error("option --break: it is for the machines of this chain; qt-boot --attach shows "
                "those of another run",
                ExitCode::usage);
  }
  find_machines(dialogue, attached);
  if (attached || verbosity() == Verbosity::verbose) {
    dialogue.show_reply = print_reply;
  }
  const DialogueResult result = run_dialogue(dialogue);
  if (std::any_of(dialogue.steps.begin(), dialogue.steps.end(),
                  [](const Step& step) { return step.type == StepType::tap; })) {
    print_results(result.verdict);
  }
  report(result.verdict);
  return result.exit_code;
}

} // namespace

int main(int argc, char** argv) { return qt::run_tool("qt-expect", argc, argv, body); }
