#include "expect/action.hh"

#include "base/text.hh"
#include "os/bounded_log.hh"
#include "schema/failure_sets.hh"
#include "schema/key.hh"

namespace qt {

namespace {

std::optional<Json> value_of(const Step& step, std::string_view key) {
  const Json* const value = step.find(key);
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

std::optional<std::string> optional_text_of(const Step& step, std::string_view key) {
  return step.find(key) != nullptr ? std::optional(step.text(key)) : std::nullopt;
}

std::optional<Duration> duration_of(const Step& step, std::string_view key) {
  return parse_duration(step.text(key));
}

// From the normal form of Type::status.
std::optional<int> status_from(const Json& status) {
  return status == "any" ? std::nullopt : std::optional(status.get<int>());
}

std::vector<Save> saves_of(const Step& step) {
  std::vector<Save> saves;
  if (const Json* const values = step.find("save")) {
    for (const auto& [name, saved] : values->items()) {
      const Json* const otherwise = default_of(saved);
      saves.push_back(
          {name, place_of(saved),
           otherwise != nullptr ? std::optional(otherwise->get<std::string>()) : std::nullopt});
    }
  }
  return saves;
}

CommandChecks command_checks_of(const Step& step) {
  CommandChecks checks;
  if (const Json* const status = step.find("status")) {
    checks.is_status_named = true;
    checks.status = status_from(*status);
  }
  checks.output = value_of(step, "stdout").value_or(Json::array());
  checks.saves = saves_of(step);
  return checks;
}

AskQmp ask_qmp(const Step& step) {
  return {step.text("qmp"),        value_of(step, "arguments").value_or(Json()),
          step.text("error"),      step.text("desc"),
          read_reply_checks(step), value_of(step, "until"),
          saves_of(step)};
}

CheckFile check_file(const Step& step) {
  return {step.text("file"), step.text("sha256"), step.text("matches"), step.text("lacks"),
          parse_size(step.text("min-size")).value_or(0)};
}

CheckPort check_port(const Step& step) {
  const bool is_open = value_of(step, "open").value_or(true).get<bool>();
  return {step.text("tcp"), is_open, is_open && step.find("timeout") != nullptr};
}

} // namespace

DialogueDefaults read_defaults(const Json& values) {
  const Step step = {{}, values, ""}; // for its way to look for a key
  DialogueDefaults defaults;
  defaults.modifiers = read_modifiers(step, defaults.modifiers);
  defaults.strips_ansi = step.find("strip-ansi") != nullptr;
  defaults.has_strict_budgets = step.find("strict-budgets") != nullptr;
  defaults.log_limit = parse_size(step.text("log-limit")).value_or(k_log_limit);
  defaults.prompt = step.text("prompt");
  defaults.vm = step.text("vm");
  defaults.values = value_of(step, "set").value_or(defaults.values);
  return defaults;
}

Modifiers read_modifiers(const Step& step, const Modifiers& otherwise) {
  Modifiers modifiers;
  modifiers.failures = patterns_from(step.find("fail"));
  modifiers.printk = step.find("ignore-printk") != nullptr ? Printk::ignore : otherwise.printk;
  modifiers.pace = duration_of(step, "pace").value_or(otherwise.pace);
  modifiers.every = duration_of(step, "every").value_or(otherwise.every);
  modifiers.timeout = duration_of(step, "timeout");
  modifiers.idle_timeout = duration_of(step, "idle-timeout");
  modifiers.mark = step.text("mark");
  modifiers.budget = duration_of(step, "budget");
  return modifiers;
}

Action read_action(const Step& step) {
  switch (step.type) {
  case StepType::wait:
    return Wait{{Pattern::Kind::text, step.text("wait")}};
  case StepType::wait_regex:
    return Wait{{Pattern::Kind::regex, step.text("wait-regex")}};
  case StepType::line:
    return TypeLine{step.text("line")};
  case StepType::send:
    return TypeKeys{step.text("send")};
  case StepType::interrupt:
    return Interrupt{step.text("interrupt"), step.text("until")};
  case StepType::shell:
    return RunInGuest{step.text("shell"), command_checks_of(step), step.text("prompt")};
  case StepType::tap:
    return ReadTests{step.text("tap")};
  case StepType::qmp:
    return ask_qmp(step);
  case StepType::hmp:
    return AskHmp{step.text("hmp"), read_reply_checks(step), optional_text_of(step, "until"),
                  saves_of(step)};
  case StepType::event:
    return AwaitEvent{step.text("event"), value_of(step, "data").value_or(Json::object())};
  case StepType::exit:
    return AwaitExit{status_from(*step.find("exit"))};
  case StepType::quit:
    return Quit{};
  case StepType::kill:
    return Kill{};
  case StepType::running:
    return KeepRunning{duration_of(step, "running").value_or(Duration(0))};
  case StepType::run:
    return RunCommand{step.find("run")->get<std::vector<std::string>>(), command_checks_of(step)};
  case StepType::file:
    return check_file(step);
  case StepType::fetch:
    return FetchFile{step.text("fetch"), step.text("sha256")};
  case StepType::tcp:
    return check_port(step);
  case StepType::sleep:
    break;
  }
  return Sleep{duration_of(step, "sleep").value_or(Duration(0))};
}

ReplyChecks read_reply_checks(const Step& step) {
  return {step.text("at"),
          value_of(step, "returns"),
          value_of(step, "equals"),
          optional_text_of(step, "matches"),
          optional_text_of(step, "lacks"),
          value_of(step, "length"),
          value_of(step, "range")};
}

std::vector<Pattern> patterns_from(const Json* value) {
  std::vector<Pattern> patterns;
  if (value != nullptr) {
    for (const Json& pattern : with_sets_put_in(*value)) {
      const bool is_text = pattern.contains("text");
      patterns.push_back({is_text ? Pattern::Kind::text : Pattern::Kind::regex,
                          pattern.at(is_text ? "text" : "regex").get<std::string>()});
    }
  }
  return patterns;
}

std::string awaited_text(const Action& action) {
  if (const Wait* const wait = std::get_if<Wait>(&action)) {
    return wait->awaited.text;
  }
  if (const AwaitEvent* const event = std::get_if<AwaitEvent>(&action)) {
    return event->name;
  }
  if (const ReadTests* const tests = std::get_if<ReadTests>(&action)) {
    return tests->until;
  }
  const Interrupt* const interrupt = std::get_if<Interrupt>(&action);
  return interrupt != nullptr ? interrupt->until : "";
}

} // namespace qt
