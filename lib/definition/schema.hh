// Checks tables of a TOML file against the vocabulary and brings their values into normal form.
// Everything wrong is collected, nothing stops at the first mistake.
#pragma once

#include "base/error.hh"
#include "data/toml.hh"
#include "schema/key.hh"

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qt {

// Everything that is wrong in a definition and the files that it includes, for one report.

// The same mistake at the same place (a template is read once for each test that uses it) counts
// once.
class Mistakes {
public:
  void add(const Position& at, std::string_view text) { note(at, text, m_mistakes); }
  // What is no mistake, but deserves a second look.
  void warn(const Position& at, std::string_view text) { note(at, text, m_warnings); }
  bool empty() const noexcept { return m_mistakes.empty(); }
  // An Error(ExitCode::usage) in the form of a report: "FILE:LINE:COLUMN: error: TEXT" for each, in
  // the order of the places, the files in the order in which mistakes were found in them.
  Error report() const;
  // What is wrong, without the places.
  std::vector<std::string> texts() const;
  // "FILE:LINE:COLUMN: warning: TEXT" for each, in the same order.
  std::vector<std::string> warnings() const { return lines(m_warnings, "warning"); }

private:
  struct Entry {
    std::size_t file; // index into m_files
    unsigned line;
    unsigned column;
    std::string text;
    auto operator<=>(const Entry&) const = default;
  };
  void note(const Position& at, std::string_view text, std::set<Entry>& into);
  std::vector<std::string> lines(const std::set<Entry>& entries, std::string_view kind) const;

  std::vector<std::string> m_files;
  std::set<Entry> m_mistakes;
  std::set<Entry> m_warnings;
};

// Whether the texts are as they will be used, or "${params.N}" may still stand for any value: a
// template that no test uses.
enum class Texts { final, pending };

class Reader {
public:
  Reader(Mistakes& mistakes, Texts texts)
    : m_mistakes(mistakes)
    , m_texts(texts) {}

  Mistakes& mistakes() const noexcept { return m_mistakes; }
  Texts texts() const noexcept { return m_texts; }

  // The value of `key` in normal form; nothing if it is wrong, which has then been said.
  std::optional<Json> value(const Key& key, const Value& value) const;
  // The members of `table` that are in `keys`, by name in normal form; wrong ones are left out.
  Json values(const Value& table, std::span<const Key> keys) const;
  // Says which members of `table` are in none of the lists. `where`: "[test.boot]", "a step".
  void unknown_members(const Value& table, std::string_view where,
                       const std::vector<std::string_view>& known) const;
  // Visits each table [`kind`.NAME] of a file; says which are none, or named as nothing may be.
  void named_tables(const Value& root, std::string_view kind,
                    const std::function<void(const Member& entry)>& visit) const;
  // True if `value` is of `kind`, a text without U+0000; otherwise says that `name` was expected to
  // be `what`.
  bool expect(const Value& value, Value::Kind kind, std::string_view name,
              std::string_view what) const;
  // True if `expression` compiles, or still holds "${…}" and is known only later; otherwise says
  // what is wrong with it.
  bool regex(std::string_view key, const std::string& expression, const Position& at) const;
  // is_name(); if not, says so of `what`: "a test".
  bool name(const std::string& name, const Position& at, std::string_view what) const;

private:
  bool list_elements(const Key& key, const Value& value) const;
  bool regexes(const Key& key, const Value& value) const;
  bool text_members(const Key& key, const Value& value) const;
  bool plain(const Key& key, const Value& value) const;
  bool without_nul(std::string_view name, std::string_view text, const Position& at) const;

  Mistakes& m_mistakes;
  Texts m_texts;
};

// True if `name` may name what a definition names: letters, digits and _ - . + only.
bool is_name(std::string_view name);
// True if `digest` is as long as SHA-256's or SHA-512's (`bits`) and all hexadecimal.
bool is_digest(std::string_view digest, unsigned bits);

} // namespace qt
