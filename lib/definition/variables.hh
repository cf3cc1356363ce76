// Which "${NAME}" the texts of a subtest may use, and which they do use. Replacing them is left to
// those who know the values (substitute.hh).
#pragma once

#include "definition/payload.hh"

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

class Variables {
public:
  // `user`: the test that uses the names, for messages ("test 'boot'"), in whose texts params have
  // been put in; empty: it is none, and the position says enough.
  Variables(const Payloads& payloads, Mistakes& mistakes, std::string user)
    : m_payloads(payloads)
    , m_mistakes(mistakes)
    , m_user(std::move(user)) {}

  // Whether a place may hold names that steps save: it is read when they have run.
  enum class SavedNames { unknown, known };

  // Checks every text in `value`; `key` is how messages call the place.
  void check(std::string_view key, const Value& value, SavedNames saved);
  // A step saves `name`: it may be used from here on. Says so if it is not a good name.
  void save(const std::string& name, const Position& at);

  // The names used that no step saved, each once, in order of first use, with those in the texts of
  // the files used.
  const std::vector<std::string>& used() const noexcept { return m_used; }

private:
  void check_name(std::string_view key, const Position& at, const std::string& name,
                  SavedNames saved);
  void add_used(const std::string& name);
  std::vector<std::string> known_names() const;

  const Payloads& m_payloads;
  Mistakes& m_mistakes;
  std::string m_user;
  std::set<std::string> m_saved;
  std::vector<std::string> m_used;
};

// The names in words that are no part of a definition but are used with one, and those in the texts
// of the files that they name. Throws Error(ExitCode::usage), which says the `place` of the words,
// for one that has no value.
std::vector<std::string> names_used(const std::vector<std::string>& words, std::string_view place,
                                    const Payloads& payloads);

// The names among those that the programs give a value that stand for themselves alone: "scratch".
std::span<const std::string_view> plain_variables();
// True if `name` is one that the programs give a value: "scratch", "port.a", "date:%Y". Whether an
// asset or file of that name exists is not looked at.
bool is_program_variable(std::string_view name);
// One of these that has no value before the emulator is known: all but "build" and "data".
bool is_known_late(std::string_view name);

} // namespace qt
