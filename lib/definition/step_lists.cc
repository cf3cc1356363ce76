#include "definition/step_lists.hh"

#include "base/format.hh"
#include "base/spelling.hh"
#include "base/text.hh"
#include "definition/step_reader.hh"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

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

} // namespace qt
