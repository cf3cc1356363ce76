#include "schema/tables.hh"

#include <array>

namespace qt {

namespace {

// Steps on the console, and what modifies them.

constexpr std::array k_console_steps = {
    Key{"wait", Type::text, "TEXT", "wait until TEXT appears on the console", in(StepType::wait)},
    Key{"wait-regex", Type::regex, "RE", "wait until RE matches; save its named groups",
        in(StepType::wait_regex)},
    Key{"line", Type::text, "TEXT", "type TEXT and CR; its echo satisfies no wait",
        in(StepType::line), Empty::allowed},
    Key{"send", Type::bytes, "KEYS", "type just these keys (\\r \\e \\x03)", in(StepType::send)},
    Key{"interrupt", Type::bytes, "KEYS", "repeat KEYS until the text of --until",
        in(StepType::interrupt)},
    Key{"shell", Type::text, "COMMAND", "run COMMAND in the guest's shell and judge its status",
        in(StepType::shell)},
    Key{"tap", Type::ending, "TEXT", "the guest's own TAP or KTAP, until its plan is complete",
        in(StepType::tap)},
};

constexpr std::array k_console_modifiers = {
    Key{"fail", Type::patterns, "TEXT", "fail when TEXT appears during this wait", k_waiting},
    Key{"ignore-printk", Type::flag, "", "also find texts that kernel messages have torn apart",
        k_waiting},
    Key{"idle-timeout", Type::duration, "TIME", "fail when the console is silent for TIME",
        k_waiting},
    Key{"pace", Type::duration, "TIME", "pause between bytes", k_typing, Empty::allowed},
    Key{"until", Type::text, "TEXT", "the text that ends the step", in(StepType::interrupt)},
    Key{"every", Type::duration, "TIME", "pause between tries", in(StepType::interrupt)},
    Key{"prompt", Type::text, "TEXT", "what the shell prints after the command",
        in(StepType::shell)},
};

// Steps that ask the monitor or look at the machine.

constexpr std::array k_monitor_steps = {
    Key{"qmp", Type::text, "COMMAND", "ask the monitor; an error reply fails", in(StepType::qmp)},
    Key{"hmp", Type::text, "LINE", "ask the human monitor", in(StepType::hmp)},
    Key{"event", Type::text, "NAME", "wait for the monitor's event NAME", in(StepType::event)},
    Key{"exit", Type::status, "STATUS", "wait until QEMU ends by itself with STATUS, or any",
        in(StepType::exit)},
    Key{"quit", Type::flag, "", "ask QEMU to quit and wait for its end", in(StepType::quit)},
    Key{"kill", Type::flag, "", "kill QEMU", in(StepType::kill)},
    Key{"running", Type::duration, "TIME", "QEMU is still alive after TIME", in(StepType::running)},
};

constexpr std::array k_monitor_modifiers = {
    Key{"every", Type::duration, "TIME", "pause between tries", in(StepType::qmp, StepType::hmp)},
    Key{"arguments", Type::table, "JSON", "arguments of the command", in(StepType::qmp),
        Empty::allowed},
    Key{"returns", Type::json, "JSON", "the reply contains this", in(StepType::qmp)},
    Key{"until", Type::json, "JSON", "ask again until the reply contains this", in(StepType::qmp)},
    Key{"until", Type::regex, "RE", "ask again until the text matches", in(StepType::hmp)},
    Key{"at", Type::text, "POINTER", "judge the part of the reply at this JSON pointer",
        in(StepType::qmp), Empty::allowed},
    Key{"matches", Type::regex, "RE", "the text matches", in(StepType::qmp, StepType::hmp)},
    Key{"equals", Type::json, "JSON", "the value is this", in(StepType::qmp), Empty::allowed},
    Key{"lacks", Type::text, "TEXT", "the text does not contain TEXT, the list has no such element",
        in(StepType::qmp, StepType::hmp)},
    Key{"length", Type::integer, "N", "the list or text is this long", in(StepType::qmp)},
    Key{"range", Type::range, "MIN..MAX", "the number is in this range", in(StepType::qmp)},
    Key{"save", Type::saves, "NAME=WHERE", "keep a value: JSON pointer, else regular expression",
        in(StepType::qmp, StepType::hmp)},
    Key{"error", Type::text, "CLASS", "the reply is this error", in(StepType::qmp)},
    Key{"desc", Type::text, "TEXT", "the error's text contains this", in(StepType::qmp)},
    Key{"data", Type::table, "JSON", "the event's data contains this", in(StepType::event)},
};

// Steps on the host.

constexpr std::array k_host_steps = {
    Key{"run", Type::argv, "COMMAND", "run a host command", in(StepType::run)},
    Key{"file", Type::text, "PATH", "check a host file", in(StepType::file)},
    Key{"fetch", Type::text, "URL", "download from the guest, uncached", in(StepType::fetch)},
    Key{"tcp", Type::text, "HOST:PORT",
        "a connection succeeds, or is refused; HOST is an address or localhost", in(StepType::tcp)},
    Key{"sleep", Type::duration, "TIME", "do nothing for TIME; last resort", in(StepType::sleep)},
};

constexpr std::array k_host_modifiers = {
    Key{"matches", Type::regex, "RE", "the text matches", in(StepType::file)},
    Key{"lacks", Type::text, "TEXT", "the text does not contain TEXT, the list has no such element",
        in(StepType::file)},
    Key{"save", Type::saves, "NAME=WHERE", "keep a value: JSON pointer, else regular expression",
        in(StepType::run, StepType::shell)},
    Key{"status", Type::status, "N", "the command's exit status (default 0), or any",
        in(StepType::run, StepType::shell)},
    Key{"stdout", Type::checks, "TEXT", "the command's output contains TEXT",
        in(StepType::run, StepType::shell)},
    Key{"sha256", Type::text, "HEX", "the file's digest", in(StepType::file, StepType::fetch)},
    Key{"min-size", Type::size, "SIZE", "the file is at least this large", in(StepType::file)},
    Key{"open", Type::boolean, "true|false", "whether the connection succeeds", in(StepType::tcp)},
};

// What every step may say, and what stands before the first one.

constexpr std::array k_common_modifiers = {
    Key{"vm", Type::text, "NAME", "which machine, where there are several", k_any_step},
    Key{"console", Type::console, "N", "which console", k_any_step},
    Key{"timeout", Type::duration, "TIME", "the step's own deadline", k_any_step},
    Key{"mark", Type::text, "NAME", "record the time since the mark before, under NAME",
        k_any_step},
    Key{"budget", Type::duration, "TIME", "with --mark: warn if that time is longer than TIME",
        k_any_step},
};

constexpr std::array k_dialogue = {
    Key{"timeout", Type::duration, "TIME", "deadline of the whole dialogue"},
    Key{"idle-timeout", Type::duration, "TIME",
        "fail when the console is silent for TIME during a wait"},
    Key{"fail", Type::patterns, "TEXT", "fail whenever TEXT appears"},
    Key{"strip-ansi", Type::flag, "", "match without terminal control sequences"},
    Key{"ignore-printk", Type::flag, "", "also find texts that kernel messages have torn apart"},
    Key{"log-limit", Type::size, "SIZE",
        "largest size of a log; the middle of a longer one is left out (default 256M)"},
    Key{"prompt", Type::text, "TEXT", "what the shell prints after each command of --shell"},
    Key{"vm", Type::text, "NAME", "the machine of steps that do not name one"},
    Key{"pace", Type::duration, "TIME", "pause between typed bytes", 0, Empty::allowed},
    Key{"every", Type::duration, "TIME", "pause between tries"},
    Key{"set", Type::values, "NAME=VALUE", "the value of ${NAME}, as if a step had saved it"},
    Key{"strict-budgets", Type::flag, "", "a mark that comes later than its budget is a failure"},
};

// Those of them that stand in a test; the others come with qt-tap's own options.
constexpr std::array<std::string_view, 7> k_test_dialogue = {
    "timeout", "idle-timeout", "fail", "strip-ansi", "ignore-printk", "log-limit", "prompt"};

// A machine: keys of a test, options of qt-boot.

constexpr std::array k_vm = {
    Key{"qemu", Type::text, "PROGRAM", "the emulator (default: of this host's architecture)"},
    Key{"wrapper", Type::argv, "COMMAND", "the command that starts the emulator, with its words"},
    Key{"machine", Type::text, "NAME", "machine type, with its properties"},
    Key{"cpu", Type::text, "MODEL", "CPU model", 0, Empty::allowed},
    Key{"accel", Type::text, "NAME", "accelerator"},
    Key{"console", Type::console, "N|TYPE|false", "serial port (default 0), device, or no console"},
    Key{"qmp", Type::boolean, "true|false", "whether QEMU gets a monitor (default true)"},
    Key{"pvpanic", Type::flag, "", "add a device by which the guest can report a panic"},
    Key{"exit", Type::status, "STATUS", "QEMU must end by itself with STATUS, or any"},
    Key{"output", Type::checks, "TEXT", "QEMU's own stdout and stderr contain TEXT"},
    Key{"skip-if-output", Type::texts, "TEXT", "skip if QEMU ends at start and printed TEXT"},
    Key{"service", Type::argvs, "COMMAND", "start this daemon before QEMU and end it afterwards"},
    Key{"ready", Type::texts, "unix:PATH|tcp:PORT|log:TEXT",
        "wait for this from the daemons before QEMU starts"},
    Key{"confine", Type::text, "none|sandbox", "whether to run QEMU in a sandbox (default none)"},
    Key{"args", Type::texts, "", "QEMU's arguments", 0, Empty::allowed},
};

// What a machine is given: assets, and the files that are made of them.

constexpr std::array k_file = {
    Key{"from", Type::text, "", "the asset or file it is made from"},
    Key{"member", Type::text, "PATH", "one path inside the archive"},
    Key{"first", Type::flag, "", "the first member of that name, not the last"},
    Key{"format", Type::text, "FORMAT", "what it is, where the content does not say"},
    Key{"directory", Type::flag, "", "the whole tree"},
    Key{"skip-devices", Type::flag, "", "leave device nodes out"},
    Key{"resize", Type::size, "pow2|SIZE", "grow to this size"},
    Key{"writable", Type::flag, "", "a private copy"},
    Key{"text", Type::text, "", "the content of a small file", 0, Empty::allowed},
    Key{"make", Type::argv, "COMMAND", "the command that makes the file ${out}"},
    Key{"inputs", Type::texts, "PATH", "what the command reads besides: made anew if it changes"},
    Key{"timeout", Type::duration, "TIME", "the longest that the command may take (default 5m)"},
    Key{"name", Type::text, "", "the file's name"},
};

constexpr std::array k_asset = {
    Key{"url", Type::texts, "URL", "where it comes from, tried in order"},
    Key{"sha256", Type::text, "HEX", "digest"},
    Key{"sha512", Type::text, "HEX", "digest"},
    Key{"size", Type::size, "BYTES", "how large it is; more is not downloaded"},
    Key{"env", Type::text, "VAR", "the variable that names the user's file"},
    Key{"path", Type::text, "PATH", "a host file, with * and ?"},
};

// What a test requires.

constexpr std::array k_requires = {
    Key{"commands", Type::texts, "", "programs on PATH"},
    Key{"env", Type::texts, "", "environment variables, NAME or NAME=EXAMPLE"},
    Key{"host-arch", Type::texts, "", "the host's architecture is one of these"},
    Key{"host-os", Type::texts, "", "the host's system is one of these"},
    Key{"accel", Type::texts, "", "one of these accelerators works"},
    Key{"device", Type::texts, "", "QEMU has these devices"},
    Key{"netdev", Type::texts, "", "QEMU has these network back ends"},
    Key{"qmp", Type::texts, "", "QEMU's monitor has these commands; those of steps are implied"},
    Key{"config", Type::texts, "", "QEMU was built so: \"igvm\", \"not asan\""},
    Key{"machine", Type::texts, "", "QEMU has these machines", 0, Empty::allowed},
    Key{"locked-memory", Type::size, "", "the limit of locked memory"},
    Key{"qemu-version", Type::text, "", "\">= 8.0\", \"< 10\""},
    Key{"flaky", Type::text, "", "why it is unstable: the bug's URL, or a table of bug, until, on"},
    Key{"untrusted", Type::flag, "", "runs untrusted code"},
    Key{"large-storage", Type::flag, "", "needs much storage"},
    Key{"slow", Type::flag, "", "runs very long"},
    Key{"network", Type::flag, "", "needs the internet"},
    Key{"disabled", Type::text, "", "why it never runs"},
};

// The rows of several families as one table.
template<std::size_t... Sizes>
constexpr auto joined(const std::array<Key, Sizes>&... families) {
  std::array<Key, (Sizes + ...)> all{};
  std::size_t next = 0;
  const auto add = [&](const auto& rows) {
    for (const Key& key : rows) {
      all[next++] = key;
    }
  };
  (add(families), ...);
  return all;
}

constexpr std::array k_step_types = joined(k_console_steps, k_monitor_steps, k_host_steps);
constexpr std::array k_step_modifiers =
    joined(k_common_modifiers, k_console_modifiers, k_monitor_modifiers, k_host_modifiers);

} // namespace

std::span<const Key> step_type_keys() { return k_step_types; }
std::span<const Key> step_modifier_keys() { return k_step_modifiers; }
std::span<const Key> dialogue_keys() { return k_dialogue; }
std::span<const std::string_view> test_dialogue_keys() { return k_test_dialogue; }
std::span<const Key> vm_keys() { return k_vm; }
std::span<const Key> file_keys() { return k_file; }
std::span<const Key> asset_keys() { return k_asset; }
std::span<const Key> requires_keys() { return k_requires; }

const Key* find_step_key(StepType type, std::string_view name) {
  for (const std::span<const Key> keys : {step_type_keys(), step_modifier_keys()}) {
    for (const Key& key : keys) {
      if (key.name == name && (key.steps & bit(type)) != 0) {
        return &key;
      }
    }
  }
  return nullptr;
}

} // namespace qt
