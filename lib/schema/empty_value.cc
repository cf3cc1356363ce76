#include "schema/empty_value.hh"

#include "base/duration.hh"
#include "base/error.hh"
#include "base/text.hh"
#include "data/regex.hh"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <vector>

namespace qt {

namespace {

constexpr std::array<std::string_view, 3> k_fails = {"(*F)", "(*FAIL)", "(?!)"};

bool is_word(char byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= 'a' && byte <= 'z');
}

// The parts of an expression that must match one after the other: a character, an escape, a class,
// a whole group. Those that are repeated or may be left out are not among them: an empty text
// stands for each.
class Sequence {
public:
  explicit Sequence(std::string_view expression)
    : m_rest(expression) {
    while (!m_rest.empty()) {
      const std::string_view item = m_rest.substr(0, item_size());
      m_rest.remove_prefix(item.size());
      m_has_branches = m_has_branches || item == "|";
      m_items.push_back(skip_repeat() ? std::string_view() : item);
    }
  }

  bool has_branches() const { return m_has_branches; }
  const std::vector<std::string_view>& items() const { return m_items; }

private:
  std::size_t class_size() const {
    std::size_t at = m_rest.starts_with("[^") ? 2 : 1;
    for (const std::size_t first = at; at < m_rest.size() && (m_rest[at] != ']' || at == first);) {
      const std::string_view rest = m_rest.substr(at);
      const std::size_t name_end =
          rest.starts_with("[:") ? rest.find(":]") : std::string_view::npos;
      at += name_end != std::string_view::npos ? name_end + 2 : rest.front() == '\\' ? 2 : 1;
    }
    return std::min(at + 1, m_rest.size());
  }

  std::size_t group_size() const {
    Sequence inner(m_rest.substr(1), Ends::with_group);
    return std::min(m_rest.size() - inner.m_rest.size(), m_rest.size());
  }

  std::size_t item_size() const {
    switch (m_rest.front()) {
    case '\\':
      return std::min<std::size_t>(2, m_rest.size());
    case '[':
      return class_size();
    case '(':
      return group_size();
    default:
      return 1;
    }
  }

  enum class Ends { with_group };
  // What stands in a group, and its end.
  Sequence(std::string_view expression, Ends /*unused*/)
    : m_rest(expression) {
    while (!m_rest.empty()) {
      const std::size_t size = item_size();
      const bool is_end = m_rest.front() == ')';
      m_rest.remove_prefix(size);
      if (is_end) {
        return;
      }
    }
  }

  bool skip_repeat() {
    const std::size_t size =
        m_rest.empty() || std::string_view("?*+{").find(m_rest.front()) == std::string_view::npos
            ? 0
        : m_rest.front() == '{' ? m_rest.substr(0, m_rest.find('}')).size() + 1
                                : 1;
    m_rest.remove_prefix(std::min(size, m_rest.size()));
    return size > 0;
  }

  std::string_view m_rest;
  bool m_has_branches = false;
  std::vector<std::string_view> m_items;
};

// A class of one byte in which no byte is.
bool is_empty_class(std::string_view item) {
  if (!item.starts_with("[^")) {
    return false;
  }
  const Regex byte_class{std::string(item)};
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    if (byte_class.search(std::string_view(&text, 1))) {
      return false;
    }
  }
  return true;
}

// A negative look-ahead or look-behind of what is everywhere, if only as an empty text.
bool forbids_everything(std::string_view item) {
  const std::size_t begin = item.starts_with("(?!") ? 3 : item.starts_with("(?<!") ? 4 : 0;
  if (begin == 0) {
    return false;
  }
  const std::string inner(item.substr(begin, item.size() - begin - 1));
  return inner.find_first_of("^$\\(|") == std::string::npos && Regex(inner).search("");
}

// Whether a part fails wherever it stands, or between the part before it and the one after it:
// "^" and "$" are at line ends only.
bool fails(std::string_view before, std::string_view item, std::string_view after) {
  for (const std::string_view always : k_fails) {
    if (item == always) {
      return true;
    }
  }
  const auto is_letter = [](std::string_view other) {
    return other.size() == 1 && is_word(other.front());
  };
  return (item == "$" && is_letter(after)) || (item == "^" && is_letter(before)) ||
         is_empty_class(item) || forbids_everything(item);
}

// Settings and verbs change what the signs of an expression mean, \Q takes their meaning, and a
// comment has none.
bool is_plain(std::string_view expression) {
  static const Regex settings("\\(\\?(\\^?[a-zA-Z-]+[:)]|#)|\\\\[QK]|\\(\\*[A-Z_]{5,}");
  return !settings.search(expression);
}

bool has_failing_part(const std::string& expression) {
  const Sequence sequence(expression);
  if (sequence.has_branches() || !is_plain(expression)) {
    return false;
  }
  const std::vector<std::string_view>& items = sequence.items();
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (fails(i > 0 ? items[i - 1] : "", items[i], i + 1 < items.size() ? items[i + 1] : "")) {
      return true;
    }
  }
  return false;
}

// Whether a match can begin with some byte, after some other or none.
bool may_begin(const Regex& regex) {
  for (int before = -1; before < 256; ++before) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      const std::array<char, 2> text = {static_cast<char>(before), static_cast<char>(byte)};
      const std::string_view subject(text.data() + (before < 0 ? 1 : 0), before < 0 ? 1 : 2);
      if (regex.attempt(subject, subject.size() - 1, Regex::Rest::may_follow) !=
          Regex::Outcome::none) {
        return true;
      }
    }
  }
  return false;
}

// Regular expressions that find nothing in any text: a failure text of this kind never fails, a
// wait for it never ends.
// Whether a cheap look tells that nothing matches, as with (?!), "a$b" or [^\s\S]. False does not
// say that something does: whether any text matches cannot be told of every expression. Throws
// Error(ExitCode::usage) if it does not compile.
bool matches_nothing(const std::string& expression) {
  const Regex regex(expression);
  if (has_failing_part(expression)) {
    return true;
  }
  try {
    return !regex.may_be_empty() && expression.find("(?<") == std::string::npos &&
           !may_begin(regex);
  } catch (const Error&) { // it backtracks too much
    return false;
  }
}

bool is_known_later(const Json& value) {
  return value.is_string() && value.get_ref<const std::string&>().find("${") != std::string::npos;
}

std::string empty_text(const Json& value) {
  return value == "" ? "expected a text that is not empty" : "";
}

// Whether the expression matches whatever comes. A negative look-around finds something in all
// these texts and can fail all the same.
bool matches_everything(const std::string& expression) {
  constexpr std::array<std::string_view, 5> k_texts = {"", "\n", "Z", "_9 \xff\r\n\r\nq", "\x01"};
  constexpr std::array<std::string_view, 4> k_negative = {"(?!", "(?<!", "(*n", "(*F"};
  const Regex regex(expression);
  return std::all_of(k_texts.begin(), k_texts.end(),
                     [&](std::string_view text) { return regex.search(text).has_value(); }) &&
         std::none_of(k_negative.begin(), k_negative.end(), [&](std::string_view part) {
           return expression.find(part) != std::string::npos;
         });
}

// Whether the expression finds something at the end of every text. What stands there is nothing,
// which forbids nothing to a negative look-ahead; a look-behind is another matter.
bool matches_every_end(const std::string& expression) {
  if (expression.find("(?<!") != std::string::npos || expression.find("(*") != std::string::npos) {
    return false;
  }
  try {
    const Regex at_end(format("(?<=[q ])(?=\\z)(?:{})", expression));
    return at_end.search("q").has_value() && at_end.search(" ").has_value();
  } catch (const Error&) { // cannot be part of another one
    return false;
  }
}

// Of the console: what has come already matches, and be it nothing; and an empty match elsewhere,
// as of \b or (?=x), is no text that has come.
std::string empty_stream_regex(const Json& value) {
  const Regex regex(value.get_ref<const std::string&>());
  if (regex.search("")) {
    return "expected a regular expression that needs a text; this one matches also the empty one, "
           "which is there at once";
  }
  return regex.may_be_empty() ? "expected a regular expression that takes a text; this one can "
                                "match without taking a byte, and that counts for nothing here"
                              : "";
}

std::string empty_regex(const Json& value) {
  const auto& expression = value.get_ref<const std::string&>();
  if (expression.empty()) {
    return "expected a regular expression that is not empty";
  }
  if (matches_nothing(expression)) {
    return "expected a regular expression that can match; this one matches no text at all";
  }
  return matches_everything(expression) || matches_every_end(expression)
             ? "expected a regular expression that can fail; this one matches every text, also the "
               "empty one"
             : "";
}

std::string empty_json(const Json& value) {
  if (!value.is_structured() || !value.empty()) {
    return "";
  }
  return value.is_array()
             ? "expected what is to be in it; every list contains []: an empty one has length = 0"
             : "expected what is to be in it; every table contains {}";
}

std::string empty_checks(const Json& value) {
  for (const Json& one : value) {
    const std::string check = one.items().begin().key();
    const Json& asked = *one.begin();
    const std::string mistake = is_known_later(asked) || check == "equals" ? ""
                                : check == "matches"                       ? empty_regex(asked)
                                                                           : empty_text(asked);
    if (!mistake.empty()) {
      return check == "contains" ? mistake : format("{}: {}", check, mistake);
    }
  }
  return "";
}

std::string empty_range(const Json& value) {
  const bool is_all = compare_numbers(value[0], std::numeric_limits<std::int64_t>::min()) <= 0 &&
                      compare_numbers(value[1], std::numeric_limits<std::int64_t>::max()) >= 0;
  return is_all ? "expected a range that leaves something out" : "";
}

// The first mistake in a list.
template<typename Mistake>
std::string first_mistake(const Json& list, const Mistake& mistake_of) {
  for (const Json& element : list) {
    if (std::string mistake = mistake_of(element); !mistake.empty()) {
      return mistake;
    }
  }
  return "";
}

} // namespace

std::string empty_mistake(const Key& key, const Json& value) {
  if (key.empty == Empty::allowed || is_known_later(value)) {
    return "";
  }
  const auto text_in_list = [](const Json& text) { return empty_text(text); };
  switch (key.type) {
  case Type::text:
  case Type::bytes:
  case Type::ending:
    return empty_text(value);
  case Type::regex: {
    const std::string mistake = empty_regex(value);
    return mistake.empty() && key.name == "wait-regex" ? empty_stream_regex(value) : mistake;
  }
  case Type::duration:
    return parse_duration(value.get<std::string>()) == Duration::zero() ? "expected a time above 0"
                                                                        : "";
  case Type::size:
    return parse_size(value.get<std::string>()) == 0U ? "expected a size above 0" : "";
  case Type::json:
  case Type::table:
    return empty_json(value);
  case Type::texts:
    return value.empty() ? "expected a text or a list of texts"
                         : first_mistake(value, text_in_list);
  case Type::patterns:
    return first_mistake(value, [](const Json& pattern) {
      if (pattern.contains("set")) {
        return std::string();
      }
      const Json& text = *pattern.begin();
      if (is_known_later(text) || !pattern.contains("regex")) {
        return is_known_later(text) ? std::string() : empty_text(text);
      }
      const std::string mistake = empty_regex(text);
      return mistake.empty() ? empty_stream_regex(text) : mistake;
    });
  case Type::checks:
    return empty_checks(value);
  case Type::range:
    return empty_range(value);
  default:
    return "";
  }
}

} // namespace qt
