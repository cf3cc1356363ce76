#include "definition/schema.hh"

#include "base/spelling.hh"
#include "base/text.hh"
#include "data/regex.hh"
#include "schema/empty_value.hh"

#include <algorithm>
#include <array>

namespace qt {

namespace {

// What one element of a list-like value is checked as, so that a mistake has the element's place.
std::optional<Key> element_key(const Key& key) {
  Key element = key;
  switch (key.type) {
  case Type::texts:
  case Type::argv:
    element.type = Type::text;
    return element;
  case Type::argvs:
    element.type = Type::argv;
    return element;
  case Type::patterns:
  case Type::checks:
    return element;
  default:
    return std::nullopt;
  }
}

// argvs may be given as one command, whose elements are words.
bool is_single_command(const Key& key, const Value& value) {
  return key.type == Type::argvs && !value.elements.empty() &&
         value.elements.front().is(Value::Kind::text);
}

// The keys of the tables that a value of `type` may be or hold; empty: any, or it holds none.
std::span<const std::string_view> member_names(Type type) {
  static constexpr std::array<std::string_view, 3> k_pattern = {"text", "regex", "set"};
  static constexpr std::array<std::string_view, 4> k_checks = {"contains", "equals", "matches",
                                                               "lacks"};
  switch (type) {
  case Type::patterns:
    return k_pattern;
  case Type::checks:
    return k_checks;
  default:
    return {};
  }
}

std::string expected_member(std::string_view name, std::span<const std::string_view> known) {
  const std::string hint = did_you_mean(name, known);
  return hint.empty() ? format("; expected one of {}",
                               join(std::vector<std::string>(known.begin(), known.end()), ", "))
                      : hint;
}

// Types in which a number can only be meant as a text.
bool is_textual(Type type) {
  switch (type) {
  case Type::integer:
  case Type::status:
  case Type::flag:
  case Type::boolean:
  case Type::console:
  case Type::json:
  case Type::table:
  case Type::range:
    return false;
  default:
    return true;
  }
}

// A number that was put in for a name becomes the text that the name stood for.
void say_as_text(Value& value) {
  if (!value.text.empty()) {
    value.kind = Value::Kind::text;
  }
  for (Value& element : value.elements) {
    say_as_text(element);
  }
  for (Member& member : value.members) {
    say_as_text(member.value);
  }
}

} // namespace

void Mistakes::note(const Position& at, std::string_view text, std::set<Entry>& into) {
  const std::string file = at.file ? *at.file : std::string();
  auto known = std::find(m_files.begin(), m_files.end(), file);
  if (known == m_files.end()) {
    known = m_files.insert(known, file);
  }
  into.insert({static_cast<std::size_t>(known - m_files.begin()), at.line, at.column,
               escape_for_display(text)});
}

std::vector<std::string> Mistakes::lines(const std::set<Entry>& entries,
                                         std::string_view kind) const {
  std::vector<std::string> lines;
  for (const Entry& entry : entries) {
    lines.push_back(format("{}:{}:{}: {}: {}", m_files[entry.file], entry.line, entry.column, kind,
                           entry.text));
  }
  return lines;
}

std::vector<std::string> Mistakes::texts() const {
  std::vector<std::string> texts;
  for (const Entry& entry : m_mistakes) {
    texts.push_back(entry.text);
  }
  return texts;
}

Error Mistakes::report() const {
  return Error(join(lines(m_mistakes, "error"), "\n"), ExitCode::usage, Error::Form::report);
}

bool Reader::plain(const Key& key, const Value& value) const {
  bool good = true;
  if (value.is(Value::Kind::other) || value.is(Value::Kind::date)) {
    m_mistakes.add(value.at, format("{}: {} has no use here; write it as a text, in quotes",
                                    key.name, describe_value(value)));
    good = false;
  }
  good = (may_hold_nul(key.type) || without_nul(key.name, value.text, value.at)) && good;
  for (const Value& element : value.elements) {
    good = plain(key, element) && good;
  }
  for (const Member& member : value.members) {
    good = (may_hold_nul(key.type) || without_nul(key.name, member.key, member.at)) && good;
    good = plain(key, member.value) && good;
  }
  return good;
}

bool Reader::without_nul(std::string_view name, std::string_view text, const Position& at) const {
  const bool good = text.find('\0') == std::string_view::npos;
  if (!good) {
    m_mistakes.add(at, format("{}: the text holds U+0000, at which an argument of a program ends; "
                              "only send, interrupt and what is compared with JSON can have it",
                              name));
  }
  return good;
}

bool Reader::list_elements(const Key& key, const Value& value) const {
  std::optional<Key> element = element_key(key);
  if (!element || !value.is(Value::Kind::list)) {
    return true;
  }
  if (is_single_command(key, value)) {
    element->type = Type::text;
  }
  bool good = true;
  for (const Value& item : value.elements) {
    const bool wrong_list = item.is(Value::Kind::list) && element->type != Type::argv;
    if (wrong_list) {
      m_mistakes.add(item.at, format("{}: expected a text, got a list in the list", key.name));
    }
    good = !wrong_list && this->value(*element, item).has_value() && good;
  }
  return good;
}

// The members of a pattern, of checks and of saves: which there may be, and that each is a text,
// or, of saves, a table, of which normal_value() knows more.
bool Reader::text_members(const Key& key, const Value& value) const {
  const std::span<const std::string_view> known = member_names(key.type);
  if (!value.is(Value::Kind::table) || (known.empty() && key.type != Type::saves)) {
    return true;
  }
  bool good = true;
  for (const Member& member : value.members) {
    if (!known.empty() && std::find(known.begin(), known.end(), member.key) == known.end()) {
      m_mistakes.add(member.at, format("{}: unknown key '{}'{}", key.name, member.key,
                                       expected_member(member.key, known)));
      good = false;
    } else if (!member.value.is(Value::Kind::text) &&
               !(key.type == Type::saves && member.value.is(Value::Kind::table))) {
      m_mistakes.add(member.value.at, format("{}: expected a text for '{}', got {}", key.name,
                                             member.key, describe_value(member.value)));
      good = false;
    }
  }
  return good;
}

bool Reader::regex(std::string_view key, const std::string& expression, const Position& at) const {
  if (expression.find("${") != std::string::npos) {
    return true;
  }
  try {
    const Regex compiled(expression);
    return true;
  } catch (const Error& error) {
    m_mistakes.add(at, format("{}: {}", key, error.what()));
    return false;
  }
}

// The expressions in a value, but those of saves, which are pointers in some steps.
bool Reader::regexes(const Key& key, const Value& value) const {
  if (key.type == Type::regex && value.is(Value::Kind::text)) {
    return regex(key.name, value.text, value.at);
  }
  const Value* const member = key.type == Type::patterns ? value.find("regex")
                              : key.type == Type::checks ? value.find("matches")
                                                         : nullptr;
  return member == nullptr || !member->is(Value::Kind::text) ||
         regex(key.name, member->text, member->at);
}

std::optional<Json> Reader::value(const Key& key, const Value& given) const {
  if (!plain(key, given)) {
    return std::nullopt;
  }
  Value value = given;
  if (is_textual(key.type)) {
    say_as_text(value);
  }
  if (m_texts == Texts::pending && value.is(Value::Kind::text) &&
      value.text.find("${") != std::string::npos) {
    return Json(value.text);
  }
  if (!list_elements(key, value) || !text_members(key, value)) {
    return std::nullopt;
  }
  if (!regexes(key, value)) {
    return std::nullopt;
  }
  std::string mistake;
  try {
    Json normal = normal_value(key, json_of(value));
    mistake = empty_mistake(key, normal);
    if (mistake.empty()) {
      return normal;
    }
  } catch (const Error& error) {
    mistake = error.what();
  }
  m_mistakes.add(value.at, format("{}: {}, got {}", key.name, mistake, describe_value(value)));
  return std::nullopt;
}

Json Reader::values(const Value& table, std::span<const Key> keys) const {
  Json result = Json::object();
  for (const Member& member : table.members) {
    const Key* const key = find_key(keys, member.key);
    if (key == nullptr) {
      continue;
    }
    if (std::optional<Json> normal = value(*key, member.value)) {
      result[member.key] = std::move(*normal);
    }
  }
  return result;
}

void Reader::unknown_members(const Value& table, std::string_view where,
                             const std::vector<std::string_view>& known) const {
  for (const Member& member : table.members) {
    if (std::find(known.begin(), known.end(), member.key) == known.end()) {
      m_mistakes.add(member.at, format("unknown key '{}' in {}{}", member.key, where,
                                       did_you_mean(member.key, known)));
    }
  }
}

bool Reader::expect(const Value& value, Value::Kind kind, std::string_view name,
                    std::string_view what) const {
  if (!value.is(kind)) {
    m_mistakes.add(value.at, format("{}: expected {}, got {}", name, what, describe_value(value)));
  }
  return value.is(kind) && (kind != Value::Kind::text || without_nul(name, value.text, value.at));
}

void Reader::named_tables(const Value& root, std::string_view kind,
                          const std::function<void(const Member& entry)>& visit) const {
  const Value* const tables = root.find(kind);
  if (tables == nullptr ||
      !expect(*tables, Value::Kind::table, kind, format("tables [{}.NAME]", kind))) {
    return;
  }
  for (const Member& entry : tables->members) {
    const bool named =
        name(entry.key, entry.at, format("{} {}", kind == "asset" ? "an" : "a", kind));
    if (expect(entry.value, Value::Kind::table, entry.key,
               format("a table [{}.{}]", kind, entry.key)) &&
        named) {
      visit(entry);
    }
  }
}

bool Reader::name(const std::string& name, const Position& at, std::string_view what) const {
  if (!is_name(name)) {
    m_mistakes.add(
        at, format("the name '{}' of {} may hold only letters, digits and _ - . +", name, what));
    return false;
  }
  return true;
}

bool is_name(std::string_view name) {
  return !name.empty() &&
         name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_-.+") == std::string_view::npos;
}

bool is_digest(std::string_view digest, unsigned bits) {
  return digest.size() == bits / 4 &&
         digest.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

} // namespace qt
