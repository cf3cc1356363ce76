#include "definition/merge.hh"

#include "schema/tables.hh"

#include <algorithm>

namespace qt {

namespace {

const Key* list_key(std::span<const Key> keys, std::string_view name) {
  static constexpr Key k_tags{"tags", Type::texts, "", ""};
  return name == "fail"   ? find_key(dialogue_keys(), name)
         : name == "tags" ? &k_tags
                          : find_key(keys, name);
}

// The value as the list or table that its key stands for, where it is written in the short form.
Value in_long_form(const Value& value, const Key* key) {
  if (key == nullptr) {
    return value;
  }
  const bool list = value.is(Value::Kind::list);
  const bool single_command = key->type == Type::argvs && list && !value.elements.empty() &&
                              value.elements.front().is(Value::Kind::text);
  const bool single = (key->type == Type::texts || key->type == Type::patterns) && !list;
  Value wrapped;
  wrapped.at = value.at;
  if (single || single_command) {
    wrapped.kind = Value::Kind::list;
    wrapped.elements.push_back(value);
    return wrapped;
  }
  if (key->type == Type::checks && value.is(Value::Kind::text)) {
    wrapped.members.push_back({"contains", value.at, value});
    return wrapped;
  }
  return value;
}

Value merge_tables(const Value& base, const Value& over, std::span<const Key> keys);

// Checks in tables replace each other by their names; in a list they add up, as all lists do.
void make_both_lists(Value& base, Value& over) {
  for (Value* const value : {&base, &over}) {
    if (!value->is(Value::Kind::list)) {
      Value list;
      list.at = value->at;
      list.kind = Value::Kind::list;
      list.elements.push_back(*value);
      *value = std::move(list);
    }
  }
}

Value merge_values(const Value& base, const Value& over, const Key* key,
                   std::span<const Key> inner_keys) {
  Value merged = in_long_form(base, key);
  Value upper = in_long_form(over, key);
  if (key != nullptr && key->type == Type::checks &&
      (merged.is(Value::Kind::list) || upper.is(Value::Kind::list))) {
    make_both_lists(merged, upper);
  }
  if (merged.is(Value::Kind::list) && upper.is(Value::Kind::list)) {
    merged.elements.insert(merged.elements.end(), upper.elements.begin(), upper.elements.end());
    merged.at = upper.at;
    return merged;
  }
  if (merged.is(Value::Kind::table) && upper.is(Value::Kind::table)) {
    return merge_tables(merged, upper, inner_keys);
  }
  return over;
}

// The members of `base`, then those that only `over` has. `combine` makes one of two.
template<typename Combine>
Value lay_over(const Value& base, const Value& over, const Combine& combine) {
  Value merged = base;
  merged.at = over.at;
  for (const Member& member : over.members) {
    const auto same = std::find_if(merged.members.begin(), merged.members.end(),
                                   [&](const Member& other) { return other.key == member.key; });
    if (same == merged.members.end()) {
      merged.members.push_back(member);
    } else {
      same->value = combine(member.key, same->value, member.value);
      same->at = member.at;
    }
  }
  return merged;
}

Value merge_tables(const Value& base, const Value& over, std::span<const Key> keys) {
  return lay_over(base, over,
                  [keys](const std::string& name, const Value& lower, const Value& upper) {
                    return merge_values(lower, upper, list_key(keys, name), keys);
                  });
}

// A machine's or phase's keys over those of the test: the lists that add up are joined, the rest
// is replaced.
Value merge_over_defaults(const std::string& name, const Value& lower, const Value& upper) {
  return name == "fail" || name == "args"
             ? merge_values(lower, upper, list_key(vm_keys(), name), {})
             : upper;
}

bool both_tables(const Value& a, const Value& b) {
  return a.is(Value::Kind::table) && b.is(Value::Kind::table);
}

Value phase_with_defaults(const Value& defaults, const Value& phase) {
  return lay_over(
      defaults, phase, [](const std::string& name, const Value& lower, const Value& upper) {
        if (name == "vm" && both_tables(lower, upper)) {
          return lay_over(lower, upper, [](const std::string&, const Value& a, const Value& b) {
            return both_tables(a, b) ? lay_over(a, b, merge_over_defaults) : b;
          });
        }
        return merge_over_defaults(name, lower, upper);
      });
}

// Joins the steps of the test, which are told of by themselves if they are none, to those of a
// phase.
void add_steps(const Value& test, const std::string& list, Value& phase) {
  const Value* const steps = test.find(list);
  if (steps == nullptr || !steps->is(Value::Kind::list) || !phase.is(Value::Kind::table)) {
    return;
  }
  const auto own = std::find_if(phase.members.begin(), phase.members.end(),
                                [&list](const Member& member) { return member.key == list; });
  if (own == phase.members.end()) {
    phase.members.push_back(*test.member(list));
  } else if (own->value.is(Value::Kind::list)) {
    std::vector<Value>& elements = own->value.elements;
    elements.insert(list == "prepare" ? elements.begin() : elements.end(), steps->elements.begin(),
                    steps->elements.end());
  }
}

} // namespace

std::vector<std::string_view> definition_keys() {
  return {"summary", "suite", "tags", "timeout",  "include", "requires",
          "asset",   "file",  "test", "template", "steps"};
}

std::vector<std::string_view> phase_keys() {
  std::vector<std::string_view> keys = {"vm", "prepare", "steps", "verify"};
  const auto dialogue = test_dialogue_keys();
  keys.insert(keys.end(), dialogue.begin(), dialogue.end());
  const std::vector<std::string_view> machine = key_names(vm_keys());
  keys.insert(keys.end(), machine.begin(), machine.end());
  return keys;
}

std::vector<std::string_view> test_keys() {
  std::vector<std::string_view> keys = {"summary", "tags",   "requires", "template",
                                        "params",  "matrix", "phase",    "check"};
  const std::vector<std::string_view> phase = phase_keys();
  keys.insert(keys.end(), phase.begin(), phase.end());
  return keys;
}

Value extend_requires(const Value& base, const Value& over) {
  return both_tables(base, over) ? merge_tables(base, over, requires_keys()) : over;
}

Value extend_test(const Value& base, const Value& over) {
  return lay_over(base, over, [](const std::string& name, const Value& lower, const Value& upper) {
    if (name == "requires") {
      return extend_requires(lower, upper);
    }
    if (name == "vm" && both_tables(lower, upper)) {
      return lay_over(lower, upper, [](const std::string&, const Value& a, const Value& b) {
        return both_tables(a, b) ? merge_tables(a, b, vm_keys()) : b;
      });
    }
    return merge_values(lower, upper, list_key(vm_keys(), name), {});
  });
}

std::vector<Value> phases_with_defaults(const Value& test) {
  Value defaults = test;
  const std::vector<std::string_view> keys = phase_keys();
  std::erase_if(defaults.members, [&keys](const Member& member) {
    return member.key == "prepare" || member.key == "verify" ||
           std::find(keys.begin(), keys.end(), member.key) == keys.end();
  });
  std::vector<Value> phases;
  for (const Value& phase : test.find("phase")->elements) {
    phases.push_back(phase.is(Value::Kind::table) ? phase_with_defaults(defaults, phase) : phase);
  }
  if (!phases.empty()) {
    add_steps(test, "prepare", phases.front());
    add_steps(test, "verify", phases.back());
  }
  return phases;
}

Value vm_with_defaults(const Value& test, const Value& vm) {
  Value defaults = test;
  std::erase_if(defaults.members,
                [](const Member& member) { return find_key(vm_keys(), member.key) == nullptr; });
  return lay_over(defaults, vm, merge_over_defaults);
}

} // namespace qt
