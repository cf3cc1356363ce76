#include "data/json.hh"

#include "base/error.hh"

#include <algorithm>
#include <cmath>
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
    return value.is_array() && std::all_of(wanted.begin(), wanted.end(), [&](const Json& element) {
             return std::any_of(value.begin(), value.end(), [&](const Json& candidate) {
               return json_contains(candidate, element);
             });
           });
  }
  return json_equal(value, wanted);
}

const Json* json_at(const Json& value, const std::string& pointer) {
  try {
    const Json::json_pointer where(pointer);
    return value.contains(where) ? &value.at(where) : nullptr;
  } catch (const Json::exception&) {
    return nullptr;
  }
}

} // namespace qt
