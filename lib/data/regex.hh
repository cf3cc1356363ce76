// Regular expressions. The only includer of PCRE2.
//
// PCRE2 on bytes: a console prints what it likes, and PCRE2's UTF mode finds nothing across a byte
// that is no UTF-8, nor can it search in time linear in the text. So "." is one byte, and a
// character outside ASCII is several: "21 .{1,4}C" matches "21 °C", "21 .C" does not. Such a
// character in a class, or repeated by itself, is refused. "^" and "$" match at every line, where
// CR, LF and CR LF all end a line and "." matches neither. An expression whose backtracking passes
// a limit is stopped and is an Error(ExitCode::usage) that names it: it is a mistake of whoever
// wrote the expression, though only some text brings it out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

class Regex {
public:
  struct Found {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::vector<std::optional<std::string>> groups; // of group 1, 2, …; nothing: it took no part
    std::map<std::string, std::string> named;       // those that took part
  };

  // Throws Error(ExitCode::usage) that shows the expression and where it is wrong.
  explicit Regex(const std::string& expression);
  ~Regex();
  Regex(Regex&& other) noexcept;
  Regex& operator=(Regex&& other) noexcept;

  // The leftmost match, which may be empty here. Throws Error if the match limit is passed.
  std::optional<Found> search(std::string_view subject) const;

  // For a text that comes in pieces (regex_stream.hh): the leftmost match that begins at `start` or
  // later and is not empty. While more may follow, a place where the end of the subject cuts an
  // attempt short is Outcome::partial, even if what is there already matches.
  enum class Outcome { match, partial, none };
  enum class Rest { may_follow, none };
  Outcome attempt(std::string_view subject, std::size_t start, Rest rest) const;
  // Of the last attempt, unless its outcome was none.
  std::size_t begin() const;
  std::size_t end() const;
  std::map<std::string, std::string> named_groups(std::string_view subject) const;
  // Of all, whether or not they took part.
  std::set<std::string> group_names() const;

  // Whether an empty text may match, somewhere; true also where that is hard to tell.
  bool may_be_empty() const noexcept;
  // How many bytes before `start` an attempt may look at.
  std::size_t lookbehind() const noexcept;
  // The bytes with which each match begins; empty if that is not known. Never too long.
  const std::string& prefix() const noexcept;
  // False if `part` lacks a byte without which there is no match.
  bool has_needed_byte(std::string_view part) const;
  // False if nothing that begins at `start` or later matches. In time linear in the subject, unlike
  // attempt(). Where that cannot be found out it is true.
  bool may_match(std::string_view subject, std::size_t start) const;

private:
  struct Code;
  std::unique_ptr<Code> m_code;
};

} // namespace qt
