#include "expect/dialogue_check.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "expect/step_run.hh"
#include "schema/awaited.hh"
#include "schema/empty_value.hh"
#include "schema/tables.hh"

#include <algorithm>

namespace qt {

namespace {

// What the machine lacks for the step; empty if nothing.
std::string lacking(const Step& step, const Guest* guest) {
  if (!needs_machine(step.type)) {
    return "";
  }
  if (needs_console(step.type) && !guest->has_console()) {
    return format("the machine '{}' has no console", guest->name());
  }
  if ((bit(step.type) & k_typing) != 0 && guest->console().fd() == 0) {
    return "a console read through a pipe cannot be typed on; "
           "use qt-boot … -- QEMU-ARGS -- qt-expect …";
  }
  if (needs_monitor(step.type) && !guest->has_monitor()) {
    return guest->has_console() && guest->console().fd() == 0
               ? "there is no monitor in a pipe; use qt-boot … -- QEMU-ARGS -- qt-expect …"
               : format("the machine '{}' has no monitor here", guest->name());
  }
  const bool ends = step.type == StepType::exit || step.type == StepType::kill ||
                    (step.type == StepType::quit && !guest->has_monitor());
  return ends && !guest->has_exit()
             ? format("nobody tells here how the machine '{}' ends", guest->name())
             : "";
}

void check_expressions(const Step& step) {
  for (const Pattern& pattern : patterns_from(step.find("fail"))) {
    Matcher({pattern});
  }
  for (const auto& [name, value] : step.values.items()) {
    const Key* const key = find_step_key(step.type, name);
    if (key != nullptr && key->type == Type::regex) {
      Regex(value.get<std::string>());
    }
  }
}

std::string stripped_mistake(const std::vector<Awaited>& texts) {
  for (const Awaited& text : texts) {
    if (std::string wrong = qt::stripped_mistake(text); !wrong.empty()) {
      return wrong;
    }
  }
  return "";
}

// The same for what the whole dialogue is given.
void check_defaults(const Json& defaults, DialogueLoop& loop) {
  std::string wrong =
      defaults.contains("strip-ansi") ? stripped_mistake(awaited_texts(defaults)) : "";
  if (const auto fail = defaults.find("fail"); fail != defaults.end() && wrong.empty()) {
    wrong = empty_mistake(*find_key(dialogue_keys(), "fail"), *fail);
    const auto& guests = loop.guests();
    if (wrong.empty() && std::none_of(guests.begin(), guests.end(),
                                      [](const auto& guest) { return guest->has_console(); })) {
      wrong = "no machine here has a console on which these texts could appear";
    }
    wrong = wrong.empty() ? "" : format("fail: {}", wrong);
  }
  if (!wrong.empty()) {
    throw Error(format("option --{}", wrong), ExitCode::usage);
  }
}

void check_step(const Step& step, const Json& defaults, DialogueLoop& loop,
                const std::string& default_vm) {
  std::string wrong = step_mistake(step);
  if (wrong.empty() && defaults.contains("strip-ansi")) {
    wrong = stripped_mistake(awaited_texts(step));
  }
  if (wrong.empty()) {
    Guest* const guest = guest_of(step, loop, default_vm);
    wrong = lacking(step, guest);
    if (step.type == StepType::event && wrong.empty()) {
      guest->qmp().negotiate();
      const Json* const data = step.find("data");
      guest->want_event(step.text("event"), data != nullptr ? *data : Json::object());
    }
  }
  if (!wrong.empty()) {
    throw Error(wrong, ExitCode::usage);
  }
  check_expressions(step);
}

} // namespace

Guest* guest_of(const Step& step, DialogueLoop& loop, const std::string& default_vm) {
  const std::string own = step.text("vm");
  const std::string& name = own.empty() ? default_vm : own;
  auto& guests = loop.guests();
  if (name.empty() && guests.size() == 1) {
    return guests.front().get();
  }
  std::vector<std::string> names;
  for (const auto& guest : guests) {
    if (guest->name() == name) {
      return guest.get();
    }
    names.push_back(guest->name());
  }
  if (name.empty() && !needs_machine(step.type)) {
    return nullptr;
  }
  if (names.empty()) {
    throw Error("there is no machine to talk to; run it under qt-boot", ExitCode::usage);
  }
  throw Error(name.empty()
                  ? format("say which machine is meant with vm: {}", join(names, ", "))
                  : format("there is no machine '{}'; there are: {}", name, join(names, ", ")),
              ExitCode::usage);
}

void check_steps(const std::vector<Step>& steps, const Json& defaults, DialogueLoop& loop,
                 const std::string& default_vm) {
  check_defaults(defaults, loop);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    try {
      check_step(steps[i], defaults, loop, default_vm);
    } catch (const Error& error) {
      throw Error(format("step {} ({}): {}", i + 1, describe_step(steps[i]), error.what()),
                  ExitCode::usage);
    }
  }
}

void check_filled_step(const Step& step) {
  if (const std::string wrong = step_mistake(step); !wrong.empty()) {
    throw Error(wrong, ExitCode::usage);
  }
}

} // namespace qt
