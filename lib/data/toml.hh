// TOML 1.0 (https://toml.io/en/v1.0.0) as a plain tree in the order of the file, with the place of
// every key and value. The only includer of toml++; what a key means is not known here.
#pragma once

#include "data/json.hh"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace qt {

// A place in a file; line and column (in characters) count from 1.
struct Position {
  std::shared_ptr<const std::string> file; // as it is to be shown; shared by all of one tree
  unsigned line = 0;
  unsigned column = 0;

  std::string text() const; // "FILE:LINE:COLUMN"
};

struct Member;

struct Value {
  enum class Kind {
    table,
    list,
    text,
    integer,
    number, // with a fraction, never infinite
    boolean,
    date,  // a day: `text` is "2026-12-31"
    other, // a time, inf or nan: `text` names it
  };

  Kind kind = Kind::table;
  Position at;
  std::string text; // of a number, true or false: empty, or how it is said where only a text can be
  std::int64_t integer = 0;
  double number = 0;
  bool boolean = false;
  std::vector<Value> elements;
  std::vector<Member> members; // in the order of the file

  bool is(Kind wanted) const noexcept { return kind == wanted; }
  // The member of a table; nullptr if there is none.
  const Value* find(std::string_view key) const noexcept;
  const Member* member(std::string_view key) const noexcept;
};

struct Member {
  std::string key;
  Position at; // of the key
  Value value;
};

// Something wrong in a file, for people: `text` is one line without the place.
struct Mistake {
  Position at;
  std::string text;
};

// Parses one whole file; `file` is the name that positions show. Gives the root table, or the
// first mistake: the parser does not go on after one.
std::variant<Value, Mistake> parse_toml(std::string_view text, const std::string& file);

// Null for what has no JSON form (Value::Kind::other).
Json json_of(const Value& value);
// How a message shows a value: "5", "\"text\"", "a list".
std::string describe_value(const Value& value);

} // namespace qt
