#include "base/substitute.hh"

#include "base/text.hh"

#include <algorithm>

namespace qt {

namespace {

// The next "${…}" or "$${" in a text.
struct Found {
  std::size_t begin = std::string_view::npos;
  std::size_t end = std::string_view::npos;
  bool literal = false;  // "$${"
  std::string_view name; // what stands between the braces
};

Found find_next(std::string_view text, std::size_t from) {
  for (std::size_t at = text.find('$', from); at != std::string_view::npos;
       at = text.find('$', at + 1)) {
    if (text.substr(at, 3) == "$${") {
      return {at, at + 3, true, {}};
    }
    if (text.substr(at, 2) == "${") {
      const std::size_t end = text.find_first_of("}${\"'\n\r", at + 2);
      if (end != std::string_view::npos && text[end] == '}') {
        return {at, end + 1, false, text.substr(at + 2, end - at - 2)};
      }
    }
  }
  return {};
}

// Calls `visit` for each placeholder; copies everything between to `between`.
template<typename Visit, typename Between>
void scan(std::string_view text, const Visit& visit, const Between& between) {
  std::size_t done = 0;
  for (Found found = find_next(text, 0); found.begin != std::string_view::npos;
       found = find_next(text, done)) {
    between(text.substr(done, found.begin - done));
    visit(found);
    done = found.end;
  }
  between(text.substr(done));
}

} // namespace

std::string substitute(std::string_view text, const Lookup& lookup, Pass pass) {
  std::string result;
  scan(
      text,
      [&](const Found& found) {
        if (found.literal) {
          result += pass == Pass::last ? "${" : "$${";
          return;
        }
        const std::optional<std::string> value = lookup(found.name);
        result += value ? *value : text.substr(found.begin, found.end - found.begin);
      },
      [&](std::string_view plain) { result += plain; });
  return result;
}

std::vector<std::string> placeholders(std::string_view text) {
  std::vector<std::string> names;
  scan(
      text,
      [&names](const Found& found) {
        if (!found.literal) {
          names.emplace_back(found.name);
        }
      },
      [](std::string_view) {});
  return names;
}

std::optional<std::string> sole_placeholder(std::string_view text) {
  const Found found = find_next(text, 0);
  if (found.begin != 0 || found.end != text.size() || found.literal) {
    return std::nullopt;
  }
  return std::string(found.name);
}

std::optional<PortReference> parse_port_reference(std::string_view text) {
  // The last sign that only digits follow: names may hold a "-" themselves.
  const std::size_t sign = text.find_last_of("+-");
  if (sign == std::string_view::npos || sign + 1 == text.size() ||
      text.find_first_not_of("0123456789", sign + 1) != std::string_view::npos) {
    const bool dangling = sign != std::string_view::npos && sign + 1 == text.size();
    return text.empty() || dangling ? std::nullopt
                                    : std::optional(PortReference{std::string(text), 0});
  }
  const std::optional<std::int64_t> number = parse_integer(text.substr(sign + 1));
  if (sign == 0 || !number || *number > 65535) {
    return std::nullopt;
  }
  return PortReference{std::string(text.substr(0, sign)), text[sign] == '-' ? -*number : *number};
}

bool has_placeholder(const std::vector<std::string>& texts, std::string_view name) {
  return std::any_of(texts.begin(), texts.end(), [name](const std::string& text) {
    const std::vector<std::string> names = placeholders(text);
    return std::find(names.begin(), names.end(), name) != names.end();
  });
}

} // namespace qt
