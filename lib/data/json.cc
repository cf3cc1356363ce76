#include "data/json.hh"

#include "base/error.hh"
#include "base/secrets.hh"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <utility>

namespace qt {

namespace {

constexpr std::size_t k_longest_complaint = 300;

unsigned nesting(std::string_view text) {
  unsigned depth = 0;
  unsigned deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char byte = text[i];
    if (in_string) {
      i += byte == '\\' ? 1 : 0;
      in_string = byte != '"';
    } else if (byte == '"') {
      in_string = true;
    } else if (byte == '{' || byte == '[') {
      deepest = std::max(deepest, ++depth);
    } else if ((byte == '}' || byte == ']') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

template<typename Integer>
std::partial_ordering compare_with_real(Integer integer, double real) {
  if (std::isnan(real)) {
    return std::partial_ordering::unordered;
  }
  const double whole = std::trunc(real);
  // 2^63 or 2^64: exact as a double, as the largest integer is not.
  const double above = std::ldexp(1.0, std::numeric_limits<Integer>::digits);
  if (whole >= above) {
    return std::partial_ordering::less;
  }
  if (whole < (std::is_signed_v<Integer> ? -above : 0.0)) {
    return std::partial_ordering::greater;
  }
  const auto rounded = static_cast<Integer>(whole);
  return integer != rounded ? std::partial_ordering(integer <=> rounded) : whole <=> real;
}

template<typename Integer>
std::partial_ordering compare_integer(Integer integer, const Json& other) {
  const auto compare = [integer](auto number) -> std::partial_ordering {
    return std::cmp_less(integer, number)    ? std::partial_ordering::less
           : std::cmp_equal(integer, number) ? std::partial_ordering::equivalent
                                             : std::partial_ordering::greater;
  };
  if (other.is_number_float()) {
    return compare_with_real(integer, other.get<double>());
  }
  return other.is_number_unsigned() ? compare(other.get<std::uint64_t>())
                                    : compare(other.get<std::int64_t>());
}

// Which element of a list serves which wanted one, each at most once. A wanted element may make
// others give up theirs for another one, along a path of such exchanges (a maximum matching of a
// bipartite graph, by augmenting paths).
class Pairing {
public:
  Pairing(const Json& list, const Json& wanted)
    : m_list(list)
    , m_wanted(wanted)
    , m_owner(list.size(), k_none)
    , m_serves(wanted.size(), k_none)
    , m_known(wanted.size()) {}

  // Finds an element for wanted[index]; those before it keep one each.
  bool find_for(std::size_t index) {
    std::vector<std::size_t> asked_by(m_list.size(), k_none);
    std::deque<std::size_t> asking = {index};
    for (; !asking.empty(); asking.pop_front()) {
      const std::size_t asks = asking.front();
      for (std::size_t i = 0; i < m_list.size(); ++i) {
        const std::size_t candidate = (asks + i) % m_list.size(); // often in the same order
        if (asked_by[candidate] != k_none || !fits(candidate, asks)) {
          continue;
        }
        asked_by[candidate] = asks;
        if (m_owner[candidate] == k_none) {
          exchange(candidate, asked_by);
          return true;
        }
        asking.push_back(m_owner[candidate]);
      }
    }
    return false;
  }

private:
  static constexpr std::size_t k_none = std::numeric_limits<std::size_t>::max();

  bool fits(std::size_t candidate, std::size_t wanted) {
    std::vector<signed char>& known = m_known[wanted];
    known.resize(m_list.size(), -1);
    if (known[candidate] < 0) {
      known[candidate] = json_contains(m_list[candidate], m_wanted[wanted]) ? 1 : 0;
    }
    return known[candidate] == 1;
  }

  void exchange(std::size_t candidate, const std::vector<std::size_t>& asked_by) {
    while (candidate != k_none) {
      const std::size_t wanted = asked_by[candidate];
      m_owner[candidate] = wanted;
      std::swap(m_serves[wanted], candidate); // what served it is free for who asked for that
    }
  }

  const Json& m_list;
  const Json& m_wanted;
  std::vector<std::size_t> m_owner;              // of each element: the wanted one that it serves
  std::vector<std::size_t> m_serves;             // of each wanted one: the element that serves it
  std::vector<std::vector<signed char>> m_known; // whether an element contains a wanted one
};

} // namespace

Json parse_json(std::string_view text, std::string_view source) {
  if (nesting(text) > k_deepest_json) {
    throw Error(format("{}: it is nested deeper than {} levels", source, k_deepest_json),
                ExitCode::usage);
  }
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) { // also for a number that is out of range
    // The library's text starts with "[json.exception.…] parse error at line L, column C: ".
    const std::string_view what = error.what();
    const std::size_t prefix = what.find("] ");
    // It ends with all that was read of the last token, which may be the whole text.
    throw Error(format("{}: {}", source,
                       cut_json(what.substr(prefix == std::string_view::npos ? 0 : prefix + 2),
                                k_longest_complaint)),
                ExitCode::usage);
  }
}

std::string dump_json(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string dump_json_indented(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string cut_json(std::string_view text, std::size_t longest) {
  if (text.size() <= longest) {
    return std::string(text);
  }
  while (longest > 0 && (static_cast<unsigned char>(text[longest]) & 0xc0) == 0x80) {
    --longest;
  }
  return std::string(text.substr(0, longest)) + "…";
}

std::partial_ordering compare_numbers(const Json& one, const Json& other) {
  if (!one.is_number() || !other.is_number()) {
    return std::partial_ordering::unordered;
  }
  if (one.is_number_unsigned()) {
    return compare_integer(one.get<std::uint64_t>(), other);
  }
  if (one.is_number_integer()) {
    return compare_integer(one.get<std::int64_t>(), other);
  }
  return other.is_number_float() ? one.get<double>() <=> other.get<double>()
                                 : 0 <=> compare_numbers(other, one);
}

bool json_equal(const Json& one, const Json& other) {
  if (one.is_number() && other.is_number()) {
    return compare_numbers(one, other) == std::partial_ordering::equivalent;
  }
  if (one.type() != other.type() || (one.is_structured() && one.size() != other.size())) {
    return false;
  }
  if (one.is_object()) {
    return std::all_of(one.items().begin(), one.items().end(), [&](const auto& item) {
      const auto member = other.find(item.key());
      return member != other.end() && json_equal(item.value(), *member);
    });
  }
  return one.is_array() ? std::equal(one.begin(), one.end(), other.begin(), json_equal)
                        : one == other;
}

bool json_contains(const Json& value, const Json& wanted) {
  if (wanted.is_object()) {
    return value.is_object() &&
           std::all_of(wanted.items().begin(), wanted.items().end(), [&](const auto& item) {
             const auto member = value.find(item.key());
             return member != value.end() && json_contains(*member, item.value());
           });
  }
  if (wanted.is_array()) {
    return value.is_array() && !json_unmatched(value, wanted);
  }
  return json_equal(value, wanted);
}

std::optional<std::size_t> json_unmatched(const Json& list, const Json& wanted) {
  Pairing pairing(list, wanted);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!pairing.find_for(i)) {
      return i;
    }
  }
  return std::nullopt;
}

const Json* json_at(const Json& value, const std::string& pointer) {
  try {
    const Json::json_pointer where(pointer);
    return value.contains(where) ? &value.at(where) : nullptr;
  } catch (const Json::exception&) {
    return nullptr;
  }
}

const Json& json_member(const Json& value, std::string_view name) noexcept {
  static const Json nothing;
  const auto found = value.find(std::string(name));
  return found == value.end() ? nothing : *found;
}

const Json& json_list(const Json& value, std::string_view name) noexcept {
  static const Json nothing = Json::array();
  const Json& member = json_member(value, name);
  return member.is_array() ? member : nothing;
}

std::string json_text(const Json& value, std::string_view name) {
  const Json& member = json_member(value, name);
  return member.is_string() ? member.get<std::string>() : std::string();
}

std::vector<std::string> json_texts(const Json& value, std::string_view name) {
  std::vector<std::string> texts;
  for (const Json& element : json_list(value, name)) {
    if (element.is_string()) {
      texts.push_back(element.get<std::string>());
    }
  }
  return texts;
}

Json with_texts_changed(Json value, const TextChange& change) {
  if (value.is_string()) {
    return change(value.get_ref<const std::string&>());
  }
  if (value.is_structured()) {
    for (Json& element : value) {
      element = with_texts_changed(std::move(element), change);
    }
  }
  return value;
}

Json json_without_secrets(Json value) {
  return with_texts_changed(std::move(value),
                            [](const std::string& text) { return without_secrets(text); });
}

} // namespace qt
