#include "console/tap_line.hh"

#include "base/text.hh"

#include <algorithm>
#include <array>

namespace qt {

namespace {

constexpr std::string_view k_blanks = " \t";

bool is_digit_of_tap(char byte) { return byte >= '0' && byte <= '9'; }
bool is_letter(char byte) { return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'); }

// Takes blanks off the start.
void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(k_blanks), text.size()));
}

bool take_word(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) {
    return false;
  }
  text.remove_prefix(word.size());
  return true;
}

// Takes digits off the start.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::size_t digits = 0;
  std::uint64_t number = 0;
  for (; digits < text.size() && is_digit_of_tap(text[digits]); ++digits) {
    number = std::min(number * 10 + static_cast<std::uint64_t>(text[digits] - '0'),
                      k_most_of_tap_number);
  }
  text.remove_prefix(digits);
  return digits > 0 ? std::optional(number) : std::nullopt;
}

bool is_escaped(std::string_view text, std::size_t at) {
  const std::size_t before = text.substr(0, at).find_last_not_of('\\');
  return (at - (before == std::string_view::npos ? 0 : before + 1)) % 2 != 0;
}

// `next`: what stands after the word; a name goes on there ("# todo-list") and is no directive.
TapLine::Directive directive_of(std::string_view word, std::string_view next) {
  const std::string lower = lower_case(word);
  if (!next.empty() && (next[0] == '-' || next[0] == '_' || is_digit_of_tap(next[0]))) {
    return TapLine::Directive::none;
  }
  return lower == "skip" || lower == "skipped"  ? TapLine::Directive::skip
         : lower == "todo" || word == "XFAIL"   ? TapLine::Directive::todo
         : word == "TIMEOUT" || word == "ERROR" ? TapLine::Directive::failed
                                                : TapLine::Directive::none;
}

// Reads the directive at the end of `text`, and gives what stands before it.
std::string_view read_directive(std::string_view text, TapLine& line) {
  for (std::size_t hash = text.find('#'); hash != std::string_view::npos;
       hash = text.find('#', hash + 1)) {
    const bool may_be = hash == 0 || k_blanks.find(text[hash - 1]) != std::string_view::npos;
    if (!may_be || is_escaped(text, hash)) {
      continue;
    }
    std::string_view rest = text.substr(hash + 1);
    skip_blanks(rest);
    const auto end = std::find_if_not(rest.begin(), rest.end(), is_letter);
    const std::string_view word = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
    line.directive = directive_of(word, rest.substr(word.size()));
    if (line.directive != TapLine::Directive::none) {
      const bool keeps_word = line.directive == TapLine::Directive::failed;
      line.reason = trim(keeps_word ? rest : rest.substr(word.size()));
      return trim(text.substr(0, hash));
    }
  }
  return trim(text);
}

std::string without_escapes(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escapes =
        text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '#' || text[i + 1] == '\\');
    plain += text[escapes ? ++i : i];
  }
  return plain;
}

bool read_version(std::string_view text, TapLine& line) {
  line.is_ktap = take_word(text, "K");
  if (!take_word(text, "TAP version ") || !take_number(text) || !trim(text).empty()) {
    return false;
  }
  line.kind = TapLine::Kind::version;
  return true;
}

bool read_plan(std::string_view text, TapLine& line) {
  if (!take_word(text, "1..")) {
    return false;
  }
  const std::optional<std::uint64_t> number = take_number(text);
  if (!number || !read_directive(text, line).empty()) {
    return false;
  }
  line.kind = TapLine::Kind::plan;
  line.planned = *number;
  return true;
}

bool read_result(std::string_view text, TapLine& line) {
  line.is_ok = !take_word(text, "not ");
  if (!take_word(text, "ok") || (!text.empty() && k_blanks.find(text[0]) == k_blanks.npos)) {
    return false;
  }
  skip_blanks(text);
  std::string_view after_number = text;
  line.number = take_number(after_number);
  const bool is_number = after_number.empty() ||
                         (k_blanks.find(after_number[0]) != std::string_view::npos) ||
                         after_number[0] == '-' || after_number[0] == ':';
  if (line.number && is_number) {
    text = after_number;
  } else {
    line.number.reset();
  }
  skip_blanks(text);
  if (text == "-" || text.starts_with("- ") || text.starts_with("-\t")) {
    text.remove_prefix(1);
  }
  skip_blanks(text);
  line.kind = TapLine::Kind::result;
  line.text = without_escapes(read_directive(text, line));
  return true;
}

} // namespace

TapLine parse_tap_line(std::string_view line) {
  TapLine parsed;
  std::string_view text = line;
  skip_blanks(text);
  parsed.indent = line.size() - text.size();
  if (text.starts_with('#')) {
    parsed.kind = TapLine::Kind::comment;
    parsed.text = trim(text.substr(1));
  } else if (take_word(text, "Bail out!")) {
    parsed.kind = TapLine::Kind::bail_out;
    parsed.text = trim(text);
  } else if (parsed.indent > 0 && text.starts_with("---")) {
    parsed.kind = TapLine::Kind::yaml;
  } else {
    for (const auto read : {read_version, read_plan, read_result}) {
      TapLine tried = parsed;
      if (read(text, tried)) {
        return tried;
      }
    }
  }
  return parsed;
}

bool may_begin_tap_line(std::string_view text) {
  constexpr std::array<std::string_view, 6> k_beginnings = {
      "ok", "not ok", "1..", "Bail out!", "TAP version ", "KTAP version "};
  skip_blanks(text);
  return std::any_of(k_beginnings.begin(), k_beginnings.end(), [text](std::string_view word) {
    return text.starts_with(word) || word.starts_with(text);
  });
}

} // namespace qt
