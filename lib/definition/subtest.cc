#include "definition/subtest.hh"

#include "base/spelling.hh"
#include "base/substitute.hh"
#include "base/text.hh"
#include "definition/merge.hh"
#include "definition/requirement.hh"
#include "definition/step_reader.hh"
#include "definition/variables.hh"
#include "ipc/run_dir.hh"
#include "schema/argument_check.hh"
#include "schema/awaited.hh"
#include "schema/tables.hh"

#include <algorithm>
#include <map>
#include <set>

namespace qt {

namespace {

class SubtestReader {
public:
  SubtestReader(const Member& test, const Payloads& payloads, const Reader& reader)
    : m_test(test)
    , m_payloads(payloads)
    , m_reader(reader)
    , m_variables(payloads, reader.mistakes(), format("test '{}'", test.key)) {}

  Subtest read(const Value* required);

private:
  Phase read_phase(const Value& table, const Position& at, const std::string& title);
  std::vector<Vm> read_vms(const Value& table, const std::string& title);
  Vm read_vm(const Value& table, const std::string& name);
  void check_arguments(const Value& args, const Vm& vm);
  std::vector<Step> read_steps(const Value& table, std::string_view list, StepPlace place,
                               const std::vector<Vm>& vms, TypedTexts& typed);
  std::vector<Step> read_host_steps(const Value& table, std::string_view list);
  std::vector<NamedCheck> read_checks(const Value& table, const std::vector<Vm>& vms,
                                      TypedTexts& typed);
  void check_saved_by_checks(const Phase& phase, const Value& list);
  void check_machine_of(const Step& step, const Value& value, const std::vector<Vm>& vms);
  void check_channels(const Step& step, const Value& value, const Vm& vm);
  void check_awaited(const Step& step, const Value& value, const Value& table, TypedTexts& typed);
  void check_dialogue_texts(const Value& table, const Phase& phase);
  bool stands_here(const Member& member, const std::vector<Value>& parts) const;
  void complain_of_replaced(const Value& table, const char* part, const std::vector<Value>& parts);
  using SavedNames = Variables::SavedNames;
  void check_names(const Value* value, std::string_view key,
                   SavedNames saved = SavedNames::unknown);
  void complain(const Position& at, const std::string& text) { m_reader.mistakes().add(at, text); }
  bool is_final() const { return m_reader.texts() == Texts::final; }

  const Member& m_test;
  const Payloads& m_payloads;
  const Reader& m_reader;
  Variables m_variables;
  Position m_fail_at; // of the first failure texts; no file: there are none
  bool m_fail_is_heard = false;
};

void SubtestReader::check_names(const Value* value, std::string_view key, SavedNames saved) {
  if (value != nullptr && is_final()) {
    m_variables.check(key, *value, saved);
  }
}

// A phase that says nothing of a machine boots one only if something is asked of it.
bool has_machine(const Value& table) {
  const auto is_machine_key = [](const Member& member) {
    return find_key(vm_keys(), member.key) != nullptr;
  };
  if (std::any_of(table.members.begin(), table.members.end(), is_machine_key)) {
    return true;
  }
  if (const Value* const checks = table.find("check")) {
    if (std::any_of(checks->elements.begin(), checks->elements.end(), has_machine)) {
      return true;
    }
  }
  const Value* const steps = table.find("steps");
  return steps != nullptr &&
         std::any_of(steps->elements.begin(), steps->elements.end(), [](const Value& step) {
           return std::any_of(step.members.begin(), step.members.end(), [](const Member& member) {
             const std::optional<StepType> type = step_type_from(member.key);
             return type && needs_machine(*type);
           });
         });
}

// The tables of a list of steps, one for each step.
std::vector<Value> all_steps(const Value& table, std::string_view list) {
  std::vector<Value> all;
  const Value* const prompt = list == "steps" ? table.find("prompt") : nullptr;
  for (const Value& element : table.find(list)->elements) {
    const std::vector<Value> steps = single_steps(element, prompt);
    all.insert(all.end(), steps.begin(), steps.end());
  }
  return all;
}

// Whether a list of steps finds anything out. A step that is wrong is not among those read, which
// is told elsewhere.
bool judges(const Value& table, std::string_view list, const std::vector<Step>& read) {
  const Value* const steps = table.find(list);
  return steps != nullptr &&
         (!steps->is(Value::Kind::list) || all_steps(table, list).size() != read.size() ||
          std::any_of(read.begin(), read.end(), [](const Step& step) { return judges(step); }));
}

// Whether the machine has time in it to say something.
bool takes_time(const Step& step) {
  return step.type == StepType::sleep || step.type == StepType::shell || judges(step);
}

// Whether a phase finds anything out.
bool judges(const Value& table, const Phase& phase) {
  const auto given = [](const Value& keys) {
    return keys.find("exit") != nullptr || keys.find("output") != nullptr;
  };
  bool judged = given(table) || judges(table, "steps", phase.steps) ||
                judges(table, "verify", phase.verify) || table.find("check") != nullptr ||
                (table.find("fail") != nullptr &&
                 std::any_of(phase.steps.begin(), phase.steps.end(), takes_time));
  if (const Value* const vms = table.find("vm")) {
    for (const Member& vm : vms->members) {
      judged = judged || given(vm.value);
    }
  } else if (!has_machine(table)) {
    judged = judged || judges(table, "prepare", phase.prepare);
  }
  return judged;
}

bool has_console(const Vm& vm) { return vm.values.value("console", Json(0)) != Json(false); }

void SubtestReader::check_arguments(const Value& args, const Vm& vm) {
  std::vector<std::string> words;
  for (const Value& word : args.elements) {
    words.push_back(word.text);
    if (const std::string mistake = argument_mistake({word.text}); !mistake.empty()) {
      complain(word.at, format("args: {}", mistake));
    }
  }
  if (const std::string mistake = unheard_panic_mistake(words);
      !mistake.empty() && !vm.values.value("qmp", true)) {
    complain(args.at, format("args: {}", mistake));
  }
}

Vm SubtestReader::read_vm(const Value& table, const std::string& name) {
  Vm vm;
  vm.name = name;
  vm.values = m_reader.values(table, vm_keys());
  for (const Member& member : table.members) {
    if (find_key(vm_keys(), member.key) != nullptr) {
      check_names(&member.value, member.key,
                  member.key == "args" ? SavedNames::known : SavedNames::unknown);
    }
  }
  if (const Value* const accel = table.find("accel")) {
    check_known_name("accel", *accel, m_reader);
  }
  if (const Value* const qemu = table.find("qemu"); qemu != nullptr && is_final()) {
    for (const std::string& variable : placeholders(qemu->text)) {
      if (is_known_late(variable)) {
        complain(qemu->at, format("qemu: ${{{}}} has no value before the emulator is known; "
                                  "${{build}} and ${{data}} have",
                                  variable));
      }
    }
  }
  if (const Member* const pvpanic = table.member("pvpanic");
      pvpanic != nullptr && !vm.values.value("qmp", true) && is_final()) {
    complain(pvpanic->at, "pvpanic: without a monitor (qmp = false) nobody hears of a panic");
  }
  if (const Value* const args = table.find("args"); args != nullptr && is_final()) {
    check_arguments(*args, vm);
  }
  return vm;
}

std::vector<Vm> SubtestReader::read_vms(const Value& table, const std::string& title) {
  std::vector<Vm> vms;
  const Value* const tables = table.find("vm");
  if (tables == nullptr) {
    if (has_machine(table)) {
      vms.push_back(read_vm(table, k_default_vm));
    }
    return vms;
  }
  if (!m_reader.expect(*tables, Value::Kind::table, "vm", format("tables {}.vm.NAME]", title))) {
    return vms;
  }
  if (tables->members.empty()) {
    complain(tables->at, format("vm: expected tables {}.vm.NAME], got an empty table", title));
  }
  m_reader.values(table, vm_keys()); // also those that each machine replaces
  for (const Member& entry : tables->members) {
    const bool named = m_reader.name(entry.key, entry.at, "a machine");
    const bool is_table = m_reader.expect(entry.value, Value::Kind::table, entry.key,
                                          format("a table {}.vm.{}]", title, entry.key));
    if (named && is_table) {
      m_reader.unknown_members(entry.value, format("the machine '{}'", entry.key),
                               key_names(vm_keys()));
      vms.push_back(read_vm(vm_with_defaults(table, entry.value), entry.key));
    }
  }
  return vms;
}

void SubtestReader::check_channels(const Step& step, const Value& value, const Vm& vm) {
  const std::string name(step_type_name(step.type));
  const Json console = vm.values.value("console", Json(0));
  const Value& named = *value.find(name);
  if (needs_console(step.type) && console == Json(false)) {
    complain(named.at,
             format("{}: the machine '{}' has no console (console = false)", name, vm.name));
  } else if (const Json* const meant = step.find("console");
             meant != nullptr && *meant != console) {
    complain(value.find("console")->at,
             format("console: the machine '{}' has the console {}, not {}", vm.name,
                    dump_json(console), dump_json(*meant)));
  }
  if (needs_monitor(step.type) && !vm.values.value("qmp", true)) {
    complain(named.at, format("{}: the machine '{}' has no monitor (qmp = false)", name, vm.name));
  }
  if (step.type == StepType::exit && may_be_unheard_panic(step.values.at("exit")) &&
      !vm.values.value("qmp", true)) {
    complain(named.at, "exit: without a monitor (qmp = false) a panic looks like that; write it as "
                       "the key exit of the machine, which can tell");
  }
}

void SubtestReader::check_machine_of(const Step& step, const Value& value,
                                     const std::vector<Vm>& vms) {
  const Value* const meant = value.find("vm");
  std::vector<std::string_view> names;
  for (const Vm& vm : vms) {
    names.push_back(vm.name);
  }
  const std::string list = join(std::vector<std::string>(names.begin(), names.end()), ", ");
  if (meant != nullptr) {
    const auto vm = std::find(names.begin(), names.end(), step.text("vm"));
    if (vm == names.end()) {
      const std::string hint = did_you_mean(step.text("vm"), names);
      complain(meant->at, format("vm: there is no machine '{}'{}", step.text("vm"),
                                 !hint.empty() ? hint
                                 : vms.empty() ? "; the test has none"
                                               : format("; the test has {}", list)));
    } else {
      check_channels(step, value, vms[static_cast<std::size_t>(vm - names.begin())]);
    }
  } else if (vms.size() == 1) {
    check_channels(step, value, vms.front());
  } else if (vms.size() > 1 && needs_machine(step.type)) {
    complain(value.at, format("steps: the test has several machines, say which is meant: vm = one "
                              "of {}",
                              list));
  }
}

std::vector<Step> SubtestReader::read_steps(const Value& table, std::string_view list,
                                            StepPlace place, const std::vector<Vm>& vms,
                                            TypedTexts& typed) {
  std::vector<Step> steps;
  const Value* const values = table.find(list);
  if (values == nullptr ||
      !m_reader.expect(*values, Value::Kind::list, list, "a list of steps [{ … }, { … }]")) {
    return steps;
  }
  for (const Value& value : all_steps(table, list)) {
    for (const Member& member : value.members) {
      check_names(&member.value, member.key, SavedNames::known);
    }
    std::optional<Step> step = read_step(value, place, list, m_reader);
    if (!step) {
      continue;
    }
    if (is_final()) {
      if (place == StepPlace::dialogue) {
        check_machine_of(*step, value, vms);
        check_awaited(*step, value, table, typed);
      }
      for (const std::string& name : saved_names(*step)) {
        m_variables.save(name, value.at);
      }
    }
    steps.push_back(std::move(*step));
  }
  return steps;
}

std::vector<Step> SubtestReader::read_host_steps(const Value& table, std::string_view list) {
  TypedTexts nothing;
  return read_steps(table, list, StepPlace::host, {}, nothing);
}

// [[test.N.check]]. What holds for the steps of the test holds for those of its checks, which go on
// where these end.
std::vector<NamedCheck> SubtestReader::read_checks(const Value& table, const std::vector<Vm>& vms,
                                                   TypedTexts& typed) {
  std::vector<NamedCheck> checks;
  const Value* const list = table.find("check");
  const std::string title = format("[[test.{}.check]]", m_test.key);
  if (list == nullptr || !m_reader.expect(*list, Value::Kind::list, "check", "tables " + title)) {
    return checks;
  }
  if (list->elements.empty()) {
    complain(list->at, format("check: expected tables {}, got an empty list", title));
  }
  for (const Value& entry : list->elements) {
    if (!m_reader.expect(entry, Value::Kind::table, "check", "a table " + title)) {
      continue;
    }
    m_reader.unknown_members(entry, title, {"name", "summary", "steps"});
    NamedCheck check;
    const Value* const name = entry.find("name");
    if (name == nullptr) {
      complain(entry.at, format("{} has no name; expected name = \"…\"", title));
    } else if (m_reader.expect(*name, Value::Kind::text, "name", "a name")) {
      if (is_final() || name->text.find("${") == std::string::npos) {
        m_reader.name(name->text, name->at, "a check");
      }
      check.name = name->text;
    }
    if (const Value* const summary = entry.find("summary")) {
      m_reader.expect(*summary, Value::Kind::text, "summary", "a text");
      check.summary = summary->text;
    }
    Value steps = entry;
    for (const char* const key : {"prompt", "strip-ansi"}) {
      if (const Member* const given = table.member(key)) {
        steps.members.push_back(*given);
      }
    }
    check.steps = read_steps(steps, "steps", StepPlace::dialogue, vms, typed);
    if (is_final() && !judges(entry, "steps", check.steps)) {
      complain(entry.at, format("{} judges nothing; give it steps that can fail", title));
    }
    const bool is_known =
        std::any_of(checks.begin(), checks.end(),
                    [&check](const NamedCheck& other) { return other.name == check.name; });
    if (is_known && is_final()) {
      complain(name != nullptr ? name->at : entry.at,
               format("there are two checks '{}'", check.name));
    }
    checks.push_back(std::move(check));
  }
  return checks;
}

std::set<std::string> all_saved_names(const std::vector<Step>& steps) {
  std::set<std::string> names;
  for (const Step& step : steps) {
    const std::vector<std::string> saved = saved_names(step);
    names.insert(saved.begin(), saved.end());
  }
  return names;
}

// A check that fails saves nothing, so that another one cannot rely on it.
void SubtestReader::check_saved_by_checks(const Phase& phase, const Value& list) {
  std::set<std::string> always = all_saved_names(phase.prepare);
  always.merge(all_saved_names(phase.steps));
  std::map<std::string, std::string> saved_by; // name → the first check that saves it
  for (const NamedCheck& check : phase.checks) {
    for (const std::string& name : all_saved_names(check.steps)) {
      saved_by.emplace(name, check.name);
    }
  }
  for (std::size_t i = 0; i < phase.checks.size(); ++i) {
    const std::set<std::string> own = all_saved_names(phase.checks[i].steps);
    for (const Step& step : phase.checks[i].steps) {
      for (const std::string& name : placeholders(dump_json(step.values))) {
        const auto other = saved_by.find(name);
        if (other != saved_by.end() && !own.contains(name) && !always.contains(name)) {
          complain(
              list.elements[i].at,
              format("the check '{}' uses '{}', which the check '{}' saves; a check that fails "
                     "saves nothing: save it in the steps before the checks",
                     phase.checks[i].name, name, other->second));
        }
      }
    }
  }
}

// Texts of the whole dialogue that strip-ansi takes out, and failure texts of phases of which none
// has a console.
void SubtestReader::check_dialogue_texts(const Value& table, const Phase& phase) {
  if (!is_final()) {
    return;
  }
  if (phase.dialogue.contains("strip-ansi")) {
    for (const Awaited& text : awaited_texts(phase.dialogue)) {
      if (const std::string mistake = stripped_mistake(text); !mistake.empty()) {
        complain(table.find(text.key)->at, mistake);
      }
    }
  }
  if (const Value* const fail = table.find("fail");
      fail != nullptr && phase.dialogue.contains("fail")) {
    m_fail_at = m_fail_at.file ? m_fail_at : fail->at;
    m_fail_is_heard =
        m_fail_is_heard || std::any_of(phase.vms.begin(), phase.vms.end(), has_console);
  }
}

// What a step looks for, against what can come on the console.
void SubtestReader::check_awaited(const Step& step, const Value& value, const Value& table,
                                  TypedTexts& typed) {
  if (table.find("strip-ansi") != nullptr) {
    for (const Awaited& text : awaited_texts(step)) {
      if (const std::string mistake = stripped_mistake(text); !mistake.empty()) {
        complain(value.find(text.key)->at, mistake);
      }
    }
  }
  if (const std::string warning = typed.take(step); !warning.empty()) {
    m_reader.mistakes().warn(value.at, warning);
  }
}

Phase SubtestReader::read_phase(const Value& table, const Position& at, const std::string& title) {
  Phase phase;
  phase.prepare = read_host_steps(table, "prepare");
  phase.vms = read_vms(table, title);
  for (const std::string_view name : test_dialogue_keys()) {
    if (const Value* const value = table.find(name)) {
      check_names(value, name);
      if (std::optional<Json> normal = m_reader.value(*find_key(dialogue_keys(), name), *value)) {
        phase.dialogue[std::string(name)] = std::move(*normal);
      }
    }
  }
  TypedTexts typed;
  phase.steps = read_steps(table, "steps", StepPlace::dialogue, phase.vms, typed);
  phase.checks = read_checks(table, phase.vms, typed);
  if (is_final() && !phase.checks.empty()) {
    check_saved_by_checks(phase, *table.find("check"));
  }
  phase.verify = read_host_steps(table, "verify");

  if (is_final() && !judges(table, phase)) {
    complain(at, phase.steps.empty() && phase.verify.empty()
                     ? format("{}] judges nothing; give it steps, verify, exit or output", title)
                     : format("{}] judges nothing: its steps cannot fail, as typing, sleeping and "
                              "commands with status = \"any\" cannot; give it others, exit or "
                              "output",
                              title));
  }
  check_dialogue_texts(table, phase);
  return phase;
}

// Whether a key of the test stands in it, before its machines or phases, and not in a template.
bool SubtestReader::stands_here(const Member& member, const std::vector<Value>& parts) const {
  return member.at.file == m_test.at.file && member.at.line > m_test.at.line &&
         std::all_of(parts.begin(), parts.end(), [&member](const Value& part) {
           return member.at.file == part.at.file && member.at.line < part.at.line;
         });
}

// Of what the test asks of QEMU's end and output: where each machine or phase has its own, nobody
// would ever look at it.
void SubtestReader::complain_of_replaced(const Value& table, const char* part,
                                         const std::vector<Value>& parts) {
  for (const char* const key : {"exit", "output"}) {
    const Member* const member = table.member(key);
    if (member != nullptr && is_final() && !parts.empty() && stands_here(*member, parts) &&
        std::all_of(parts.begin(), parts.end(),
                    [key](const Value& value) { return value.find(key) != nullptr; })) {
      complain(member->at, format("{}: each {} has its own, and nothing would be judged by this; "
                                  "leave it out",
                                  key, part));
    }
  }
}

Subtest SubtestReader::read(const Value* required) {
  const Value& table = m_test.value;
  const std::string title = format("[test.{}", m_test.key);
  Subtest subtest;
  subtest.name = m_test.key;
  if (const Value* const summary = table.find("summary")) {
    m_reader.expect(*summary, Value::Kind::text, "summary", "a text");
    check_names(summary, "summary");
    subtest.summary = summary->text;
  }
  if (const Value* const tags = table.find("tags")) {
    subtest.tags = read_tags(*tags, m_reader);
  }
  if (const Value* const timeout = table.find("timeout")) {
    subtest.timeout = parse_duration(timeout->text); // a wrong one is told of with the phase
  }
  const Value* const own = table.find("requires");
  if (own != nullptr || required != nullptr) {
    const Value all = own == nullptr        ? *required
                      : required == nullptr ? *own
                                            : extend_requires(*required, *own);
    check_names(&all, "requires");
    subtest.required = read_requires(all, m_reader);
  }
  if (const Value* const vms = table.find("vm")) {
    std::vector<Value> each;
    std::transform(vms->members.begin(), vms->members.end(), std::back_inserter(each),
                   [](const Member& vm) { return vm.value; });
    complain_of_replaced(table, "machine", each);
  }
  const Value* const phases = table.find("phase");
  if (phases == nullptr) {
    subtest.phases.push_back(read_phase(table, m_test.at, title));
  } else if (m_reader.expect(*phases, Value::Kind::list, "phase",
                             format("tables [{}.phase]]", title))) {
    if (const Member* const checks = table.member("check")) {
      complain(checks->at, "check: a test with several phases has none; give each phase steps, or "
                           "make the phases tests");
    }
    const auto has_steps = [](const Value& phase) { return phase.find("steps") != nullptr; };
    if (const Member* const steps = table.member("steps");
        steps != nullptr && is_final() && !phases->elements.empty() &&
        stands_here(*steps, phases->elements) &&
        std::all_of(phases->elements.begin(), phases->elements.end(), has_steps)) {
      complain(steps->at,
               "steps: each phase has steps of its own, and these would never run; leave "
               "them out");
    }
    if (phases->elements.empty()) {
      complain(phases->at, format("phase: expected tables [{}.phase]], got an empty list", title));
    }
    complain_of_replaced(table, "phase", phases->elements);
    // Also what each phase replaces.
    const Reader pending(m_reader.mistakes(), Texts::pending);
    SubtestReader(m_test, m_payloads, pending).read_phase(table, m_test.at, title);
    for (const Value& phase : phases_with_defaults(table)) {
      if (m_reader.expect(phase, Value::Kind::table, "phase",
                          format("a table [{}.phase]]", title))) {
        m_reader.unknown_members(phase, format("[{}.phase]]", title), phase_keys());
        subtest.phases.push_back(read_phase(phase, phase.at, format("{}.phase", title)));
      }
    }
  }
  if (m_fail_at.file && !m_fail_is_heard) {
    complain(m_fail_at, "fail: no machine here has a console on which these texts could appear");
  }
  if (is_final()) {
    for (const Phase& phase : subtest.phases) {
      for (const Vm& vm : phase.vms) {
        require_machine(vm.values.value("machine", ""), subtest.required);
      }
    }
  }
  subtest.variables = m_variables.used();
  return subtest;
}

} // namespace

Subtest read_subtest(const Member& test, const Value* required, const Payloads& payloads,
                     const Reader& reader) {
  return SubtestReader(test, payloads, reader).read(required);
}

std::vector<std::string> read_tags(const Value& value, const Reader& reader) {
  const Key key{"tags", Type::texts, "", "", 0, Empty::allowed};
  std::vector<std::string> tags;
  for (const Json& tag : reader.value(key, value).value_or(Json::array())) {
    tags.push_back(tag.get<std::string>());
    if (!is_name(tags.back()) || tags.back() == "and" || tags.back() == "or" ||
        tags.back() == "not" || find_key(requires_keys(), tags.back()) != nullptr) {
      reader.mistakes().add(value.at,
                            format("tags: '{}' cannot be a tag; expected a word of letters, digits "
                                   "and _ - . + that is neither and, or, not nor a requirement",
                                   tags.back()));
    }
  }
  return tags;
}

} // namespace qt
