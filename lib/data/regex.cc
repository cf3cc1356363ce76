#include "data/regex.hh"

#include "base/error.hh"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <algorithm>
#include <array>
#include <pcre2.h>

namespace qt {

// Not in the nameless namespace: members of Regex::Code are of these types.
namespace pcre2 {

struct Free {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
  void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
  void operator()(pcre2_jit_stack* stack) const { pcre2_jit_stack_free(stack); }
};
template<typename T>
using Owned = std::unique_ptr<T, Free>;

} // namespace pcre2

namespace {

using pcre2::Owned;

// Rounds of repeated groups from one place. The longest honest attempt, over 64 KiB, needs fewer.
constexpr std::uint32_t k_match_limit = 500'000;
// One search in so many bytes is faster as it is, as are a few attempts in a byte or two.
constexpr std::size_t k_short = 4096;
constexpr std::size_t k_tiny = 2;

std::string pcre2_message(int code) {
  std::array<PCRE2_UCHAR, 200> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

PCRE2_SPTR units(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

// Nothing, with the error and its place, if the expression is wrong.
Owned<pcre2_code> compile(const std::string& expression, int& error, PCRE2_SIZE& offset) {
  const Owned<pcre2_compile_context> context(pcre2_compile_context_create(nullptr));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_ANYCRLF);
  return Owned<pcre2_code>(pcre2_compile(units(expression), expression.size(),
                                         PCRE2_MULTILINE | PCRE2_NEVER_UTF, &error, &offset,
                                         context.get()));
}

Owned<pcre2_code> compile_or_throw(const std::string& expression, const std::string& shown) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  Owned<pcre2_code> code = compile(expression, error, offset);
  if (!code) {
    throw Error(
        format("regular expression '{}': {} at offset {}", shown, pcre2_message(error), offset),
        ExitCode::usage);
  }
  return code;
}

// The bytes of the UTF-8 character at `at` if it has several; 1 otherwise.
std::size_t character_size(const std::string& text, std::size_t at) {
  const auto is_inner = [&text](std::size_t i) {
    return i < text.size() && (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80;
  };
  std::size_t end = at + 1;
  while (static_cast<unsigned char>(text[at]) >= 0xc2 && is_inner(end)) {
    ++end;
  }
  return end - at;
}

// The end of the class that begins at `at`, and a character of several bytes in it, if there is
// one.
std::size_t class_end(const std::string& expression, std::size_t at, std::string& inner) {
  at += expression.compare(at, 2, "[^") == 0 ? 2 : 1;
  for (const std::size_t first = at; at < expression.size(); ++at) {
    if (expression[at] == ']' && at != first) {
      return at;
    }
    if (expression[at] == '\\') {
      ++at;
    } else if (const std::size_t size = character_size(expression, at); size > 1) {
      inner = expression.substr(at, size);
    }
  }
  return at;
}

// Matching goes by bytes. A class would stand for one byte of a character that has several, and a
// repeat for its last byte: never what was meant, and found by no test that passes.
void refuse_split_characters(const std::string& expression) {
  for (std::size_t at = 0; at < expression.size(); ++at) {
    std::string character;
    std::string_view how;
    if (expression[at] == '\\') {
      ++at;
      continue;
    }
    if (expression[at] == '[') {
      at = class_end(expression, at, character);
      how = "a class holds single bytes; write (?:…|…)";
    } else if (const std::size_t size = character_size(expression, at); size > 1) {
      const std::size_t next = at + size;
      if (next < expression.size() &&
          std::string_view("*+?{").find(expression[next]) != std::string_view::npos) {
        character = expression.substr(at, size);
        how = "a repeat is for its last byte only; write (?:…) around it";
      }
      at += size - 1;
    }
    if (!character.empty()) {
      throw Error(format("regular expression '{}': '{}' is a character of {} bytes, and {}",
                         expression, character, character.size(), how),
                  ExitCode::usage);
    }
  }
}

// True if a "|" may stand outside all groups. What makes that hard to tell counts as one.
bool may_have_branches(const std::string& expression) {
  if (expression.find('|') == std::string::npos) {
    return false;
  }
  if (expression.find_first_of("[\\") != std::string::npos ||
      expression.find("(?#") != std::string::npos) {
    return true;
  }
  int depth = 0;
  for (const char byte : expression) {
    depth += byte == '(' ? 1 : byte == ')' ? -1 : 0;
    if (byte == '|' && depth == 0) {
      return true;
    }
  }
  return false;
}

// The literal bytes at the front, as far as a simple look can tell.
std::string literal_prefix(const std::string& expression) {
  constexpr std::string_view k_plain = " _-:/,;=<>@%&'\"~!";
  const auto is_alnum = [](char byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z');
  };
  std::string prefix;
  if (may_have_branches(expression)) {
    return prefix;
  }
  for (std::size_t i = expression.starts_with('^') ? 1 : 0; i < expression.size(); ++i) {
    const char byte = expression[i];
    const bool escaped = byte == '\\' && i + 1 < expression.size() && expression[i + 1] > ' ' &&
                         expression[i + 1] < '\x7f' && !is_alnum(expression[i + 1]);
    if (escaped) {
      prefix += expression[++i];
    } else if (is_alnum(byte) || k_plain.find(byte) != std::string_view::npos) {
      prefix += byte;
    } else {
      if ((byte == '*' || byte == '?' || byte == '{') && !prefix.empty()) {
        prefix.pop_back();
      }
      break;
    }
  }
  return prefix;
}

} // namespace

struct Regex::Code {
  explicit Code(const std::string& source)
    : expression(source)
    , prefix(literal_prefix(source)) {
    std::uint32_t empty = 0;
    pcre2_pattern_info(compile_or_throw(expression, expression).get(), PCRE2_INFO_MATCHEMPTY,
                       &empty);
    may_be_empty = empty != 0;
    refuse_split_characters(expression);
    // PCRE2 begins no attempt at the LF of a CR LF unless the expression speaks of either; then the
    // result would depend on where a read was cut. A definition that is never used makes it speak.
    code = compile_or_throw(expression + "\\E(?(DEFINE)\\r)", expression);
    data.reset(pcre2_match_data_create_from_pattern(code.get(), nullptr));
    context.reset(pcre2_match_context_create(nullptr));
    pcre2_set_match_limit(context.get(), k_match_limit);
    std::uint32_t behind = 0;
    pcre2_pattern_info(code.get(), PCRE2_INFO_MAXLOOKBEHIND, &behind);
    lookbehind = std::max(behind, 2U); // "^" looks back over CR LF
    std::uint32_t kind = 0;
    std::uint32_t unit = 0;
    pcre2_pattern_info(code.get(), PCRE2_INFO_LASTCODETYPE, &kind);
    pcre2_pattern_info(code.get(), PCRE2_INFO_LASTCODEUNIT, &unit);
    if (kind == 1) {
      needed = static_cast<char>(unit);
    }
  }

  // Compiling to machine code takes longer than a few matches without it. All of it is optional.
  void make_fast() const {
    if (!stack) {
      pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD);
      stack.reset(pcre2_jit_stack_create(32 * 1024, 4 * 1024 * 1024, nullptr));
      pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
    }
  }

  Outcome match(std::string_view subject, std::size_t start, std::uint32_t options) const {
    const int result = pcre2_match(code.get(), units(subject), subject.size(), start, options,
                                   data.get(), context.get());
    if (result == PCRE2_ERROR_NOMATCH) {
      return Outcome::none;
    }
    if (result == PCRE2_ERROR_PARTIAL) {
      return Outcome::partial;
    }
    if (result < 0) {
      throw Error(format("matching the regular expression '{}': {}: it backtracks too much on what "
                         "the console printed; make it simpler (no repeats inside repeats)",
                         expression, pcre2_message(result)),
                  ExitCode::usage);
    }
    return Outcome::match;
  }

  template<typename Visit>
  void for_each_name(Visit visit) const {
    std::uint32_t count = 0;
    std::uint32_t entry_size = 0;
    PCRE2_SPTR entry = nullptr;
    pcre2_pattern_info(code.get(), PCRE2_INFO_NAMECOUNT, &count);
    pcre2_pattern_info(code.get(), PCRE2_INFO_NAMEENTRYSIZE, &entry_size);
    pcre2_pattern_info(code.get(), PCRE2_INFO_NAMETABLE, &entry);
    for (; count > 0; --count, entry += entry_size) {
      visit(reinterpret_cast<const char*>(entry + 2),
            static_cast<std::uint32_t>(entry[0] << 8U | entry[1]));
    }
  }

  std::optional<std::string> group(std::string_view subject, std::uint32_t number) const {
    const PCRE2_SIZE* const offsets = pcre2_get_ovector_pointer(data.get());
    const PCRE2_SIZE from = offsets[2 * number];
    const PCRE2_SIZE to = offsets[2 * number + 1];
    if (from == PCRE2_UNSET || to < from) {
      return std::nullopt;
    }
    return std::string(subject.substr(from, to - from));
  }

  std::string expression;
  std::string prefix;
  Owned<pcre2_code> code;
  Owned<pcre2_match_data> data;
  mutable Owned<pcre2_jit_stack> stack; // once it is fast
  Owned<pcre2_match_context> context;
  bool may_be_empty = true;
  std::size_t lookbehind = 0;
  std::optional<char> needed; // in either case, if it is a letter
  // For may_match(): the expression after anything, made when first needed.
  mutable Owned<pcre2_code> anywhere;
  mutable bool anywhere_tried = false;
};

Regex::Regex(const std::string& expression)
  : m_code(std::make_unique<Code>(expression)) {}
Regex::~Regex() = default;
Regex::Regex(Regex&& other) noexcept = default;
Regex& Regex::operator=(Regex&& other) noexcept = default;

const std::string& Regex::prefix() const noexcept { return m_code->prefix; }
bool Regex::may_be_empty() const noexcept { return m_code->may_be_empty; }
std::size_t Regex::lookbehind() const noexcept { return m_code->lookbehind; }

std::optional<Regex::Found> Regex::search(std::string_view subject) const {
  if (subject.size() > k_short) {
    m_code->make_fast();
  }
  if (m_code->match(subject, 0, 0) != Outcome::match) {
    return std::nullopt;
  }
  Found found;
  found.begin = begin();
  found.end = end();
  const std::uint32_t count = pcre2_get_ovector_count(m_code->data.get());
  for (std::uint32_t number = 1; number < count; ++number) {
    found.groups.push_back(m_code->group(subject, number));
  }
  found.named = named_groups(subject);
  return found;
}

Regex::Outcome Regex::attempt(std::string_view subject, std::size_t start, Rest rest) const {
  if (subject.size() > k_tiny) {
    m_code->make_fast();
  }
  return m_code->match(subject, start,
                       PCRE2_NOTEMPTY | (rest == Rest::may_follow ? PCRE2_PARTIAL_HARD : 0));
}

std::size_t Regex::begin() const { return pcre2_get_ovector_pointer(m_code->data.get())[0]; }
std::size_t Regex::end() const {
  return std::max(begin(), pcre2_get_ovector_pointer(m_code->data.get())[1]);
}

std::map<std::string, std::string> Regex::named_groups(std::string_view subject) const {
  std::map<std::string, std::string> named;
  m_code->for_each_name([&](const char* name, std::uint32_t number) {
    if (std::optional<std::string> text = m_code->group(subject, number)) {
      named.emplace(name, std::move(*text));
    }
  });
  return named;
}

std::set<std::string> Regex::group_names() const {
  std::set<std::string> names;
  m_code->for_each_name([&names](const char* name, std::uint32_t) { names.insert(name); });
  return names;
}

bool Regex::has_needed_byte(std::string_view part) const {
  const std::optional<char> needed = m_code->needed;
  if (!needed || part.find(*needed) != std::string_view::npos) {
    return true;
  }
  const auto other_case = static_cast<char>(*needed ^ 0x20);
  const char lower = static_cast<char>(*needed | 0x20);
  return lower >= 'a' && lower <= 'z' && part.find(other_case) != std::string_view::npos;
}

// PCRE2's second algorithm follows all attempts at once, byte by byte, and never goes back.
bool Regex::may_match(std::string_view subject, std::size_t start) const {
  if (!has_needed_byte(subject.substr(start))) {
    return false;
  }
  if (!m_code->anywhere_tried) {
    m_code->anywhere_tried = true;
    int error = 0;
    PCRE2_SIZE offset = 0;
    m_code->anywhere = compile("(?s:.*?)(?:" + m_code->expression + "\\E)", error, offset);
  }
  if (!m_code->anywhere) {
    return true;
  }
  std::array<int, 4096> workspace{};
  const int result =
      pcre2_dfa_match(m_code->anywhere.get(), units(subject), subject.size(), start,
                      PCRE2_ANCHORED | PCRE2_DFA_SHORTEST | PCRE2_NOTEMPTY, m_code->data.get(),
                      nullptr, workspace.data(), workspace.size());
  return result != PCRE2_ERROR_NOMATCH; // an error: it has what this algorithm cannot do
}

} // namespace qt
