#include "schema/empty_value.hh"

#include "base/duration.hh"
#include "base/error.hh"
#include "base/text.hh"
#include "data/regex.hh"
#include "schema/impossible_regex.hh"

#include <algorithm>
#include <array>
#include <limits>

namespace qt {

namespace {

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
