#include "vocabulary.hh"

#include "text.hh"

#include <array>

namespace qt {

namespace {

constexpr std::uint32_t bit(StepType type) { return 1U << static_cast<unsigned>(type); }

template<typename... Types>
constexpr std::uint32_t in(Types... types) {
  return (bit(types) | ...);
}

constexpr std::uint32_t k_any_step = ~0U;

constexpr std::array k_step_types = {
    Key{"wait", Type::text, "TEXT", "until TEXT appears on the console", in(StepType::wait)},
    Key{"wait-regex", Type::regex, "RE", "until RE matches; named groups are saved",
        in(StepType::wait_regex)},
    Key{"line", Type::text, "TEXT", "type TEXT and CR; its echo satisfies no wait",
        in(StepType::line)},
    Key{"send", Type::bytes, "KEYS", "type just these keys (\\r \\e \\x03)", in(StepType::send)},
    Key{"interrupt", Type::bytes, "KEYS", "repeat KEYS until the text of --until",
        in(StepType::interrupt)},
    Key{"qmp", Type::text, "COMMAND", "ask the monitor; an error reply fails", in(StepType::qmp)},
    Key{"hmp", Type::text, "LINE", "ask the human monitor", in(StepType::hmp)},
    Key{"event", Type::text, "NAME", "until the monitor's event NAME", in(StepType::event)},
    Key{"exit", Type::status, "STATUS", "QEMU ends by itself with STATUS, or any",
        in(StepType::exit)},
    Key{"quit", Type::flag, "", "end QEMU in order", in(StepType::quit)},
    Key{"kill", Type::flag, "", "kill QEMU", in(StepType::kill)},
    Key{"running", Type::duration, "TIME", "QEMU is still alive after TIME", in(StepType::running)},
    Key{"run", Type::argv, "COMMAND", "run a host command", in(StepType::run)},
    Key{"file", Type::text, "PATH", "check a host file", in(StepType::file)},
    Key{"fetch", Type::text, "URL", "download from the guest, uncached", in(StepType::fetch)},
    Key{"tcp", Type::text, "HOST:PORT", "a connection succeeds, or is refused", in(StepType::tcp)},
    Key{"sleep", Type::duration, "TIME", "do nothing for TIME; last resort", in(StepType::sleep)},
};

constexpr std::uint32_t k_typing = in(StepType::line, StepType::send, StepType::interrupt);
constexpr std::uint32_t k_waiting = in(StepType::wait, StepType::wait_regex, StepType::interrupt);

constexpr std::array k_step_modifiers = {
    Key{"vm", Type::text, "NAME", "the machine meant, where there are several", k_any_step},
    Key{"console", Type::console, "N", "the console meant", k_any_step},
    Key{"timeout", Type::duration, "TIME", "the step's own deadline", k_any_step},
    Key{"fail", Type::patterns, "TEXT", "fail when TEXT appears during this wait", k_waiting},
    Key{"pace", Type::duration, "TIME", "pause between bytes", k_typing},
    Key{"until", Type::text, "TEXT", "the text that ends the step", in(StepType::interrupt)},
    Key{"every", Type::duration, "TIME", "pause between tries",
        in(StepType::interrupt, StepType::qmp)},
    Key{"arguments", Type::table, "JSON", "arguments of the command", in(StepType::qmp)},
    Key{"returns", Type::json, "JSON", "the reply contains this", in(StepType::qmp)},
    Key{"until", Type::json, "JSON", "ask again until the reply contains this", in(StepType::qmp)},
    Key{"at", Type::text, "POINTER", "judge the part of the reply at this JSON pointer",
        in(StepType::qmp)},
    Key{"matches", Type::regex, "RE", "the text matches",
        in(StepType::qmp, StepType::hmp, StepType::file)},
    Key{"equals", Type::json, "JSON", "the value is this", in(StepType::qmp)},
    Key{"lacks", Type::text, "TEXT", "the text or list has no such part",
        in(StepType::qmp, StepType::hmp, StepType::file)},
    Key{"length", Type::integer, "N", "the list or text is this long", in(StepType::qmp)},
    Key{"range", Type::range, "MIN..MAX", "the number is in this range", in(StepType::qmp)},
    Key{"save", Type::saves, "NAME=WHERE", "keep a value: JSON pointer, else regular expression",
        in(StepType::qmp, StepType::hmp, StepType::run)},
    Key{"error", Type::text, "CLASS", "the reply is this error", in(StepType::qmp)},
    Key{"desc", Type::text, "TEXT", "the error's text contains this", in(StepType::qmp)},
    Key{"data", Type::table, "JSON", "the event's data contains this", in(StepType::event)},
    Key{"status", Type::status, "N", "the command's exit status (default 0), or any",
        in(StepType::run)},
    Key{"stdout", Type::checks, "TEXT", "the command's output contains TEXT", in(StepType::run)},
    Key{"sha256", Type::text, "HEX", "the file's digest", in(StepType::file, StepType::fetch)},
    Key{"min-size", Type::size, "SIZE", "the file is at least this large", in(StepType::file)},
    Key{"open", Type::boolean, "true|false", "whether the connection succeeds", in(StepType::tcp)},
};

constexpr std::array k_dialogue = {
    Key{"timeout", Type::duration, "TIME", "deadline of the whole dialogue"},
    Key{"fail", Type::patterns, "TEXT", "fail whenever TEXT appears"},
    Key{"vm", Type::text, "NAME", "the machine that steps mean by default"},
    Key{"pace", Type::duration, "TIME", "pause between typed bytes"},
    Key{"every", Type::duration, "TIME", "pause between tries"},
};

constexpr std::array k_vm = {
    Key{"qemu", Type::text, "PROGRAM", "the emulator"},
    Key{"machine", Type::text, "NAME", "machine, with its properties"},
    Key{"cpu", Type::text, "MODEL", "CPU model"},
    Key{"accel", Type::text, "NAME", "accelerator"},
    Key{"console", Type::console, "N|TYPE|false", "serial port (default 0) or device; none"},
    Key{"qmp", Type::boolean, "true|false", "whether QEMU gets a monitor (default true)"},
    Key{"exit", Type::status, "STATUS", "QEMU must end by itself with STATUS, or any"},
    Key{"output", Type::checks, "TEXT", "QEMU's own stdout and stderr contain TEXT"},
    Key{"skip-if-output", Type::texts, "TEXT", "skip if QEMU ends at start saying TEXT"},
    Key{"service", Type::argvs, "COMMAND", "a daemon beside QEMU, supervised"},
    Key{"args", Type::texts, "", "QEMU's arguments"},
};

constexpr std::array k_file = {
    Key{"from", Type::text, "", "the asset or file it is made from"},
    Key{"member", Type::text, "PATH", "one path inside the archive"},
    Key{"format", Type::text, "FORMAT", "where the content does not tell"},
    Key{"directory", Type::flag, "", "the whole tree"},
    Key{"skip-devices", Type::flag, "", "leave device nodes out"},
    Key{"resize", Type::size, "pow2|SIZE", "grow to this size"},
    Key{"writable", Type::flag, "", "a private copy"},
    Key{"text", Type::text, "", "the content of a small file"},
    Key{"name", Type::text, "", "the file's name"},
};

constexpr std::array k_asset = {
    Key{"url", Type::texts, "URL", "where it comes from, tried in order"},
    Key{"sha256", Type::text, "HEX", "digest"},
    Key{"sha512", Type::text, "HEX", "digest"},
    Key{"env", Type::text, "VAR", "the variable that names the user's file"},
    Key{"path", Type::text, "PATH", "a host file, with * and ?"},
};

constexpr std::array k_requires = {
    Key{"commands", Type::texts, "", "programs on PATH"},
    Key{"env", Type::texts, "", "environment variables"},
    Key{"host-arch", Type::texts, "", "the host's architecture is one of these"},
    Key{"host-os", Type::texts, "", "the host's system is one of these"},
    Key{"accel", Type::texts, "", "one of these accelerators works"},
    Key{"device", Type::texts, "", "QEMU has these devices"},
    Key{"netdev", Type::texts, "", "QEMU has these network back ends"},
    Key{"machine", Type::texts, "", "QEMU has these machines"},
    Key{"locked-memory", Type::size, "", "the limit of locked memory"},
    Key{"qemu-version", Type::text, "", "\">= 8.0\", \"< 10\""},
    Key{"flaky", Type::text, "", "why it is unstable: the bug's URL"},
    Key{"untrusted", Type::flag, "", "runs untrusted code"},
    Key{"large-storage", Type::flag, "", "needs much storage"},
    Key{"slow", Type::flag, "", "runs very long"},
    Key{"network", Type::flag, "", "needs the internet"},
    Key{"disabled", Type::text, "", "why it never runs"},
};

} // namespace

std::span<const Key> step_type_keys() { return k_step_types; }
std::span<const Key> step_modifier_keys() { return k_step_modifiers; }
std::span<const Key> dialogue_keys() { return k_dialogue; }
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

const Json* Step::find(std::string_view key) const {
  const auto found = values.find(key);
  return found == values.end() ? nullptr : &*found;
}

std::string Step::text(std::string_view key) const {
  const Json* const value = find(key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::string_view step_type_name(StepType type) {
  return k_step_types[static_cast<std::size_t>(type)].name;
}

std::optional<StepType> step_type_from(std::string_view name) {
  for (std::size_t i = 0; i < k_step_types.size(); ++i) {
    if (k_step_types[i].name == name) {
      return static_cast<StepType>(i);
    }
  }
  return std::nullopt;
}

std::string step_mistake(const Step& step) {
  const auto has = [&step](std::string_view key) { return step.find(key) != nullptr; };
  switch (step.type) {
  case StepType::wait:
    return step.text("wait").empty() ? "an empty text is always there; say what to wait for" : "";
  case StepType::interrupt:
    return has("until") ? "" : "interrupt needs until = \"the text that ends it\"";
  case StepType::qmp:
    if (has("error") && (has("returns") || has("until") || has("save"))) {
      return "an error reply has nothing for returns, until or save";
    }
    if (has("desc") && !has("error")) {
      return "desc needs error = \"Class\"";
    }
    return has("every") && !has("until") ? "every needs until" : "";
  case StepType::file:
    return has("matches") || has("lacks") || has("sha256") || has("min-size")
               ? ""
               : "file needs matches, lacks, sha256 or min-size";
  case StepType::fetch:
    return has("sha256") ? "" : "fetch needs sha256";
  default:
    return "";
  }
}

std::vector<std::string> step_words(const Step& step) {
  const std::string name(step_type_name(step.type));
  std::vector<std::string> words;
  append_options(k_step_types[static_cast<std::size_t>(step.type)], step.values.at(name), words);
  for (const Key& key : k_step_modifiers) {
    const Json* const value = (key.steps & bit(step.type)) != 0 ? step.find(key.name) : nullptr;
    if (value != nullptr) {
      append_options(key, *value, words);
    }
  }
  return words;
}

std::string describe_step(const Step& step) { return shell_join(step_words(step)); }

} // namespace qt
