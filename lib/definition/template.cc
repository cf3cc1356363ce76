#include "definition/template.hh"

#include "base/format.hh"
#include "base/spelling.hh"
#include "base/substitute.hh"
#include "base/text.hh"
#include "definition/merge.hh"
#include "definition/step_reader.hh"
#include "definition/variables.hh"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

namespace qt {

namespace {

constexpr std::string_view k_use = "use";
constexpr std::array<std::string_view, 3> k_step_keys = {"prepare", "steps", "verify"};

// Ten lists that use the next one ten times each would be more than a host's memory holds.
constexpr std::size_t k_most_steps = 10'000;

class StepListUser {
public:
  StepListUser(const StepLists& lists, const Reader& reader)
    : m_lists(lists)
    , m_reader(reader) {}

  void put_into(Value& steps) {
    std::vector<Value> all;
    for (const Value& step : steps.elements) {
      const Member* const use = step.member(k_use);
      if (use != nullptr || !m_open.empty()) {
        ++m_put_in;
      }
      if (use == nullptr) {
        all.push_back(step);
      } else if (m_put_in > k_most_steps) {
        complain_of_many(use->value.at);
        break;
      } else if (const Member* const list = list_of(step, *use)) {
        m_open.push_back(list->key);
        Value inner = *list->value.find("steps");
        put_into(inner);
        all.insert(all.end(), inner.elements.begin(), inner.elements.end());
        m_open.pop_back();
      }
    }
    steps.elements = std::move(all);
  }

private:
  // What a step uses; nullptr, and said so, if that cannot be.
  const Member* list_of(const Value& step, const Member& use) {
    const auto complain = [&](const Position& at, const std::string& text) {
      m_reader.mistakes().add(at, "use: " + text);
      return nullptr;
    };
    if (!m_reader.expect(use.value, Value::Kind::text, k_use, "the name of a list of steps")) {
      return nullptr;
    }
    const std::string& name = use.value.text;
    if (step.members.size() > 1) {
      return complain(step.at, "nothing else can stand in this step");
    }
    const auto found = m_lists.find(name);
    if (found == m_lists.end()) {
      std::vector<std::string_view> names;
      for (const auto& [known, unused] : m_lists) {
        names.push_back(known);
      }
      return complain(use.value.at, format("there are no [steps.{}]{}", name,
                                           names.empty() ? "; include the file that has them"
                                                         : did_you_mean(name, names)));
    }
    if (std::find(m_open.begin(), m_open.end(), name) != m_open.end()) {
      return complain(use.value.at,
                      format("[steps.{}] use themselves: {}, {}", name, join(m_open, ", "), name));
    }
    return &found->second;
  }

  void complain_of_many(const Position& at) {
    if (!std::exchange(m_has_complained, true)) {
      m_reader.mistakes().add(at, format("use: more than {} steps of lists", k_most_steps));
    }
  }

  const StepLists& m_lists;
  const Reader& m_reader;
  std::vector<std::string> m_open; // lists being put in, each into the one before
  std::size_t m_put_in = 0;        // steps of lists, with those that name a list
  bool m_has_complained = false;
};

Value* list_in(Value& table, std::string_view key) {
  const auto found = std::find_if(table.members.begin(), table.members.end(),
                                  [key](const Member& member) { return member.key == key; });
  return found != table.members.end() && found->value.is(Value::Kind::list) ? &found->value
                                                                            : nullptr;
}

constexpr std::string_view k_params = "params.";
// More than this is a mistake in a definition, not a wish.
constexpr std::size_t k_most_combinations = 1000;
constexpr std::size_t k_longest_param = 64 << 10;

bool is_scalar(const Value& value) {
  return value.is(Value::Kind::text) || value.is(Value::Kind::integer) ||
         value.is(Value::Kind::number) || value.is(Value::Kind::boolean);
}

std::string scalar_text(const Value& value) {
  return value.is(Value::Kind::text) ? value.text : dump_json(json_of(value));
}

// Folders and lines of TAP are named by it, filters find it.
bool can_name_subtest(std::string_view text) {
  return !text.empty() && text.find_first_of("# /[]*?") == std::string_view::npos &&
         std::none_of(text.begin(), text.end(),
                      [](unsigned char byte) { return byte < 0x20 || byte == 0x7f; });
}

// The value of a name; nullptr: not one of these names.
using Source = std::function<const Value*(std::string_view name, const Position& at)>;

void put_in(Value& value, const Source& source) {
  if (value.is(Value::Kind::text)) {
    if (const std::optional<std::string> name = sole_placeholder(value.text)) {
      if (const Value* const known = source(*name, value.at)) {
        const Position at = value.at;
        value = *known;
        value.at = at;
        value.text = scalar_text(*known);
      }
      return;
    }
    const Lookup lookup = [&](std::string_view name) -> std::optional<std::string> {
      const Value* const known = source(name, value.at);
      return known == nullptr ? std::nullopt : std::optional(scalar_text(*known));
    };
    value.text = substitute(value.text, lookup, Pass::early);
  }
  for (Value& element : value.elements) {
    put_in(element, source);
  }
  for (Member& member : value.members) {
    put_in(member.value, source);
  }
}

class Expansion {
public:
  Expansion(const Member& test, const Templates& templates, const StepLists& step_lists,
            const Reader& reader)
    : m_test(test)
    , m_templates(templates)
    , m_step_lists(step_lists)
    , m_reader(reader) {}

  std::vector<Member> run();

private:
  // The template of the test, that of this template, and so on.
  bool lay_over_template();
  std::string no_such_template(std::string_view name) const;
  void put_in_params();
  std::vector<Member> multiply();
  bool check_matrix(const Value& matrix);
  void complain(const Position& at, const std::string& text) { m_reader.mistakes().add(at, text); }

  const Member& m_test;
  const Templates& m_templates;
  const StepLists& m_step_lists;
  const Reader& m_reader;
  Value m_merged;
  std::string m_template; // its name, if there is one
};

// Takes a member out of a table.
std::optional<Member> extract(Value& table, std::string_view key) {
  const auto found = std::find_if(table.members.begin(), table.members.end(),
                                  [key](const Member& member) { return member.key == key; });
  if (found == table.members.end()) {
    return std::nullopt;
  }
  Member member = std::move(*found);
  table.members.erase(found);
  return member;
}

bool Expansion::lay_over_template() {
  m_merged = m_test.value;
  std::vector<std::string> chain;
  while (const std::optional<Member> named = extract(m_merged, "template")) {
    if (!m_reader.expect(named->value, Value::Kind::text, "template", "the name of a template")) {
      return false;
    }
    const std::string& name = named->value.text;
    const auto found = m_templates.find(name);
    if (found == m_templates.end()) {
      complain(named->value.at, no_such_template(name));
      return false;
    }
    if (std::find(chain.begin(), chain.end(), name) != chain.end()) {
      complain(named->value.at,
               format("template: '{}' is made of itself: {}, {}", name, join(chain, ", "), name));
      return false;
    }
    chain.push_back(name);
    m_merged = extend_test(found->second.value, m_merged);
  }
  m_template = chain.empty() ? "" : chain.front();
  return true;
}

std::string Expansion::no_such_template(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const auto& [known, unused] : m_templates) {
    names.push_back(known);
  }
  return format("template: there is no template '{}'{}", name,
                names.empty() ? "; include the file that has it" : did_you_mean(name, names));
}

void Expansion::put_in_params() {
  std::optional<Member> params = extract(m_merged, "params");
  Value none;
  Value& given = params ? params->value : none;
  if (!m_reader.expect(given, Value::Kind::table, "params", "a table of names")) {
    return;
  }
  for (const Member& param : given.members) {
    m_reader.name(param.key, param.at, "a parameter");
    if (!is_scalar(param.value)) {
      complain(param.value.at, format("params: expected a text, a number, true or false for '{}', "
                                      "got {}",
                                      param.key, describe_value(param.value)));
    }
  }
  std::set<std::string, std::less<>> used;
  std::vector<std::string> chain; // those in whose values others are being put in
  Source source = [&](std::string_view name, const Position& at) -> const Value* {
    if (!name.starts_with(k_params)) {
      return nullptr;
    }
    const std::string param(name.substr(k_params.size()));
    const auto found = std::find_if(given.members.begin(), given.members.end(),
                                    [&](const Member& member) { return member.key == param; });
    if (found == given.members.end()) {
      std::vector<std::string_view> names;
      for (const Member& member : given.members) {
        names.push_back(member.key);
      }
      complain(at, format("test '{}' gives no value for '${{{}}}'{}", m_test.key, name,
                          did_you_mean(param, names)));
      return nullptr;
    }
    if (std::find(chain.begin(), chain.end(), param) != chain.end()) {
      complain(at,
               format("params: '{}' is made of itself: {}, {}", param, join(chain, ", "), param));
      return nullptr;
    }
    if (used.insert(param).second) {
      chain.push_back(param);
      put_in(found->value, source);
      chain.pop_back();
      if (found->value.text.size() > k_longest_param) {
        complain(found->value.at, format("params: the value of '{}' is longer than {}", param,
                                         format_size(k_longest_param)));
        found->value.text.clear();
      }
    }
    return is_scalar(found->value) ? &found->value : nullptr;
  };
  put_in(m_merged, source);
  for (const Member& param : given.members) {
    if (!used.contains(param.key)) {
      complain(param.at, format("params: nothing in test '{}'{} uses '${{params.{}}}'", m_test.key,
                                m_template.empty() ? "" : format(" or template '{}'", m_template),
                                param.key));
    }
  }
}

bool Expansion::check_matrix(const Value& matrix) {
  bool good = m_reader.expect(matrix, Value::Kind::table, "matrix", "a table of lists");
  std::size_t combinations = 1;
  for (const Member& variable : matrix.members) {
    good = m_reader.name(variable.key, variable.at, "a matrix variable") && good;
    if (is_program_variable(variable.key) || variable.key == "params") {
      complain(variable.at, format("matrix: '{}' has a meaning already; give the variable another "
                                   "name",
                                   variable.key));
      good = false;
    }
    if (!variable.value.is(Value::Kind::list) || variable.value.elements.empty()) {
      complain(variable.value.at, format("matrix: expected a list of values for '{}', got {}",
                                         variable.key, describe_value(variable.value)));
      good = false;
    }
    for (const Value& value : variable.value.elements) {
      const std::string text = is_scalar(value) ? scalar_text(value) : "";
      if (!can_name_subtest(text)) {
        complain(value.at,
                 format("matrix: expected a text or number that can stand in the name of a "
                        "subtest (no spaces, '#', '/', brackets, '*' or '?'), got {}",
                        describe_value(value)));
        good = false;
      }
    }
    combinations *= std::max<std::size_t>(variable.value.elements.size(), 1);
    if (combinations > k_most_combinations) {
      complain(variable.at, format("matrix: more than {} combinations", k_most_combinations));
      return false;
    }
  }
  return good;
}

std::vector<Member> Expansion::multiply() {
  const std::optional<Member> matrix = extract(m_merged, "matrix");
  if (!matrix) {
    return {{m_test.key, m_test.at, m_merged}};
  }
  if (!check_matrix(matrix->value)) {
    return {};
  }
  const std::vector<Member>& variables = matrix->value.members;
  std::vector<Member> result;
  std::set<std::string> names;
  std::set<std::string> used;
  std::vector<std::size_t> choice(variables.size(), 0); // the last variable changes fastest
  for (bool more = !variables.empty(); more;) {
    std::vector<std::string> values;
    for (std::size_t i = 0; i < variables.size(); ++i) {
      values.push_back(scalar_text(variables[i].value.elements[choice[i]]));
    }
    Member subtest{format("{}[{}]", m_test.key, join(values, ",")), m_test.at, m_merged};
    put_in(subtest.value, [&](std::string_view name, const Position&) -> const Value* {
      for (std::size_t i = 0; i < variables.size(); ++i) {
        if (variables[i].key == name) {
          used.insert(variables[i].key);
          return &variables[i].value.elements[choice[i]];
        }
      }
      return nullptr;
    });
    if (!names.insert(subtest.key).second) {
      complain(matrix->at, format("matrix: there are two subtests '{}'", subtest.key));
    }
    result.push_back(std::move(subtest));
    more = false;
    for (std::size_t i = variables.size(); i-- > 0 && !more;) {
      more = ++choice[i] < variables[i].value.elements.size();
      choice[i] = more ? choice[i] : 0;
    }
  }
  for (const Member& variable : variables) {
    if (!used.contains(variable.key)) {
      complain(variable.at,
               format("matrix: nothing in test '{}' uses '${{{}}}'", m_test.key, variable.key));
    }
  }
  if (variables.empty()) {
    complain(matrix->value.at, "matrix: expected a table of lists, got an empty table");
  }
  return result;
}

std::vector<Member> Expansion::run() {
  if (!lay_over_template()) {
    return {};
  }
  put_in_step_lists(m_merged, m_step_lists, m_reader);
  put_in_params();
  return multiply();
}

} // namespace

void read_step_lists(const Value& root, StepLists& lists, const Reader& reader) {
  const Reader pending(reader.mistakes(), Texts::pending);
  reader.named_tables(root, "steps", [&](const Member& entry) {
    const std::string where = format("[steps.{}]", entry.key);
    reader.unknown_members(entry.value, where, {"steps"});
    const Value* const steps = entry.value.find("steps");
    if (steps == nullptr) {
      reader.mistakes().add(entry.at,
                            format("{} has no list of steps; expected steps = [...]", where));
      return;
    }
    if (!reader.expect(*steps, Value::Kind::list, "steps", "a list of steps")) {
      return;
    }
    for (const Value& element : steps->elements) {
      for (const Value& step : single_steps(element, nullptr)) {
        if (step.member(k_use) == nullptr) {
          (void)read_step(step, StepPlace::dialogue, "steps", pending);
        }
      }
    }
    const auto [known, inserted] = lists.emplace(entry.key, entry);
    if (!inserted) {
      reader.mistakes().add(
          entry.at, format("there are other [steps.{}] at {}", entry.key, known->second.at.text()));
    }
  });
}

void put_in_step_lists(Value& test, const StepLists& lists, const Reader& reader) {
  StepListUser user(lists, reader);
  for (const std::string_view key : k_step_keys) {
    if (Value* const steps = list_in(test, key)) {
      user.put_into(*steps);
    }
  }
  for (const char* const key : {"phase", "check"}) {
    if (Value* const tables = list_in(test, key)) {
      for (Value& table : tables->elements) {
        put_in_step_lists(table, lists, reader);
      }
    }
  }
}

std::set<std::string> used_step_lists(const Value& value) {
  std::set<std::string> names;
  if (const Value* const use = value.find(k_use); use != nullptr && use->is(Value::Kind::text)) {
    names.insert(use->text);
  }
  for (const Value& element : value.elements) {
    names.merge(used_step_lists(element));
  }
  for (const Member& member : value.members) {
    names.merge(used_step_lists(member.value));
  }
  return names;
}

std::vector<Member> expand_test(const Member& test, const Templates& templates,
                                const StepLists& step_lists, const Reader& reader) {
  return Expansion(test, templates, step_lists, reader).run();
}

} // namespace qt
