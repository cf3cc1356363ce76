#include "data/toml.hh"

#include "base/format.hh"
#include "base/text.hh"

#include <algorithm>
#include <cmath>
#include <utility>

namespace qt {

namespace {

// Thrown where toml++ would end the program by an assertion, or with NDEBUG go on with what it
// takes for impossible: some files bring it there, as "[" or "a = [1,}" do.
struct ParserLost {};
[[noreturn]] void lose_parser() { throw ParserLost(); }

} // namespace

} // namespace qt

// toml++ is compiled into this one module, whatever its package would link: see format.cc. With
// NDEBUG it would undefine TOML_ASSERT.
#undef NDEBUG
#undef TOML_HEADER_ONLY
#undef TOML_SHARED_LIB
#define TOML_HEADER_ONLY 1
#define TOML_ASSERT(condition) ((condition) ? void() : qt::lose_parser())
#include <toml++/toml.h>

namespace qt {

namespace {

using FileName = std::shared_ptr<const std::string>;

Position position_of(const toml::source_region& source, const FileName& file) {
  return {file, source.begin.line, source.begin.column};
}

Value other(Value value, std::string_view what) {
  value.kind = Value::Kind::other;
  value.text = what;
  return value;
}

Value convert(const toml::node& node, const FileName& file);

Value convert_table(const toml::table& table, Value value, const FileName& file) {
  value.kind = Value::Kind::table;
  for (const auto& [key, node] : table) {
    value.members.push_back(
        {std::string(key.str()), position_of(key.source(), file), convert(node, file)});
  }
  // toml++ keeps members sorted by name; the order that people wrote is where they stand.
  std::sort(value.members.begin(), value.members.end(), [](const Member& a, const Member& b) {
    return std::tie(a.at.line, a.at.column) < std::tie(b.at.line, b.at.column);
  });
  return value;
}

Value convert(const toml::node& node, const FileName& file) {
  Value value;
  value.at = position_of(node.source(), file);
  switch (node.type()) {
  case toml::node_type::table:
    return convert_table(*node.as_table(), std::move(value), file);
  case toml::node_type::array:
    value.kind = Value::Kind::list;
    for (const toml::node& element : *node.as_array()) {
      value.elements.push_back(convert(element, file));
    }
    return value;
  case toml::node_type::string:
    value.kind = Value::Kind::text;
    value.text = node.as_string()->get();
    return value;
  case toml::node_type::integer:
    value.kind = Value::Kind::integer;
    value.integer = node.as_integer()->get();
    return value;
  case toml::node_type::floating_point:
    value.kind = Value::Kind::number;
    value.number = node.as_floating_point()->get();
    return std::isfinite(value.number) ? value : other(std::move(value), "inf or nan");
  case toml::node_type::boolean:
    value.kind = Value::Kind::boolean;
    value.boolean = node.as_boolean()->get();
    return value;
  case toml::node_type::date: {
    const toml::date date = node.as_date()->get();
    value.kind = Value::Kind::date;
    value.text = format("{:04}-{:02}-{:02}", date.year, date.month, date.day);
    return value;
  }
  default:
    return other(std::move(value), "a date or time");
  }
}

// What a look at the brackets, dots and quotes of a file tells before it is parsed: parser and
// readers recurse into tables and lists, of which a dotted key makes one for each part, and the
// parser says of a text without an end only that a line end has no place in it.
class Outline {
public:
  explicit Outline(std::string_view text)
    : m_text(text)
    , m_at(text.starts_with("\xef\xbb\xbf") ? 3 : 0) {
    while (m_at < m_text.size() && !too_deep()) {
      step();
    }
  }

  // Where tables and lists are nested too deeply; npos: nowhere.
  std::size_t deep_at() const { return too_deep() ? m_at - 1 : std::string_view::npos; }
  // Where the first text begins that has no end; npos: all have one.
  std::size_t unclosed_at() const { return m_unclosed; }
  // Where the first byte stands that is not ASCII and can be taken for white space; npos: nowhere.
  // What the parser does there is undefined: it takes most of them for impossible.
  std::size_t foreign_at() const { return m_foreign; }

  static constexpr unsigned k_deepest = 100;

private:
  bool too_deep() const { return m_depth > k_deepest; }

  void step() {
    const char byte = m_text[m_at];
    if (byte == '#') {
      m_at = std::min(m_text.find('\n', m_at), m_text.size());
      return;
    }
    if (byte == '"' || byte == '\'') {
      skip_text(byte);
      return;
    }
    note_foreign(m_at);
    ++m_at;
    if (byte == '.') {
      ++m_parts.back();
      ++m_depth;
    } else if (byte == '[' || byte == '{') {
      m_parts.push_back(0);
      ++m_depth;
    } else if ((byte == ']' || byte == '}') && m_parts.size() > 1) {
      end_key();
      m_parts.pop_back();
      --m_depth;
    } else if (byte == ',' || (byte == '\n' && m_parts.size() == 1)) {
      end_key();
    }
  }

  void note_foreign(std::size_t at) {
    if (at < m_text.size() && (m_text[at] & 0x80) != 0) {
      m_foreign = std::min(m_foreign, at);
    }
  }

  void end_key() { m_depth -= std::exchange(m_parts.back(), 0); }

  void skip_text(char quote) {
    const std::size_t begin = m_at;
    const bool many_lines = m_text.substr(m_at, 3) == std::string(3, quote);
    const std::string end(many_lines ? 3 : 1, quote);
    for (m_at += end.size(); m_at < m_text.size(); ++m_at) {
      if (m_text.substr(m_at, end.size()) == end) {
        m_at += end.size();
        while (many_lines && m_at < m_text.size() && m_text[m_at] == quote) {
          ++m_at; // up to two more may stand before the end
        }
        return;
      }
      if (m_text[m_at] == '\n' && !many_lines) {
        break;
      }
      if (quote == '"' && many_lines && m_text[m_at] == '\\') {
        note_foreign(m_text.find_first_not_of(" \t\r\n", m_at + 1));
      }
      m_at += quote == '"' && m_text[m_at] == '\\' && m_at + 1 < m_text.size() &&
                      m_text[m_at + 1] != '\n'
                  ? 1
                  : 0;
    }
    m_unclosed = std::min(m_unclosed, begin);
  }

  std::string_view m_text;
  std::size_t m_at = 0;
  std::vector<unsigned> m_parts{0}; // of the key at hand, within each open bracket
  unsigned m_depth = 0;             // brackets and parts together
  std::size_t m_unclosed = std::string_view::npos;
  std::size_t m_foreign = std::string_view::npos;
};

// The place of a byte; columns count characters.
Position position_at(std::string_view text, std::size_t offset, const FileName& file) {
  const std::string_view before = text.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n');
  const std::string_view in_line = before.substr(before.rfind('\n') + 1);
  const auto column = std::count_if(in_line.begin(), in_line.end(),
                                    [](unsigned char byte) { return (byte & 0xc0) != 0x80; });
  return {file, static_cast<unsigned>(line + 1), static_cast<unsigned>(column + 1)};
}

// The library's words with what a reader of this project's files needs to know besides.
std::string explain(std::string_view description) {
  constexpr std::string_view k_prefix = "Error while ";
  std::string text(description.starts_with(k_prefix) ? description.substr(k_prefix.size())
                                                     : description);
  const auto mentions = [&text](std::string_view words) {
    return text.find(words) != std::string::npos;
  };
  if (mentions("inline table") && (mentions("saw '\\n'") || mentions("saw '\\r'"))) {
    text += "; a { … } must stand on one line, or begin a [table] of its own";
  } else if (mentions("dangling comma")) {
    text += "; a { … } has no comma after its last value";
  } else if (mentions("unknown escape sequence")) {
    text += "; write '\\\\' for a backslash, or the text in single quotes";
  } else if (mentions("could not determine value type") || mentions("parsing boolean") ||
             mentions("expected digit, saw")) {
    text += "; texts, also times and sizes, stand in quotes";
  }
  return text;
}

bool loses_the_parser(std::string_view text) {
  try {
    (void)toml::parse(text);
  } catch (const toml::parse_error&) {
    return false;
  } catch (const ParserLost&) {
    return true;
  }
  return false;
}

// The byte of a text at which the parser is lost: it reads from front to back, so the beginnings
// that lose it are all those that are long enough.
std::size_t lost_at(std::string_view text) {
  std::size_t good = 0;
  std::size_t lost = text.size();
  while (good + 1 < lost) {
    const std::size_t middle = good + (lost - good) / 2;
    (loses_the_parser(text.substr(0, middle)) ? lost : good) = middle;
  }
  std::size_t at = lost - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) {
    --at; // to the beginning of a character
  }
  return at;
}

} // namespace

std::string Position::text() const {
  return format("{}:{}:{}", file ? *file : std::string(), line, column);
}

const Member* Value::member(std::string_view key) const noexcept {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [key](const Member& member) { return member.key == key; });
  return found == members.end() ? nullptr : &*found;
}

const Value* Value::find(std::string_view key) const noexcept {
  const Member* const found = member(key);
  return found == nullptr ? nullptr : &found->value;
}

std::variant<Value, Mistake> parse_toml(std::string_view text, const std::string& file) {
  const FileName name = std::make_shared<const std::string>(file);
  const Outline outline(text);
  if (outline.deep_at() != std::string_view::npos) {
    return Mistake{
        position_at(text, outline.deep_at(), name),
        format("tables and lists are nested more than {} deep here, each part of a dotted "
               "key counted",
               Outline::k_deepest)};
  }
  if (outline.foreign_at() != std::string_view::npos) {
    return Mistake{position_at(text, outline.foreign_at(), name),
                   "only ASCII can stand here; other characters stand in quotes, and in a text of "
                   "several lines not at once after a backslash"};
  }
  try {
    return convert(toml::parse(text), name);
  } catch (const toml::parse_error& error) {
    const Position at = position_of(error.source(), name);
    if (outline.unclosed_at() != std::string_view::npos) {
      const Position begin = position_at(text, outline.unclosed_at(), name);
      if (begin.line <= at.line) {
        return Mistake{begin,
                       "the text that begins here has no end; close it with the same quote on "
                       "this line, or write a text of several lines in three quotes"};
      }
    }
    return Mistake{at, explain(error.description())};
  } catch (const ParserLost&) {
    return Mistake{position_at(text, lost_at(text), name),
                   "neither a value nor the name of a table or key can begin with this; names with "
                   "other characters than letters, digits, _ and - stand in quotes"};
  }
}

Json json_of(const Value& value) {
  switch (value.kind) {
  case Value::Kind::table: {
    Json object = Json::object();
    for (const Member& member : value.members) {
      object[member.key] = json_of(member.value);
    }
    return object;
  }
  case Value::Kind::list: {
    Json array = Json::array();
    for (const Value& element : value.elements) {
      array.push_back(json_of(element));
    }
    return array;
  }
  case Value::Kind::text:
    return value.text;
  case Value::Kind::integer:
    return value.integer;
  case Value::Kind::number:
    return value.number;
  case Value::Kind::boolean:
    return value.boolean;
  case Value::Kind::date:
    return value.text;
  case Value::Kind::other:
    break;
  }
  return {};
}

std::string describe_value(const Value& value) {
  constexpr std::size_t k_longest = 40;
  switch (value.kind) {
  case Value::Kind::table:
    return value.members.empty() ? "an empty table" : "a table";
  case Value::Kind::list:
    return value.elements.empty() ? "an empty list" : "a list";
  case Value::Kind::text:
    return value.text.size() <= k_longest ? format("\"{}\"", format_escapes(value.text))
                                          : "a long text";
  case Value::Kind::date:
    return "a date or time";
  case Value::Kind::other:
    return value.text;
  default:
    return dump_json(json_of(value));
  }
}

} // namespace qt
