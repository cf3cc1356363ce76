#include "schema/awaited.hh"

#include "base/format.hh"
#include "base/text.hh"
#include "data/regex.hh"
#include "schema/failure_sets.hh"

#include <algorithm>
#include <array>

namespace qt {

namespace {

// The ways to write an ESC in a regular expression. None of them occurs by chance: a "\\" before
// would take the "\" of it away, which is looked for.
bool names_escape(std::string_view expression) {
  constexpr std::array<std::string_view, 8> k_escapes = {"\x1b",  "\\e",     "\\x1b",   "\\x1B",
                                                         "\\033", "\\x{1b}", "\\x{1B}", "\\c["};
  return std::any_of(k_escapes.begin(), k_escapes.end(), [&](std::string_view escape) {
    for (std::size_t at = expression.find(escape); at != std::string_view::npos;
         at = expression.find(escape, at + 1)) {
      const std::size_t before = expression.substr(0, at).find_last_not_of('\\');
      const std::size_t backslashes = at - (before == std::string_view::npos ? 0 : before + 1);
      if (escape.front() != '\\' || backslashes % 2 == 0) {
        return true;
      }
    }
    return false;
  });
}

bool is_in(const Awaited& awaited, std::string_view typed) {
  if (awaited.is_regex) {
    return Regex(awaited.text).search(typed).has_value();
  }
  return typed.find(awaited.text) != std::string_view::npos;
}

// Those of a value in the normal form of Type::patterns.
std::vector<Awaited> failure_texts(const Json& fail) {
  std::vector<Awaited> texts;
  for (const Json& pattern : with_sets_put_in(fail)) {
    texts.push_back({"fail", pattern.begin()->get<std::string>(), pattern.contains("regex")});
  }
  return texts;
}

} // namespace

std::vector<Awaited> awaited_texts(const Json& dialogue) {
  const auto fail = dialogue.find("fail");
  std::vector<Awaited> texts =
      fail != dialogue.end() ? failure_texts(*fail) : std::vector<Awaited>();
  if (const auto prompt = dialogue.find("prompt"); prompt != dialogue.end()) {
    texts.push_back({"prompt", prompt->get<std::string>()});
  }
  return texts;
}

std::vector<Awaited> awaited_texts(const Step& step) {
  std::vector<Awaited> texts;
  for (const char* key : {"wait", "wait-regex", "until", "prompt", "tap"}) {
    if (needs_console(step.type) && !step.text(key).empty()) {
      texts.push_back({key, step.text(key), step.type == StepType::wait_regex});
    }
  }
  if (const Json* const fail = step.find("fail")) {
    const std::vector<Awaited> failures = failure_texts(*fail);
    texts.insert(texts.end(), failures.begin(), failures.end());
  }
  return texts;
}

std::string stripped_mistake(const Awaited& awaited) {
  const bool cannot_come = awaited.is_regex ? names_escape(awaited.text)
                                            : awaited.text.find('\x1b') != std::string::npos;
  return cannot_come ? format("{}: this cannot come: strip-ansi removes ESC and the sequence that "
                              "it begins; leave them out here too",
                              awaited.key)
                     : "";
}

std::string TypedTexts::take(const Step& step) {
  if (!needs_console(step.type)) {
    return "";
  }
  std::string& typed = m_typed[step.text("vm")];
  if (step.type == StepType::shell) { // its end cannot be an echo, and no echo comes after it
    typed.clear();
    return "";
  }
  if ((bit(step.type) & k_typing) != 0) {
    typed += step.text(step_type_name(step.type)) + (step.type == StepType::line ? "\n" : "");
  }
  if ((bit(step.type) & k_waiting) == 0) {
    return "";
  }
  if (step.type == StepType::tap && step.text("tap").empty()) { // no echo has the form of a plan
    typed.clear();
    return "";
  }
  const Awaited awaited = awaited_texts(step).front();
  const bool is_known = awaited.text.find("${") == std::string::npos || !awaited.is_regex;
  const bool was_typed = is_known && is_in(awaited, typed);
  typed.clear();
  return was_typed ? format("{}: '{}' is part of what was just typed; where another program prints "
                            "into the echo, that could be taken for the answer: type it so that "
                            "the answer is different, as in 'echo PASS''ED'",
                            awaited.key, escape_for_display(awaited.text))
                   : "";
}

} // namespace qt
