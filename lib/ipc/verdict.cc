#include "ipc/verdict.hh"

#include "base/error.hh"
#include "base/text.hh"
#include "data/json.hh"
#include "os/file.hh"

#include <algorithm>
#include <array>
#include <unistd.h>
#include <utility>

namespace qt {

namespace {

// That of 10,000 tests in a guest takes a tenth.
constexpr std::size_t k_largest_verdict = 64 << 20;

struct CauseName {
  Cause cause;
  std::string_view name;
};

constexpr std::array k_causes = {
    CauseName{Cause::pass, "pass"},
    CauseName{Cause::check, "check"},
    CauseName{Cause::flaky, "flaky"},
    CauseName{Cause::assertion, "assertion"},
    CauseName{Cause::fail_pattern, "fail-pattern"},
    CauseName{Cause::guest_panic, "guest-panic"},
    CauseName{Cause::guest_reset, "guest-reset"},
    CauseName{Cause::qemu_crash, "qemu-crash"},
    CauseName{Cause::qemu_exit, "qemu-exit"},
    CauseName{Cause::qemu_refused, "qemu-refused"},
    CauseName{Cause::timeout, "timeout"},
    CauseName{Cause::idle_timeout, "idle-timeout"},
    CauseName{Cause::console_eof, "console-eof"},
    CauseName{Cause::skip, "skip"},
    CauseName{Cause::asset, "asset"},
    CauseName{Cause::flood, "flood"},
    CauseName{Cause::host, "host"},
};

std::string verdict_path(const std::string& run_dir) { return run_dir + "/verdict.json"; }

// Seconds with milliseconds: what is finer is noise.
double rounded(double seconds) {
  return static_cast<double>(static_cast<std::int64_t>(seconds * 1000 + 0.5)) / 1000;
}

Json steps_json(const std::vector<StepTime>& steps) {
  Json list = Json::array();
  for (const StepTime& step : steps) {
    Json entry = {
        {"step", step.step}, {"start", rounded(step.start)}, {"seconds", rounded(step.seconds)}};
    if (!step.stage.empty()) {
      entry["stage"] = step.stage;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

Json marks_json(const std::vector<Mark>& marks) {
  Json list = Json::array();
  for (const Mark& mark : marks) {
    Json entry = {
        {"name", mark.name}, {"at", rounded(mark.at)}, {"seconds", rounded(mark.seconds)}};
    if (mark.budget) {
      entry["budget"] = *mark.budget;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

Json checks_json(const std::vector<CheckResult>& checks) {
  Json list = Json::array();
  for (const CheckResult& check : checks) {
    Json entry = {{"name", check.name},
                  {"cause", cause_name(check.cause)},
                  {"message", check.message},
                  {"step", check.step},
                  {"awaited", check.awaited},
                  {"last-lines", check.last_lines},
                  {"start", rounded(check.start)},
                  {"seconds", rounded(check.seconds)}};
    if (check.expected) {
      entry["expected"] = *check.expected;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

// Throws Json::exception for a check without name or cause. A cause that is not known, or that no
// check has, counts as the host's: never as a pass.
std::vector<CheckResult> read_checks(const Json& json) {
  std::vector<CheckResult> checks;
  for (const Json& entry : json.value("checks", Json::array())) {
    CheckResult check;
    check.name = entry.at("name").get<std::string>();
    check.cause = cause_from(entry.at("cause").get<std::string>()).value_or(Cause::host);
    check.cause = check.cause == Cause::check ? Cause::host : check.cause;
    check.message = entry.value("message", "");
    check.step = entry.value("step", "");
    check.awaited = entry.value("awaited", "");
    check.last_lines = entry.value("last-lines", std::vector<std::string>());
    check.start = entry.value("start", 0.0);
    check.seconds = entry.value("seconds", 0.0);
    if (const auto expected = entry.find("expected"); expected != entry.end()) {
      check.expected = expected->get<std::string>();
    }
    checks.push_back(std::move(check));
  }
  return checks;
}

bool has_failed_check(const std::vector<CheckResult>& checks) {
  return std::any_of(checks.begin(), checks.end(),
                     [](const CheckResult& check) { return is_failure(check.cause); });
}

Json tries_json(const std::vector<EarlierTry>& tries) {
  Json list = Json::array();
  for (const EarlierTry& one : tries) {
    list.push_back({{"directory", one.directory},
                    {"cause", cause_name(one.cause)},
                    {"message", one.message},
                    {"seconds", rounded(one.seconds)}});
  }
  return list;
}

std::vector<EarlierTry> read_tries(const Json& json) {
  std::vector<EarlierTry> tries;
  for (const Json& entry : json.value("tries", Json::array())) {
    tries.push_back({entry.value("directory", ""),
                     cause_from(entry.value("cause", "")).value_or(Cause::host),
                     entry.value("message", ""), entry.value("seconds", 0.0)});
  }
  return tries;
}

Json touched_json(const std::vector<Touch>& touched) {
  Json list = Json::array();
  for (const Touch& touch : touched) {
    list.push_back({{"at", touch.at}, {"seconds", rounded(touch.seconds)}});
  }
  return list;
}

std::vector<Touch> read_touched(const Json& json) {
  std::vector<Touch> touched;
  for (const Json& entry : json.value("touched", Json::array())) {
    touched.push_back({entry.value("at", ""), entry.value("seconds", 0.0)});
  }
  return touched;
}

Json saved_json(const std::map<std::string, std::string>& saved) {
  Json table = Json::object();
  for (const auto& [name, value] : saved) {
    table[name] = format_escapes(value);
  }
  return table;
}

void read_times(const Json& json, Verdict& verdict) {
  for (const Json& step : json.value("steps", Json::array())) {
    verdict.steps.push_back({step.value("step", ""), step.value("start", 0.0),
                             step.value("seconds", 0.0), step.value("stage", "")});
  }
  for (const Json& mark : json.value("marks", Json::array())) {
    verdict.marks.push_back(
        {mark.value("name", ""), mark.value("at", 0.0), mark.value("seconds", 0.0),
         mark.contains("budget") ? std::optional(mark.at("budget").get<double>()) : std::nullopt});
  }
}

} // namespace

std::string_view cause_name(Cause cause) {
  for (const CauseName& entry : k_causes) {
    if (entry.cause == cause) {
      return entry.name;
    }
  }
  return "host";
}

std::optional<Cause> cause_from(std::string_view name) {
  for (const CauseName& entry : k_causes) {
    if (entry.name == name) {
      return entry.cause;
    }
  }
  return std::nullopt;
}

bool is_passed(Cause cause) noexcept {
  return cause == Cause::pass || cause == Cause::check || cause == Cause::flaky;
}

bool is_failure(Cause cause) noexcept { return !is_passed(cause) && cause != Cause::skip; }

bool has_failed(const Verdict& verdict) {
  return verdict.cause == Cause::check || is_failure(verdict.cause);
}

const CheckResult* find_check(const Verdict& verdict, const std::string& name) {
  const auto found = std::find_if(verdict.checks.begin(), verdict.checks.end(),
                                  [&name](const CheckResult& check) { return check.name == name; });
  return found == verdict.checks.end() ? nullptr : &*found;
}

std::string failed_checks_text(const std::vector<CheckResult>& checks) {
  constexpr std::size_t k_most_names = 10;
  std::vector<std::string> names;
  std::size_t failed = 0;
  for (const CheckResult& check : checks) {
    if (is_failure(check.cause) && failed++ < k_most_names) {
      names.push_back(format("'{}'", check.name));
    }
  }
  if (failed > k_most_names) {
    names.push_back("…");
  }
  return failed == 0
             ? ""
             : format("{} of {} checks failed: {}", failed, checks.size(), join(names, ", "));
}

void count_failed_checks(Verdict& verdict) {
  const std::string failed = failed_checks_text(verdict.checks);
  if (failed.empty() || is_failure(verdict.cause) || verdict.cause == Cause::check) {
    return;
  }
  verdict.message = verdict.cause == Cause::pass ? failed
                    : verdict.cause == Cause::skip
                        ? format("{}; then it was skipped: {}", failed, verdict.message)
                        : format("{}; the rest {}", failed, verdict.message);
  verdict.cause = Cause::check;
}

std::string UniqueNames::take(const std::string& name) {
  std::string unique = name;
  for (std::size_t& number = m_given[name]; number++ > 0;) {
    unique = format("{} ({})", name, number);
    if (m_given.try_emplace(unique, 1).second) {
      break;
    }
  }
  return unique;
}

void complete_checks(Verdict& verdict, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (find_check(verdict, name) != nullptr) {
      continue;
    }
    CheckResult missing;
    missing.name = name;
    // A run that passed has come to all its checks.
    const bool is_lost = is_passed(verdict.cause);
    missing.cause = is_lost ? Cause::host : verdict.cause;
    missing.message = verdict.cause == Cause::skip
                          ? verdict.message
                          : format("not reached: {}", is_lost ? "the dialogue has left no result"
                                                              : cause_name(verdict.cause));
    verdict.checks.push_back(std::move(missing));
  }
}

Verdict verdict_of_check(const Verdict& whole, const CheckResult& check) {
  Verdict verdict = whole;
  verdict.cause = check.cause;
  verdict.message = check.message;
  verdict.step = check.step;
  verdict.awaited = check.awaited;
  verdict.last_lines = check.last_lines;
  verdict.seconds = check.seconds;
  verdict.steps.clear();
  verdict.marks.clear();
  verdict.checks.clear();
  verdict.details = Json::object();
  return verdict;
}

void write_verdict(const std::string& run_dir, const Verdict& verdict) {
  Json json = {
      {"cause", cause_name(verdict.cause)},
      {"message", verdict.message},
      {"vm", verdict.vm},
      {"stage", verdict.stage},
      {"step", verdict.step},
      {"awaited", verdict.awaited},
      {"last-lines", verdict.last_lines},
      {"start", verdict.start},
      {"end", verdict.end},
      {"seconds", rounded(verdict.seconds)},
      {"steps", steps_json(verdict.steps)},
      {"marks", marks_json(verdict.marks)},
      {"judged-exits", verdict.judged_exits},
      {"details", verdict.details},
  };
  for (const auto& [key, words] :
       {std::pair("options", &verdict.options), std::pair("arguments", &verdict.arguments)}) {
    if (!words->empty()) {
      json[key] = *words;
    }
  }
  if (!verdict.checks.empty()) {
    json["checks"] = checks_json(verdict.checks);
  }
  if (!verdict.tries.empty()) {
    json["tries"] = tries_json(verdict.tries);
  }
  if (!verdict.touched.empty()) {
    json["touched"] = touched_json(verdict.touched);
  }
  json = json_without_secrets(std::move(json));
  json["saved"] = saved_json(verdict.saved); // for steps that are still to come
  const std::string path = verdict_path(run_dir);
  const std::string text = dump_json_indented(json) + "\n";
  // Most verdicts pass through every program unchanged, and some file systems write out what is
  // renamed over another file.
  if (read_small_file(path, Writer::anyone) == text) {
    return;
  }
  try {
    AtomicFile file(path);
    file.write(text);
    file.commit();
  } catch (const Error&) { // what stands there is not how it ended
    ::unlink(path.c_str());
    throw;
  }
}

std::optional<Verdict> read_verdict(const std::string& run_dir) {
  try {
    const std::optional<std::string> text =
        read_file_if_exists(verdict_path(run_dir), k_largest_verdict);
    if (!text) {
      return std::nullopt;
    }
    const Json json = parse_json(*text, verdict_path(run_dir));
    const std::optional<Cause> cause = cause_from(json.at("cause").get<std::string>());
    if (!cause) {
      return std::nullopt;
    }
    Verdict verdict;
    verdict.cause = *cause;
    verdict.message = json.value("message", "");
    verdict.vm = json.value("vm", "");
    verdict.stage = json.value("stage", "");
    verdict.step = json.value("step", "");
    verdict.awaited = json.value("awaited", "");
    verdict.last_lines = json.value("last-lines", std::vector<std::string>());
    verdict.start = json.value("start", "");
    verdict.end = json.value("end", "");
    verdict.seconds = json.value("seconds", 0.0);
    read_times(json, verdict);
    verdict.checks = read_checks(json);
    if (verdict.cause == Cause::check && !has_failed_check(verdict.checks)) {
      return std::nullopt; // it says that one has
    }
    verdict.tries = read_tries(json);
    verdict.touched = read_touched(json);
    const Json saved = json.value("saved", Json::object());
    for (const auto& [name, value] : saved.items()) {
      verdict.saved[name] = parse_escapes(value.get<std::string>()).value_or("");
    }
    verdict.judged_exits = json.value("judged-exits", std::map<std::string, std::string>());
    verdict.options = json.value("options", std::vector<std::string>());
    verdict.arguments = json.value("arguments", std::vector<std::string>());
    const Json& details = json_member(json, "details");
    verdict.details = details.is_object() ? details : Json::object();
    return verdict;
  } catch (const Json::exception&) {
    return std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string cause_line(const Verdict& verdict) {
  return verdict.message.empty() ? std::string(cause_name(verdict.cause))
                                 : format("{}: {}", cause_name(verdict.cause), verdict.message);
}

std::string touched_text(const Verdict& verdict) {
  std::vector<std::string> places;
  for (const Touch& touch : verdict.touched) {
    places.push_back(touch.at);
  }
  return places.empty() ? "" : "touched by hand at " + join(places, ", ");
}

std::string seconds_text(double seconds) {
  return seconds < 1 ? format("{:.0f} ms", seconds * 1000) : format("{:.1f} s", seconds);
}

std::string late_text(const Mark& mark) {
  return format("the mark '{}' came after {}, its budget is {:g} s", mark.name,
                seconds_text(mark.seconds), mark.budget.value_or(0));
}

std::string marks_text(const std::vector<Mark>& marks) {
  std::vector<std::string> texts;
  for (const Mark& mark : marks) {
    std::string text = format("{} {}", mark.name, seconds_text(mark.seconds));
    if (mark.budget) {
      text +=
          format(" ({} {:g} s)", mark.is_late() ? "over its budget of" : "budget", *mark.budget);
    }
    texts.push_back(std::move(text));
  }
  return join(texts, ", ");
}

} // namespace qt
